// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows the product on one machine, without a cluster: it brings up a real control plane and both programs,
// plays an identity provider, and proves after each step who may do what. Its exit status is 0 only if everything held.
// It leaves nothing running.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/scim-operator/scim-operator/hack/stack"
)

// exitInterrupted is what shells expect after Ctrl-C.
const exitInterrupted = 130

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := demo(ctx, newScreen(os.Stdout))
	switch {
	case ctx.Err() != nil:
		_, _ = fmt.Fprintln(os.Stderr, "\ndemo: interrupted; nothing is left running")
		os.Exit(exitInterrupted) //nolint:gocritic // stop frees nothing that the end of the process does not
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "\ndemo: FAILED:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, out *screen) error {
	kubectl, err := stack.Kubectl()
	if err != nil {
		return err
	}
	out.intro()
	started := time.Now()
	o := stack.Options{ControllerManager: true, Progress: func(what string) {
		out.line("%6.1f s  %s", time.Since(started).Seconds(), what)
	}}
	return stack.Use(ctx, o, func(ctx context.Context, s *stack.Stack) error { return show(ctx, out, s, kubectl, started) })
}

// show plays the identity provider and sums up.
func show(ctx context.Context, out *screen, s *stack.Stack, kubectl string, started time.Time) error {
	play, err := newPlay(ctx, out, s, kubectl)
	if err != nil {
		return err
	}
	out.line("%6.1f s  ready", time.Since(started).Seconds())
	playing := time.Now()
	if err := play.all(ctx); err != nil {
		return err
	}
	out.summary(play.results, time.Since(playing))
	return nil
}
