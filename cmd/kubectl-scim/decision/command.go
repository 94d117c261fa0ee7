// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package decision approves and rejects what waits for somebody: removals that a guard holds, and the adoption of a privileged account.
//
// A decision speaks of exactly what was shown. The digest that is written is made of the accounts on the screen, by the function by which
// scim-controller makes its own; when something was added or dropped meanwhile, scim-controller finds another digest and does nothing.
package decision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
)

// errChanged is that what waits is something else than what was shown.
var errChanged = errors.New("what waits changed while you looked, so nothing was decided: look again and decide about that")

// verdict is what a command says.
type verdict struct {
	// annotation says it, and opposite the contrary.
	annotation, opposite string
	// verb is the name of the command, past what was done.
	verb, past string
	// effect is what it does to the removals that are shown.
	effect string
}

func approval() verdict {
	return verdict{v1alpha1.AnnotationApprove, v1alpha1.AnnotationReject, "approve", "approved", "They lose it now."}
}

func rejection() verdict {
	return verdict{v1alpha1.AnnotationReject, v1alpha1.AnnotationApprove, "reject", "rejected", "They keep it until something else is decided about them."}
}

type command struct {
	env      *cli.Env
	verdict  verdict
	question cli.Question
	patience cli.Patience
	output   *cli.Output
}

// NewApprove returns the command approve.
func NewApprove(e *cli.Env) *cobra.Command {
	c := newCommand(e, approval(), "Let removals go that are held, or an account be adopted")
	c.Example = "  kubectl scim approve directory/acme\n  kubectl scim approve demo-cluster --yes\n" +
		"  kubectl scim approve account/demo-cluster-5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11"
	return c
}

// NewReject returns the command reject.
func NewReject(e *cli.Env) *cobra.Command {
	c := newCommand(e, rejection(), "Drop removals that are held, or leave an account alone")
	c.Example = "  kubectl scim reject directory/acme\n  kubectl scim reject demo-cluster --yes"
	return c
}

func newCommand(e *cli.Env, v verdict, short string) *cobra.Command {
	d := &command{env: e, verdict: v, output: cli.NewOutput(cli.FormatTable, cli.FormatWide)}
	c := &cobra.Command{
		Use: v.verb + " [application/|directory/|account/]NAME", Short: short,
		Long: short + ". It shows who it is about, asks, and " + v.verb + "s exactly what it showed: when that changes meanwhile, nothing is decided. " +
			"Without application/, directory/ or account/ it is the one of that name for which something waits.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cli.Complete(targets(e)),
		RunE:              func(c *cobra.Command, args []string) error { return d.run(c.Context(), args[0]) },
	}
	d.question.AddFlags(c)
	d.patience.AddFlags(c)
	d.output.AddFlags(c)
	return c
}

// targets completes with everything for which something waits.
func targets(e *cli.Env) cobra.CompletionFunc {
	waits := func(kind string, waiting bool, o client.Object) string {
		if !waiting {
			return ""
		}
		return kind + "/" + o.GetName()
	}
	sources := []cobra.CompletionFunc{
		cli.Names(e, &v1alpha1.ScimApplicationList{}, func(o *v1alpha1.ScimApplication) string {
			return waits(kindApplication, o.Status.Removals.Count > 0, o)
		}),
		cli.Names(e, &v1alpha1.ScimDirectoryList{}, func(o *v1alpha1.ScimDirectory) string {
			return waits(kindDirectory, o.Status.Removals.Count > 0, o)
		}),
	}
	return func(c *cobra.Command, args []string, typed string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		for _, source := range sources {
			names, _ := source(c, args, typed)
			for _, name := range names {
				if name != "" {
					found = append(found, name)
				}
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// The kinds that can be named.
const (
	kindApplication = "application"
	kindDirectory   = "directory"
	kindAccount     = "account"
)

// kindOf understands what people call a kind.
func kindOf(name string) (string, error) {
	name, _, _ = strings.Cut(strings.ToLower(name), ".")
	switch name {
	case "application", "applications", "app", "scimapplication", "scimapplications", "scimapp":
		return kindApplication, nil
	case "directory", "directories", "dir", "scimdirectory", "scimdirectories", "scimdir":
		return kindDirectory, nil
	case "account", "accounts", "scimaccount", "scimaccounts":
		return kindAccount, nil
	default:
		return "", fmt.Errorf("nothing waits for a decision on a %q: name application/NAME, directory/NAME or account/NAME", name)
	}
}

// run decides about what a caller names.
func (d *command) run(ctx context.Context, target string) error {
	c, err := d.env.Client()
	if err != nil {
		return err
	}
	kind, name, isNamed := strings.Cut(target, "/")
	kinds := []string{kindApplication, kindDirectory, kindAccount}
	if isNamed {
		one, err := kindOf(kind)
		if err != nil {
			return err
		}
		kinds = []string{one}
	} else {
		name = target
	}
	w, err := waitingFor(ctx, c, kinds, name)
	if err != nil {
		return err
	}
	return d.decide(ctx, c, w)
}

// waitingFor finds the one of these kinds with that name for which something waits.
func waitingFor(ctx context.Context, c *cli.Client, kinds []string, name string) (waiting, error) {
	var found, waits []waiting
	for _, kind := range kinds {
		w := newWaiting(kind, c.Namespace, name)
		there, err := c.Find(ctx, name, w.object())
		if err != nil {
			return nil, err
		}
		if there {
			found = append(found, w)
		}
		if there && digestOf(w) != "" {
			waits = append(waits, w)
		}
	}
	switch {
	case len(waits) == 1:
		return waits[0], nil
	case len(waits) > 1:
		return nil, fmt.Errorf("something waits for %s and for %s: name the one that you mean", nameOf(waits[0]), nameOf(waits[1]))
	case len(found) == 0:
		return nil, fmt.Errorf("there is no %s %q in the namespace %q", strings.Join(kinds, " or "), name, c.Namespace)
	default:
		_, hint := found[0].state()
		return nil, fmt.Errorf("nothing waits for %s%s", nameOf(found[0]), hint)
	}
}

// decide shows what waits, asks, and says it.
func (d *command) decide(ctx context.Context, c *cli.Client, w waiting) error {
	shown, err := w.look(ctx, c, &d.patience)
	if err != nil {
		return err
	}
	if w.object().GetAnnotations()[d.verdict.opposite] == shown.digest {
		return fmt.Errorf("somebody said the contrary of exactly this, by the annotation %s of %s: take that away first", d.verdict.opposite, nameOf(w))
	}
	if err := d.show(w, shown); err != nil {
		return err
	}
	question := fmt.Sprintf("%s this, on %s? %s", strings.ToUpper(d.verdict.verb[:1])+d.verdict.verb[1:], nameOf(w), w.effect(d.verdict))
	if err := d.question.Ask(d.env, question); err != nil {
		return err
	}
	if err := c.Annotate(ctx, w.object(), d.verdict.annotation, shown.digest, ""); err != nil {
		return err
	}
	if d.patience.Wait {
		if err := w.settle(ctx, c, shown, &d.patience); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(d.env.Out, "%s %s: %s\n", nameOf(w), d.verdict.past, shown.summary)
	return err
}

func (d *command) show(w waiting, s shown) error {
	_, err := fmt.Fprintf(d.env.Out, "%s: %s\n", nameOf(w), s.summary)
	if err == nil {
		err = d.output.Table(d.env.Out, s.table)
	}
	if err == nil {
		_, err = fmt.Fprintf(d.env.Out, "Digest %s\n", s.digest)
	}
	return err
}
