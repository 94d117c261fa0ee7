// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Memory is a connector to an application that lives in memory. It keeps the whole contract with every capability, so it stands in for a
// real one in tests of other packages. It must not be copied and is safe for concurrent use. Make one with [NewMemory].
//
// Two accounts may have the same login name in all but case, and even the same one if [Memory.Put] makes them so.
type Memory struct {
	roles []string

	mu       sync.Mutex
	accounts map[string]connector.Account // by ExternalID
	opened   map[string]opened            // by ExternalID
	lastID   int
	writes   int
	fault    error
	reached  chan struct{} // not nil: hanging
	cut      int           // after how many accounts a list breaks off; negative: never
	traffic  traffic
}

// NewMemory returns an empty application that knows those roles.
func NewMemory(roles ...string) *Memory {
	return &Memory{roles: roles, accounts: map[string]connector.Account{}, opened: map[string]opened{}, cut: -1}
}

// Observe implements [connector.Connector].
func (m *Memory) Observe(ctx context.Context, want connector.Account) (observed *connector.Account, err error) {
	err = m.call(ctx, Call{Verb: VerbObserve, Owner: want.Owner}, func() error {
		if observed = m.byOwner(want.Owner); observed == nil {
			observed = m.byName(want.UserName)
		}
		if observed == nil {
			return connector.ErrNotFound
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return observed, nil
}

// Apply implements [connector.Connector].
func (m *Memory) Apply(ctx context.Context, _ *connector.Account, want connector.Account) (stored connector.Account, err error) {
	err = m.call(ctx, Call{Verb: VerbApply, Owner: want.Owner}, func() error {
		stored, err = m.apply(want)
		return err
	})
	if err != nil {
		return connector.Account{}, err
	}
	return stored, nil
}

func (m *Memory) apply(want connector.Account) (connector.Account, error) {
	current := m.byOwner(want.Owner)
	if want.State == connector.Suspended {
		return m.suspend(current, want), nil
	}
	if err := m.acceptable(want); err != nil {
		return connector.Account{}, err
	}
	if current == nil {
		m.lastID++
		current = &connector.Account{Owner: want.Owner, ExternalID: strconv.Itoa(m.lastID)}
	}
	return m.store(m.merge(*current, want)), nil
}

// Delete implements [connector.Connector]. What the account had opened ends with it.
func (m *Memory) Delete(ctx context.Context, observed connector.Account) error {
	return m.call(ctx, Call{Verb: VerbDelete, Owner: observed.Owner}, func() error {
		if current := m.byOwner(observed.Owner); current != nil {
			delete(m.accounts, current.ExternalID)
			delete(m.opened, current.ExternalID)
			m.writes++
		}
		return nil
	})
}

// Probe implements [connector.Prober].
func (m *Memory) Probe(ctx context.Context) error {
	return m.call(ctx, Call{Verb: VerbProbe}, func() error { return nil })
}

// Fail makes every call return err, until Fail(nil).
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = err
}

// Hang makes every later call wait for the end of its context. The channel delivers once when the first call waits.
func (m *Memory) Hang() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reached = make(chan struct{}, 1)
	return m.reached
}

// Get returns the account of that user name as the application stores it, nil if there is none.
func (m *Memory) Get(userName string) *connector.Account {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byName(userName)
}

// Put stores an account behind the connector's back, as an administrator of the application would, over the one with the same ExternalID.
func (m *Memory) Put(a connector.Account) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[a.ExternalID] = clone(a)
}

// Accounts returns everything that is stored, by ExternalID.
func (m *Memory) Accounts() map[string]connector.Account {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]connector.Account{}
	for id, a := range m.accounts {
		all[id] = clone(a)
	}
	return all
}

func (m *Memory) acceptable(want connector.Account) error {
	if !utf8.ValidString(want.UserName) || want.UserName == "" {
		return connector.Invalidf("the user name is empty or not UTF-8")
	}
	for _, role := range want.Roles {
		if !slices.Contains(m.roles, role) {
			return connector.Invalidf("role %q is not a role of the application", role)
		}
	}
	if holder := m.byName(want.UserName); holder != nil && holder.Owner != want.Owner {
		return connector.Conflictf("an account of that name exists and is not ours")
	}
	return nil
}

// suspend leaves roles as they are, since a suspended account has no use of them.
func (m *Memory) suspend(current *connector.Account, want connector.Account) connector.Account {
	if current == nil {
		want.ExternalID = ""
		return want
	}
	stored := *current
	stored.State = connector.Suspended
	return m.store(stored)
}

func (m *Memory) store(a connector.Account) connector.Account {
	if before, exists := m.accounts[a.ExternalID]; !exists || !equal(before, a) {
		m.accounts[a.ExternalID] = clone(a)
		m.writes++
	}
	return clone(a)
}

func (m *Memory) byOwner(owner string) *connector.Account {
	return m.find(func(a connector.Account) bool { return owner != "" && a.Owner == owner })
}

func (m *Memory) byName(userName string) *connector.Account {
	return m.find(func(a connector.Account) bool { return a.UserName == userName })
}

// find returns the matching account with the lowest ExternalID, nil if there is none.
func (m *Memory) find(matches func(connector.Account) bool) *connector.Account {
	lowest, exists := "", false
	for id, a := range m.accounts {
		if (!exists || id < lowest) && matches(a) {
			lowest, exists = id, true
		}
	}
	if !exists {
		return nil
	}
	found := clone(m.accounts[lowest])
	return &found
}

// merge returns current with everything that want manages and the application keeps.
func (m *Memory) merge(current, want connector.Account) connector.Account {
	merged := clone(current)
	merged.UserName, merged.State = want.UserName, want.State
	if want.Roles != nil {
		merged.Roles = slices.Clone(want.Roles)
		slices.Sort(merged.Roles)
		merged.Roles = slices.Compact(merged.Roles)
	}
	for name, value := range want.Profile {
		switch {
		case !m.Keeps(name):
		case value == "":
			delete(merged.Profile, name)
		case merged.Profile == nil:
			merged.Profile = map[string]string{name: value}
		default:
			merged.Profile[name] = value
		}
	}
	return merged
}

func equal(a, b connector.Account) bool {
	return a.Owner == b.Owner && a.UserName == b.UserName && a.State == b.State &&
		slices.Equal(a.Roles, b.Roles) && maps.Equal(a.Profile, b.Profile)
}

func clone(a connector.Account) connector.Account {
	a.Roles = slices.Clone(a.Roles)
	a.Profile = maps.Clone(a.Profile)
	return a
}
