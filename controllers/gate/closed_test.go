// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

var (
	errDown    = connector.Unavailablef(0, "down")
	errDenied  = connector.Deniedf("no right")
	errInvalid = connector.Invalidf("no credential")
)

// closedLanes says which lanes are closed, the removals first, and why.
func (w *world) closedLanes() [2]connector.Kind {
	removals, _, _ := w.Closed(app, true)
	additions, _, _ := w.Closed(app, false)
	return [2]connector.Kind{removals, additions}
}

// pause lets time pass until a lane lets a probe in.
func (w *world) pause(removal bool) {
	if _, until, closed := w.Closed(app, removal); closed {
		w.step(max(0, until.Sub(w.clock.Now())))
	}
}

func TestWhatClosesWhichLane(t *testing.T) {
	const down, denied, invalid = connector.KindUnavailable, connector.KindDenied, connector.KindInvalid
	for name, tc := range map[string]struct {
		reason      string
		err         error
		removal     bool
		unconnected bool
		want        [2]connector.Kind // removals, additions
	}{
		"success":                     {"it works", nil, false, false, [2]connector.Kind{}},
		"unknown":                     {"nobody knows what it means", errors.New("x"), true, false, [2]connector.Kind{}},
		"invalid":                     {"it is about one account", errInvalid, false, false, [2]connector.Kind{}},
		"conflict":                    {"so is this", connector.Conflictf("x"), true, false, [2]connector.Kind{}},
		"down":                        {"nothing works", errDown, false, false, [2]connector.Kind{down, down}},
		"down for a removal":          {"nothing works", errDown, true, false, [2]connector.Kind{down, down}},
		"denied":                      {"leavers may still be taken out", errDenied, false, false, [2]connector.Kind{"", denied}},
		"denied for a removal":        {"who cannot take cannot give", errDenied, true, false, [2]connector.Kind{denied, denied}},
		"no connector":                {"there is no credential for anybody", errInvalid, false, true, [2]connector.Kind{invalid, invalid}},
		"no connector for a removal":  {"the same", errInvalid, true, true, [2]connector.Kind{invalid, invalid}},
		"no connector, denied":        {"the credential is refused for everything", errDenied, false, true, [2]connector.Kind{denied, denied}},
		"no connector, unavailable":   {"nothing works", errDown, false, true, [2]connector.Kind{down, down}},
		"no connector, who knows why": {"a timeout, say", errors.New("x"), false, true, [2]connector.Kind{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			turn := w.in(t, "a", v1alpha1.Limits{}, 0, tc.removal)
			tell := turn.Report
			if tc.unconnected {
				tell = turn.Unconnected
			}
			closes := tc.want != [2]connector.Kind{}
			if first, again := tell(tc.err), tell(tc.err); first != closes || again {
				t.Errorf("%s: closed now: %v, and then %v", tc.reason, first, again)
			}
			want(t, w.closedLanes(), tc.want)
			w.Open(app)
			want(t, w.closedLanes(), [2]connector.Kind{})
		})
	}
}

