// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

// mostRows is how many rows a table for people has, unless they say otherwise.
const mostRows = 500

// limit is the flag --limit.
type limit struct{ most int }

func (l *limit) addFlags(c *cobra.Command) {
	c.Flags().IntVar(&l.most, "limit", -1, fmt.Sprintf("show at most so many; 0 is all. Without it a table has %d rows, and every other format all", mostRows))
}

// of is how many are shown; 0 is all.
func (l *limit) of(o *cli.Output) int {
	switch {
	case l.most >= 0:
		return l.most
	case o.ForPeople():
		return mostRows
	default:
		return 0
	}
}

type usersCommand struct {
	env        *cli.Env
	output     *cli.Output
	namespaces cli.Namespaces
	limit      limit
	directory  string
	state      string
	contains   bool
}

// NewUsers returns the command users.
func NewUsers(e *cli.Env) *cobra.Command {
	u := &usersCommand{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatWide, cli.FormatCSV, cli.FormatName, cli.FormatJSON, cli.FormatYAML)}
	c := &cobra.Command{
		Use: "users [SEARCH]", Aliases: []string{"user"}, Short: "List users, or search for them",
		Long: "List users, or search for them. A SEARCH that is an id, a userName or an externalId finds exactly that user. Any other one finds whoever has it " +
			"somewhere in the userName, the display name, an e-mail address, the externalId or the id, in any case.",
		Example: "  kubectl scim users ada@acme.test\n  kubectl scim users ada -o wide\n  kubectl scim users --state Suspended -A\n" +
			"  kubectl scim users ada --contains -o json",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cli.Complete(cli.Names(e, &v1alpha1.ScimUserList{}, func(u *v1alpha1.ScimUser) string { return u.Spec.UserName })),
		RunE:              func(c *cobra.Command, args []string) error { return u.run(c.Context(), strings.Join(args, "")) },
	}
	u.output.AddFlags(c)
	u.namespaces.AddFlags(c)
	u.limit.addFlags(c)
	c.Flags().StringVarP(&u.directory, "directory", "d", "", "only users of this ScimDirectory")
	c.Flags().StringVar(&u.state, "state", "", "only users who are Active or Suspended")
	c.Flags().BoolVar(&u.contains, "contains", false, "search for a part, although somebody is called exactly so")
	_ = c.RegisterFlagCompletionFunc("directory", cli.Names(e, &v1alpha1.ScimDirectoryList{}, cli.NameOf[*v1alpha1.ScimDirectory])) // it is there
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"Active", "Suspended"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func (u *usersCommand) run(ctx context.Context, search string) error {
	c, err := u.env.ClientFor(u.namespaces)
	if err != nil {
		return err
	}
	most := u.limit.of(u.output)
	users, more, err := u.find(ctx, c, search, most)
	if err != nil {
		return err
	}
	if len(users) == 0 && u.output.ForPeople() {
		_, err = fmt.Fprintln(u.env.ErrOut, "Nobody was found.")
		return err
	}
	if more {
		_, _ = fmt.Fprintf(u.env.ErrOut, "There are more than these %d: --limit 0 shows all, and a SEARCH fewer.\n", most)
	}
	if u.output.ForPeople() || u.output.Format == cli.FormatCSV {
		return u.output.Table(u.env.Out, usersTable(users, u.namespaces.All))
	}
	return cli.Objects(u.output, c, u.env.Out, users)
}

// find returns at most so many users, and whether there are more.
func (u *usersCommand) find(ctx context.Context, c *cli.Client, search string, most int) (users []*v1alpha1.ScimUser, more bool, err error) {
	options := u.selected()
	if search != "" && !u.contains {
		if users, err = Exactly(ctx, c, search, options...); err != nil || len(users) > 0 {
			return users, false, err
		}
	}
	part := strings.ToLower(search)
	err = cli.Each(ctx, c, &v1alpha1.ScimUserList{}, func(user *v1alpha1.ScimUser) bool {
		if !contains(user, part) {
			return true
		}
		if more = most > 0 && len(users) == most; !more {
			users = append(users, user)
		}
		return !more
	}, options...)
	return users, more, err
}

func (u *usersCommand) selected() (options []client.ListOption) {
	fields := client.MatchingFields{}
	if u.directory != "" {
		fields["spec.directoryRef.name"] = u.directory
	}
	if u.state != "" {
		fields["spec.state"] = u.state
	}
	if len(fields) > 0 {
		options = append(options, fields)
	}
	return options
}

func usersTable(users []*v1alpha1.ScimUser, namespaces bool) *table.Table {
	columns := []string{"User", "State", "Accounts", "Display Name", "ID", "+Email", "+External ID", "+Directory"}
	if namespaces {
		columns = append([]string{"Namespace"}, columns...)
	}
	t := table.New(columns...)
	for _, u := range users {
		row := []string{u.Spec.UserName, State(u), accounts(&u.Status.Accounts), DisplayName(u), u.Name, Email(u), u.Spec.ExternalID, u.Spec.DirectoryRef.Name}
		if namespaces {
			row = append([]string{u.Namespace}, row...)
		}
		t.Add(row...)
	}
	_ = t.Sort("user") // there is that column
	return t
}

// accounts says how many there are, how many of them are as they shall be, and how many wait.
func accounts(n *v1alpha1.AccountCounts) string {
	text := fmt.Sprintf("%d/%d", n.Ready, n.Desired)
	if n.Held > 0 {
		text += fmt.Sprintf(", %d held", n.Held)
	}
	return text
}
