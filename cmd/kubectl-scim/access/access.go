// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

type accessCommand struct {
	env      *cli.Env
	output   *cli.Output
	sort     string
	role     string
	state    string
	notReady bool
}

// New returns the command access.
func New(e *cli.Env) *cobra.Command {
	a := &accessCommand{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatWide, cli.FormatCSV, cli.FormatName, cli.FormatJSON, cli.FormatYAML)}
	c := &cobra.Command{
		Use: "access APPLICATION", Short: "Show who has what in an application",
		Long: "Show who has what in an application: the state and the roles of every account, and by which grants and groups. -o csv is for auditors, " +
			"-o json, yaml and name are the ScimAccounts.",
		Example: "  kubectl scim access demo-cluster\n  kubectl scim access demo-cluster --role deployer -o csv >deployers.csv\n" +
			"  kubectl scim access demo-cluster --not-ready",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cli.Complete(cli.Names(e, &v1alpha1.ScimApplicationList{}, cli.NameOf[*v1alpha1.ScimApplication])),
		RunE:              func(c *cobra.Command, args []string) error { return a.run(c.Context(), args[0]) },
	}
	a.output.AddFlags(c)
	c.Flags().StringVar(&a.sort, "sort", "user", "the column to sort by")
	c.Flags().StringVar(&a.role, "role", "", "only accounts with this role")
	c.Flags().StringVar(&a.state, "state", "", "only accounts that are Active, Suspended or Deleted")
	c.Flags().BoolVar(&a.notReady, "not-ready", false, "only accounts that are not as they shall be in the application")
	states := []string{string(v1alpha1.AccountActive), string(v1alpha1.AccountSuspended), string(v1alpha1.AccountDeleted)}
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(states, cobra.ShellCompDirectiveNoFileComp)) // it is there
	return c
}

func (a *accessCommand) run(ctx context.Context, application string) error {
	c, err := a.env.Client()
	if err != nil {
		return err
	}
	app := &v1alpha1.ScimApplication{}
	if err := c.Get(ctx, application, app); err != nil {
		return err
	}
	accounts, err := cli.All[*v1alpha1.ScimAccount](ctx, c, &v1alpha1.ScimAccountList{}, cli.Where("spec.applicationRef.name", application))
	if err != nil {
		return err
	}
	accounts = slices.DeleteFunc(accounts, func(account *v1alpha1.ScimAccount) bool { return !a.selects(account) })
	if !a.output.ForPeople() && a.output.Format != cli.FormatCSV {
		return cli.Objects(a.output, c, a.env.Out, accounts)
	}
	if len(accounts) == 0 && a.output.ForPeople() {
		_, err = fmt.Fprintln(a.env.ErrOut, "There are no such accounts.")
		return err
	}
	holders, err := readHolders(ctx, c, app, accounts)
	if err != nil {
		return err
	}
	t := holders.table(accounts)
	if err := t.Sort(a.sort); err != nil {
		return err
	}
	return a.output.Table(a.env.Out, t)
}

func (a *accessCommand) selects(account *v1alpha1.ScimAccount) bool {
	return (a.role == "" || slices.Contains(account.Spec.Roles, v1alpha1.RoleName(a.role))) &&
		(a.state == "" || strings.EqualFold(a.state, string(account.Spec.State))) &&
		(!a.notReady || !meta.IsStatusConditionTrue(account.Status.Conditions, v1alpha1.ConditionReady))
}

// holders are the people behind the accounts of an application, and the groups by which they have access.
type holders struct {
	users      map[string]*v1alpha1.ScimUser
	membership *people.Membership
	// named has for each grant the groups that it names.
	named map[string]map[string]bool
}

func readHolders(ctx context.Context, c *cli.Client, app *v1alpha1.ScimApplication, accounts []*v1alpha1.ScimAccount) (h *holders, err error) {
	h = &holders{}
	names := make([]string, len(accounts))
	for i, account := range accounts {
		names[i] = account.Spec.UserRef.Name
	}
	h.users, err = people.Named(ctx, c, &v1alpha1.ScimUserList{}, func() *v1alpha1.ScimUser { return &v1alpha1.ScimUser{} }, names)
	if err != nil {
		return nil, err
	}
	grants, err := grantsOf(ctx, c, app.Name)
	if err != nil {
		return nil, err
	}
	if h.membership = people.NewMembership(nil, nil); namesGroups(grants) {
		if h.membership, err = people.ReadMembership(ctx, c); err != nil {
			return nil, err
		}
	}
	h.named = namedGroups(app, grants, h.membership.Groups())
	return h, nil
}

func namesGroups(grants []*v1alpha1.ScimGrant) bool {
	return slices.ContainsFunc(grants, func(g *v1alpha1.ScimGrant) bool {
		return slices.ContainsFunc(g.Spec.Subjects, func(s v1alpha1.Subject) bool { return s.Kind == v1alpha1.SubjectGroup })
	})
}

func (h *holders) table(accounts []*v1alpha1.ScimAccount) *table.Table {
	t := table.New("User", "State", "Why", "Roles", "Grants", "Groups", "In Application", "Held",
		"+Account", "+Display Name", "+Email", "+External ID", "+ID", "+Roles Seen", "+Request ID")
	for _, a := range accounts {
		user, held := h.users[a.Spec.UserRef.Name], ""
		if user == nil {
			user = &v1alpha1.ScimUser{Spec: v1alpha1.ScimUserSpec{UserName: a.Spec.UserName}}
		}
		if a.Spec.Held != nil && !a.Spec.Held.Rejected {
			held = string(a.Spec.Held.Change)
		}
		t.Add(user.Spec.UserName, string(a.Spec.State), string(a.Spec.Reason), joined(a.Spec.Roles), strings.Join(grantNames(a), ","),
			strings.Join(h.groups(a, user), ","), cli.Ready(a.Status.Conditions), held,
			a.Spec.UserName, people.DisplayName(user), people.Email(user), user.Spec.ExternalID, a.Spec.UserRef.Name, joined(a.Status.Roles),
			a.Annotations[v1alpha1.AnnotationRequestID])
	}
	return t
}

func grantNames(a *v1alpha1.ScimAccount) (names []string) {
	for _, grant := range a.Spec.Grants {
		names = append(names, grant.Name)
	}
	return names
}

// groups are those of the user that a grant of the account names.
func (h *holders) groups(a *v1alpha1.ScimAccount, user *v1alpha1.ScimUser) (names []string) {
	for _, way := range h.membership.Of(user) {
		if slices.ContainsFunc(a.Spec.Grants, func(g v1alpha1.AccountGrant) bool { return h.named[g.Name][way.Group.Name] }) {
			names = append(names, way.Group.Spec.DisplayName)
		}
	}
	return names
}
