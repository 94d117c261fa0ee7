// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package suspension suspends a person in every application at once, and lifts that again. It is the kill switch of a ScimUser.
package suspension

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

type command struct {
	env      *cli.Env
	patience cli.Patience
	output   *cli.Output
	reason   string
}

// NewSuspend returns the command suspend.
func NewSuspend(e *cli.Env) *cobra.Command {
	c := &cobra.Command{
		Use: "suspend USER --reason REASON", Short: "Suspend every account of a person at once",
		Long: "Suspend every account of a person at once, whatever the identity provider and the grants say, until resume lifts it. No guard holds it back. " +
			"USER is a userName, an e-mail address, an externalId or an id. It ends with 1 unless every account is seen to be suspended.",
		Example: "  kubectl scim suspend ada@acme.test --reason \"laptop stolen, ticket 4711\"",
	}
	s := act(e, c, (*command).suspend)
	c.Flags().StringVar(&s.reason, "reason", "", "why, for people; everybody who may read the user reads it")
	_ = c.MarkFlagRequired("reason") // it is there
	return c
}

// NewResume returns the command resume.
func NewResume(e *cli.Env) *cobra.Command {
	c := &cobra.Command{
		Use: "resume USER", Short: "Lift a suspension",
		Long: "Lift a suspension. The person has what the identity provider and the grants say, again. It is also how to lift the suspension of somebody whom the " +
			"identity provider deleted and made anew.",
		Example: "  kubectl scim resume ada@acme.test",
	}
	act(e, c, (*command).resume)
	return c
}

// act has c do that to the user whom its one argument names.
func act(e *cli.Env, c *cobra.Command, do func(s *command, ctx context.Context, who string) error) *command {
	s := &command{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatWide)}
	c.Args = cobra.ExactArgs(1)
	c.ValidArgsFunction = cli.Complete(cli.Names(e, &v1alpha1.ScimUserList{}, func(u *v1alpha1.ScimUser) string { return u.Spec.UserName }))
	c.RunE = func(c *cobra.Command, args []string) error { return do(s, c.Context(), args[0]) }
	s.patience.AddFlags(c)
	s.output.AddFlags(c)
	return s
}

func (s *command) suspend(ctx context.Context, who string) error {
	if strings.TrimSpace(s.reason) == "" {
		return fmt.Errorf("--reason must say why: it is all that whoever comes next can go by")
	}
	c, user, err := s.annotate(ctx, who, s.reason)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.env.Out, "%s is suspended here: %s\n", table.Safe(user.Spec.UserName), table.Safe(s.reason))
	if err != nil || !s.patience.Wait {
		return err
	}
	return s.follow(ctx, c, user, isSuspended)
}

func (s *command) resume(ctx context.Context, who string) error {
	// An empty value lifts the suspension that was taken over from an earlier user too, which no value would not.
	c, user, err := s.annotate(ctx, who, "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.env.Out, "%s is not suspended here any more.\n", table.Safe(user.Spec.UserName))
	if err != nil || !s.patience.Wait {
		return err
	}
	return s.follow(ctx, c, user, isResumed)
}

func (s *command) annotate(ctx context.Context, who, value string) (*cli.Client, *v1alpha1.ScimUser, error) {
	c, err := s.env.Client()
	if err != nil {
		return nil, nil, err
	}
	user, err := people.One(ctx, c, who)
	if err != nil {
		return nil, nil, err
	}
	return c, user, c.Annotate(ctx, user, v1alpha1.AnnotationSuspend, value, "")
}

// progress is how far an account is.
type progress string

const (
	// underWay will be seen to be done.
	underWay progress = "not yet"
	// done is seen in the application.
	done progress = "yes"
	// stuck needs somebody.
	stuck progress = "NO"
)

// follow waits for every account of the user and shows what became of each.
func (s *command) follow(ctx context.Context, c *cli.Client, user *v1alpha1.ScimUser, of func(*v1alpha1.ScimAccount) progress) error {
	var accounts []*v1alpha1.ScimAccount
	waited := s.patience.Until(ctx, "every account", func(ctx context.Context) (_ bool, err error) {
		accounts, err = cli.All[*v1alpha1.ScimAccount](ctx, c, &v1alpha1.ScimAccountList{}, cli.Where("spec.userRef.name", user.Name))
		return !slices.ContainsFunc(accounts, func(a *v1alpha1.ScimAccount) bool { return of(a) == underWay }), err
	})
	if len(accounts) == 0 && waited == nil {
		_, err := fmt.Fprintln(s.env.Out, "There are no accounts.")
		return err
	}
	if err := s.output.Table(s.env.Out, results(accounts, of)); err != nil {
		return err
	}
	if waited != nil {
		return waited
	}
	if i := slices.IndexFunc(accounts, func(a *v1alpha1.ScimAccount) bool { return of(a) == stuck }); i >= 0 {
		return fmt.Errorf("not every account followed: look at those that say %s", stuck)
	}
	return nil
}

func results(accounts []*v1alpha1.ScimAccount, of func(*v1alpha1.ScimAccount) progress) *table.Table {
	slices.SortFunc(accounts, func(a, b *v1alpha1.ScimAccount) int {
		return cmp.Compare(a.Spec.ApplicationRef.Name, b.Spec.ApplicationRef.Name)
	})
	t := table.New("Application", "Done", "State There", "Sessions", "Tokens", "Why", "+Account")
	for _, a := range accounts {
		sessions, tokens := "", ""
		if r := a.Status.Revocation; r != nil && a.Status.State != v1alpha1.AccountActive {
			sessions, tokens = string(r.Sessions), string(r.Tokens)
		}
		t.Add(a.Spec.ApplicationRef.Name, string(of(a)), string(a.Status.State), sessions, tokens, why(a), a.Spec.UserName)
	}
	return t
}

func why(a *v1alpha1.ScimAccount) string {
	ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil {
		return ""
	}
	return ready.Reason + ": " + ready.Message
}

// isSuspended says how far the suspension of an account is.
func isSuspended(a *v1alpha1.ScimAccount) progress {
	if a.Spec.State == v1alpha1.AccountActive {
		return underWay
	}
	return applied(a)
}

// isResumed says how far an account is that shall not be locked any more.
func isResumed(a *v1alpha1.ScimAccount) progress {
	if a.Spec.Reason == v1alpha1.StateLocked {
		return underWay
	}
	return applied(a)
}

// applied says whether the application shows what the spec says. What is only reported, or needs somebody, will not come by itself.
func applied(a *v1alpha1.ScimAccount) progress {
	ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.ObservedGeneration != a.Generation {
		return underWay
	}
	switch {
	case ready.Status == metav1.ConditionTrue:
		return done
	case ready.Reason == v1alpha1.ReasonDryRun, ready.Reason == v1alpha1.ReasonPaused, ready.Reason == v1alpha1.ReasonHeld, ready.Reason == v1alpha1.ReasonDrifted,
		meta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionStalled):
		return stuck
	default:
		return underWay
	}
}
