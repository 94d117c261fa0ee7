// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// pageSize is how many roles are read at a time when all are listed.
const pageSize = 500

const (
	named = `r.rolname = $2::text`
	byOID = `r.oid = $2::oid`
	// listed leaves out the role that the server was made with, which is nobody's account.
	listed = `r.oid > $2::oid and r.oid <> 10 and (r.rolcanlogin or d.description like '%` + MarkPrefix + `%') order by r.oid limit $3::int`
)

// Find implements connector.Adopter. The only key is the login name, and equal are the same bytes. Roles that can do more than accounts of ours are nobody's to take over.
func (c *Connector) Find(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
	if key != connector.KeyUserName {
		return nil, connector.Invalidf("the server knows no accounts by %q", key)
	}
	if err := checkUserName(value); err != nil {
		return nil, err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	var found []serverRole
	var known []knownRole
	s := statement{what: "find accounts", sql: fmt.Sprintf(roleColumns, noSessions) + named, args: []any{c.membersOf(nil), value}}
	if err := c.send(ctx, reading(s, &found, scanRoles), reading(askRoles([]string{value}), &known, scanKnown)); err != nil {
		return nil, err
	}
	var accounts []connector.Account
	for _, r := range found {
		if r.canLogin && ownerOf(r.comment) == "" && !slices.ContainsFunc(known, func(k knownRole) bool { return k.powerful }) {
			accounts = append(accounts, c.observed(r, connector.Account{}))
		}
	}
	return accounts, nil
}

// Adopt implements connector.Adopter. A comment that is there stays, and the mark is put behind it.
func (c *Connector) Adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	if err := checkOwner(owner); err != nil {
		return connector.Account{}, err
	}
	if _, err := strconv.ParseUint(found.ExternalID, 10, 32); err != nil {
		return connector.Account{}, connector.Conflictf("the account is gone")
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	var r, ours []serverRole
	s := statement{what: "look at the account", sql: fmt.Sprintf(roleColumns, noSessions) + byOID, args: []any{c.membersOf(nil), found.ExternalID}}
	if err := c.send(ctx, reading(s, &r, scanRoles), reading(c.findMarked(owner), &ours, scanRoles)); err != nil {
		return connector.Account{}, err
	}
	switch {
	case len(r) == 0:
		return connector.Account{}, connector.Conflictf("the account is gone")
	case ownerOf(r[0].comment) == owner:
		return c.observed(r[0], connector.Account{}), nil
	case ownerOf(r[0].comment) != "" || len(r[0].powers) > 0:
		return connector.Account{}, connector.Conflictf("the account bears another mark, or has powers that no account gets from us")
	case len(ours) > 0:
		return connector.Account{}, connector.Conflictf("another role bears the mark already")
	}
	return c.adopt(ctx, r[0], owner)
}

func (c *Connector) adopt(ctx context.Context, r serverRole, owner string) (connector.Account, error) {
	text := mark(owner)
	if r.comment != "" {
		text = r.comment + " " + text
	}
	var stored []serverRole
	err := c.send(ctx, begin(),
		statement{what: "wait for others of ours", sql: lockOwner, args: []any{r.oid}},
		statement{what: "see that nobody else was faster", sql: wantUnmarked, args: []any{r.oid, r.name, r.comment}},
		statement{what: "see that the mark is free", sql: wantNobody, args: []any{mark(owner)}},
		comment(r.name, text),
		statement{what: "see that the account is the same", sql: wantNamed, args: []any{mark(owner), r.oid, r.name}},
		commit(), reading(c.findMarked(owner), &stored, scanRoles))
	switch {
	case errors.Is(err, errChanged):
		return connector.Account{}, connector.Conflictf("somebody else was faster").Because(err)
	case err != nil:
		return connector.Account{}, err
	case len(stored) != 1:
		return connector.Account{}, connector.Conflictf("several roles bear the mark of this account")
	}
	return c.observed(stored[0], connector.Account{}), nil
}

// List implements connector.Lister: all roles that can log in, and all that bear a mark. The role that we log in as is left out, and so is the one that the server was made with.
func (c *Connector) List(ctx context.Context) iter.Seq2[connector.Account, error] {
	return func(yield func(connector.Account, error) bool) {
		page, err := c.pageAfter(ctx, "0")
		for err == nil && c.tell(page, yield) && len(page) == c.page {
			page, err = c.pageAfter(ctx, page[len(page)-1].oid)
		}
		if err != nil {
			yield(connector.Account{}, err)
		}
	}
}

// tell yields what a page has of accounts, and reports whether to go on.
func (c *Connector) tell(page []serverRole, yield func(connector.Account, error) bool) bool {
	for _, r := range page {
		if (r.canLogin || ownerOf(r.comment) != "") && !yield(c.observed(r, connector.Account{}), nil) {
			return false
		}
	}
	return true
}

func (c *Connector) pageAfter(ctx context.Context, oid string) ([]serverRole, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	s := statement{what: "list accounts", sql: fmt.Sprintf(roleColumns, noSessions) + listed, args: []any{c.membersOf(nil), oid, c.page}}
	return query(ctx, c, s, scanRoles)
}
