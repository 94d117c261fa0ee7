// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows the product on one machine, without a cluster: it brings up a real control plane and both programs,
// plays an identity provider, and proves after each step who may do what. Its exit status is 0 only if everything held.
// It leaves nothing running.
//
// Environment: CONNECTOR, the connector to show; see hack/apps/catalogue. The default is kubernetes: RoleBindings in the cluster of the operator. For
// every other one a real application is started, which says after each step itself who may log in.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/scim-operator/scim-operator/hack/apps/catalogue"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/story"
)

// exitInterrupted is what shells expect after Ctrl-C.
const exitInterrupted = 130

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := demo(ctx, newScreen(os.Stdout), os.Getenv("CONNECTOR"))
	switch {
	case ctx.Err() != nil:
		_, _ = fmt.Fprintln(os.Stderr, "\ndemo: interrupted; nothing is left running")
		os.Exit(exitInterrupted) //nolint:gocritic // stop frees nothing that the end of the process does not
	case err != nil:
		_, _ = fmt.Fprintln(os.Stderr, "\ndemo: FAILED:", err)
		os.Exit(1)
	}
}

// demo plays the story of RoleBindings in the cluster of the operator, or that of another application.
func demo(ctx context.Context, out *screen, connector string) error {
	kubectl, err := stack.Kubectl()
	if err != nil {
		return err
	}
	o, started := stack.Options{ControllerManager: true}, time.Now()
	o.Progress = func(what string) { out.line("%6.1f s  %s", time.Since(started).Seconds(), what) }
	if connector == "" || connector == "kubernetes" {
		out.intro("a RoleBinding", "the API server is asked (SubjectAccessReview) what the user may do.")
		return stack.Use(ctx, o, func(ctx context.Context, s *stack.Stack) error { return show(ctx, out, s, kubectl, started) })
	}
	start, err := catalogue.Find(connector)
	if err != nil {
		return err
	}
	out.intro("an application: "+connector, "the application itself is asked, by its own protocol, who can log in and what for.")
	o.ControllerArgs = story.ControllerArgs()
	return stack.Use(ctx, o, func(ctx context.Context, s *stack.Stack) error {
		objects, err := newObjects(out, s, kubectl)
		if err != nil {
			return err
		}
		return perform(ctx, objects, connector, start, o.Progress)
	})
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
