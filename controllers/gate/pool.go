// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"container/heap"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// pool is the places for one kind of work: those who have one, those for whom one is kept, and those who wait.
type pool struct {
	active  int
	kept    map[types.NamespacedName]kept
	waiting queue
	waiters map[types.NamespacedName]*waiter
}

// kept is a place that is kept for somebody who was woken.
type kept struct {
	from, until time.Time
}

func newPool() *pool {
	return &pool{kept: map[types.NamespacedName]kept{}, waiters: map[types.NamespacedName]*waiter{}}
}

func (p *pool) free(places int) bool { return p.active+len(p.kept) < places }

// wait puts key into the queue. If it is there already it stays where it is, or goes forward when it became more urgent.
func (p *pool) wait(key types.NamespacedName, priority int, sequence uint64) {
	if w := p.waiters[key]; w != nil {
		if priority > w.priority {
			w.priority = priority
			heap.Fix(&p.waiting, w.index)
		}
		return
	}
	w := &waiter{key: key, priority: priority, sequence: sequence}
	p.waiters[key] = w
	heap.Push(&p.waiting, w)
}

// first is who is next, nil if nobody waits.
func (p *pool) first() *waiter {
	if len(p.waiting) == 0 {
		return nil
	}
	return p.waiting[0]
}

// next takes the first one out of the queue.
func (p *pool) next() *waiter {
	w := heap.Pop(&p.waiting).(*waiter) // nothing else is pushed
	delete(p.waiters, w.key)
	return w
}

// drop forgets what key waits for and the place that is kept for it.
func (p *pool) drop(key types.NamespacedName) {
	delete(p.kept, key)
	if w := p.waiters[key]; w != nil {
		heap.Remove(&p.waiting, w.index)
		delete(p.waiters, key)
	}
}

func (p *pool) expire(now time.Time) {
	for key, k := range p.kept {
		if !k.until.After(now) {
			delete(p.kept, key)
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
	w := x.(*waiter) // see pool.wait
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
