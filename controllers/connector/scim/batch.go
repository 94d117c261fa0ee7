// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// membership is a change of a group: somebody joins it or leaves it.
type membership struct {
	id   string
	join bool
}

// errAgain tells somebody whose change was part of a batch that ended with the context of somebody else.
var errAgain = errors.New("the batch was given up")

// batches lets one request at a time change a group, with all changes in it that came up during the one before: many accounts join the same
// group at once, and some applications lose all but one of changes that overlap. The zero value is ready.
type batches struct {
	mu     sync.Mutex
	queues map[string]*queue
}

// queue is the changes of one group.
type queue struct {
	// turn has room for who makes the next request.
	turn    chan struct{}
	mu      sync.Mutex
	pending []*entry
}

// entry is a change that somebody waits for.
type entry struct {
	membership
	done chan error
}

func (b *batches) queue(group string) *queue {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.queues == nil {
		b.queues = map[string]*queue{}
	}
	if b.queues[group] == nil {
		b.queues[group] = &queue{turn: make(chan struct{}, 1)}
	}
	return b.queues[group]
}

// submit has run make the change, with others or by itself, and returns what became of it. run returns an error or nil for each.
func (b *batches) submit(ctx context.Context, group string, m membership, run func(context.Context, []membership) []error) error {
	q := b.queue(group)
	e := q.add(m)
	for {
		select {
		case err := <-e.done:
			if !errors.Is(err, errAgain) {
				return err
			}
			e = q.add(m)
		case <-ctx.Done():
			q.take(func(other *entry) bool { return other == e })
			return fmt.Errorf("change a group: %w", ctx.Err())
		case q.turn <- struct{}{}:
			q.runNext(ctx, run)
			<-q.turn
		}
	}
}

func (q *queue) add(m membership) *entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := &entry{membership: m, done: make(chan error, 1)}
	q.pending = append(q.pending, e)
	return e
}

// take removes the first pending changes that are meant, as many as fit into one request.
func (q *queue) take(meant func(*entry) bool) []*entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	var taken []*entry
	q.pending = slices.DeleteFunc(q.pending, func(e *entry) bool {
		if len(taken) == chunk || !meant(e) {
			return false
		}
		taken = append(taken, e)
		return true
	})
	return taken
}

// runNext makes the changes that are pending and tells everybody.
func (q *queue) runNext(ctx context.Context, run func(context.Context, []membership) []error) {
	taken := q.take(func(*entry) bool { return true })
	if len(taken) == 0 {
		return // somebody else has just done ours
	}
	changes := make([]membership, len(taken))
	for i, e := range taken {
		changes[i] = e.membership
	}
	for i, err := range run(ctx, changes) {
		if err != nil && ctx.Err() != nil {
			err = errAgain
		}
		taken[i].done <- err
	}
}
