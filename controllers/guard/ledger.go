// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"
	"sync"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Ledger knows who has access and who lost it, and decides by that. Its zero value is ready, and it may be used by many at a time.
type Ledger struct {
	mu         sync.Mutex
	namespaces map[string]*namespace
}

// in returns what is known of a namespace; l is locked.
func (l *Ledger) in(name string) *namespace {
	n, known := l.namespaces[name]
	if !known {
		if l.namespaces == nil {
			l.namespaces = map[string]*namespace{}
		}
		n = newNamespace()
		l.namespaces[name] = n
	}
	return n
}

// Seed takes over all accounts and applications of a namespace, from live LISTs that began after the last writer before us was
// through. What was observed before and is newer stays. Until then, Admit must not be asked about the namespace.
func (l *Ledger) Seed(name string, accounts []v1alpha1.ScimAccount, applications []v1alpha1.ScimApplication) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.in(name)
	for i := range applications {
		n.place(applications[i].Name, applications[i].Spec.DirectoryRef.Name)
	}
	for i := range accounts {
		n.observe(&accounts[i])
	}
	n.seeded = true
}

// Seeded reports whether Admit may be asked about a namespace.
func (l *Ledger) Seeded(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.in(name).seeded
}

// Observe takes over what the API server says of an account: from events, from the answer to our own write, and, before Admit is
// asked, from what the decision is made of. What is older than what is known is ignored. It reports whether the counts that
// invariants see may have changed, so that those whom Held names have to be looked at again.
func (l *Ledger) Observe(acct *v1alpha1.ScimAccount) (changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.in(acct.Namespace).observe(acct)
}

// Forget takes an account out that is gone from the API server. Its removal counts until the window is over, or we restart. One that was
// made since under the same name stays: whoever tells of the two need not do so in order.
func (l *Ledger) Forget(acct *v1alpha1.ScimAccount) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.in(acct.Namespace)
	if e := n.accounts[acct.Name]; e != nil && e.uid == acct.UID {
		n.bury(acct.Name)
	}
	n.believeGone(acct.UID)
}

// Withdraw gives up what was let go or held for an account and never written, because it is not wanted any more: the account shall be
// what it is.
func (l *Ledger) Withdraw(name, account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.in(name)
	if e := n.accounts[account]; e != nil && e.uid == "" {
		n.lapse(account)
	} else if e != nil && e.flight != nil {
		n.change(e, func() { e.flight = nil })
	}
}

// WithdrawNew does the same for accounts of a user of which none is there: to make one was let go, was never written, and is not
// wanted any more. One that somebody told of, or that is made for another user, stays.
func (l *Ledger) WithdrawNew(name, user string, accounts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.in(name)
	for _, account := range accounts {
		if e := n.accounts[account]; e != nil && e.uid == "" && e.user == user {
			n.lapse(account)
		}
	}
}

// Held returns the users whose changes an invariant of that application holds, sorted. They have to be looked at again when its
// counts change.
func (l *Ledger) Held(name, application string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.in(name).applications[application]
	if a == nil {
		return nil
	}
	users := make([]string, 0, len(a.waiting))
	for e := range a.waiting {
		users = append(users, e.user)
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// Unwritten reports whether a hold that began at that time or before has been handed out and not been observed. A decision that
// reaches so far would speak of what nobody has seen.
func (l *Ledger) Unwritten(name string, through time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := range l.in(name).unwritten {
		if !e.flight.verdict.Held.Since.After(through) {
			return true
		}
	}
	return false
}

// Admit decides about a change that is about to be written, and reserves its place in the windows and in what invariants count.
// Asked again about the same change it gives the same answer and takes nothing more. The present account must have been observed.
func (l *Ledger) Admit(now time.Time, c Change, r Rules) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.in(c.Namespace)
	at := n.tick(now)
	e := n.entry(&c)
	if f := e.flight; f != nil && f.digest == c.Digest && f.verdict.Held == nil && n.fresh(e, at) {
		return f.verdict
	}
	v := n.judge(at, e, &c, &r)
	if !e.knows(&c, v) {
		n.change(e, func() { e.expect(&c, v) })
	}
	return v
}

// fresh reports whether the place that was reserved for e is still in the windows: if not, the write was late for longer than that, and
// what goes now has to count now.
func (n *namespace) fresh(e *entry, at int64) bool {
	v := e.flight.verdict
	for _, s := range e.application.scopes() {
		n.expire(s, at)
		counted := e.counted[s.level]
		if v.LostAccessAt != nil && counted[reversible] == 0 || v.DeletedAt != nil && counted[irreversible] == 0 {
			return false
		}
	}
	return true
}

// entry returns that of the account of c, new if there is none.
func (n *namespace) entry(c *Change) *entry {
	a := n.place(c.Application, c.Directory)
	e := n.accounts[c.Account]
	if e == nil {
		e = &entry{application: a, user: c.User}
		n.accounts[c.Account] = e
	}
	if e.user != c.User {
		n.change(e, func() { e.user = c.User })
	}
	return e
}
