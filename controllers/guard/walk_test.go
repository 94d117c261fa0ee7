// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// walk is a random history of a fixture, as seen from outside: writes are slow, fail, or only seem to; events come late; we start
// anew; the clock jumps; people say yes, no, or speak of what was there before.
type walk struct {
	*fixture
	t       *testing.T
	rng     *rand.Rand
	wanted  map[string]wish
	pending map[string]pending
	events  []*v1alpha1.ScimAccount
	shown   string // the digest that somebody read last
	// approved and refused are the holds that somebody decided about.
	approved, refused map[string]bool
	removals          []removal
	real              time.Time
	// admitted is when, really, a time was first handed out.
	admitted map[*metav1.MicroTime]time.Time
	floor    int64 // admins that an invariant asks for
}

type wish struct {
	state v1alpha1.AccountState
	roles []v1alpha1.RoleName
}

// pending is a write that may still arrive.
type pending struct {
	change  Change
	wish    wish
	verdict Verdict
}

// removal is one that went, and counts.
type removal struct {
	app, user string
	kind      kind
	at        time.Time
}

func newWalk(t *testing.T, seed uint64) *walk {
	w := &walk{
		fixture: newFixture(12, 2, 3), t: t, rng: rand.New(rand.NewPCG(seed, 4)), wanted: map[string]wish{}, pending: map[string]pending{},
		approved: map[string]bool{}, refused: map[string]bool{}, floor: 3,
		real: start(), admitted: map[*metav1.MicroTime]time.Time{},
	}
	w.crm.Spec.RemovalGuard.Irreversible.Count, w.erp.Spec.RemovalGuard.Irreversible.Count, w.dir.Spec.RemovalGuard.Irreversible.Count = 1, 1, 2
	w.rules = []Invariant{atLeast("admin", w.floor), atMost("admin", 7)}
	for i, name := range w.names() {
		if i%2 == 0 {
			w.accounts[name].Spec.Roles = []v1alpha1.RoleName{"admin", "viewer"}
		}
		w.wanted[name] = wish{v1alpha1.AccountActive, w.accounts[name].Spec.Roles}
	}
	w.restart()
	return w
}

