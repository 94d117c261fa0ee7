// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"maps"
	"slices"
	"strings"
)

// world is what was done, as far as it counts for who has access.
type world struct {
	apps   []app
	users  map[string]*user
	groups map[string]*group
	grants map[string]*grant
	// persons are the users by who they are.
	persons map[string]*person
}

// app is an application.
type app struct {
	name string
	// deletes is true where accounts are deleted as soon as they are not to be active; otherwise they are suspended.
	deletes bool
	// roles have the namespaces in which each is bound.
	roles map[string][]string
}

// user is a user of the identity provider, by its SCIM id. One that was deleted stays here.
type user struct {
	id, userName, externalID, email, title string
	// roles are what the identity provider says.
	roles   []string
	active  bool
	deleted bool
	lock    lock
	// touched is true once the annotation of the lock was set.
	touched bool
	// inherits is true of a user for whom a locked account of a former life waits.
	inherits bool
}

// lock is the annotation by which an administrator suspends a user.
type lock int

const (
	lockAbsent lock = iota
	lockEmpty
	lockSet
)

// locked says whether the kill switch is on for the user.
func (u *user) locked() bool { return u.lock == lockSet || u.lock == lockAbsent && u.inherits }

// group is a group with the ids of its members, users and groups.
type group struct {
	id, displayName, externalID string
	members                     map[string]bool
}

// grant gives roles of an application.
type grant struct {
	app      string
	subjects []subject
	roles    []string
	// fromUser is true of a grant that gives besides what the identity provider says in the roles of the user.
	fromUser bool
}

// subject is whom a grant is for.
type subject struct{ kind, value string }

// The kinds of subjects.
const (
	everyone         = "everyone"
	everyoneElse     = "everyone else"
	groupDisplayName = "group by displayName"
	groupExternalID  = "group by externalID"
	groupID          = "group by id"
	userName         = "user"
	titleIs          = "title is"
	emailEndsWith    = "e-mail ends with"
)

// groupsOf are the groups that the user is in, directly or through other groups.
func (w *world) groupsOf(id string) map[string]*group {
	found := map[string]*group{}
	for todo := []string{id}; len(todo) > 0; todo = todo[1:] {
		for _, g := range w.groups {
			if g.members[todo[0]] && found[g.id] == nil {
				found[g.id] = g
				todo = append(todo, g.id)
			}
		}
	}
	return found
}

// entitled says which roles of an application the grants give a user, and whether any grant is for the user at all.
func (w *world) entitled(u *user, a app) (roles []string, granted bool) {
	var last, matching []*grant
	for _, g := range w.grants {
		switch {
		case g.app != a.name:
		case g.isLast():
			last = append(last, g)
		case w.matches(g, u):
			matching = append(matching, g)
		}
	}
	if len(matching) == 0 {
		matching = last
	}
	given := map[string]bool{}
	for _, g := range matching {
		for _, role := range g.gives(u) {
			if a.roles[role] != nil { // others are not declared
				given[role] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(given)), len(matching) > 0
}

// isLast says whether the grant is for those for whom no other is.
func (g *grant) isLast() bool { return g.subjects[0].kind == everyoneElse }

func (g *grant) gives(u *user) []string {
	if g.fromUser {
		return slices.Concat(g.roles, u.roles)
	}
	return g.roles
}

// matches says whether a grant is for a user. One for everyone else is not decided here.
func (w *world) matches(g *grant, u *user) bool {
	return slices.ContainsFunc(g.subjects, func(s subject) bool { return w.matchesSubject(s, u) })
}

func (w *world) matchesSubject(s subject, u *user) bool {
	switch s.kind {
	case everyone:
		return true
	case userName:
		return strings.EqualFold(s.value, u.userName)
	case titleIs:
		return u.title == s.value
	case emailEndsWith:
		return strings.HasSuffix(u.email, s.value)
	}
	for _, g := range w.groupsOf(u.id) {
		switch s.kind {
		case groupDisplayName:
			if strings.EqualFold(g.displayName, s.value) {
				return true
			}
		case groupExternalID:
			if g.externalID == s.value {
				return true
			}
		case groupID:
			if g.id == s.value {
				return true
			}
		}
	}
	return false
}

// forget takes a user or group out of all groups.
func (w *world) forget(id string) {
	for _, g := range w.groups {
		delete(g.members, id)
	}
}

// live are the users that are not deleted, by id.
func (w *world) live() []*user {
	var all []*user
	for _, id := range slices.Sorted(maps.Keys(w.users)) {
		if !w.users[id].deleted {
			all = append(all, w.users[id])
		}
	}
	return all
}
