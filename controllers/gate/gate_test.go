// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// world is gates with a clock that stands still and a list of those who were woken.
type world struct {
	*Gates
	clock *clocktesting.FakeClock
	mu    sync.Mutex
	woken []string
}

var app = types.NamespacedName{Namespace: "ns", Name: "app"}

// silent is a clock whose timers do not fire by themselves, so that every step can be looked at.
type silent struct{ *clocktesting.FakeClock }

func (s silent) AfterFunc(d time.Duration, _ func()) clock.Timer {
	return s.FakeClock.AfterFunc(d, func() {})
}

func newWorld() *world {
	w := &world{clock: clocktesting.NewFakeClock(time.Unix(1000, 0))}
	w.Gates = &Gates{Clock: silent{w.clock}, Wake: func(key types.NamespacedName, _ int, after time.Duration) {
		w.mu.Lock()
		defer w.mu.Unlock()
		name := key.Name
		if after > 0 {
			name = fmt.Sprintf("%s in %s", name, after.Round(time.Millisecond))
		}
		w.woken = append(w.woken, name)
	}}
	return w
}

// wakes returns who was woken since it was last asked.
func (w *world) wakes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	woken := w.woken
	w.woken = nil
	return woken
}

// step lets time pass and does what the timer does.
func (w *world) step(d time.Duration) {
	w.clock.Step(d)
	w.tick(app, w.gates[app])
}

func (w *world) enter(name string, limits v1alpha1.Limits, priority int, removal bool) (*Turn, Denial, bool) {
	return w.Enter(app, limits, types.NamespacedName{Namespace: "ns", Name: name}, priority, removal)
}

// in enters and fails the test if it may not.
func (w *world) in(t *testing.T, name string, limits v1alpha1.Limits, priority int, removal bool) *Turn {
	t.Helper()
	turn, d, ok := w.enter(name, limits, priority, removal)
	if !ok {
		t.Fatalf("%s: %+v", name, d)
	}
	return turn
}

