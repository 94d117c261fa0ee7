// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"errors"
	"slices"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// maxSteps bounds how often an account is changed by one Apply. There are fewer sorts of changes.
const maxSteps = 8

// step is one sort of change. Its roles are those to add or to remove, where that is done one by one.
type step struct {
	request *request
	roles   []string
}

// converge changes one thing after the other until the account is as wanted, and reads it anew before each: what a request replaces is what
// was there a moment ago, and what is returned is what is there.
func (c *core) converge(ctx context.Context, want connector.Account) (connector.Account, error) {
	var last *request
	for range maxSteps {
		f, err := c.search(ctx, want, near)
		if err == nil && f != nil {
			err = c.fill(ctx, want, f)
		}
		if err != nil {
			return connector.Account{}, err
		}
		next, err := c.next(f, want)
		if err != nil {
			return connector.Account{}, err
		}
		if next.request == nil {
			return f.Account, nil
		}
		if next.request == last {
			return connector.Account{}, connector.Unavailablef(oddWait, "%s: the application says that it did, and the account is still not as wanted", last.what)
		}
		if last = next.request; f != nil {
			want.ExternalID = f.ExternalID
		}
		if err := c.take(ctx, next, want, f); err != nil {
			return connector.Account{}, err
		}
	}
	return connector.Account{}, connector.Unavailablef(oddWait, "the account is still not as wanted after %d changes", maxSteps)
}

// next decides what comes next, with no request when nothing does. What takes away comes before what gives.
func (c *core) next(f *found, want connector.Account) (step, error) {
	if f == nil {
		return step{request: c.requests.create}, nil
	}
	if f.Owner != want.Owner {
		return step{}, errForeign()
	}
	surplus, missing := difference(f.Roles, want.Roles), difference(want.Roles, f.Roles)
	if want.Roles == nil {
		surplus = nil
	}
	attributes := want
	attributes.UserName, attributes.State, attributes.Roles = f.UserName, f.State, nil
	switch {
	case len(surplus) > 0:
		return c.roleStep(c.requests.removeRole, surplus)
	case f.UserName != want.UserName:
		return must(c.requests.rename, "the account cannot be renamed: the application has no request for it")
	case !connector.InSync(&f.Account, attributes):
		return must(c.requests.update, "an attribute cannot be changed: the application has no request for it")
	case f.State != want.State:
		return must(c.requests.restore, "the account cannot be restored: the application has no request for it")
	case len(missing) > 0:
		return c.roleStep(c.requests.addRole, missing)
	}
	return step{}, nil
}

func (c *core) roleStep(one *request, roles []string) (step, error) {
	if one != nil {
		return step{one, roles}, nil
	}
	all := c.requests.setRoles
	if all == nil {
		all = c.requests.update
	}
	return must(all, "the roles cannot be changed: the application has no request for it")
}

func must(r *request, otherwise string) (step, error) {
	if r == nil {
		return step{}, connector.Invalidf("%s", otherwise)
	}
	return step{request: r}, nil
}

// difference is what is in a and not in b.
func difference(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(role string) bool { return slices.Contains(b, role) })
}

// take makes the requests of a step. Of several, each is made even if another fails.
func (c *core) take(ctx context.Context, s step, want connector.Account, f *found) error {
	if s.roles == nil {
		return c.changeOnce(ctx, s.request, want, f, Role{})
	}
	var all []error
	for _, name := range s.roles {
		for _, role := range c.roles {
			if role.Name == name {
				all = append(all, c.changeOnce(ctx, s.request, want, f, role))
			}
		}
	}
	return errors.Join(all...)
}

// changeOnce makes a request that needs the account to be there. A role that is gone already is as it should be.
func (c *core) changeOnce(ctx context.Context, r *request, want connector.Account, f *found, role Role) error {
	is, err := c.change(ctx, r, want, f, role)
	if err == nil && is == notFound && r != c.requests.removeRole {
		return connector.Unavailablef(0, "%s: it is gone, or part of it", r.what)
	}
	return err
}
