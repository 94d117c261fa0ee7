// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// applyTries bounds how often Apply looks again because somebody else was faster.
const applyTries = 4

// Observe implements connector.Connector.
func (c *Connector) Observe(ctx context.Context, want connector.Account) (*connector.Account, error) {
	l, err := c.look(ctx, want)
	if err != nil {
		return nil, err
	}
	if observed := c.observed(l, want); observed != nil {
		return observed, nil
	}
	return nil, connector.ErrNotFound
}

// observed describes what was found, nil if nothing was. Of several entries with our mark the one that is not locked counts.
func (s *settings) observed(l look, want connector.Account) *connector.Account {
	if len(l.ours) == 0 {
		if l.other == nil {
			return nil
		}
		other := s.account(l.other, []string{}, want)
		return &other
	}
	first := &l.ours[0]
	for i := range l.ours {
		if !s.isLocked(&l.ours[i]) {
			first = &l.ours[i]
			break
		}
	}
	account := s.account(first, l.roles, want)
	if len(l.ours) > 1 { // Apply shall look for itself
		delete(account.Profile, profileDN)
		account.Roles = append(account.Roles, connector.DamagedPrefix+connector.UnknownRole)
	}
	return &account
}

// Apply implements connector.Connector.
func (c *Connector) Apply(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
	if hint, ok := c.hint(observed, want); ok {
		if done, err := c.suspendAsObserved(ctx, hint, *observed, want); !isPassing(err) {
			return done, err
		}
	}
	var err error
	for range applyTries {
		var applied connector.Account
		if applied, err = c.applyOnce(ctx, want); !isPassing(err) {
			return applied, err
		}
	}
	if errors.Is(err, errTaken) {
		return connector.Account{}, connector.Conflictf("an entry that is not ours has the name of the account").Because(err)
	}
	return connector.Account{}, connector.Unavailablef(0, "the entry is being changed by others").Because(err)
}

func (c *Connector) applyOnce(ctx context.Context, want connector.Account) (connector.Account, error) {
	l, err := c.look(ctx, want)
	if err != nil {
		return connector.Account{}, err
	}
	steps, err := c.plan(l, want)
	if err != nil {
		return connector.Account{}, err
	}
	if len(steps) > 0 {
		if err := c.run(ctx, steps); err != nil {
			return connector.Account{}, err
		}
		if l, err = c.look(ctx, want); err != nil {
			return connector.Account{}, err
		}
	}
	if len(l.ours) == 0 {
		return connector.Account{Owner: want.Owner, UserName: want.UserName, State: connector.Suspended, Roles: []string{}}, nil
	}
	return *c.observed(l, want), nil
}

// hint makes of what Observe returned what there is to suspend.
func (c *Connector) hint(observed *connector.Account, want connector.Account) (look, bool) {
	if observed == nil || want.State != connector.Suspended || observed.Owner != want.Owner || observed.State != connector.Active {
		return look{}, false
	}
	at, ok := parseDN(observed.Profile[profileDN])
	if !ok || !c.keeps(at) {
		return look{}, false
	}
	e := entry{at: at, id: observed.ExternalID, owners: []string{want.Owner}, attributes: map[string][]string{}}
	if flags := observed.Profile[attributeControl]; flags != "" {
		e.attributes[strings.ToLower(attributeControl)] = []string{flags}
	}
	e.attributes[strings.ToLower(c.UserNameAttribute)] = []string{observed.UserName}
	return look{ours: []entry{e}, members: c.asMember(&e, at), roles: observed.Roles}, true
}

// suspendAsObserved saves a leaver the second look. The directory itself checks that the entry is still ours; one that cannot do that
// makes us look.
func (c *Connector) suspendAsObserved(ctx context.Context, l look, observed, want connector.Account) (connector.Account, error) {
	facts, err := c.facts(ctx)
	if err != nil {
		return connector.Account{}, err
	}
	if !facts.asserts || c.Suspension.Type == MoveToOU && c.isLocked(&l.ours[0]) {
		return connector.Account{}, errStale
	}
	if err := c.run(ctx, c.suspending(l, want)); err != nil {
		return connector.Account{}, err
	}
	observed.State = connector.Suspended
	if want.Roles != nil {
		observed.Roles = []string{}
	}
	return observed, nil
}

// Delete implements connector.Connector. The groups come first: who is only listed there cannot be found any more.
func (c *Connector) Delete(ctx context.Context, observed connector.Account) error {
	for range applyTries {
		err := c.deleteOnce(ctx, observed)
		if !isPassing(err) {
			return err
		}
	}
	return connector.Unavailablef(0, "the entry is being changed by others")
}

func (c *Connector) deleteOnce(ctx context.Context, observed connector.Account) error {
	if observed.Owner == "" {
		return connector.Invalidf("the account has no owner")
	}
	l, err := c.look(ctx, observed)
	if err != nil || len(l.ours) == 0 {
		return err
	}
	steps := c.leaving(l.roles, l.members)
	for _, e := range l.ours {
		steps = append(steps, step{kind: remove, at: e.at, owner: observed.Owner})
	}
	return c.run(ctx, steps)
}

// Revoke implements connector.Revoker. A connection that is bound stays bound: LDAP has no way to end it. A directory gives out no
// tokens.
func (c *Connector) Revoke(ctx context.Context, _ connector.Account) (connector.Revocation, error) {
	if err := ctx.Err(); err != nil {
		return connector.Revocation{}, fmt.Errorf("revoke: %w", err)
	}
	return connector.Revocation{Sessions: connector.NotSupported, Tokens: connector.NotNeeded}, nil
}
