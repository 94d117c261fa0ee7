// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
)

// One finds the one user whom a caller names: by id, else by userName, else by externalId, all exactly; and else by userName or e-mail address
// in any case. Of several nobody is taken, but somebody who is there goes before somebody who was deleted.
//
// Whoever writes users at the identity provider chooses their names. Nobody can be mistaken for another by taking that other's id as a
// userName, or the userName as an externalId.
func One(ctx context.Context, c *cli.Client, who string) (*v1alpha1.ScimUser, error) {
	found, err := Exactly(ctx, c, who)
	if err == nil && len(found) == 0 {
		err = cli.Each(ctx, c, &v1alpha1.ScimUserList{}, func(u *v1alpha1.ScimUser) bool {
			if called(u, who) {
				found = append(found, u)
			}
			return true
		})
	}
	if err != nil {
		return nil, err
	}
	return theOne(who, c.Namespace, found)
}

// Exactly are the users with that id, or else with that userName, or else with that externalId.
func Exactly(ctx context.Context, c *cli.Client, who string, options ...client.ListOption) ([]*v1alpha1.ScimUser, error) {
	if uuid.Validate(who) == nil && c.Namespace != "" {
		user := &v1alpha1.ScimUser{}
		if found, err := c.Find(ctx, who, user); err != nil || found {
			return []*v1alpha1.ScimUser{user}, err
		}
	}
	for _, field := range []string{"spec.userName", "spec.externalID"} {
		found, err := cli.All[*v1alpha1.ScimUser](ctx, c, &v1alpha1.ScimUserList{}, append(options, cli.Where(field, who))...)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

func theOne(who, namespace string, found []*v1alpha1.ScimUser) (*v1alpha1.ScimUser, error) {
	var present []*v1alpha1.ScimUser
	for _, u := range found {
		if u.Spec.DeletedAt == nil {
			present = append(present, u)
		}
	}
	if len(present) > 0 {
		found = present
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("nobody in the namespace %q is called %q: look with kubectl scim users, or use another -n", namespace, who)
	case 1:
		return found[0], nil
	default:
		return nil, ambiguous("users", who, found, func(u *v1alpha1.ScimUser) string {
			return fmt.Sprintf("%s  %s in the directory %s, %s", u.Name, u.Spec.UserName, u.Spec.DirectoryRef.Name, State(u))
		})
	}
}

// ambiguous names the candidates, each with the id by which it can be named.
func ambiguous[T client.Object](what, name string, found []T, describe func(T) string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%q is the name of %d %s; name one by its id:", name, len(found), what)
	for _, o := range found {
		b.WriteString(" [" + describe(o) + "]")
	}
	return errors.New(b.String())
}

// OneGroup finds the one group whom a caller names: by id, else by displayName, else by externalId, all exactly, and else by displayName in any case.
func OneGroup(ctx context.Context, c *cli.Client, name string) (*v1alpha1.ScimGroup, error) {
	if uuid.Validate(name) == nil {
		group := &v1alpha1.ScimGroup{}
		if found, err := c.Find(ctx, name, group); err != nil || found {
			return group, err
		}
	}
	groups, err := cli.All[*v1alpha1.ScimGroup](ctx, c, &v1alpha1.ScimGroupList{})
	if err != nil {
		return nil, err
	}
	for _, is := range []func(*v1alpha1.ScimGroup) bool{
		func(g *v1alpha1.ScimGroup) bool { return g.Spec.DisplayName == name },
		func(g *v1alpha1.ScimGroup) bool { return g.Spec.ExternalID == name },
		func(g *v1alpha1.ScimGroup) bool { return strings.EqualFold(g.Spec.DisplayName, name) },
	} {
		var found []*v1alpha1.ScimGroup
		for _, group := range groups {
			if is(group) {
				found = append(found, group)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return nil, ambiguous("groups", name, found, func(g *v1alpha1.ScimGroup) string {
				return fmt.Sprintf("%s  %s in the directory %s", g.Name, g.Spec.DisplayName, g.Spec.DirectoryRef.Name)
			})
		}
	}
	return nil, fmt.Errorf("no group in the namespace %q is called %q: look with kubectl scim groups, or use another -n", c.Namespace, name)
}
