// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package frame is what every benchmark has around what it measures: a stack that is started before and ended after, signals, what is said
// meanwhile, and the exit status.
package frame

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/scim-operator/scim-operator/hack/stack"
)

// Measure is what a benchmark does with a running stack.
type Measure func(ctx context.Context, s *stack.Stack) error

// Main is the main function of the benchmark of that name, once its flags are parsed: it measures with a stack until it is done or Ctrl-C ends
// it. The exit status is 0 only if all was measured.
func Main(name string, o stack.Options, measure Measure) {
	if err := untilSignal(o, measure); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Run measures with a stack that is started for it, and tells what goes on. The logs stay when it fails, and the error says where.
func Run(ctx context.Context, o stack.Options, measure Measure) error {
	o.Progress = Progress
	return stack.Use(ctx, o, measure)
}

// Progress tells people who wait what begins.
func Progress(what string) { fmt.Println("•", what) }

func untilSignal(o stack.Options, measure Measure) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return Run(ctx, o, measure)
}
