// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// slack is by how much the clock may go back without being believed: workers that ask at the same time, or a small correction.
const slack = 10 * time.Second

// remembered is how many ScimAccounts that are gone are known to be so, at least: word of one may still be on its way.
const remembered = 4096

// namespace is all that is known of a namespace. Everything is kept by link and unlink: whoever changes an entry takes it out of all
// counts before and puts it back afterwards.
type namespace struct {
	seeded       bool
	clock        int64 // as the last decision saw it, in microseconds
	epoch        int   // how often the clock went back
	since        int64 // the last spec.held.since that was seen or handed out
	accounts     map[string]*entry
	applications map[string]*application
	directories  map[string]*scope
	// ghosts are entries of ScimAccounts that are gone and still count.
	ghosts map[*entry]struct{}
	// unwritten are the entries with a hold that the API server has not shown yet.
	unwritten map[*entry]struct{}
	// buried and elder are the uids of what is gone; elder are forgotten next.
	buried, elder map[types.UID]struct{}
}

func newNamespace() *namespace {
	return &namespace{
		accounts: map[string]*entry{}, applications: map[string]*application{}, directories: map[string]*scope{},
		ghosts: map[*entry]struct{}{}, unwritten: map[*entry]struct{}{}, buried: map[types.UID]struct{}{},
	}
}

// tick returns the time to decide by, in microseconds. A clock that goes back brings back what had left the windows.
func (n *namespace) tick(now time.Time) int64 {
	at := now.UnixMicro()
	switch {
	case at >= n.clock:
		n.clock = at
	case n.clock-at > slack.Microseconds():
		n.clock = at
		n.epoch++
	}
	return n.clock
}

// application returns the scope of that name, new if need be.
func (n *namespace) application(name string) *application {
	a, known := n.applications[name]
	if !known {
		a = newApplication()
		n.applications[name] = a
	}
	return a
}

// place says to which directory an application belongs. That changes only if another application has the name now.
func (n *namespace) place(name, directory string) *application {
	a := n.application(name)
	if a.directory != nil && a.directoryName == directory {
		return a
	}
	members := n.members(a.scope)
	for _, e := range members {
		n.unlink(e)
	}
	if n.directories[directory] == nil {
		n.directories[directory] = newScope(ofDirectory)
	}
	a.directory, a.directoryName = n.directories[directory], directory
	for _, e := range members {
		n.link(e)
	}
	return a
}

// members are the entries that belong to s. It looks at all that there are, so only what happens rarely asks for them.
func (n *namespace) members(s *scope) (members []*entry) {
	belongs := func(e *entry) bool { return e.application.scope == s || e.application.directory == s }
	for _, e := range n.accounts {
		if belongs(e) {
			members = append(members, e)
		}
	}
	for e := range n.ghosts {
		if belongs(e) {
			members = append(members, e)
		}
	}
	return members
}

// change changes e and all that is counted of it.
func (n *namespace) change(e *entry, how func()) {
	n.unlink(e)
	how()
	n.link(e)
}

// link counts e.
func (n *namespace) link(e *entry) {
	a := e.application
	for _, s := range a.scopes() {
		if e.seen.standing.Active {
			s.alter(e.user, func(p *person) { p.access++ })
		}
		for k := range kinds {
			s.mark(e, k, e.mark(k), n.clock)
		}
	}
	a.tally(e, 1)
	if e.waitsForInvariant() {
		a.waiting[e] = struct{}{}
	}
	if e.unwritten() {
		n.unwritten[e] = struct{}{}
	}
	if e.gone && e.counted != [levels][kinds]int64{} {
		n.ghosts[e] = struct{}{}
	}
}

// unlink stops counting e.
func (n *namespace) unlink(e *entry) {
	a := e.application
	for _, s := range a.scopes() {
		if e.seen.standing.Active {
			s.alter(e.user, func(p *person) { p.access-- })
		}
		for k := range kinds {
			s.unmark(e, k)
		}
	}
	a.tally(e, -1)
	delete(a.waiting, e)
	delete(n.unwritten, e)
	delete(n.ghosts, e)
}

// ready brings the windows of s up to that time and length.
func (n *namespace) ready(s *scope, length time.Duration, at int64) {
	if !s.fits(length, n.epoch) {
		n.rebuild(s, length)
	}
	n.expire(s, at)
}

// expire brings the windows of s up to that time.
func (n *namespace) expire(s *scope, at int64) {
	for _, e := range s.expire(at) {
		if e.counted == [levels][kinds]int64{} {
			delete(n.ghosts, e)
		}
	}
}

// rebuild makes the windows of s anew, of another length or after the clock went back.
func (n *namespace) rebuild(s *scope, length time.Duration) {
	members := n.members(s)
	for _, e := range members {
		for k := range kinds {
			s.unmark(e, k)
		}
	}
	s.length, s.epoch, s.windows = length.Microseconds(), n.epoch, [kinds]window{}
	for _, e := range members {
		for k := range kinds {
			s.mark(e, k, e.mark(k), n.clock)
		}
	}
}

// observe takes over what the API server says of an account.
func (n *namespace) observe(acct *v1alpha1.ScimAccount) (changed bool) {
	if n.dead(acct.UID) {
		return false
	}
	e := n.accounts[acct.Name]
	switch {
	case e == nil:
		e = &entry{application: n.application(acct.Spec.ApplicationRef.Name)}
		n.accounts[acct.Name] = e
	case e.uid == acct.UID && acct.Generation <= e.generation:
		return false
	}
	changed = e.undecided() || !e.seen.standing.equal(StandingOf(&acct.Spec))
	n.change(e, func() {
		e.uid, e.generation, e.user = acct.UID, acct.Generation, acct.Spec.UserRef.Name
		e.application = n.application(acct.Spec.ApplicationRef.Name)
		e.seen, e.flight = factsOf(acct), nil
	})
	if e.seen.held != nil {
		n.since = max(n.since, micros(&e.seen.held.Since))
	}
	return changed
}

// lapse takes an account out that never was.
func (n *namespace) lapse(name string) {
	n.unlink(n.accounts[name])
	delete(n.accounts, name)
}

// bury takes an account out that is gone, but for what counts.
func (n *namespace) bury(name string) {
	e := n.accounts[name]
	delete(n.accounts, name)
	n.change(e, func() {
		e.seen = facts{marks: [kinds]int64{reversible: e.mark(reversible), irreversible: e.mark(irreversible)}}
		e.flight, e.gone = nil, true
	})
}

// believeGone remembers that a ScimAccount is gone: a late word of it is not believed.
func (n *namespace) believeGone(uid types.UID) {
	if len(n.buried) >= remembered {
		n.buried, n.elder = map[types.UID]struct{}{}, n.buried
	}
	n.buried[uid] = struct{}{}
}

// dead reports whether that ScimAccount is known to be gone.
func (n *namespace) dead(uid types.UID) bool {
	_, buried := n.buried[uid]
	_, elder := n.elder[uid]
	return uid != "" && (buried || elder)
}
