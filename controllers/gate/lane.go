// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// lane is the places for one kind of work: those who have one, those for whom one is kept, and those who wait. While it is closed others
// are parked.
type lane struct {
	removal bool
	active  int
	kept    map[types.NamespacedName]kept
	waiting queue
	waiters map[types.NamespacedName]*waiter

	closed *closure // nil: open
	parked map[types.NamespacedName]parked
}

// closure says that a lane is closed.
type closure struct {
	kind    connector.Kind
	until   time.Time
	pause   time.Duration
	probing bool // one account is let through at this moment
}

// parked is somebody who comes when the lane opens.
type parked struct {
	call

	tries    int // goes behind those who have tried less
	sequence uint64
}

// kept is a place that is kept for somebody who was woken.
type kept struct {
	from, until time.Time
}

func newLane(removal bool) *lane {
	return &lane{
		removal: removal, kept: map[types.NamespacedName]kept{}, waiters: map[types.NamespacedName]*waiter{},
		parked: map[types.NamespacedName]parked{},
	}
}

// lets reports whether somebody may be woken. While the lane is closed that is one, when the pause is over, to be the probe.
func (l *lane) lets(now time.Time) bool {
	return l.closed == nil || !l.closed.probing && !l.closed.until.After(now) && len(l.kept) == 0
}

// enterClosed lets one through as a probe when the pause is over. Others are told to come again later.
func (l *lane) enterClosed(now time.Time) (Denial, bool) {
	if pause := l.closed.until.Sub(now); pause > 0 {
		return Denial{Why: Closed, After: wait.Jitter(pause, jitter)}, false
	}
	if l.closed.probing {
		return Denial{Why: Closed, After: wait.Jitter(l.closed.pause, jitter)}, false
	}
	l.closed.probing = true
	l.active++
	return Denial{}, true
}

// because notes what closes a lane. One that was denied stays so: what is wrong then is not over because something else is wrong, too.
func (c *closure) because(err error) {
	if c.kind != connector.KindDenied {
		c.kind = connector.KindOf(err)
	}
}

// close closes the lane, or keeps it closed. A refused probe makes the pause twice as long; others, who were under way, do not.
func (l *lane) close(now time.Time, err error, probe *closure) (closedNow bool) {
	retryAfter := min(connector.RetryAfter(err), maxRetryAfter)
	switch {
	case l.closed == nil:
		l.closed, closedNow = &closure{pause: minPause}, true
	case l.closed == probe:
		l.closed.pause = min(2*l.closed.pause, maxPause)
	default:
		l.closed.because(err)
		l.closed.until = later(l.closed.until, now.Add(retryAfter))
		return false
	}
	l.closed.because(err)
	l.closed.until = now.Add(wait.Jitter(l.closed.pause, jitter))
	if retryAfter > 0 {
		l.closed.until = now.Add(retryAfter)
	}
	return closedNow
}

// open opens the lane and returns whom to wake: those first who have tried least, and of these who came first.
func (l *lane) open() (calls []call) {
	l.closed = nil
	all := slices.SortedFunc(maps.Values(l.parked), func(a, b parked) int {
		return cmp.Or(cmp.Compare(a.tries, b.tries), cmp.Compare(a.sequence, b.sequence))
	})
	clear(l.parked)
	for _, p := range all {
		calls = append(calls, p.call)
	}
	return calls
}

// due is when somebody can be woken though nobody came or went; zero if never.
func (l *lane) due(now time.Time) (due time.Time) {
	shut := l.closed != nil && l.closed.until.After(now)
	if shut && l.first() == nil {
		return due
	}
	for _, k := range l.kept {
		due = earlier(due, k.until)
	}
	if due.IsZero() && shut {
		due = l.closed.until
	}
	return due
}

func (l *lane) free(places int) bool { return l.active+len(l.kept) < places }

// wait puts key into the queue. If it is there already it stays where it is, or goes forward when it became more urgent.
func (l *lane) wait(key types.NamespacedName, priority int, sequence uint64) {
	if w := l.waiters[key]; w != nil {
		if priority > w.priority {
			w.priority = priority
			heap.Fix(&l.waiting, w.index)
		}
		return
	}
	w := &waiter{key: key, priority: priority, sequence: sequence}
	l.waiters[key] = w
	heap.Push(&l.waiting, w)
}

// first is who is next, nil if nobody waits.
func (l *lane) first() *waiter {
	if len(l.waiting) == 0 {
		return nil
	}
	return l.waiting[0]
}

// next takes the first one out of the queue.
func (l *lane) next() *waiter {
	w := heap.Pop(&l.waiting).(*waiter) // nothing else is pushed
	delete(l.waiters, w.key)
	return w
}

// drop forgets what key waits for and the place that is kept for it.
func (l *lane) drop(key types.NamespacedName) {
	delete(l.kept, key)
	delete(l.parked, key)
	if w := l.waiters[key]; w != nil {
		heap.Remove(&l.waiting, w.index)
		delete(l.waiters, key)
	}
}

func (l *lane) expire(now time.Time) {
	for key, k := range l.kept {
		if !k.until.After(now) {
			delete(l.kept, key)
		}
	}
}

// waiter is somebody in the queue.
type waiter struct {
	key      types.NamespacedName
	priority int
	sequence uint64
	index    int
}

// queue is a heap: the most urgent first, and of these who came first.
type queue []*waiter

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	if q[i].priority != q[j].priority {
		return q[i].priority > q[j].priority
	}
	return q[i].sequence < q[j].sequence
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	w := x.(*waiter) // see lane.wait
	w.index = len(*q)
	*q = append(*q, w)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return w
}
