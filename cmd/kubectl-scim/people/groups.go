// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/table"
)

type groupsCommand struct {
	env        *cli.Env
	output     *cli.Output
	namespaces cli.Namespaces
	limit      limit
}

// NewGroups returns the command groups.
func NewGroups(e *cli.Env) *cobra.Command {
	g := &groupsCommand{env: e, output: cli.NewOutput(cli.FormatTable, cli.FormatWide, cli.FormatCSV, cli.FormatName, cli.FormatJSON, cli.FormatYAML)}
	c := &cobra.Command{
		Use: "groups [GROUP]", Aliases: []string{"group"}, Short: "List groups, or the members of one by name",
		Long: "List groups, or the members of one by name. GROUP is a displayName in any case, an externalId or an id. With -o json, yaml or name it is the objects " +
			"of the groups, or of the members.",
		Example:           "  kubectl scim groups\n  kubectl scim groups Engineers\n  kubectl scim groups Engineers -o json | jq -r '.items[].spec.userName'",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cli.Complete(cli.Names(e, &v1alpha1.ScimGroupList{}, func(g *v1alpha1.ScimGroup) string { return g.Spec.DisplayName })),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return g.list(c.Context())
			}
			return g.members(c.Context(), args[0])
		},
	}
	g.output.AddFlags(c)
	g.namespaces.AddFlags(c)
	g.limit.addFlags(c)
	return c
}

func (g *groupsCommand) list(ctx context.Context) error {
	c, err := g.env.ClientFor(g.namespaces)
	if err != nil {
		return err
	}
	most := g.limit.of(g.output)
	var groups []*v1alpha1.ScimGroup
	more := false
	err = cli.Each(ctx, c, &v1alpha1.ScimGroupList{}, func(group *v1alpha1.ScimGroup) bool {
		if more = most > 0 && len(groups) == most; !more {
			groups = append(groups, group)
		}
		return !more
	})
	switch {
	case err != nil:
		return err
	case more:
		_, _ = fmt.Fprintf(g.env.ErrOut, "There are more than these %d: --limit 0 shows all.\n", most)
	case len(groups) == 0 && g.output.ForPeople():
		_, err = fmt.Fprintln(g.env.ErrOut, "There are no groups.")
		return err
	}
	if g.output.ForPeople() || g.output.Format == cli.FormatCSV {
		return g.output.Table(g.env.Out, groupsTable(groups, g.namespaces.All))
	}
	return cli.Objects(g.output, c, g.env.Out, groups)
}

func groupsTable(groups []*v1alpha1.ScimGroup, namespaces bool) *table.Table {
	columns := []string{"Group", "Members", "ID", "+External ID", "+Directory"}
	if namespaces {
		columns = append([]string{"Namespace"}, columns...)
	}
	t := table.New(columns...)
	for _, group := range groups {
		row := []string{group.Spec.DisplayName, fmt.Sprint(group.Status.Members), group.Name, group.Spec.ExternalID, group.Spec.DirectoryRef.Name}
		if namespaces {
			row = append([]string{group.Namespace}, row...)
		}
		t.Add(row...)
	}
	_ = t.Sort("group") // there is that column
	return t
}

// roster is who is in a group. Those whose object is not there any more are names alone.
type roster struct {
	members Members
	users   map[string]*v1alpha1.ScimUser
	groups  map[string]*v1alpha1.ScimGroup
}

func (g *groupsCommand) members(ctx context.Context, name string) error {
	if g.namespaces.All {
		return fmt.Errorf("the members of a group are in its namespace: use -n instead of -A")
	}
	c, err := g.env.Client()
	if err != nil {
		return err
	}
	group, err := OneGroup(ctx, c, name)
	if err != nil {
		return err
	}
	r, err := readRoster(ctx, c, group.Name)
	if err != nil {
		return err
	}
	most := g.limit.of(g.output)
	total := len(r.members.Users) + len(r.members.Groups) + len(r.members.Unknown)
	if g.output.ForPeople() || g.output.Format == cli.FormatCSV {
		return g.writeMembers(membersTable(r), total, most)
	}
	objects := r.objects()
	if most > 0 && len(objects) > most {
		objects = objects[:most]
	}
	return cli.Objects(g.output, c, g.env.Out, objects)
}

func (g *groupsCommand) writeMembers(t *table.Table, total, most int) error {
	switch {
	case total == 0:
		_, err := fmt.Fprintln(g.env.ErrOut, "The group has no members.")
		return err
	case most > 0 && total > most:
		t.Rows = t.Rows[:most]
		_, _ = fmt.Fprintf(g.env.ErrOut, "There are %d: --limit 0 shows all.\n", total)
	}
	return g.output.Table(g.env.Out, t)
}

// readRoster reads who is in a group, in three lists at most.
func readRoster(ctx context.Context, c *cli.Client, group string) (r roster, err error) {
	slices, err := cli.All[*v1alpha1.ScimMemberSlice](ctx, c, &v1alpha1.ScimMemberSliceList{}, cli.Where("spec.groupRef.name", group))
	if err != nil {
		return r, err
	}
	r.members = MembersOf(group, slices)
	if r.users, err = Named(ctx, c, &v1alpha1.ScimUserList{}, func() *v1alpha1.ScimUser { return &v1alpha1.ScimUser{} }, r.members.Users); err != nil {
		return r, err
	}
	r.groups, err = Named(ctx, c, &v1alpha1.ScimGroupList{}, func() *v1alpha1.ScimGroup { return &v1alpha1.ScimGroup{} }, r.members.Groups)
	return r, err
}

// objects are the members that are there, users first.
func (r roster) objects() (objects []client.Object) {
	for _, name := range r.members.Users {
		if u := r.users[name]; u != nil {
			objects = append(objects, u)
		}
	}
	for _, name := range r.members.Groups {
		if g := r.groups[name]; g != nil {
			objects = append(objects, g)
		}
	}
	return objects
}

// membersTable is sorted by kind and by name.
func membersTable(r roster) *table.Table {
	t := table.New("Member", "Kind", "State", "Display Name", "ID")
	for _, name := range r.members.Users {
		if u := r.users[name]; u != nil {
			t.Add(u.Spec.UserName, "User", State(u), DisplayName(u), name)
		} else {
			t.Add("", "User", "gone", "", name)
		}
	}
	for _, name := range r.members.Groups {
		if g := r.groups[name]; g != nil {
			t.Add(g.Spec.DisplayName, "Group", "", "", name)
		} else {
			t.Add("", "Group", "gone", "", name)
		}
	}
	for _, value := range r.members.Unknown {
		t.Add(value, "unknown", "no effect", "", "")
	}
	_ = t.Sort("member") // there is that column
	_ = t.Sort("kind")
	return t
}
