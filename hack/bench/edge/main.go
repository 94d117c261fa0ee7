// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command edge measures what a client with a valid token notices of strangers: of thousands of wrong tokens a second from many
// addresses, and of connections that begin a request and do not end it.
//
//	go run ./hack/bench/edge
package main

import (
	"context"
	"flag"
	"time"

	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// options are the flags.
type options struct {
	wrong, connections, halfOpen, perSecond int
	duration                                time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.wrong, "wrong", 10_000, "how many wrong tokens a second are presented, or as many as are answered")
	flag.IntVar(&o.connections, "connections", 16, "on how many connections, as those of an Ingress")
	flag.IntVar(&o.halfOpen, "half-open", 500, "how many connections are half-open")
	flag.IntVar(&o.perSecond, "per-second", 50, "how many requests a second the valid client sends; Entra ID sends 25")
	flag.DurationVar(&o.duration, "duration", 20*time.Second, "how long each part is measured")
	flag.Parse()
	settings := stack.Options{ServerArgs: []string{"--trusted-proxies=127.0.0.0/8"}}
	frame.Main("edge", settings, func(ctx context.Context, s *stack.Stack) error { return measure(ctx, s, o) })
}
