// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// person is who is behind users: those of one externalId, one after the other, or one user without any.
type person struct {
	lives []*user
	// has says for each application by name whether the person has an account there.
	has map[string]presence
	// locks are the applications where the account said that it is locked when we looked.
	locks map[string]bool
	// lockSeen is true once any life was locked.
	lockSeen bool
}

// presence is what is known of an account.
type presence int

const (
	// absent: nobody ever asked for it, or it was not there when we looked.
	absent presence = iota
	// unsure: somebody was entitled, and nobody looked.
	unsure
	// present: it was there when we looked.
	present
)

// now is the last life.
func (p *person) now() *user { return p.lives[len(p.lives)-1] }

// born adds a user, as another life of the person with that externalId if there is one.
func (w *world) born(u *user) {
	w.users[u.id] = u
	key := u.externalID
	if key == "" {
		key = u.id
	}
	p := w.persons[key]
	if p == nil {
		p = &person{has: map[string]presence{}, locks: map[string]bool{}}
		w.persons[key] = p
	}
	u.inherits = slices.Contains(slices.Collect(maps.Values(p.locks)), true) // the walker looks before it deletes who may be locked
	p.lives = append(p.lives, u)
}

// observe notes after every step who may have an account by now.
func (w *world) observe() {
	for _, p := range w.persons {
		u := p.now()
		p.lockSeen = p.lockSeen || u.locked()
		for _, a := range w.apps {
			_, granted := w.entitled(u, a)
			wanted := !u.deleted && granted
			ends := a.deletes && !u.locked() && (!wanted || !u.active)
			if wanted && p.has[a.name] == absent || ends && p.has[a.name] == present {
				p.has[a.name] = unsure
			}
		}
	}
}

// account is what a ScimAccount says, nil where there is none.
type account struct{ user, state, reason, roles string }

func (a *account) String() string {
	if a == nil {
		return "no account"
	}
	return fmt.Sprintf("%s/%s roles [%s] of %s", a.state, a.reason, a.roles, a.user)
}

// anything in a wanted account stands for whatever there is.
const anything = "*"

// is says whether an account is as wanted.
func (a *account) is(wanted *account) bool {
	if a == nil || wanted == nil {
		return a == wanted
	}
	return a.state == wanted.state && a.reason == wanted.reason && a.user == wanted.user && (wanted.roles == anything || a.roles == wanted.roles)
}

// accounts are what a person may have in an application: any of them is right.
func (w *world) accounts(p *person, a app) []*account {
	u := p.now()
	roles, granted := w.entitled(u, a)
	switch {
	case u.locked():
		return p.suspended(a, "Locked", anything)
	case !u.deleted && u.active && granted:
		return []*account{{u.id, "Active", "Granted", strings.Join(roles, " ")}}
	case a.deletes:
		return append(p.waiting("Locked", anything), nil)
	case !u.deleted && granted:
		return []*account{{u.id, "Suspended", "Deactivated", anything}}
	case u.deleted:
		return p.suspended(a, "UserDeleted", "")
	case !u.active:
		return p.suspended(a, "Deactivated", anything)
	default:
		return p.suspended(a, "AccessLost", "")
	}
}

// suspended is what becomes of an account that nobody asks for any more: for whom there never was one, there is none.
func (p *person) suspended(a app, reason, roles string) []*account {
	var all []*account
	if p.has[a.name] != present {
		all = append(all, nil)
	}
	if p.has[a.name] == absent {
		return all
	}
	all = append(all, &account{p.now().id, "Suspended", reason, roles})
	return slices.Concat(all, p.waiting("UserDeleted", ""), p.waiting("Locked", anything))
}

// waiting is the account of a former life that nobody took over, since it takes a grant to do so.
func (p *person) waiting(reason, roles string) (all []*account) {
	if reason == "Locked" && !p.lockSeen {
		return nil
	}
	for _, former := range p.lives[:len(p.lives)-1] {
		all = append(all, &account{former.id, "Suspended", reason, roles})
	}
	return all
}

// binding is a user who is bound.
type binding struct{ namespace, role, userName string }

// bindings are who must be bound, and nobody else.
func (w *world) bindings() map[binding]int {
	wanted := map[binding]int{}
	for _, u := range w.live() {
		for _, a := range w.apps {
			roles, _ := w.entitled(u, a)
			if !u.active || u.locked() {
				continue
			}
			for _, role := range roles {
				for _, namespace := range a.roles[role] {
					wanted[binding{namespace, role, u.userName}]++
				}
			}
		}
	}
	return wanted
}
