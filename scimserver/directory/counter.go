// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"math"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// always is a revision that no counter has reached: it moves by one.
const always = math.MaxInt64

// only demands exactly that generation.
func only(generation int64) Precondition {
	return Precondition{demanded: true, tags: []string{quoted(generation)}}
}

// reach moves the counter of membership changes of a group to the revision of the slices of a change. Changes of one group that end
// while it is being moved share the next move: all of them are durable by then, and the version says no more than that.
func (g *Groups) reach(ctx context.Context, dir Directory, id string, revision int64) (Stored, error) {
	key := client.ObjectKey{Namespace: dir.Namespace, Name: id}
	o, err := g.turns.take(ctx, key, revision, func(revision int64) (client.Object, error) {
		return g.bump(ctx, dir, id, Precondition{}, revision)
	})
	if err != nil {
		return Stored{}, err
	}
	return g.read(o)
}

// bump moves the counter of membership changes, if it has not reached revision yet. So a change that was cut short before its bump is
// made up for when it is repeated, although it changes nothing then. It returns the group as it is then, which nobody may change.
func (g *Groups) bump(ctx context.Context, dir Directory, id string, p Precondition, revision int64) (client.Object, error) {
	var group client.Object
	err := g.retry(ctx, func() (done bool, err error) {
		if group, err = g.get(ctx, dir, id); err != nil {
			return false, err
		}
		if err := p.check(group.GetGeneration()); err != nil {
			return false, err
		}
		counter := &group.(*v1alpha1.ScimGroup).Spec.MembersRevision // made by newObject
		switch {
		case revision == always:
			*counter++
		case *counter >= revision:
			return true, nil
		default:
			*counter = revision
		}
		modified(ctx, group, g.clock.Now())
		err = g.update(ctx, group)
		return err == nil, ignoreConflict(err)
	})
	return group, err
}

// turns lets those who want the counter of the same group moved do it together. One turn of a group moves it at a time; who comes
// meanwhile joins the next one. The zero turns is ready for use.
type turns struct {
	mu           sync.Mutex
	moving, next map[client.ObjectKey]*turn
}

// turn is one move of a counter, to the highest revision that anybody wants who joined it.
type turn struct {
	revision int64
	// done is closed when group and err are set.
	done  chan struct{}
	group client.Object
	err   error
}

// take has a counter moved to revision, or further. Whoever is the first of a turn moves it, with their own context: if that fails the
// others move it themselves, since what ended the one request need not end theirs.
func (t *turns) take(ctx context.Context, key client.ObjectKey, revision int64, move func(int64) (client.Object, error)) (client.Object, error) {
	mine, leads := t.join(key, revision)
	if leads {
		t.lead(ctx, key, mine, move)
		return mine.group, mine.err
	}
	select {
	case <-mine.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if mine.err != nil {
		return move(revision)
	}
	return mine.group, nil
}

// join adds a revision to the next turn. The first who does leads it.
func (t *turns) join(key client.ObjectKey, revision int64) (mine *turn, leads bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	mine, there := t.next[key]
	if !there {
		if t.next == nil {
			t.moving, t.next = map[client.ObjectKey]*turn{}, map[client.ObjectKey]*turn{}
		}
		mine = &turn{done: make(chan struct{}), err: errAbandoned()}
		t.next[key] = mine
	}
	mine.revision = max(mine.revision, revision)
	return mine, !there
}

// errAbandoned is what remains of a turn whose leader panicked.
func errAbandoned() error { return busy("the change was interrupted") }

// lead waits for the turn before, lets nobody join this one any more, and moves the counter.
func (t *turns) lead(ctx context.Context, key client.ObjectKey, mine *turn, move func(int64) (client.Object, error)) {
	t.mu.Lock()
	before := t.moving[key]
	t.mu.Unlock()
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done(): // move finds that out
		}
	}
	t.mu.Lock()
	delete(t.next, key)
	t.moving[key] = mine
	t.mu.Unlock()
	defer t.end(key, mine)
	mine.group, mine.err = move(mine.revision)
}

func (t *turns) end(key client.ObjectKey, mine *turn) {
	t.mu.Lock()
	if t.moving[key] == mine {
		delete(t.moving, key)
	}
	t.mu.Unlock()
	close(mine.done)
}
