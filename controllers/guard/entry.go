// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// entry is what is known of one account.
type entry struct {
	uid         types.UID
	generation  int64
	user        string
	application *application
	seen        facts
	flight      *flight
	// counted is since when it counts in the windows of its scopes, 0 if it does not.
	counted [levels][kinds]int64
	// gone says that the ScimAccount is no more. What it counted for counts on until the window is over.
	gone bool
}

// facts are what the API server says.
type facts struct {
	standing Standing
	marks    [kinds]int64
	held     *v1alpha1.HeldChange
}

// flight is what was answered and the API server has not said yet.
type flight struct {
	digest  string
	verdict Verdict
	// outcomes are what the account may have become: one for each change that was let go, since the request of one that was thought
	// better of may still arrive.
	outcomes []Standing
	marks    [kinds]int64
}

// mark is when the removal that counts was last let go.
func (e *entry) mark(k kind) int64 {
	if e.flight == nil {
		return e.seen.marks[k]
	}
	return max(e.seen.marks[k], e.flight.marks[k])
}

// hold is the change that waits, as far as is known; nil if none.
func (e *entry) hold() *v1alpha1.HeldChange {
	if e.flight != nil {
		return e.flight.verdict.Held
	}
	return e.seen.held
}

// holdOf returns the hold of exactly the change c, nil if it is not held or another change is.
func (e *entry) holdOf(c *Change) *v1alpha1.HeldChange {
	candidates := []*v1alpha1.HeldChange{e.hold(), e.seen.held}
	if e.uid == "" {
		candidates[1] = c.Held // nobody told us of the account
	}
	for _, held := range candidates {
		if held != nil && held.Digest == c.Digest && held.Change == c.Kind {
			return held
		}
	}
	return nil
}

// wavers reports whether the last answer was about another change than c, and may still be written.
func (e *entry) wavers(c *Change) bool { return e.flight != nil && e.flight.digest != c.Digest }

// waitsForInvariant reports whether e is held by an invariant.
func (e *entry) waitsForInvariant() bool {
	held := e.hold()
	return held != nil && held.By == v1alpha1.HeldByInvariant && !e.gone
}

// unwritten reports whether a hold was handed out that the ScimAccount does not show yet.
func (e *entry) unwritten() bool {
	return e.flight != nil && e.flight.verdict.Held != nil && !same(e.flight.verdict.Held, e.seen.held)
}

func same(a, b *v1alpha1.HeldChange) bool {
	return a != nil && b != nil && a.By == b.By && a.Digest == b.Digest && micros(&a.Since) == micros(&b.Since)
}

// undecided reports whether nobody knows yet what e can do.
func (e *entry) undecided() bool { return e.flight != nil && len(e.flight.outcomes) > 0 }

// roles calls each with every role that the account has or may have by now, and whether it has it for certain.
func (e *entry) roles(each func(role v1alpha1.RoleName, certain bool)) {
	if !e.undecided() {
		for _, role := range e.seen.standing.roles() {
			each(role, true)
		}
		return
	}
	in := map[v1alpha1.RoleName]int{}
	for _, outcome := range append([]Standing{e.seen.standing}, e.flight.outcomes...) {
		for _, role := range outcome.roles() {
			in[role]++
		}
	}
	for role, n := range in {
		each(role, n == 1+len(e.flight.outcomes))
	}
}

// knows reports whether the answer v to c is what the API server says already, as far as anybody counts it.
func (e *entry) knows(c *Change, v Verdict) bool {
	if e.flight != nil || v.LostAccessAt != nil || v.DeletedAt != nil {
		return false
	}
	if v.Held != nil {
		return same(v.Held, e.seen.held)
	}
	return e.seen.held == nil && c.After.equal(e.seen.standing)
}

// expect replaces what is in flight by the answer v to c.
func (e *entry) expect(c *Change, v Verdict) {
	next := &flight{digest: c.Digest, verdict: v}
	if e.flight != nil {
		next.outcomes, next.marks = e.flight.outcomes, e.flight.marks
	}
	if v.Held == nil && !slices.ContainsFunc(next.outcomes, c.After.equal) {
		next.outcomes = append(slices.Clone(next.outcomes), c.After.clone())
	}
	next.marks[reversible] = max(next.marks[reversible], micros(v.LostAccessAt))
	next.marks[irreversible] = max(next.marks[irreversible], micros(v.DeletedAt))
	e.flight = next
}

// factsOf reads them from a ScimAccount.
func factsOf(acct *v1alpha1.ScimAccount) facts {
	return facts{
		standing: StandingOf(&acct.Spec).clone(),
		marks:    [kinds]int64{reversible: micros(acct.Spec.LostAccessAt), irreversible: micros(acct.Spec.DeletedAt)},
		held:     acct.Spec.Held.DeepCopy(),
	}
}

// application is the scope of an application, and what its invariants count.
type application struct {
	*scope
	directory     *scope // nil while nobody said which
	directoryName string
	// low counts the accounts that have a role for certain, high those that have it or may have it by now.
	low, high map[v1alpha1.RoleName]int64
	// waiting are the accounts that an invariant holds.
	waiting map[*entry]struct{}
}

func newApplication() *application {
	return &application{
		scope: newScope(ofApplication), low: map[v1alpha1.RoleName]int64{}, high: map[v1alpha1.RoleName]int64{},
		waiting: map[*entry]struct{}{},
	}
}

// scopes are those in which the accounts of a count.
func (a *application) scopes() []*scope {
	if a.directory == nil {
		return []*scope{a.scope}
	}
	return []*scope{a.directory, a.scope}
}

// tally adds the roles of e to what is counted, or takes them off.
func (a *application) tally(e *entry, by int64) {
	e.roles(func(role v1alpha1.RoleName, certain bool) {
		add(a.high, role, by)
		if certain {
			add(a.low, role, by)
		}
	})
}

func add(counts map[v1alpha1.RoleName]int64, role v1alpha1.RoleName, by int64) {
	if counts[role] += by; counts[role] == 0 {
		delete(counts, role)
	}
}