// denied enters and fails the test if it may.
func (w *world) denied(t *testing.T, name string, limits v1alpha1.Limits, priority int, removal bool) Denial {
	t.Helper()
	_, d, ok := w.enter(name, limits, priority, removal)
	if ok {
		t.Fatalf("%s was let in", name)
	}
	return d
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlaces(t *testing.T) {
	w, one := newWorld(), v1alpha1.Limits{Concurrency: 1}
	turn := w.in(t, "a", one, 0, false)
	want(t, w.denied(t, "b", one, 0, false), Denial{Why: Busy})
	w.denied(t, "resync", one, -100, false)
	w.denied(t, "c", one, 0, false)
	w.denied(t, "urgent", one, 50, false)
	w.denied(t, "b", one, 0, false) // again: it keeps its turn
	removal := w.in(t, "removal", one, 100, true)
	w.denied(t, "another removal", one, 100, true)
	turn.Leave()
	turn.Leave() // does nothing
	want(t, w.wakes(), []string{"urgent"})
	w.denied(t, "newcomer", one, 50, false) // the place is kept
	turn = w.in(t, "urgent", one, 50, false)
	want(t, w.wakes(), []string(nil))
	turn.Leave()
	want(t, w.wakes(), []string{"newcomer"})
	removal.Leave()
	want(t, w.wakes(), []string{"another removal"})

	// newcomer does not come.
	w.step(keepPlace - time.Second)
	want(t, w.wakes(), []string(nil))
	w.step(time.Second)
	want(t, w.wakes(), []string{"b"})
	// resync became a removal meanwhile, and is not woken as what it was.
	w.in(t, "resync", one, 100, true).Leave()
	w.in(t, "b", one, 0, false).Leave()
	want(t, w.wakes(), []string{"c"})
	w.in(t, "c", one, 0, false).Leave()
	want(t, w.wakes(), []string(nil))
}

func TestTheTimerWakesToo(t *testing.T) {
	w, one := newWorld(), v1alpha1.Limits{Concurrency: 1}
	w.Clock = w.clock
	turn := w.in(t, "a", one, 0, false)
	w.denied(t, "b", one, 0, false)
	w.denied(t, "c", one, 0, false)
	turn.Leave()
	want(t, w.wakes(), []string{"b"})
	w.clock.Step(keepPlace)
	for begin := time.Now(); ; {
		if woken := w.wakes(); len(woken) > 0 {
			want(t, woken, []string{"c"})
			return
		}
		if time.Since(begin) > 10*time.Second {
			t.Fatal("c was not woken")
		}
	}
}

func TestLimitsChange(t *testing.T) {
	w := newWorld()
	w.in(t, "a", v1alpha1.Limits{Concurrency: 1}, 0, false)
	for _, name := range []string{"b", "c", "d"} {
		w.denied(t, name, v1alpha1.Limits{Concurrency: 1}, 0, false)
	}
	w.denied(t, "e", v1alpha1.Limits{Concurrency: 3}, 0, false)
	want(t, w.wakes(), []string{"b", "c"})
	for i := range defaultConcurrency {
		w.Enter(types.NamespacedName{Name: "other"}, v1alpha1.Limits{}, types.NamespacedName{Name: fmt.Sprint(i)}, 0, false)
	}
	if _, _, ok := w.Enter(types.NamespacedName{Name: "other"}, v1alpha1.Limits{}, types.NamespacedName{Name: "x"}, 0, false); ok {
		t.Error("no limit without a limit")
	}
}

func TestRate(t *testing.T) {
	w, limits := newWorld(), v1alpha1.Limits{Concurrency: 2, AccountsPerSecond: 10}
	first := w.in(t, "a", limits, 0, false)
	want(t, w.denied(t, "b", limits, 0, false), Denial{Why: Throttled, After: 100 * time.Millisecond})
	want(t, w.denied(t, "c", limits, 0, false), Denial{Why: Busy})
	w.step(40 * time.Millisecond)
	want(t, w.denied(t, "b", limits, 0, false), Denial{Why: Throttled, After: 60 * time.Millisecond}) // too early, and no further back
	w.step(60 * time.Millisecond)
	second := w.in(t, "b", limits, 0, false)
	for i := range 5 {
		w.in(t, fmt.Sprint("removal", i), limits, 100, true).Leave() // at once, and counted
	}
	first.Leave()
	want(t, w.wakes(), []string{"c in 600ms"})
	second.Leave()
	w.step(time.Hour)
	for i := range 10 { // a second's worth, and no more
		w.in(t, fmt.Sprint("burst", i), limits, 0, false).Leave()
	}
	want(t, w.denied(t, "late", limits, 0, false), Denial{Why: Throttled, After: 100 * time.Millisecond})
	for i := range 1000 {
		w.in(t, fmt.Sprint("leaver", i), limits, 100, true).Leave()
	}
	if d := w.denied(t, "later", limits, 0, false); d.Why != Throttled || d.After > (maxDebt+1)*time.Second {
		t.Errorf("removals push additions back by %v", d)
	}
}

func TestForget(t *testing.T) {
	w, one := newWorld(), v1alpha1.Limits{Concurrency: 1}
	turn := w.in(t, "a", one, 0, false)
	w.denied(t, "b", one, 0, false)
	w.denied(t, "c", one, 0, false)
	w.Forget(app)
	want(t, w.wakes(), []string{"b", "c"})
	turn.Leave()
	want(t, len(w.gates), 0)
	want(t, w.clock.Waiters(), 0)
	w.Forget(app)
}

// TestNobodyIsLost lets random accounts come, work, fail to come and be interrupted, and looks after each step whether the limits hold
// and whether the right one is woken. In the end everybody has worked.
func TestNobodyIsLost(t *testing.T) {
	for range 200 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newWalk(t, seed).run() })
		if t.Failed() {
			return
		}
	}
}

// walk is a plain model of who waits, beside the gates.
type walk struct {
	*world
	t      *testing.T
	r      *rand.Rand
	limits v1alpha1.Limits
	todo   map[string]bool // who has not worked yet
	called map[string]bool // who was woken and has not come
	queued []string        // who was told Busy, in order
	inside map[string]*Turn
	peak   int
}

func newWalk(t *testing.T, seed uint64) *walk {
	r := rand.New(rand.NewPCG(seed, 0))
	k := &walk{world: newWorld(), t: t, r: r, limits: v1alpha1.Limits{Concurrency: 1 + r.Int32N(4)},
		todo: map[string]bool{}, called: map[string]bool{}, inside: map[string]*Turn{}}
	for i := range 40 {
		k.todo[fmt.Sprintf("%02d", i)] = true
	}
	return k
}

