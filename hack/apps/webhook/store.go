// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// Account is an account of the application.
type Account struct {
	ID       string            `json:"id"`
	Owner    string            `json:"owner"`
	UserName string            `json:"userName"`
	State    string            `json:"state"`
	Roles    []string          `json:"roles"`
	Profile  map[string]string `json:"profile"`
}

const (
	active    = "Active"
	suspended = "Suspended"
	// maxUserName is how long a user name can be.
	maxUserName = 255
)

var (
	errNotFound = errors.New("there is no such account")
	errConflict = errors.New("somebody else's account is in the way")
	errInvalid  = errors.New("such an account cannot be kept")
)

// wanted is the body of a PUT. Roles that are nil stay as they are, and so does what the profile does not name.
type wanted struct {
	State    string            `json:"state"`
	UserName string            `json:"userName"`
	Roles    []string          `json:"roles"`
	Profile  map[string]string `json:"profile"`
}

// store is every account. All that the contract changes is changed in one step.
type store struct {
	roles, attributes []string

	mu        sync.Mutex
	accounts  map[string]*Account // by ID
	passwords map[string]string   // by ID
	sessions  map[string]string   // the ID, by session
	last      int
	changes   int // that the contract has made
}

func newStore(roles, attributes []string) *store {
	return &store{roles: roles, attributes: attributes, accounts: map[string]*Account{}, passwords: map[string]string{}, sessions: map[string]string{}}
}

// get returns the account that bears the mark.
func (s *store) get(owner string) (Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.byOwner(owner); a != nil {
		return a.clone(), nil
	}
	return Account{}, errNotFound
}

// put makes the account that bears the mark what it shall be. It judges first, and then nothing can fail.
func (s *store) put(owner string, want wanted) (Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.byOwner(owner)
	switch {
	case want.State == suspended && current == nil:
		return Account{}, errNotFound // nobody is made an account to be suspended
	case want.State == suspended:
		s.change(current, func(a *Account) { a.State = suspended })
		return current.clone(), nil
	case want.State != active || !s.accepts(want):
		return Account{}, errInvalid
	}
	if other := s.byName(want.UserName); other != nil && other != current {
		return Account{}, errConflict
	}
	if current == nil {
		current = s.add(Account{Owner: owner, Roles: []string{}})
	}
	s.change(current, func(a *Account) {
		a.State, a.UserName = active, want.UserName
		if want.Roles != nil {
			a.Roles = slices.Compact(slices.Sorted(slices.Values(want.Roles)))
		}
		maps.Copy(a.Profile, want.Profile)
		maps.DeleteFunc(a.Profile, func(_, value string) bool { return value == "" })
	})
	return current.clone(), nil
}

// accepts reports whether such an account can be kept. A name that would be changed on its way in is refused rather than changed.
func (s *store) accepts(want wanted) bool {
	for _, role := range want.Roles {
		if !slices.Contains(s.roles, role) {
			return false
		}
	}
	for name := range want.Profile {
		if !slices.Contains(s.attributes, name) {
			return false
		}
	}
	return want.UserName != "" && len(want.UserName) <= maxUserName && !strings.ContainsFunc(want.UserName, unicode.IsControl)
}

// remove removes the account that bears the mark, and what it had opened.
func (s *store) remove(owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byOwner(owner)
	if a == nil {
		return errNotFound
	}
	s.endSessions(a.ID)
	delete(s.accounts, a.ID)
	delete(s.passwords, a.ID)
	s.changes++
	return nil
}

// revoke ends the sessions of the account that bears the mark.
func (s *store) revoke(owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byOwner(owner)
	if a == nil {
		return errNotFound
	}
	if s.endSessions(a.ID) > 0 {
		s.changes++
	}
	return nil
}

func (s *store) endSessions(id string) (ended int) {
	before := len(s.sessions)
	maps.DeleteFunc(s.sessions, func(_, of string) bool { return of == id })
	return before - len(s.sessions)
}

// list returns accounts in the order of their IDs, the first behind that of the cursor, and the next cursor, "" at the end.
func (s *store) list(cursor string, limit int) (page []Account, next string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		switch {
		case id <= cursor:
		case len(page) == limit:
			return page, page[limit-1].ID
		default:
			page = append(page, s.accounts[id].clone())
		}
	}
	return page, ""
}

// find returns the accounts that bear no mark and have the value.
func (s *store) find(key, value string) ([]Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := map[string]func(*Account) string{
		"UserName": func(a *Account) string { return a.UserName }, "Email": func(a *Account) string { return a.Profile["email"] },
	}[key]
	if of == nil {
		return nil, errInvalid
	}
	found := []Account{}
	for _, a := range s.accounts {
		if a.Owner == "" && value != "" && strings.EqualFold(of(a), value) {
			found = append(found, a.clone())
		}
	}
	return found, nil
}

// adopt puts the mark on an account that bears none.
func (s *store) adopt(id, owner string) (Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, other := s.accounts[id], s.byOwner(owner)
	switch {
	case a == nil:
		return Account{}, errNotFound
	case a.Owner != "" && a.Owner != owner || other != nil && other != a:
		return Account{}, errConflict
	}
	s.change(a, func(a *Account) { a.Owner = owner })
	return a.clone(), nil
}

// change counts what makes a difference.
func (s *store) change(a *Account, change func(*Account)) {
	before := a.clone()
	if change(a); !before.equal(a) {
		s.changes++
	}
}

func (s *store) add(a Account) *Account {
	s.last++
	added := a.clone()
	added.ID = strconv.Itoa(1_000_000 + s.last) // in the order of their making
	s.accounts[added.ID] = &added
	s.passwords[added.ID] = rand.Text()
	return &added
}

func (s *store) byOwner(owner string) *Account {
	for _, a := range s.accounts {
		if a.Owner == owner && owner != "" {
			return a
		}
	}
	return nil
}

// byName knows no case, as people do not.
func (s *store) byName(userName string) *Account {
	for _, a := range s.accounts {
		if strings.EqualFold(a.UserName, userName) {
			return a
		}
	}
	return nil
}

func (a *Account) clone() Account {
	cloned := *a
	cloned.Roles, cloned.Profile = append([]string{}, a.Roles...), map[string]string{}
	maps.Copy(cloned.Profile, a.Profile)
	return cloned
}

func (a *Account) equal(b *Account) bool {
	return a.Owner == b.Owner && a.UserName == b.UserName && a.State == b.State && slices.Equal(a.Roles, b.Roles) && maps.Equal(a.Profile, b.Profile)
}
