// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command kubectl-scim is the plugin `kubectl scim`: it shows who has which account and why, and decides about what waits. It acts with the
// kubeconfig of whoever calls it and has no server side.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // kubeconfigs with an auth-provider, such as oidc
	"k8s.io/utils/clock"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	code := command.Run(ctx, os.Args, streams, clock.RealClock{})
	stop()
	os.Exit(code)
}
