// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package access says who has which account with which roles, and why.
//
// What the controllers decided is in the ScimAccounts. Where the plugin says what a grant does for somebody, it asks the same pure functions
// that decide, about objects that it read itself.
package access

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
	"github.com/scim-operator/scim-operator/controllers/assignment"
)

type explainCommand struct {
	env    *cli.Env
	output *cli.Output
}

// NewExplain returns the command explain.
func NewExplain(e *cli.Env) *cobra.Command {
	x := &explainCommand{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatJSON, cli.FormatYAML)}
	c := &cobra.Command{
		Use: "explain USER APPLICATION", Short: "Say why somebody has an account and these roles, or why not",
		Long: "Say why somebody has an account in an application and these roles, or why not: what each grant says, through which groups, what is held and " +
			"what the application shows. USER is a userName, an e-mail address, an externalId or an id.",
		Example: "  kubectl scim explain ada@acme.test demo-cluster\n  kubectl scim explain 5f0c0f0e-7a1e-4b53-9d53-0b6d1c7a2f11 demo-cluster -o json",
		Args:    cobra.ExactArgs(2),
		ValidArgsFunction: cli.Complete(
			cli.Names(e, &v1alpha1.ScimUserList{}, func(u *v1alpha1.ScimUser) string { return u.Spec.UserName }),
			cli.Names(e, &v1alpha1.ScimApplicationList{}, cli.NameOf[*v1alpha1.ScimApplication])),
		RunE: func(c *cobra.Command, args []string) error { return x.run(c.Context(), args[0], args[1]) },
	}
	x.output.AddFlags(c)
	return c
}

func (x *explainCommand) run(ctx context.Context, who, application string) error {
	c, err := x.env.Client()
	if err != nil {
		return err
	}
	e, account, err := gather(ctx, c, who, application)
	if err != nil {
		return err
	}
	e.facts.Now = x.env.Clock.Now()
	explanation := explain(e, account)
	if !x.output.ForPeople() {
		return x.output.View(x.env.Out, explanation)
	}
	return write(x.env.Out, x.output, explanation)
}

// gather reads what the explanation is made from.
func gather(ctx context.Context, c *cli.Client, who, application string) (*evidence, *v1alpha1.ScimAccount, error) {
	app := &v1alpha1.ScimApplication{}
	if err := c.Get(ctx, application, app); err != nil {
		return nil, nil, err
	}
	user, err := people.One(ctx, c, who)
	if err != nil {
		return nil, nil, err
	}
	f := assignment.Facts{User: user}
	if f.Grants, err = grantsOf(ctx, c, application); err != nil {
		return nil, nil, err
	}
	both := client.MatchingFields{"spec.applicationRef.name": application, "spec.userRef.name": user.Name}
	if f.Present, err = cli.All[*v1alpha1.ScimAccount](ctx, c, &v1alpha1.ScimAccountList{}, both); err != nil {
		return nil, nil, err
	}
	var ways []people.Way
	if matters(f.Grants, app) {
		membership, err := people.ReadMembership(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		ways = membership.Of(user)
	}
	var account *v1alpha1.ScimAccount
	if len(f.Present) > 0 {
		account = f.Present[0]
	}
	return newEvidence(app, f, ways), account, nil
}

func grantsOf(ctx context.Context, c *cli.Client, application string) ([]*v1alpha1.ScimGrant, error) {
	return cli.All[*v1alpha1.ScimGrant](ctx, c, &v1alpha1.ScimGrantList{}, cli.Where("spec.applicationRef.name", application))
}

// matters reports whether the groups of somebody can decide anything here.
func matters(grants []*v1alpha1.ScimGrant, app *v1alpha1.ScimApplication) bool {
	if slices.ContainsFunc(grants, assignment.SeesGroups) {
		return true
	}
	mapping := &app.Spec.Account
	texts := []v1alpha1.Expression{mapping.UserName, mapping.DisplayName, mapping.Email}
	for _, attribute := range mapping.Attributes {
		texts = append(texts, attribute.Value)
	}
	return slices.ContainsFunc(texts, func(e v1alpha1.Expression) bool { return strings.Contains(string(e), "groups") })
}

func write(out io.Writer, o *cli.Output, x *Explanation) error {
	if _, err := io.WriteString(out, headline(x)); err != nil {
		return err
	}
	for _, note := range x.Notes {
		if _, err := fmt.Fprintf(out, "! %s\n", table.Safe(note)); err != nil {
			return err
		}
	}
	if len(x.Grants) == 0 {
		_, err := fmt.Fprintf(out, "\nThere is no grant for %s: nobody gets an account there.\n", x.Application)
		return err
	}
	if _, err := fmt.Fprintln(out); err != nil {
		return err
	}
	return o.Table(out, grantsTable(x.Grants))
}

// headline says who it is and what they have.
func headline(x *Explanation) string {
	var b strings.Builder
	name := x.User.UserName
	if x.User.DisplayName != "" {
		name += " (" + x.User.DisplayName + ")"
	}
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", key+":", table.Safe(value))
		}
	}
	line("User", fmt.Sprintf("%s, %s, in the directory %s", name, x.User.State, x.User.Directory))
	line("ID", x.User.ID)
	line("Changed", x.User.Changed.text())
	if x.Account == nil {
		line("Account", "none in "+x.Application)
		return b.String()
	}
	a := x.Account
	line("Account", fmt.Sprintf("%s in %s: %s, %s", a.UserName, x.Application, a.State, cli.Or(string(a.Reason))))
	line("Roles", cli.Or(joined(a.Roles)))
	line("There", a.Ready+": "+a.Message)
	line("Pending", string(a.Pending))
	if a.Adopted != nil {
		line("Adopted", "by its "+string(a.Adopted.Key))
	}
	line("Decided", either(a.RequestID == "", "", "about request "+a.RequestID))
	return b.String()
}

func (c ChangeView) text() string {
	var parts []string
	if c.At != "" {
		parts = append(parts, c.At)
	}
	if c.RequestID != "" {
		parts = append(parts, "by request "+c.RequestID)
	}
	if c.KeyID != "" {
		parts = append(parts, "with the credential "+c.KeyID)
	}
	return strings.Join(parts, ", ")
}

func grantsTable(views []GrantView) *table.Table {
	t := table.New("Grant", "Gives", "Roles", "Because")
	for _, v := range views {
		t.Add(v.Name, string(v.Gives), joined(v.Roles), strings.Join(v.Because, "; "))
	}
	return t
}

func joined(roles []v1alpha1.RoleName) string {
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	return strings.Join(names, ",")
}
