// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/google/cel-go/common/types"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// mapping is the compiled [Mapping].
type mapping struct {
	externalID, userName, owner, active, roles *program
	profile                                    []named
}

// found is an account of the application, as it is there and in our words.
type found struct {
	connector.Account
	raw     any
	details map[string]any
}

// scope is what expressions see of a wish.
func (c *core) scope(want connector.Account) scope {
	if want.Roles == nil {
		want.Roles = []string{}
	}
	if want.Profile == nil {
		want.Profile = map[string]string{}
	}
	return scope{account: want, roles: c.roleValues, details: map[string]any{}}
}

// identify says what an item of a lookup is called, whose it is and whether it can be used. what names the lookup in an error.
func (c *core) identify(what string, want connector.Account, item any) (*found, error) {
	s := c.scope(want)
	s.observed = item
	f := &found{raw: item, details: s.details}
	var err error
	if f.ExternalID, err = c.mapping.externalID.required(what, &s); err != nil {
		return nil, err
	}
	if f.UserName, err = c.mapping.userName.required(what, &s); err != nil {
		return nil, err
	}
	if f.Owner, err = c.ownerOf(what, &s, f.ExternalID); err != nil {
		return nil, err
	}
	v, err := language.Eval(c.mapping.active.cel, &s)
	active := false
	if err == nil {
		active, err = language.Bool(v)
	}
	if err != nil {
		return nil, unexpected(what, c.mapping.active.field, err)
	}
	if f.State = connector.Suspended; active {
		f.State = connector.Active
	}
	return f, nil
}

// ownerOf is the mark, or what stands in its place: the externalID that we remember.
func (c *core) ownerOf(what string, s *scope, externalID string) (string, error) {
	if c.mapping.owner == nil {
		if s.account.ExternalID != "" && s.account.ExternalID == externalID {
			return s.account.Owner, nil
		}
		return "", nil
	}
	owner, _, err := c.mapping.owner.text(s)
	if err != nil {
		return "", unexpected(what, c.mapping.owner.field, err)
	}
	return owner, nil
}

// required is a text that must be there.
func (p *program) required(what string, s *scope) (string, error) {
	text, absent, err := p.text(s)
	if err == nil && (absent || text == "" || !utf8.ValidString(text)) {
		err = language.Failed(language.ProblemAbsent)
	}
	if err != nil {
		return "", unexpected(what, p.field, err)
	}
	return text, nil
}

// complete asks for the details of an account and says which roles and attributes it has.
func (c *core) complete(ctx context.Context, want connector.Account, f *found) error {
	for _, d := range c.details {
		value, err := c.detail(ctx, d, want, f)
		if err != nil {
			return err
		}
		f.details[d.name] = value
	}
	return c.describe(want, f)
}

// detail is the body, or the list of all items. What is not found is null.
func (c *core) detail(ctx context.Context, d detail, want connector.Account, f *found) (any, error) {
	s := c.scope(want)
	s.account.ExternalID, s.observed = f.ExternalID, f.raw
	all := []any{}
	err := c.each(ctx, d.lookup, s, func(item any) (bool, error) {
		all = append(all, item)
		return true, nil
	})
	switch {
	case err != nil || d.lookup.items != nil:
		return all, err
	case len(all) == 0:
		return nil, nil
	}
	return all[0], nil
}

// describe fills in roles and attributes from what was read. What is absent is none.
func (c *core) describe(want connector.Account, f *found) error {
	s := c.scope(want)
	s.observed, s.details = f.raw, f.details
	roles, err := c.rolesOf(&s)
	if err != nil {
		return unexpected("read the account", c.mapping.roles.field, err)
	}
	f.Roles = roles
	if len(c.mapping.profile) > 0 {
		f.Profile = map[string]string{}
	}
	for _, attribute := range c.mapping.profile {
		text, _, err := attribute.text(&s)
		if err != nil {
			return unexpected("read the account", attribute.field, err)
		}
		f.Profile[attribute.name] = text
	}
	return nil
}

func (c *core) rolesOf(s *scope) ([]string, error) {
	v, err := language.Eval(c.mapping.roles.cel, s)
	if language.IsAbsent(err) {
		return []string{}, nil
	}
	if err != nil {
		return nil, err
	}
	names := []string{}
	for element := range language.Elements(v) {
		name, ok := element.(types.String)
		if !ok {
			return nil, language.Failed(language.ProblemResult)
		}
		names = append(names, string(name))
	}
	return c.known(names), nil
}

// known sorts names of roles. Those that are not declared are damage where we replace all roles, and somebody else's where roles are added
// and removed one by one: groups that are no roles here.
func (c *core) known(names []string) []string {
	unknown := func(name string) bool { return !c.declares(name) }
	if slices.ContainsFunc(names, unknown) {
		names = slices.DeleteFunc(names, unknown)
		if c.requests.addRole == nil {
			names = append(names, connector.DamagedPrefix+connector.UnknownRole)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *core) declares(role string) bool {
	return slices.ContainsFunc(c.roles, func(r Role) bool { return r.Name == role })
}
