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
	// Closed means that the application is known not to work, for additions or for both. Wake is called when it is known to work again.
	Closed Why = "Closed"
)

// Denial is why an account may not go on, and until when.
type Denial struct {
	Why Why
	// After is when to come again. It is zero for Busy. For Closed it is a bound: the account is woken when its lane opens.
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

// Turn is the leave to work on one account, between [Gates.Enter] and [Turn.Leave].
type Turn struct {
	gates    *Gates
	gate     *gate
	app, key types.NamespacedName
	priority int
	removal  bool
	probe    *closure // of its lane, when it came; nil: it was open
	left     bool
}

// Enter asks whether work on the account key of the application app may go on now. If ok, turn is told how it went, and left when the work is
// done. If not, d says why. A higher priority is more urgent; removal says that the work takes access away.
func (g *Gates) Enter(app types.NamespacedName, limits v1alpha1.Limits, key types.NamespacedName, priority int, removal bool) (turn *Turn, d Denial, ok bool) {
	g.do(app, func(a *gate, now time.Time) {
		a.limits = limits
		l := a.lane(removal)
		if d, ok = a.enter(now, call{key: key, priority: priority}, l); ok {
			turn = &Turn{gates: g, gate: a, app: app, key: key, priority: priority, removal: removal, probe: l.closed}
		}
	})
	return turn, d, ok
}

// Report tells how the calls to the application ended. KindUnavailable closes both lanes. KindDenied closes the additions; when access was to
// be taken away it closes both, for who cannot do that cannot give any. Either lasts as long as [connector.RetryAfter] says.
// Anything else leaves the lanes, but when it comes from the probe it opens its lane, and the other one unless a KindDenied closed that. It
// reports whether a lane was open and is closed now.
func (t *Turn) Report(err error) (closedNow bool) {
	t.do(func(now time.Time) {
		switch connector.KindOf(err) {
		case connector.KindUnavailable:
			closedNow = t.gate.refused(now, t, err, t.gate.lanes()...)
		case connector.KindDenied:
			t.gate.denied[t.key]++
			lanes := t.gate.lanes()
			if !t.removal {
				lanes = lanes[1:]
			}
			closedNow = t.gate.refused(now, t, err, lanes...)
		default:
			t.gate.answered(t)
		}
	})
	return closedNow
}

// Unconnected tells that there was no connector to call, because of what err says. That concerns every account: KindInvalid (there is no
// credential, say), KindDenied and KindUnavailable close both lanes. It reports whether a lane was open and is closed now.
func (t *Turn) Unconnected(err error) (closedNow bool) {
	switch connector.KindOf(err) {
	case connector.KindInvalid, connector.KindDenied, connector.KindUnavailable:
		t.do(func(now time.Time) { closedNow = t.gate.refused(now, t, err, t.gate.lanes()...) })
	}
	return closedNow
}

// Leave ends the turn. Leaving again does nothing.
func (t *Turn) Leave() {
	t.do(func(time.Time) {
		if t.left {
			return
		}
		t.left = true
		t.gate.lane(t.removal).active--
		if t.probe != nil {
			t.probe.probing = false
		}
	})
}

// do changes the gate, unless that is forgotten.
func (t *Turn) do(change func(now time.Time)) {
	t.gates.change(t.app, t.gate, func(_ *gate, now time.Time) { change(now) })
}

// Open opens both lanes: the application works. Who was parked or refused is woken.
func (g *Gates) Open(app types.NamespacedName) {
	g.do(app, func(a *gate, _ time.Time) {
		for _, l := range a.lanes() {
			a.open(l)
		}
	})
}

// Closed says whether a lane of the application is closed, why, and until when no account is let through.
func (g *Gates) Closed(app types.NamespacedName, removal bool) (kind connector.Kind, until time.Time, closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.gates[app]; a != nil && a.lane(removal).closed != nil {
		c := a.lane(removal).closed
		return c.kind, c.until, true
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
		a.empty()
		calls = a.called()
	}
	g.mu.Unlock()
	g.wake(calls)
}

// do changes the gate of an application, which may be new.
func (g *Gates) do(app types.NamespacedName, change func(a *gate, now time.Time)) {
	g.change(app, nil, change)
}

// change changes the gate of an application, if only is nil or still its gate, and then wakes who may come because of it.
func (g *Gates) change(app types.NamespacedName, only *gate, change func(a *gate, now time.Time)) {
	g.mu.Lock()
	now := g.now()
	a := g.gates[app]
	if only != nil && only != a {
		g.mu.Unlock()
		return
	}
	if a == nil {
		a = g.begin(app, now)
	}
	change(a, now)
	a.advance(now)
	g.arm(app, a, now)
	calls := a.called()
	g.mu.Unlock()
	g.wake(calls)
}

func (g *Gates) now() time.Time {
	if g.Clock == nil {
		g.Clock = clock.RealClock{}
	}
	return g.Clock.Now()
}

func (g *Gates) begin(app types.NamespacedName, now time.Time) *gate {
	if g.gates == nil {
		g.gates = map[types.NamespacedName]*gate{}
	}
	g.gates[app] = newGate(now)
	return g.gates[app]
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
		go g.tick(app, a) // a fake clock calls this under its lock
	})
}

func (g *Gates) tick(app types.NamespacedName, a *gate) {
	g.change(app, a, func(a *gate, _ time.Time) { a.stop() })
}

func (g *Gates) wake(calls []call) {
	if g.Wake == nil {
		return
	}
	for _, c := range calls {
		g.Wake(c.key, c.priority, c.after)
	}
}