// TestWhatAProbeOpens: a success opens its lane, and the other one if what closed that is over by that.
func TestWhatAProbeOpens(t *testing.T) {
	const down, denied = connector.KindUnavailable, connector.KindDenied
	type report struct {
		removal bool
		err     error
	}
	for name, tc := range map[string]struct {
		reason string
		before []report
		probe  report
		want   [2]connector.Kind
	}{
		"down, a removal works":      {"it answers again", []report{{false, errDown}}, report{true, nil}, [2]connector.Kind{}},
		"down, an addition works":    {"it answers again", []report{{true, errDown}}, report{false, nil}, [2]connector.Kind{}},
		"down, one is a conflict":    {"that is an answer, too", []report{{true, errDown}}, report{false, connector.Conflictf("x")}, [2]connector.Kind{}},
		"denied, a removal works":    {"giving may still be denied", []report{{true, errDenied}}, report{true, nil}, [2]connector.Kind{"", denied}},
		"denied, an addition works":  {"taking may still be denied", []report{{true, errDenied}}, report{false, nil}, [2]connector.Kind{denied, ""}},
		"denied, then down":          {"what was denied is not over", []report{{false, errDenied}, {true, errDown}}, report{true, nil}, [2]connector.Kind{"", denied}},
		"down, then denied":          {"the same", []report{{true, errDown}, {false, errDenied}}, report{true, nil}, [2]connector.Kind{"", denied}},
		"down, the probe is denied":  {"it answers, but not to additions", []report{{true, errDown}}, report{false, errDenied}, [2]connector.Kind{down, denied}},
		"denied, the probe is as so": {"nothing changes", []report{{false, errDenied}}, report{false, errDenied}, [2]connector.Kind{"", denied}},
	} {
		t.Run(name, func(t *testing.T) {
			w, turns := newWorld(), map[bool]*Turn{}
			for _, removal := range []bool{false, true} {
				turns[removal] = w.in(t, fmt.Sprint("early, removal ", removal), v1alpha1.Limits{}, 0, removal)
			}
			for _, r := range tc.before {
				turns[r.removal].Report(r.err)
			}
			turns[tc.probe.removal].Report(nil) // who was under way proves nothing
			w.pause(tc.probe.removal)
			probe := w.in(t, "probe", v1alpha1.Limits{}, 0, tc.probe.removal)
			probe.Report(tc.probe.err)
			probe.Leave()
			if got := w.closedLanes(); got != tc.want {
				t.Errorf("%s: closed are %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

// TestOneProbeForEachLane, and nobody else.
func TestOneProbeForEachLane(t *testing.T) {
	w, limits := newWorld(), v1alpha1.Limits{Concurrency: 2}
	turn, other := w.in(t, "a", limits, 0, false), w.in(t, "b", limits, 0, false)
	w.denied(t, "waits", limits, 0, false)
	turn.Report(errDown)
	turn.Leave()
	other.Leave()
	want(t, w.wakes(), []string(nil)) // nobody would get in
	for _, removal := range []bool{false, true} {
		if d := w.denied(t, "c", limits, 0, removal); d.Why != Closed || d.After < minPause || d.After > 2*minPause {
			t.Errorf("got %v", d)
		}
	}
	w.pause(true)
	w.pause(false)
	want(t, w.wakes(), []string{"waits"}) // to be the probe
	probe := w.in(t, "waits", limits, 0, false)
	want(t, w.denied(t, "c", limits, 0, false).Why, Closed) // one is enough
	removal := w.in(t, "leaver", limits, 0, true)
	want(t, w.denied(t, "c", limits, 0, true).Why, Closed)
	if probe.Report(errDown) || removal.Report(errDenied) {
		t.Error("it was closed before")
	}
	for _, removal := range []bool{true, false} {
		_, until, _ := w.Closed(app, removal)
		if pause := until.Sub(w.clock.Now()); pause < 2*minPause || pause > 3*minPause {
			t.Errorf("removal %v: again after %s", removal, pause)
		}
	}
	probe.Leave()
	removal.Leave()
	w.step(3 * minPause)
	w.in(t, "no answer", limits, 0, false).Leave() // leaves without a call: no answer
	w.in(t, "d", limits, 0, false).Report(nil)
	if _, _, closed := w.Closed(app, false); closed {
		t.Error("the probe worked")
	}
	w.in(t, "c", limits, 0, false).Leave()
}

func TestPauses(t *testing.T) {
	w, limits := newWorld(), v1alpha1.Limits{}
	early := w.in(t, "early", limits, 0, false)
	pause := func(err error) time.Duration {
		early.Report(err)
		_, until, _ := w.Closed(app, true)
		return until.Sub(w.clock.Now())
	}
	want(t, pause(connector.Unavailablef(7*time.Second, "busy")), 7*time.Second)
	want(t, pause(connector.Unavailablef(9*time.Second, "busy")), 9*time.Second) // of another that was under way
	want(t, pause(errDown), 9*time.Second)
	w.Open(app)
	want(t, pause(connector.Unavailablef(24*time.Hour, "busy")), maxRetryAfter)
	w.Open(app)
	last := pause(errDown)
	for range 10 {
		w.pause(true)
		probe := w.in(t, "probe", limits, 0, true)
		probe.Report(errDown)
		probe.Leave()
		last = pause(errDown)
	}
	if last < maxPause || last > maxPause*6/5 {
		t.Errorf("in the end it is %s", last)
	}
	w.Open(app)
	if again := pause(errDown); again > minPause*6/5 {
		t.Errorf("after Open it begins with %s", again)
	}
}

// TestWhoIsWokenWhenItOpens: those who were parked, in their order, and then who was refused, later the more often that was.
func TestWhoIsWokenWhenItOpens(t *testing.T) {
	w, limits := newWorld(), v1alpha1.Limits{}
	refuse := func(err error) {
		turn := w.in(t, "refused", limits, 0, false)
		turn.Report(err)
		turn.Leave()
	}
	refuse(errDenied)
	for _, name := range []string{"b", "c", "b"} {
		w.denied(t, name, limits, 0, false)
	}
	w.denied(t, "left since", limits, 0, false)
	w.in(t, "left since", limits, 0, true).Leave()
	w.Open(app)
	want(t, w.wakes(), []string{"c", "b", "refused"})
	w.Open(app)
	want(t, w.wakes(), []string(nil))
	for _, after := range []string{"30s", "1m0s", "2m0s", "4m0s", "5m0s", "5m0s"} {
		refuse(errDenied)
		w.Open(app)
		want(t, w.wakes(), []string{"refused in " + after})
	}
	refuse(errDenied)
	w.denied(t, "refused", limits, 0, false) // it comes while it is closed, and has waited
	w.Open(app)
	want(t, w.wakes(), []string{"refused"})
	w.in(t, "refused", limits, 0, false).Report(nil)
	refuse(errDenied)
	refuse2 := w.in(t, "leaver", limits, 0, true)
	refuse2.Unconnected(errInvalid)
	w.Open(app)
	want(t, w.wakes(), []string{"leaver", "refused"})
}

// TestLanesInAnyOrder lets random accounts come and be answered at random, beside a plain model of which lane is closed by what. In the end
// the application works, and everybody who ever came has worked.
func TestLanesInAnyOrder(t *testing.T) {
	for range 200 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newLanes(t, seed).run() })
		if t.Failed() {
			return
		}
	}
}

// lanesWalk is the model. Lanes are known by whether they are the removals.
type lanesWalk struct {
	*world
	t      *testing.T
	r      *rand.Rand
	closed map[bool]connector.Kind
	epoch  map[bool]int // how often the lane was closed
	inside map[string]*visitor
	todo   map[string]bool // who has come and not worked
	called map[string]bool // who was woken and has not come
}

// visitor is who was let in.
type visitor struct {
	*Turn
	name  string
	epoch int // of the closure whose probe it is; 0: it is none
}

func newLanes(t *testing.T, seed uint64) *lanesWalk {
	return &lanesWalk{world: newWorld(), t: t, r: rand.New(rand.NewPCG(seed, 0)), closed: map[bool]connector.Kind{}, epoch: map[bool]int{},
		inside: map[string]*visitor{}, todo: map[string]bool{}, called: map[string]bool{}}
}

// come lets somebody come. Names ending in an even digit are removals.
func (k *lanesWalk) come(name string) {
	if k.inside[name] != nil {
		return
	}
	k.todo[name] = true
	delete(k.called, name)
	removal := (name[len(name)-1]-'0')%2 == 0
	_, until, _ := k.Closed(app, removal)
	turn, d, ok := k.enter(name, v1alpha1.Limits{Concurrency: 3}, 0, removal)
	v := &visitor{Turn: turn, name: name}
	switch shut := k.closed[removal] != ""; {
	case !ok && (d.Why == Closed) != shut:
		k.t.Errorf("%s: %+v, the lane is closed: %v", name, d, shut)
	case ok && shut:
		v.epoch = k.epoch[removal]
		if until.After(k.clock.Now()) || slices.ContainsFunc(k.visitors(), func(o *visitor) bool { return o.removal == removal && o.epoch == v.epoch }) {
			k.t.Errorf("%s is a probe too many, or too early", name)
		}
	}
	if ok {
		k.inside[name] = v
	}
	k.see()
}

func (k *lanesWalk) visitors() (all []*visitor) {
	for _, v := range k.inside {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b *visitor) int { return slices.Compare([]byte(a.name), []byte(b.name)) })
	return all
}

func (k *lanesWalk) see() {
	for _, woken := range k.wakes() {
		name, _, _ := strings.Cut(woken, " in ")
		k.called[name] = true
	}
	want(k.t, k.closedLanes(), [2]connector.Kind{k.closed[true], k.closed[false]})
}

// shut is what the model says of a lane that somebody closes.
func (k *lanesWalk) shut(removal bool, kind connector.Kind) {
	if k.closed[removal] == "" {
		k.epoch[removal]++
	}
	if k.closed[removal] != connector.KindDenied {
		k.closed[removal] = kind
	}
}

// answer ends the work of v.
func (k *lanesWalk) answer(v *visitor, err error) {
	kind := connector.KindOf(err)
	probe := v.epoch != 0 && v.epoch == k.epoch[v.removal] && k.closed[v.removal] != ""
	switch {
	case kind == connector.KindUnavailable || kind == connector.KindDenied && v.removal:
		k.shut(true, kind)
		k.shut(false, kind)
	case kind == connector.KindDenied:
		k.shut(false, kind)
	case probe:
		k.closed[v.removal] = ""
		if k.closed[!v.removal] != connector.KindDenied {
			k.closed[!v.removal] = ""
		}
	}
	v.Report(err)
	v.Leave()
	delete(k.inside, v.name)
	if kind != connector.KindUnavailable && kind != connector.KindDenied {
		delete(k.todo, v.name)
	}
	k.see()
}

func (k *lanesWalk) run() {
	answers := []error{nil, nil, nil, nil, connector.Conflictf("x"), errDown, errDenied}
	for range 400 {
		inside := k.visitors()
		switch n := k.r.IntN(20); {
		case n == 0:
			k.open()
		case n < 3:
			k.step(time.Duration(k.r.IntN(90)) * time.Second)
			k.see()
		case n < 11 || len(inside) == 0:
			k.come(fmt.Sprintf("%02d", k.r.IntN(30)))
		default:
			k.answer(inside[k.r.IntN(len(inside))], answers[k.r.IntN(len(answers))])
		}
	}
	k.drain()
}

func (k *lanesWalk) open() {
	k.closed = map[bool]connector.Kind{}
	k.Open(app)
	k.see()
}

// drain: the application works, and only those come who are woken.
func (k *lanesWalk) drain() {
	for _, v := range k.visitors() {
		k.answer(v, nil)
	}
	k.open()
	for range 2 * 30 {
		for name := range k.called {
			k.come(name)
		}
		for _, v := range k.visitors() {
			k.answer(v, nil)
		}
		k.step(keepPlace)
		k.see()
	}
	for name := range k.todo {
		k.t.Errorf("%s never worked", name)
	}
}
