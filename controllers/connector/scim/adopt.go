// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

var (
	_ connector.Adopter  = (*Connector)(nil)
	_ connector.Lister   = (*Connector)(nil)
	_ connector.Prober   = (*Connector)(nil)
	_ connector.Profiled = (*Connector)(nil)
)

// profileExternalID is where Find says by which externalId an account was found.
const profileExternalID = "externalId"

// Keeps implements connector.Profiled: displayName, email, and every path of a simple attribute of SCIM.
func (c *Connector) Keeps(attribute string) bool { return keeps(attribute) }

// Find implements connector.Adopter. By externalId it finds only if the configuration says that this is not the mark of somebody else.
func (c *Connector) Find(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
	found, err := c.candidates(ctx, key, value)
	if err == nil && len(found) == 0 && value != "" {
		// An empty list may be the answer to another question. Believed, it would make an account beside the one to adopt.
		found, err = c.candidates(ctx, key, value)
	}
	if err != nil {
		return nil, err
	}
	var accounts []connector.Account
	for _, u := range found {
		roles, err := c.rolesOf(ctx, u)
		if err != nil {
			return nil, err
		}
		a := c.account(u, roles, connector.Account{})
		if key == connector.KeyExternalID {
			a.Owner, a.Profile[profileExternalID] = "", value
		}
		accounts = append(accounts, a)
	}
	return accounts, nil
}

func (c *Connector) candidates(ctx context.Context, key connector.Key, value string) (found []user, err error) {
	const what = "find the account to adopt"
	switch {
	case key == connector.KeyExternalID && !c.config.AdoptExternalIDs:
		return nil, connector.Invalidf("an externalId in the application is the mark of who keeps the account: set adoptExternalIDs if it is that of the identity provider")
	case value == "":
		return nil, nil
	case key == connector.KeyUserName:
		found, err = c.search(ctx, what, attrUserName, value, byName(value))
	case key == connector.KeyEmail:
		found, err = c.search(ctx, what, attrEmails+"."+attrValue, value, byEmail(value))
	case key == connector.KeyExternalID:
		return c.search(ctx, what, attrExternalID, value, byMark(value))
	default:
		return nil, connector.Invalidf("accounts cannot be found by %q", key)
	}
	return slices.DeleteFunc(found, func(u user) bool { return u.mark() != "" }), err
}

// Adopt implements connector.Adopter.
func (c *Connector) Adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	release, err := hold(ctx, c.adopting)
	if err != nil {
		return connector.Account{}, err
	}
	defer release()
	for range maxTries {
		adopted, err := c.adopt(ctx, found, owner)
		if !errors.Is(err, errStale) {
			return adopted, err
		}
	}
	return connector.Account{}, connector.Unavailablef(soon, "the account is being changed by somebody else all the time")
}

func (c *Connector) adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	if owner == "" {
		return connector.Account{}, connector.Invalidf("the account has no owner")
	}
	u, err := c.fetchUser(ctx, found.ExternalID)
	if err != nil {
		return connector.Account{}, err
	}
	if u == nil || !slices.Contains([]string{"", found.Profile[profileExternalID], owner}, u.mark()) {
		return connector.Account{}, connector.Conflictf("the account is gone, or somebody else's by now")
	}
	if u.mark() != owner {
		if err := c.takeOver(ctx, u, owner); err != nil {
			return connector.Account{}, err
		}
	}
	roles, err := c.rolesOf(ctx, *u)
	return c.account(*u, roles, found), err
}

// takeOver puts the mark on the user, and makes sure that it is there.
func (c *Connector) takeOver(ctx context.Context, u *user, owner string) error {
	const what = "mark the account as ours"
	if other, err := c.byOwner(ctx, owner); err != nil || other != nil {
		return or(err, error(connector.Conflictf("another account in the application bears the mark already")))
	}
	e := edit{after: u.clone()}
	e.put(attrExternalID, owner)
	after, err := c.write(ctx, what, *u, e)
	if err != nil {
		return err
	}
	if after.mark() != owner {
		return connector.Conflictf("%s: the application says that it did, and the account bears another mark", what)
	}
	*u = after
	return nil
}

// List implements connector.Lister. What bears a mark that is not ours is listed with it.
func (c *Connector) List(ctx context.Context) iter.Seq2[connector.Account, error] {
	return func(yield func(connector.Account, error) bool) {
		rolesOf, err := c.rolesOfMany(ctx)
		if err != nil {
			yield(connector.Account{}, err)
			return
		}
		for r, err := range c.walk(ctx, query{what: "list the accounts", path: usersPath, cursor: true}) {
			u := user{resource: r, id: r.text(attrID), listed: true}
			if err != nil || !yield(c.account(u, rolesOf(u), connector.Account{}), nil) {
				if err != nil {
					yield(connector.Account{}, err)
				}
				return
			}
		}
	}
}

// rolesOfMany returns how to tell the roles of many users, without a request for each.
func (c *Connector) rolesOfMany(ctx context.Context) (func(user) []string, error) {
	if c.config.RolesAs == RolesAttribute {
		return c.rolesIn, nil
	}
	ids, err := c.groupIDs(ctx)
	if err != nil {
		return nil, err
	}
	members, err := c.members(ctx, ids)
	return func(u user) []string {
		return rolesWhere(ids, func(group string) bool { return members[group][u.id] })
	}, err
}

// Probe implements connector.Prober: it reads what the connector has to read. The right to write cannot be seen without writing.
func (c *Connector) Probe(ctx context.Context) error {
	if _, err := c.discover(ctx); err != nil {
		return err
	}
	collections := []string{usersPath}
	if c.config.RolesAs == Groups {
		collections = append(collections, groupsPath)
	}
	for _, collection := range collections {
		q := query{what: "read " + collection[1:], path: collection}
		answer, err := c.send(ctx, call{what: q.what, method: http.MethodGet, path: collection, query: url.Values{"count": {"1"}, "startIndex": {"1"}}})
		if err != nil {
			return err
		}
		if _, err := readPage(q, answer); err != nil {
			return err
		}
	}
	return nil
}
