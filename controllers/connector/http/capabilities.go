// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"io"
	"iter"
	"slices"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

var (
	_ connector.Connector = (*core)(nil)
	_ connector.Prober    = (*core)(nil)
	_ connector.Revoker   = (*core)(nil)
	_ io.Closer           = (*core)(nil)
	_ connector.Profiled  = profiles{}
	_ connector.Lister    = lists{}
	_ connector.Adopter   = adopts{}
)

// What a connector can do beside, if its configuration says how.
type (
	profiles struct{ core *core }
	lists    struct{ core *core }
	adopts   struct{ core *core }
)

// capable is the connector with the methods that it can keep, and no others: who asks for a capability asks for its methods.
func (c *core) capable() connector.Connector {
	p, l, a := profiles{c}, lists{c}, adopts{c}
	switch [3]bool{len(c.mapping.profile) > 0, c.list != nil, c.requests.adopt != nil || c.ownership == OwnershipExternalID} {
	case [3]bool{true, true, true}:
		return struct {
			*core
			profiles
			lists
			adopts
		}{c, p, l, a}
	case [3]bool{true, true, false}:
		return struct {
			*core
			profiles
			lists
		}{c, p, l}
	case [3]bool{true, false, true}:
		return struct {
			*core
			profiles
			adopts
		}{c, p, a}
	case [3]bool{true, false, false}:
		return struct {
			*core
			profiles
		}{c, p}
	case [3]bool{false, true, true}:
		return struct {
			*core
			lists
			adopts
		}{c, l, a}
	case [3]bool{false, true, false}:
		return struct {
			*core
			lists
		}{c, l}
	case [3]bool{false, false, true}:
		return struct {
			*core
			adopts
		}{c, a}
	}
	return c
}

// Keeps implements [connector.Profiled].
func (p profiles) Keeps(attribute string) bool {
	return slices.ContainsFunc(p.core.mapping.profile, func(n named) bool { return n.name == attribute })
}

// List implements [connector.Lister]. It asks for no details.
func (l lists) List(ctx context.Context) iter.Seq2[connector.Account, error] {
	return func(yield func(connector.Account, error) bool) {
		c := l.core
		err := c.each(ctx, c.list, c.scope(connector.Account{}), func(item any) (bool, error) {
			f, err := c.identify(c.list.what, connector.Account{}, item)
			if err == nil {
				err = c.describe(connector.Account{}, f)
			}
			if err != nil {
				return false, err
			}
			return yield(f.Account, nil), nil
		})
		if err != nil {
			yield(connector.Account{}, err)
		}
	}
}

// Find implements [connector.Adopter]. Accounts are found by the login name only.
func (a adopts) Find(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
	if key != connector.KeyUserName {
		return nil, connector.Invalidf("accounts of this application can be adopted by their UserName only")
	}
	if value == "" {
		return nil, nil
	}
	c, wanted := a.core, connector.Account{UserName: value}
	var all []connector.Account
	err := c.each(ctx, c.find.userName, c.scope(wanted), func(item any) (bool, error) {
		f, err := c.identify(c.find.userName.what, wanted, item)
		if err == nil {
			err = c.wantAsked(c.find.userName, wanted, f)
		}
		if err != nil || f.Owner != "" || f.UserName != value {
			return true, err
		}
		if err := c.complete(ctx, wanted, f); err != nil {
			return false, err
		}
		all = append(all, f.Account)
		return true, nil
	})
	return all, err
}

// Adopt implements [connector.Adopter]. Few applications can be told to change something only if it is as it was, so two adoptions of one
// account are kept apart here; those of another controller are not.
func (a adopts) Adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	c := a.core
	unlock, err := c.locks.lock(ctx, "externalID "+found.ExternalID)
	if err != nil {
		return connector.Account{}, err
	}
	defer unlock()
	want := connector.Account{Owner: owner, ExternalID: found.ExternalID, UserName: found.UserName, State: connector.Active}
	f, err := c.adoptable(ctx, want)
	if err != nil || f.Owner == owner {
		return f.account(), err
	}
	if err := c.changeOnce(ctx, c.requests.adopt, want, f, Role{}); err != nil {
		return connector.Account{}, err
	}
	if f, err = c.adoptable(ctx, want); err == nil && f.Owner != owner {
		return connector.Account{}, connector.Unavailablef(oddWait, "%s: the application says that it did, and there is no mark", c.requests.adopt.what)
	}
	return f.account(), err
}

func (f *found) account() connector.Account {
	if f == nil {
		return connector.Account{}
	}
	return f.Account
}

// adoptable reads the account anew. It bears no mark, or already the wanted one.
func (c *core) adoptable(ctx context.Context, want connector.Account) (*found, error) {
	f, err := c.search(ctx, want, near)
	switch {
	case err != nil:
		return nil, err
	case f == nil || f.ExternalID != want.ExternalID || f.Owner != "" && f.Owner != want.Owner:
		return nil, connector.Conflictf("the account is gone, or somebody else's by now")
	}
	return f, c.complete(ctx, want, f)
}

// Revoke implements [connector.Revoker].
func (c *core) Revoke(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
	said := connector.Revocation{Sessions: or(c.revocation.Sessions), Tokens: or(c.revocation.Tokens)}
	if c.requests.revoke == nil {
		return said, nil
	}
	f, err := c.search(ctx, acct, near)
	if err != nil || f == nil || f.Owner != acct.Owner {
		return said, err
	}
	_, err = c.change(ctx, c.requests.revoke, acct, f, Role{})
	return said, err
}

func or(state connector.RevocationState) connector.RevocationState {
	if state == "" {
		return connector.NotSupported
	}
	return state
}
