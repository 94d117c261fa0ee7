// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command access measures scim-controller with many users, on one machine, in one run:
//
//   - how long it takes until the first and until all of them have an account in each of two applications, from the moment the grants are
//     made: how many accounts a second, how many writes to the API server each account takes, and how much memory;
//   - how many of those who wait come in before one leaver is out;
//   - what a restart costs when nothing is to be done, and what a steady state costs: writes, and readings of the application.
//
// The users are written as scim-server would write them. Everything shares the machine: counts are the same everywhere, times are not.
package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// options are the flags.
type options struct {
	users          int
	steady, resync time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.users, "users", 10_000, "how many users get an account in each of two applications")
	flag.DurationVar(&o.steady, "steady", 10*time.Minute, "for how long the steady state is watched; 0 leaves it out")
	flag.DurationVar(&o.resync, "resync", 10*time.Minute, "--resync of scim-controller")
	flag.Parse()
	settings := stack.Options{
		ControllerManager: true,
		// It is killed, and its Lease would have to run out.
		ControllerArgs: []string{"--leader-elect=false", "--resync=" + o.resync.String()},
	}
	frame.Main("access", settings, func(ctx context.Context, s *stack.Stack) error { return measure(ctx, s, o) })
}

func measure(ctx context.Context, s *stack.Stack, o options) error {
	b, err := prepare(ctx, s, o)
	if err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{b.giveAll, b.restart, b.steadyState} {
		if err := part(ctx); err != nil {
			return errors.Join(err, b.report())
		}
	}
	return b.report()
}
