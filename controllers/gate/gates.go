// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Why says why an account may not go on.
type Why string

const (
	// Busy means that every place is taken. Wake is called when the account may come again.
	Busy Why = "Busy"
	// Throttled means that the rate of the application is used up. The account comes again after [Denial.After].
	Throttled Why = "Throttled"
	// Closed means that the application is known not to work.
	Closed Why = "Closed"
)

// Denial is why an account may not go on, and until when.
type Denial struct {
	Why Why
	// After is when to come again. It is zero for Busy. For Closed it is a bound: what opens the application wakes the account before.
	After time.Duration
}

// Gates are the gates of all applications. Clock and Wake are set before the first use and not changed. It must not be copied and can be
// used by many at once.
type Gates struct {
	// Clock is the time. The default is the real one.
	Clock clock.WithDelayedExecution
	// Wake makes an account come again after a while, which may be zero. It is never called while a lock is held, and may call
	// any method.
	Wake func(key types.NamespacedName, priority int, after time.Duration)

	mu    sync.Mutex
	gates map[types.NamespacedName]*gate
}

// Enter asks whether work on the account key of the application app may go on now. If ok, leave is called when the work is done, also
// when it failed; calling it again does nothing. If not, d says why. A higher priority is more urgent; removal says that the work takes
// access away.
func (g *Gates) Enter(app types.NamespacedName, limits v1alpha1.Limits, key types.NamespacedName, priority int, removal bool) (leave func(), d Denial, ok bool) {
	g.do(app, func(a *gate, now time.Time) {
		a.limits = limits
		if d, ok = a.enter(now, key, priority, removal); ok {
			probe := a.closed // open: nil
			leave = sync.OnceFunc(func() { g.leave(app, a, removal, probe) })
		}
	})
	return leave, d, ok
}

func (g *Gates) leave(app types.NamespacedName, left *gate, removal bool, probe *closure) {
	g.mu.Lock()
	forgotten := g.gates[app] != left
	g.mu.Unlock()
	if forgotten {
		return
	}
	g.do(app, func(*gate, time.Time) {
		left.poolFor(removal).active--
		if probe != nil {
			probe.probing = false
		}
	})
}

// Report tells how the calls to the application ended. Errors of KindDenied and KindUnavailable close the gate, for as long as
// [connector.RetryAfter] says; anything else leaves it, but opens it again when it comes from the probe. It reports whether the
// gate was open and is closed now.
func (g *Gates) Report(app types.NamespacedName, err error) (closedNow bool) {
	g.do(app, func(a *gate, now time.Time) {
		kind := connector.KindOf(err)
		switch {
		case kind == connector.KindDenied || kind == connector.KindUnavailable:
			closedNow = a.close(now, kind, connector.RetryAfter(err))
		case a.closed != nil && a.closed.probing:
			a.closed = nil
		}
	})
	return closedNow
}

// Open lets accounts through: the application works.
func (g *Gates) Open(app types.NamespacedName) {
	g.do(app, func(a *gate, _ time.Time) { a.closed = nil })
}

// Closed says whether the application is closed, why, and until when no account is let through.
func (g *Gates) Closed(app types.NamespacedName) (kind connector.Kind, until time.Time, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.gates[app]; a != nil && a.closed != nil {
		return a.closed.kind, a.closed.until, true
	}
	return "", time.Time{}, false
}

// Forget drops an application that is gone. Who waits for it is woken and will see that.
func (g *Gates) Forget(app types.NamespacedName) {
	g.mu.Lock()
	a := g.gates[app]
	delete(g.gates, app)
	var calls []call
	if a != nil {
		a.stop()
		calls = a.all()
	}
	g.mu.Unlock()
	g.wake(calls)
}

// do changes the gate of an application and then wakes who may come because of it.
func (g *Gates) do(app types.NamespacedName, change func(a *gate, now time.Time)) {
	g.mu.Lock()
	if g.Clock == nil {
		g.Clock = clock.RealClock{}
	}
	now := g.Clock.Now()
	a := g.gates[app]
	if a == nil {
		a = newGate(now)
		if g.gates == nil {
			g.gates = map[types.NamespacedName]*gate{}
		}
		g.gates[app] = a
	}
	change(a, now)
	calls := a.advance(now)
	g.arm(app, a, now)
	g.mu.Unlock()
	g.wake(calls)
}

// arm sees to it that the gate is looked at when its next time comes, though nobody enters or leaves.
func (g *Gates) arm(app types.NamespacedName, a *gate, now time.Time) {
	due := a.next(now)
	if due.Equal(a.due) {
		return
	}
	a.stop()
	if a.due = due; due.IsZero() {
		return
	}
	a.timer = g.Clock.AfterFunc(max(0, due.Sub(now)), func() {
		go g.tick(app) // a fake clock calls this under its lock
	})
}

func (g *Gates) tick(app types.NamespacedName) {
	g.mu.Lock()
	known := g.gates[app] != nil
	g.mu.Unlock()
	if known {
		g.do(app, func(a *gate, _ time.Time) { a.stop() })
	}
}

func (g *Gates) wake(calls []call) {
	if g.Wake == nil {
		return
	}
	for _, c := range calls {
		g.Wake(c.key, c.priority, c.after)
	}
}
