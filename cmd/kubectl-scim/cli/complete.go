// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// completionTimeout bounds how long somebody who pressed Tab waits.
	completionTimeout = 5 * time.Second
	// mostCompletions bounds how many are offered.
	mostCompletions = 100
)

// Complete completes the arguments of a command: with one function for each argument, and the last one for all that follow if more is set.
func Complete(arguments ...cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= len(arguments) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return arguments[len(args)](c, args, typed)
	}
}

// Names completes with what of returns of the objects of a kind, such as their names. Where they cannot be read, nothing is offered.
func Names[T client.Object](e *Env, kind client.ObjectList, of func(T) string) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(contextOf(c), completionTimeout)
		defer cancel()
		us, err := e.Client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []cobra.Completion
		_ = Each(ctx, us, kind, func(o T) bool { // what was found until then is offered
			if name := of(o); strings.HasPrefix(strings.ToLower(name), strings.ToLower(typed)) {
				names = append(names, name)
			}
			return len(names) < mostCompletions
		})
		slices.Sort(names)
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func contextOf(c *cobra.Command) context.Context {
	if ctx := c.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// NameOf is the name of an object, for Names.
func NameOf[T client.Object](o T) string { return o.GetName() }
