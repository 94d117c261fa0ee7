// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package command puts the commands of the plugin together.
package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/utils/clock"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/access"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/decision"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/status"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/suspension"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/token"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/verify"
)

// completer is the name by which kubectl asks a plugin to complete: it calls kubectl_complete-scim with what was typed after `kubectl scim`.
const completer = "kubectl_complete-scim"

// Run runs the plugin with the arguments of a process and returns its exit code: see cli.Code. Called by the name
// kubectl_complete-scim, it completes.
func Run(ctx context.Context, args []string, streams genericiooptions.IOStreams, now clock.PassiveClock) int {
	ctrllog.SetLogger(logr.Discard()) // controller-runtime's client asks loudly for one otherwise
	root := New(cli.NewEnv(streams, now))
	root.SetArgs(arguments(args))
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, cli.ErrAttention) {
		_, _ = fmt.Fprintln(streams.ErrOut, "error:", table.Safe(err.Error()))
	}
	return cli.Code(err)
}

func arguments(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	if strings.HasPrefix(filepath.Base(args[0]), completer) {
		return append([]string{cobra.ShellCompRequestCmd}, args[1:]...)
	}
	return args[1:]
}

// New returns the command with all of its subcommands.
func New(e *cli.Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-scim",
		Short: "Show who has which account and why, and decide about what waits",
		Long: "Show what scim-operator does: what is wrong, who is there, who has which account and why. Decide about removals that are held, " +
			"suspend a person, and keep the tokens of identity providers. It acts with your own rights.",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl scim"},
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(e.In)
	root.SetOut(e.Out)
	root.SetErr(e.ErrOut)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return fmt.Errorf("%w; see %s --help", err, c.CommandPath()) })
	e.Config.AddFlags(root.PersistentFlags())
	root.AddCommand(
		status.New(e), people.NewUsers(e), people.NewGroups(e), access.NewExplain(e), access.New(e),
		decision.NewApprove(e), decision.NewReject(e), suspension.NewSuspend(e), suspension.NewResume(e), token.New(e), verify.New(e), newVersion(e),
	)
	return root
}