func (w *walk) names() []string {
	names := make([]string, 0, len(w.accounts))
	for name := range w.accounts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (w *walk) pick() string { return w.names()[w.rng.IntN(len(w.accounts))] }

func (w *walk) step() {
	w.pass(time.Duration(w.rng.IntN(60)) * time.Second)
	switch n := w.rng.IntN(100); {
	case n < 25:
		w.wanted[w.pick()] = w.anyWish()
	case n < 70:
		w.reconcile(w.pick())
	case n < 85:
		w.arrive(w.pick(), true)
	case n < 92:
		w.deliver()
	case n < 97:
		w.say()
	case n < 98:
		w.startAnew()
	case n < 99:
		w.now = w.now.Add(-time.Duration(w.rng.IntN(180)) * time.Minute)
	default:
		w.pass(time.Duration(w.rng.IntN(90)) * time.Minute)
	}
}

// pass lets time pass, for the clock too. Otherwise the clock goes back only: who puts it forward ends windows.
func (w *walk) pass(d time.Duration) { w.now, w.real = w.now.Add(d), w.real.Add(d) }

func (w *walk) anyWish() wish {
	roles := [][]v1alpha1.RoleName{nil, {"viewer"}, {"admin"}, {"admin", "viewer"}}[w.rng.IntN(4)]
	switch w.rng.IntN(5) {
	case 0, 1:
		return wish{v1alpha1.AccountSuspended, nil}
	case 2:
		return wish{v1alpha1.AccountDeleted, nil}
	default:
		return wish{v1alpha1.AccountActive, roles}
	}
}

// reconcile decides about one account; a write of it that was given up before may arrive or not.
func (w *walk) reconcile(name string) {
	w.arrive(name, w.rng.IntN(2) == 0)
	a := w.accounts[name]
	w.l.Observe(a)
	wish := w.wanted[name]
	if a.Spec.State == wish.state && slices.Equal(a.Spec.Roles, wish.roles) && a.Spec.Held == nil {
		w.l.Withdraw(ns, name)
		return
	}
	c := w.want(name, wish.state, wish.roles...)
	v := w.admit(c)
	if again := w.admit(c); again.Held == nil && (v.Held != nil || again.LostAccessAt != v.LostAccessAt || again.DeletedAt != v.DeletedAt) {
		w.t.Errorf("asked again: %+v, %+v", v, again)
	}
	for _, at := range []*metav1.MicroTime{v.LostAccessAt, v.DeletedAt} {
		if _, known := w.admitted[at]; !known {
			w.admitted[at] = w.real
		}
	}
	w.pending[name] = pending{c, wish, v}
	if w.rng.IntN(3) == 0 {
		w.arrive(name, true)
		w.l.Observe(w.accounts[name])
	}
}

// arrive ends the waiting for a write: it reaches the API server, or never will.
func (w *walk) arrive(name string, does bool) {
	p, waits := w.pending[name]
	if !waits {
		return
	}
	delete(w.pending, name)
	if !does {
		return
	}
	before := w.accounts[name]
	after := w.write(p.change, p.wish.state, p.verdict)
	w.events = append(w.events, before, after)
	if p.verdict.Held == nil {
		w.judge(before, after, &p)
	}
	if admins := w.admins("crm"); admins < w.floor || admins > 7 {
		w.t.Errorf("%d admins in crm", admins)
	}
	if admins := w.admins("erp"); admins < w.floor || admins > 7 {
		w.t.Errorf("%d admins in erp", admins)
	}
}

func (w *walk) admins(app string) (n int64) {
	for a := range w.of(app) {
		if a.Spec.State == v1alpha1.AccountActive && slices.Contains(a.Spec.Roles, "admin") {
			n++
		}
	}
	return n
}

// judge looks at a change that reached the API server.
func (w *walk) judge(before, after *v1alpha1.ScimAccount, p *pending) {
	if !p.change.guarded() {
		return
	}
	held := before.Spec.Held
	waited := held != nil && held.By != v1alpha1.HeldByInvariant && held.Digest == p.change.Digest && held.Change == p.change.Kind
	key := ""
	if waited {
		key = holdKey(before)
	}
	switch {
	case w.refused[key]:
		w.t.Errorf("%s went although it was rejected", after.Name)
	case waited && !w.approved[key]:
		w.t.Errorf("%s went although nobody approved it", after.Name)
	case waited:
		return
	case p.change.Loses && p.verdict.LostAccessAt == nil, p.change.Deletes && p.verdict.DeletedAt == nil:
		w.t.Errorf("%s went and does not count", after.Name)
	}
	if p.change.Loses {
		w.count(after, reversible, w.admitted[p.verdict.LostAccessAt])
	}
	if p.change.Deletes {
		w.count(after, irreversible, w.admitted[p.verdict.DeletedAt])
	}
}

func holdKey(a *v1alpha1.ScimAccount) string {
	return fmt.Sprint(a.Name, a.Spec.Held.By, a.Spec.Held.Digest, micros(&a.Spec.Held.Since))
}

// count adds a removal, and counts people in every window.
func (w *walk) count(a *v1alpha1.ScimAccount, k kind, at time.Time) {
	w.removals = append(w.removals, removal{a.Spec.ApplicationRef.Name, a.Spec.UserRef.Name, k, at})
	inApplication := w.application(a.Spec.ApplicationRef.Name).Spec.RemovalGuard
	for _, scope := range []struct {
		app  string
		most int
	}{{a.Spec.ApplicationRef.Name, int(limitOf(&inApplication, k).Count)}, {"", int(limitOf(&w.dir.Spec.RemovalGuard, k).Count)}} {
		for _, r := range w.removals {
			if n := w.people(scope.app, k, r.at); n > scope.most {
				w.t.Errorf("%d people lost access in the hour before %s in %q, kind %d, and %d may", n, r.at, scope.app, k, scope.most)
			}
		}
	}
}

// people counts them in the hour that ends then.
func (w *walk) people(app string, k kind, end time.Time) int {
	users := map[string]bool{}
	for _, r := range w.removals {
		if (app == "" || r.app == app) && r.kind == k && r.at.After(end.Add(-time.Hour)) && !r.at.After(end) {
			users[r.user] = true
		}
	}
	return len(users)
}

func (w *walk) deliver() {
	w.rng.Shuffle(len(w.events), func(i, j int) { w.events[i], w.events[j] = w.events[j], w.events[i] })
	for _, a := range w.events {
		w.l.Observe(a)
	}
	w.events = nil
}

// startAnew is a crash: what is on its way arrives or does not before the next one begins.
func (w *walk) startAnew() {
	for _, name := range w.names() {
		w.arrive(name, w.rng.IntN(2) == 0)
	}
	w.events = nil
	w.restart()
}

// say is somebody who reads what is held, or decides about what was read before, and the controller that hears of it.
func (w *walk) say() {
	for _, s := range []struct {
		by       v1alpha1.HeldBy
		removals *v1alpha1.HeldRemovals
		app      string
	}{{v1alpha1.HeldByApplication, &w.crm.Status.Removals, "crm"}, {v1alpha1.HeldByApplication, &w.erp.Status.Removals, "erp"}, {v1alpha1.HeldByDirectory, &w.dir.Status.Removals, ""}} {
		set := HeldSet(w.in(s.app), s.by, s.removals.Decisions)
		open := w.open(s.app, s.by, s.removals.Decisions)
		annotation := []string{v1alpha1.AnnotationApprove, v1alpha1.AnnotationReject}[w.rng.IntN(2)]
		digest := set.Digest
		if w.rng.IntN(3) == 0 {
			digest = w.shown
		}
		w.shown = set.Digest
		removals, outcome := Decide(set, map[string]string{annotation: digest}, !w.l.Unwritten(ns, set.Through.Time))
		*s.removals = removals
		if outcome == OutcomeApproved || outcome == OutcomeRejected {
			if digest != set.Digest {
				w.t.Errorf("%s by an old digest", outcome)
			}
			for _, key := range open {
				map[Outcome]map[string]bool{OutcomeApproved: w.approved, OutcomeRejected: w.refused}[outcome][key] = true
			}
		}
	}
}

func (w *walk) in(app string) func(func(*v1alpha1.ScimAccount) bool) {
	if app != "" {
		return w.of(app)
	}
	return func(yield func(*v1alpha1.ScimAccount) bool) {
		for _, name := range w.names() {
			if !yield(w.accounts[name]) {
				return
			}
		}
	}
}

// open are the holds that somebody sees who looks at the accounts.
func (w *walk) open(app string, by v1alpha1.HeldBy, decisions []v1alpha1.RemovalDecision) (keys []string) {
	for a := range w.in(app) {
		if h := a.Spec.Held; h != nil && h.By == by && !h.Rejected && decided(decisions, h) == "" && !w.approved[holdKey(a)] {
			keys = append(keys, holdKey(a))
		}
	}
	return keys
}

// settle carries out what is decided, and says what is left that should not be.
func (w *walk) settle() {
	for range 3 {
		for _, name := range w.names() {
			w.reconcile(name)
			w.arrive(name, true)
		}
	}
	for _, name := range w.names() {
		a := w.accounts[name]
		if a.Spec.Held == nil || a.Spec.Held.By == v1alpha1.HeldByInvariant {
			continue
		}
		if key := holdKey(a); w.approved[key] || w.refused[key] != a.Spec.Held.Rejected {
			w.t.Errorf("%s is held with rejected %v; approved %v, refused %v", name, a.Spec.Held.Rejected, w.approved[key], w.refused[key])
		}
	}
	if set := HeldSet(w.of("crm"), v1alpha1.HeldByApplication, w.crm.Status.Removals.Decisions); len(set.awaited) > 0 {
		w.t.Errorf("nobody waits for these decisions: %v", set.awaited)
	}
}

// TestWalk: whatever the interleaving, never more than allowed go in any window, people decide about exactly what they saw, nothing is
// let go by a restart, and no invariant that was true is broken.
func TestWalk(t *testing.T) {
	released, decisions := 0, 0
	for seed := range uint64(300) {
		w := newWalk(t, seed)
		for range 400 {
			w.step()
		}
		w.settle()
		released += len(w.removals)
		decisions += len(w.approved) + len(w.refused)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d removals that count, %d decisions about accounts", released, decisions)
	if released < 1000 || decisions < 1000 {
		t.Error("too little happened to prove anything")
	}
}