func priorityOf(name string) int { return int(name[1]) % 3 }

func (k *walk) come(name string) {
	if k.inside[name] != nil || !k.todo[name] {
		return
	}
	delete(k.called, name)
	turn, d, ok := k.enter(name, k.limits, priorityOf(name), false)
	k.see()
	switch {
	case ok:
		k.inside[name] = turn
		if k.peak = max(k.peak, len(k.inside)); len(k.inside) > int(k.limits.Concurrency) {
			k.t.Errorf("%d at a time", len(k.inside))
		}
	case d.Why != Busy:
		k.t.Errorf("%s: %+v", name, d)
	case !slices.Contains(k.queued, name):
		k.queued = append(k.queued, name)
	}
}

// see checks that each who was woken is the one whose turn it was.
func (k *walk) see() {
	for _, name := range k.wakes() {
		best := slices.MaxFunc(k.queued, func(a, b string) int { return priorityOf(a) - priorityOf(b) }) // the first of the best
		if name != best || k.called[name] {
			k.t.Errorf("%s was woken, it was the turn of %s", name, best)
		}
		k.queued = slices.DeleteFunc(k.queued, func(s string) bool { return s == name })
		k.called[name] = true
	}
}

func (k *walk) anyOf(names map[string]bool) string {
	all := make([]string, 0, len(names))
	for name := range names {
		all = append(all, name)
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return all[k.r.IntN(len(all))]
}

func (k *walk) done(name string) {
	turn := k.inside[name]
	delete(k.inside, name)
	delete(k.todo, name)
	turn.Leave()
	k.see()
}

func (k *walk) run() {
	for range 300 {
		switch k.r.IntN(10) {
		case 0:
			k.step(keepPlace) // who was woken was too slow
			k.see()
			for name := range k.called { // and comes again, as every work does that is enqueued
				if k.r.IntN(2) == 0 {
					k.come(name)
				}
			}
		case 1, 2, 3:
			k.come(k.anyOf(k.todo))
		case 4, 5, 6:
			if name := k.anyOf(k.called); name != "" {
				k.come(name)
			}
		default:
			names := map[string]bool{}
			for name := range k.inside {
				names[name] = true
			}
			if name := k.anyOf(names); name != "" {
				k.done(name)
			}
		}
	}
	k.drain()
}

// drain: nobody comes of their own accord any more, only those who are woken, or were.
func (k *walk) drain() {
	started := map[string]bool{}
	for name := range k.todo {
		if k.inside[name] != nil || k.called[name] || slices.Contains(k.queued, name) {
			started[name] = true
		}
	}
	for range 1000 {
		for name := range k.inside {
			k.done(name)
		}
		if name := k.anyOf(k.called); name != "" {
			k.come(name)
		}
	}
	for name := range started {
		if k.todo[name] {
			k.t.Errorf("%s never worked", name)
		}
	}
}

// TestFromMany is for the race detector: real goroutines, of which each works when it may.
func TestFromMany(t *testing.T) {
	const accounts = 300
	queue := make(chan types.NamespacedName, 10*accounts)
	gates := &Gates{Wake: func(key types.NamespacedName, _ int, _ time.Duration) { queue <- key }}
	var all, work sync.WaitGroup
	work.Add(accounts)
	for i := range accounts {
		queue <- types.NamespacedName{Name: fmt.Sprint(i)}
	}
	for range 8 {
		all.Go(func() {
			for key := range queue {
				turn, d, ok := gates.Enter(app, v1alpha1.Limits{Concurrency: 3}, key, len(key.Name), len(key.Name) == 1)
				if !ok {
					if d.Why != Busy {
						t.Errorf("got %v", d)
					}
					continue
				}
				turn.Report(nil)
				turn.Leave()
				work.Done()
			}
		})
	}
	work.Wait()
	close(queue)
	all.Wait()
}

func BenchmarkEnter(b *testing.B) {
	var gates Gates
	b.ReportAllocs()
	for b.Loop() {
		if turn, _, ok := gates.Enter(app, v1alpha1.Limits{Concurrency: 8}, types.NamespacedName{Namespace: "ns", Name: "a"}, 0, false); ok {
			turn.Leave()
		}
	}
}
