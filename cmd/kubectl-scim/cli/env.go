// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cli is what all commands of the plugin share: the caller's kubeconfig, a client that says which right is missing, what -o
// means, questions and waiting.
//
// It knows the kinds and decides nothing about them. A command reads objects through a Client, makes a view of them by pure functions,
// and writes it through an Output.
package cli

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"
)

// Env is where a command runs.
type Env struct {
	genericiooptions.IOStreams
	// Config are the flags of kubectl that choose the cluster, the caller and the namespace.
	Config *genericclioptions.ConfigFlags
	// Clock tells the time.
	Clock clock.PassiveClock
}

// NewEnv returns an Env with the flags of kubectl at their defaults.
func NewEnv(streams genericiooptions.IOStreams, now clock.PassiveClock) *Env {
	config := genericclioptions.NewConfigFlags(true)
	config.CacheDir = nil // nothing is discovered, so nothing is kept
	return &Env{IOStreams: streams, Config: config, Clock: now}
}

// Namespaces is the flag -A of commands that can look at all namespaces.
type Namespaces struct {
	// All is -A.
	All bool
}

// AddFlags adds -A to a command.
func (n *Namespaces) AddFlags(c *cobra.Command) {
	c.Flags().BoolVarP(&n.All, "all-namespaces", "A", false, "look at all namespaces")
}

// Client returns a client for the namespace that the caller chose.
func (e *Env) Client() (*Client, error) { return e.client(false) }

// ClientFor is the same for all namespaces where n says so.
func (e *Env) ClientFor(n Namespaces) (*Client, error) { return e.client(n.All) }
