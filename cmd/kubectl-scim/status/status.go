// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package status tells on one screen what is wrong first, and then what there is.
package status

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

type command struct {
	env        *cli.Env
	output     *cli.Output
	namespaces cli.Namespaces
	check      bool
}

// New returns the command status.
func New(e *cli.Env) *cobra.Command {
	s := &command{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatWide, cli.FormatJSON, cli.FormatYAML)}
	c := &cobra.Command{
		Use: "status", Short: "Show what is wrong first, and then directories, tokens and applications",
		Long: "Show what is wrong first, each with what to do, and then directories, tokens and applications. BROKEN is what does not work, WAITS is what somebody has " +
			"to decide or do, and a NOTE is good to know. With --check the exit code is 2 when something is BROKEN or WAITS, and 1 when it could not be found out.",
		Example: "  kubectl scim status -n acme\n  kubectl scim status -A --check >/dev/null || page-somebody",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return s.run(c.Context()) },
	}
	s.output.AddFlags(c)
	s.namespaces.AddFlags(c)
	c.Flags().BoolVar(&s.check, "check", false, "exit with 2 when something is broken or waits for somebody")
	return c
}

func (s *command) run(ctx context.Context) error {
	c, err := s.env.ClientFor(s.namespaces)
	if err != nil {
		return err
	}
	state, err := read(ctx, c)
	if err != nil {
		return err
	}
	now := s.env.Clock.Now()
	r := reportOf(state, now, s.namespaces.All)
	if s.output.ForPeople() {
		err = s.write(s.env.Out, r)
	} else {
		err = s.output.View(s.env.Out, r)
	}
	switch {
	case err != nil:
		return err
	case s.check && len(r.Unknown) > 0:
		return errors.New("not everything could be looked at: " + r.Unknown[0])
	case s.check && r.needsAttention():
		return cli.ErrAttention
	}
	return nil
}

// state is what the API server says.
type state struct {
	directories  []*v1alpha1.ScimDirectory
	tokens       []*v1alpha1.ScimToken
	applications []*v1alpha1.ScimApplication
	grants       []*v1alpha1.ScimGrant
	// held are the accounts of which a change waits.
	held []*v1alpha1.ScimAccount
	// unknown says what could not be looked at.
	unknown []string
}

// read reads all that there is but users and accounts, of which there can be many. What the caller may not see is left out and said.
func read(ctx context.Context, c *cli.Client) (*state, error) {
	s := &state{}
	for _, one := range []func() error{
		func() error { return part(ctx, c, s, &v1alpha1.ScimDirectoryList{}, &s.directories) },
		func() error { return part(ctx, c, s, &v1alpha1.ScimTokenList{}, &s.tokens) },
		func() error { return part(ctx, c, s, &v1alpha1.ScimApplicationList{}, &s.applications) },
		func() error { return part(ctx, c, s, &v1alpha1.ScimGrantList{}, &s.grants) },
		func() error { return readHeld(ctx, c, s) },
	} {
		if err := one(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func readHeld(ctx context.Context, c *cli.Client, s *state) error {
	for _, by := range []v1alpha1.HeldBy{v1alpha1.HeldByApplication, v1alpha1.HeldByDirectory, v1alpha1.HeldByInvariant} {
		var held []*v1alpha1.ScimAccount
		if err := part(ctx, c, s, &v1alpha1.ScimAccountList{}, &held, cli.Where("spec.held.by", string(by))); err != nil {
			return err
		}
		s.held = append(s.held, held...)
	}
	return nil
}

// part reads one kind, or remembers that the caller may not.
func part[T client.Object](ctx context.Context, c *cli.Client, s *state, kind client.ObjectList, into *[]T, options ...client.ListOption) (err error) {
	var missing *cli.MissingRight
	*into, err = cli.All[T](ctx, c, kind, options...)
	if !errors.As(err, &missing) {
		return err
	}
	if text := missing.Error(); len(s.unknown) == 0 || s.unknown[len(s.unknown)-1] != text {
		s.unknown = append(s.unknown, text)
	}
	return nil
}

func (s *command) write(out io.Writer, r *report) error {
	if len(r.Problems) == 0 && len(r.Unknown) == 0 {
		if _, err := fmt.Fprintln(out, "All is well."); err != nil {
			return err
		}
	}
	sections := []*table.Table{r.problems()}
	if len(r.Unknown) > 0 {
		unknown := table.New("Not Looked At")
		for _, text := range r.Unknown {
			unknown.Add(text)
		}
		sections = append(sections, unknown)
	}
	sections = append(sections, r.directories(), r.tokens(), r.applications(), r.grants())
	first := true
	for _, t := range sections {
		if len(t.Rows) == 0 {
			continue
		}
		if !first || len(r.Problems) == 0 && len(r.Unknown) == 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return err
			}
		}
		first = false
		if err := s.output.Table(out, t); err != nil {
			return err
		}
	}
	return nil
}
