// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"container/heap"
	"time"
)

// level says whose guard a scope belongs to.
type level int

const (
	ofDirectory level = iota
	ofApplication
	levels
)

// scope is one application or directory: who has access there, and who lost it within its window. It is kept up to date with every
// account, so that asking costs the same however many there are.
type scope struct {
	level  level
	people map[string]*person
	// base is how many people have access now, or had it before what happened in the window.
	base    int
	length  int64 // of the window, in microseconds
	epoch   int   // of the clock that windows were built by
	windows [kinds]window
}

// person is somebody in a scope: how many accounts with access, and how many whose removal is in the window.
type person struct {
	access int
	marks  [kinds]int
	last   [kinds]int64 // the last of them
}

// had reports whether p has access, or had it before what happened in the window. Who was deleted without having had any is not
// one of those by whom a percentage is measured.
func (p *person) had() bool { return p.access > 0 || p.marks[reversible] > 0 }

// window holds the removals that count, the oldest first. Those that were replaced meanwhile are dropped when they come up.
type window struct {
	people int   // how many, each once
	latest int64 // removal that ever counted
	queue  queue
}

func newScope(l level) *scope {
	return &scope{level: l, people: map[string]*person{}, length: longestWindow.Microseconds()}
}

// alter changes what is known of a person, and what follows from it.
func (s *scope) alter(user string, change func(*person)) {
	p, known := s.people[user]
	if !known {
		p = &person{}
		s.people[user] = p
	}
	before := *p
	change(p)
	s.base += count(p.had()) - count(before.had())
	for k := range kinds {
		s.windows[k].people += count(p.marks[k] > 0) - count(before.marks[k] > 0)
	}
	if *p == (person{}) {
		delete(s.people, user)
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// mark counts e for its removal at that time, unless the window is past it.
func (s *scope) mark(e *entry, k kind, at, now int64) {
	if at == 0 || at <= now-s.length {
		return
	}
	s.alter(e.user, func(p *person) {
		p.marks[k]++
		p.last[k] = max(p.last[k], at)
	})
	e.counted[s.level][k] = at
	w := &s.windows[k]
	w.latest = max(w.latest, at)
	heap.Push(&w.queue, mark{at, e})
}

// unmark stops counting e.
func (s *scope) unmark(e *entry, k kind) {
	if e.counted[s.level][k] == 0 {
		return
	}
	s.alter(e.user, func(p *person) {
		if p.marks[k]--; p.marks[k] == 0 {
			p.last[k] = 0
		}
	})
	e.counted[s.level][k] = 0
}

// expire stops counting what the window is past, and returns the accounts concerned.
func (s *scope) expire(now int64) (expired []*entry) {
	for k := range kinds {
		for q := &s.windows[k].queue; len(*q) > 0 && (*q)[0].at <= now-s.length; {
			if first := heap.Pop(q).(mark); first.entry.counted[s.level][k] == first.at { // pushed by mark
				s.unmark(first.entry, k)
				expired = append(expired, first.entry)
			}
		}
	}
	return expired
}

// refuses reports whether one more person would be more than the guard allows. Who counts already costs nothing, but for one who counts
// only because the clock went back: others left since then.
func (s *scope) refuses(user string, k kind, most int) bool {
	w := &s.windows[k]
	p, known := s.people[user]
	counts := known && p.marks[k] > 0 && p.last[k] > w.latest-s.length
	return w.people >= most && !counts
}

// fits reports whether the windows of s were built for that length and that course of the clock.
func (s *scope) fits(length time.Duration, epoch int) bool {
	return s.length == length.Microseconds() && s.epoch == epoch
}

// mark is a removal of one account.
type mark struct {
	at    int64
	entry *entry
}

// queue implements heap.Interface.
type queue []mark

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(mark)) } // pushed by mark

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = mark{}
	*q = (*q)[:last]
	return x
}
