// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// defaultConcurrency is what the API defaults to; an application that is built without the API server has none.
	defaultConcurrency = 8
	// keepPlace is how long a place is kept for who was woken. It is time to get through the queue, and bounds how long a place is
	// lost on somebody who does not come.
	keepPlace = 15 * time.Second
	// minPause and maxPause bound how long a closed application is left alone, when it does not say.
	minPause, maxPause = 30 * time.Second, 5 * time.Minute
	// maxRetryAfter bounds what an application may say.
	maxRetryAfter = time.Hour
	// maxDebt bounds, in seconds of the rate, how far removals can push additions back.
	maxDebt = 10
	// jitter spreads those who come again after a pause.
	jitter = 0.2
)

// gate is the state of one application. All of it is guarded by the lock of Gates.
type gate struct {
	limits              v1alpha1.Limits
	removals, additions *lane
	sequence            uint64

	tokens   float64 // how many may start now, beyond those who have a place; less than none is a debt
	refilled time.Time

	denied map[types.NamespacedName]int // how often each was denied, one after the other
	calls  []call                       // whom to wake, when the lock is free

	timer clock.Timer
	due   time.Time // when timer fires; zero: there is none
}

// call is somebody to wake.
type call struct {
	key      types.NamespacedName
	priority int
	after    time.Duration
}

func newGate(now time.Time) *gate {
	return &gate{removals: newLane(true), additions: newLane(false), denied: map[types.NamespacedName]int{}, tokens: 1, refilled: now}
}

func (a *gate) lane(removal bool) *lane {
	if removal {
		return a.removals
	}
	return a.additions
}

// lanes are both lanes, the more urgent one first.
func (a *gate) lanes() []*lane { return []*lane{a.removals, a.additions} }

// enter lets the account in, or makes it wait.
func (a *gate) enter(now time.Time, c call, l *lane) (Denial, bool) {
	a.lane(!l.removal).drop(c.key) // what it waited for before, it does not want any more
	if l.closed != nil {
		l.drop(c.key)
		d, ok := l.enterClosed(now)
		if !ok {
			a.park(c, l, 0)
		}
		return d, ok
	}
	delete(l.parked, c.key)
	a.expire(now)
	if _, kept := l.kept[c.key]; !kept {
		a.sequence++
		l.wait(c.key, c.priority, a.sequence)
		a.giveTo(now, l, c.key)
	}
	place, kept := l.kept[c.key]
	switch {
	case !kept:
		return Denial{Why: Busy}, false
	case place.from.After(now):
		return Denial{Why: Throttled, After: place.from.Sub(now)}, false
	}
	delete(l.kept, c.key)
	l.active++
	return Denial{}, true
}

func (a *gate) park(c call, l *lane, tries int) {
	a.sequence++
	l.parked[c.key] = parked{call: c, tries: tries, sequence: a.sequence}
}

// giveTo gives the place to key if it is the next one and there is a place. Nobody else is woken by that.
func (a *gate) giveTo(now time.Time, l *lane, key types.NamespacedName) {
	if w := l.first(); w != nil && w.key == key && l.free(a.concurrency()) {
		a.give(now, l)
	}
}

// give keeps a place for the next one who waits, from the time on that the rate allows.
func (a *gate) give(now time.Time, l *lane) call {
	w := l.next()
	after := a.take(now, l.removal)
	l.kept[w.key] = kept{from: now.Add(after), until: now.Add(after + keepPlace)}
	return call{w.key, w.priority, after}
}

// advance gives free places to those who wait, and notes whom to wake.
func (a *gate) advance(now time.Time) {
	a.expire(now)
	for _, l := range a.lanes() {
		for l.first() != nil && l.free(a.concurrency()) && l.lets(now) {
			a.calls = append(a.calls, a.give(now, l))
		}
	}
}

// next is when advance has something to do though nobody came or went; zero if never.
func (a *gate) next(now time.Time) time.Time {
	return earlier(a.removals.due(now), a.additions.due(now))
}

// earlier of two times; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// expire frees the places of those who did not come.
func (a *gate) expire(now time.Time) {
	a.removals.expire(now)
	a.additions.expire(now)
}

// refused closes lanes because of what the account of t was told, which is to come again when they are open.
func (a *gate) refused(now time.Time, t *Turn, err error, lanes ...*lane) (closedNow bool) {
	for _, l := range lanes {
		closedNow = l.close(now, err, t.probe) || closedNow
	}
	again := call{t.key, t.priority, pauseAfter(a.denied[t.key])}
	a.park(again, a.lane(t.removal), 1+a.denied[t.key])
	return closedNow
}

// pauseAfter is how long an account is left alone that was denied so often, when its lane opens: none after the first time, since that is
// mostly mended for all, and then the longer the more often. Otherwise one account that is denied for good would close the lane for the
// others again and again.
func pauseAfter(times int) time.Duration {
	if times <= 1 {
		return 0
	}
	return min(minPause<<min(times-2, 10), maxPause)
}

// answered opens the lane of t if it is its probe, and the other one if that was closed by what is over now. A right that is missing
// there may be missing still.
func (a *gate) answered(t *Turn) {
	delete(a.denied, t.key)
	own, other := a.lane(t.removal), a.lane(!t.removal)
	if own.closed == nil || own.closed != t.probe {
		return
	}
	a.open(own)
	if other.closed != nil && other.closed.kind != connector.KindDenied {
		a.open(other)
	}
}

func (a *gate) open(l *lane) { a.calls = append(a.calls, l.open()...) }

// take takes a token and returns how long it takes until there is one. Removals do not wait, and leave a debt of a bounded size.
func (a *gate) take(now time.Time, removal bool) time.Duration {
	rate := float64(a.limits.AccountsPerSecond)
	if rate <= 0 {
		a.tokens, a.refilled = 1, now
		return 0
	}
	a.tokens = min(rate, a.tokens+rate*now.Sub(a.refilled).Seconds())
	a.refilled = now
	if removal {
		a.tokens = max(a.tokens-1, min(a.tokens, -maxDebt*rate))
		return 0
	}
	a.tokens--
	return time.Duration(max(0, -a.tokens) / rate * float64(time.Second))
}

func (a *gate) concurrency() int {
	if a.limits.Concurrency > 0 {
		return int(a.limits.Concurrency)
	}
	return defaultConcurrency
}

func (a *gate) stop() {
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer, a.due = nil, time.Time{}
}

// empty takes everybody out who waits or is parked, to be woken.
func (a *gate) empty() {
	for _, l := range a.lanes() {
		a.open(l)
		for l.first() != nil {
			w := l.next()
			a.calls = append(a.calls, call{key: w.key, priority: w.priority})
		}
	}
}

// called returns whom to wake, once.
func (a *gate) called() []call {
	calls := a.calls
	a.calls = nil
	return calls
}
