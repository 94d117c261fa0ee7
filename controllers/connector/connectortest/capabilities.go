// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// The attributes of a Memory that stand for keys.
const (
	attributeEmail      = "email"
	attributeExternalID = "externalId"
)

// pageSize is how many accounts a page of a list has: few, so that there are several pages even in small tests.
const pageSize = 3

// opened is what somebody has opened with an account.
type opened struct{ sessions, tokens int }

// Keeps implements [connector.Profiled]. The attributes are displayName, email, externalId, title and teams. Others are never stored.
func (m *Memory) Keeps(attribute string) bool {
	return slices.Contains([]string{"displayName", attributeEmail, attributeExternalID, "title", "teams"}, attribute)
}

// Find implements [connector.Adopter]. Login names and addresses are compared without regard to case.
func (m *Memory) Find(ctx context.Context, key connector.Key, value string) (found []connector.Account, err error) {
	err = m.call(ctx, Call{Verb: VerbFind}, func() error {
		matches, known := matcher(key, value)
		if !known {
			return connector.Invalidf("the application knows no accounts by %q", key)
		}
		for _, id := range slices.Sorted(maps.Keys(m.accounts)) {
			if a := m.accounts[id]; a.Owner == "" && value != "" && matches(a) {
				found = append(found, clone(a))
			}
		}
		return nil
	})
	return found, err
}

func matcher(key connector.Key, value string) (matches func(connector.Account) bool, known bool) {
	switch key {
	case connector.KeyUserName:
		return func(a connector.Account) bool { return strings.EqualFold(a.UserName, value) }, true
	case connector.KeyEmail:
		return func(a connector.Account) bool { return strings.EqualFold(a.Profile[attributeEmail], value) }, true
	case connector.KeyExternalID:
		return func(a connector.Account) bool { return a.Profile[attributeExternalID] == value }, true
	}
	return nil, false
}

// Adopt implements [connector.Adopter].
func (m *Memory) Adopt(ctx context.Context, found connector.Account, owner string) (stored connector.Account, err error) {
	err = m.call(ctx, Call{Verb: VerbAdopt, Owner: owner}, func() error {
		current, exists := m.accounts[found.ExternalID]
		other := m.byOwner(owner)
		switch {
		case owner == "":
			return connector.Invalidf("the account has no owner")
		case !exists || current.Owner != "" && current.Owner != owner:
			return connector.Conflictf("the account is gone, or somebody else's by now")
		case other != nil && other.ExternalID != found.ExternalID:
			return connector.Conflictf("another account bears the mark already")
		}
		current.Owner = owner
		stored = m.store(current)
		return nil
	})
	return stored, err
}

// List implements [connector.Lister].
func (m *Memory) List(ctx context.Context) iter.Seq2[connector.Account, error] {
	return func(yield func(connector.Account, error) bool) {
		call := Call{Verb: VerbList}
		before, after := m.begin(&call)
		defer m.end()
		for _, step := range []func(context.Context, Call) error{before, m.pages(yield), after} {
			if step == nil {
				continue
			}
			switch err := step(ctx, call); {
			case errors.Is(err, errEnough):
				return
			case err != nil:
				yield(connector.Account{}, err)
				return
			}
		}
	}
}

// errEnough says that nobody wants more of a list.
var errEnough = errors.New("enough")

// pages yields every page of a list. It returns errEnough when yield does not want more.
func (m *Memory) pages(yield func(connector.Account, error) bool) func(context.Context, Call) error {
	return func(ctx context.Context, _ Call) error { return m.eachPage(ctx, yield) }
}

func (m *Memory) eachPage(ctx context.Context, yield func(connector.Account, error) bool) error {
	listed, after := 0, ""
	for {
		page, err := m.page(ctx, listed, after)
		for _, a := range page {
			if !yield(a, nil) {
				return errEnough
			}
		}
		if err != nil || len(page) < pageSize {
			return err
		}
		listed, after = listed+len(page), page[len(page)-1].ExternalID
	}
}

// page returns the accounts behind that ExternalID, at most a page of them. With an error, it returns those that were read until then.
func (m *Memory) page(ctx context.Context, listed int, after string) ([]connector.Account, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var page []connector.Account
	for _, id := range slices.Sorted(maps.Keys(m.accounts)) {
		switch {
		case id <= after:
			continue
		case len(page) == pageSize:
			return page, nil
		case m.cut >= 0 && listed+len(page) >= m.cut:
			return page, connector.Unavailablef(0, "the list broke off")
		}
		page = append(page, clone(m.accounts[id]))
	}
	return page, nil
}

// TruncateList makes every later List break off with an error after so many accounts, if there are more. A negative number makes it whole again.
func (m *Memory) TruncateList(after int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = after
}

// Revoke implements [connector.Revoker].
func (m *Memory) Revoke(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
	err := m.call(ctx, Call{Verb: VerbRevoke, Owner: acct.Owner}, func() error {
		current := m.byOwner(acct.Owner)
		if current == nil || m.opened[current.ExternalID] == (opened{}) {
			return nil
		}
		delete(m.opened, current.ExternalID)
		m.writes++
		return nil
	})
	if err != nil {
		return connector.Revocation{}, err
	}
	return connector.Revocation{Sessions: connector.Revoked, Tokens: connector.Revoked}, nil
}

// OpenSession opens a session with the account of that user name. It lives until it is revoked or the account deleted, even if the account is suspended.
func (m *Memory) OpenSession(userName string) {
	m.open(userName, func(o *opened) { o.sessions++ })
}

// IssueToken issues a token to the account of that user name. It lives as long as a session does.
func (m *Memory) IssueToken(userName string) {
	m.open(userName, func(o *opened) { o.tokens++ })
}

func (m *Memory) open(userName string, change func(*opened)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.byName(userName); a != nil {
		o := m.opened[a.ExternalID]
		change(&o)
		m.opened[a.ExternalID] = o
	}
}

// Sessions returns how many sessions are open with the account of that user name.
func (m *Memory) Sessions(userName string) int { return m.openedBy(userName).sessions }

// Tokens returns how many tokens the account of that user name has.
func (m *Memory) Tokens(userName string) int { return m.openedBy(userName).tokens }

func (m *Memory) openedBy(userName string) opened {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.byName(userName); a != nil {
		return m.opened[a.ExternalID]
	}
	return opened{}
}
