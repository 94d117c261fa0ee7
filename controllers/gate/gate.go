// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
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
	additions, removals *pool
	sequence            uint64

	tokens   float64 // how many may start now, beyond those who have a place; less than none is a debt
	refilled time.Time

	closed *closure // nil: open

	timer clock.Timer
	due   time.Time // when timer fires; zero: there is none
}

// closure says that the application is closed.
type closure struct {
	kind    connector.Kind
	until   time.Time
	pause   time.Duration
	probing bool // one account is let through at this moment
}

// call is somebody to wake.
type call struct {
	key      types.NamespacedName
	priority int
	after    time.Duration
}

func newGate(now time.Time) *gate {
	return &gate{additions: newPool(), removals: newPool(), tokens: 1, refilled: now}
}

func (a *gate) poolFor(removal bool) *pool {
	if removal {
		return a.removals
	}
	return a.additions
}

// enter lets the account in, or makes it wait.
func (a *gate) enter(now time.Time, key types.NamespacedName, priority int, removal bool) (Denial, bool) {
	a.poolFor(!removal).drop(key) // what it waited for before, it does not want any more
	p := a.poolFor(removal)
	if a.closed != nil {
		return a.enterClosed(now, key, p)
	}
	a.expire(now)
	if _, kept := p.kept[key]; !kept {
		a.sequence++
		p.wait(key, priority, a.sequence)
		a.giveTo(now, p, removal, key)
	}
	place, kept := p.kept[key]
	switch {
	case !kept:
		return Denial{Why: Busy}, false
	case place.from.After(now):
		return Denial{Why: Throttled, After: place.from.Sub(now)}, false
	}
	delete(p.kept, key)
	p.active++
	return Denial{}, true
}

// enterClosed lets one through as a probe when the pause is over. Others are parked: something else wakes them.
func (a *gate) enterClosed(now time.Time, key types.NamespacedName, p *pool) (Denial, bool) {
	p.drop(key)
	if pause := a.closed.until.Sub(now); pause > 0 {
		return Denial{Why: Closed, After: wait.Jitter(pause, jitter)}, false
	}
	if a.closed.probing {
		return Denial{Why: Closed, After: wait.Jitter(a.closed.pause, jitter)}, false
	}
	a.closed.probing = true
	p.active++
	return Denial{}, true
}

// giveTo gives the place to key if it is the next one and there is a place. Nobody else is woken by that.
func (a *gate) giveTo(now time.Time, p *pool, removal bool, key types.NamespacedName) {
	if w := p.first(); w != nil && w.key == key && p.free(a.concurrency()) {
		a.give(now, p, removal)
	}
}

// give keeps a place for the next one who waits, from the time on that the rate allows.
func (a *gate) give(now time.Time, p *pool, removal bool) call {
	w := p.next()
	after := a.take(now, removal)
	p.kept[w.key] = kept{from: now.Add(after), until: now.Add(after + keepPlace)}
	return call{w.key, w.priority, after}
}

// advance gives free places to those who wait and returns whom to wake. While the application is closed it lets one come when
// the pause is over, to be the probe.
func (a *gate) advance(now time.Time) (calls []call) {
	a.expire(now)
	if a.closed != nil {
		if a.closed.probing || a.closed.until.After(now) || len(a.removals.kept)+len(a.additions.kept) > 0 {
			return nil
		}
	}
	for _, removal := range []bool{true, false} {
		p := a.poolFor(removal)
		for p.first() != nil && p.free(a.concurrency()) {
			calls = append(calls, a.give(now, p, removal))
			if a.closed != nil {
				return calls
			}
		}
	}
	return calls
}

// next is when advance has something to do though nobody came or went; zero if never.
func (a *gate) next(now time.Time) (due time.Time) {
	if a.closed != nil && a.closed.until.After(now) && a.removals.first() == nil && a.additions.first() == nil {
		return due
	}
	for _, p := range []*pool{a.removals, a.additions} {
		for _, k := range p.kept {
			due = earlier(due, k.until)
		}
	}
	if due.IsZero() && a.closed != nil && a.closed.until.After(now) {
		due = a.closed.until
	}
	return due
}

// earlier of two times; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// expire frees the places of those who did not come.
func (a *gate) expire(now time.Time) {
	a.removals.expire(now)
	a.additions.expire(now)
}

// close closes the gate, or keeps it closed. A refused probe makes the pause twice as long; others, who were under way, do not.
func (a *gate) close(now time.Time, kind connector.Kind, retryAfter time.Duration) (closedNow bool) {
	retryAfter = min(retryAfter, maxRetryAfter)
	switch {
	case a.closed == nil:
		a.closed, closedNow = &closure{pause: minPause}, true
	case a.closed.probing:
		a.closed.pause = min(2*a.closed.pause, maxPause)
	default:
		a.closed.until = later(a.closed.until, now.Add(retryAfter))
		return false
	}
	a.closed.kind, a.closed.until = kind, now.Add(wait.Jitter(a.closed.pause, jitter))
	if retryAfter > 0 {
		a.closed.until = now.Add(retryAfter)
	}
	return closedNow
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

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

// all empties the gate and returns everybody who waits.
func (a *gate) all() (calls []call) {
	for _, p := range []*pool{a.removals, a.additions} {
		for p.first() != nil {
			w := p.next()
			calls = append(calls, call{key: w.key, priority: w.priority})
		}
	}
	return calls
}
