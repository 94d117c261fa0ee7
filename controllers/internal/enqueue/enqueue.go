// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package enqueue turns events into work, the taking away of access before the giving.
package enqueue

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// CountDelay is the Delay of those who only count: how often a burst of events makes a count be written.
const CountDelay = 2 * time.Second

// Priorities of work. A queue hands out all of a higher one before any of a lower one.
const (
	// Leaver is the suspension of one person. It waits for nothing, not even for the removals of a whole group.
	Leaver = 200
	// Removal is work that takes everything away: something is gone or going.
	Removal = 100
	// Reduction is work that takes something away, maybe from many.
	Reduction = 50
	// Change is work that something asked for.
	Change = 0
	// Resync is work that most likely finds nothing to do: what a start-up lists.
	Resync = -100
)

// Queue is what a controller takes its work from.
type Queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Events is an event handler. Every field but Keys is optional.
type Events struct {
	// Keys says whom an object wakes.
	Keys func(context.Context, client.Object) []reconcile.Request
	// Changed says whether an update matters. The default is a change of the spec or the start of a deletion.
	Changed func(before, after client.Object) bool
	// Priority says how urgent an event is. before is nil when the object is new, after is nil when it is gone.
	// The default is Removal for what is gone or going, and Change for the rest.
	Priority func(before, after client.Object) int
	// Delay holds work back, so that many events become one piece of work.
	Delay time.Duration
	// Prompt lets what a start-up lists come in turn with everything else: where to look costs little, and it may be a removal that
	// nobody saw while nobody was there. The default is after everything else.
	Prompt bool
}

var _ handler.EventHandler = Events{}

// Create implements handler.EventHandler.
func (e Events) Create(ctx context.Context, ev event.CreateEvent, q Queue) {
	priority := e.priority(nil, ev.Object)
	if ev.IsInInitialList && priority == Change && !e.Prompt {
		priority = Resync
	}
	e.add(ctx, q, ev.Object, priority)
}

// Update implements handler.EventHandler. Both objects are asked whom they wake, since the update may have moved them.
func (e Events) Update(ctx context.Context, ev event.UpdateEvent, q Queue) {
	changed := e.Changed
	if changed == nil {
		changed = SpecChanged
	}
	if !changed(ev.ObjectOld, ev.ObjectNew) {
		return
	}
	priority := e.priority(ev.ObjectOld, ev.ObjectNew)
	e.add(ctx, q, ev.ObjectOld, priority)
	e.add(ctx, q, ev.ObjectNew, priority)
}

// Delete implements handler.EventHandler.
func (e Events) Delete(ctx context.Context, ev event.DeleteEvent, q Queue) {
	e.add(ctx, q, ev.Object, e.priority(ev.Object, nil))
}

// Generic implements handler.EventHandler.
func (e Events) Generic(ctx context.Context, ev event.GenericEvent, q Queue) {
	e.add(ctx, q, ev.Object, Change)
}

func (e Events) priority(before, after client.Object) int {
	if e.Priority != nil {
		return e.Priority(before, after)
	}
	if Gone(after) {
		return Removal
	}
	return Change
}

// Gone reports whether o is gone (nil) or going.
func Gone(o client.Object) bool { return o == nil || !o.GetDeletionTimestamp().IsZero() }

func (e Events) add(ctx context.Context, q Queue, o client.Object, priority int) {
	Add(q, priority, e.Delay, e.Keys(ctx, o))
}

// Add makes work of keys, after delay. It is for handlers that know more about an event than Events does.
func Add(q Queue, priority int, delay time.Duration, keys []reconcile.Request) {
	if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority, After: delay}, keys...)
		return
	}
	for _, key := range keys {
		q.AddAfter(key, delay)
	}
}

// SpecChanged reports whether an update changed the spec, started a deletion or replaced the object.
func SpecChanged(before, after client.Object) bool {
	return before.GetGeneration() != after.GetGeneration() || before.GetUID() != after.GetUID() ||
		before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero()
}

// Self wakes the object itself.
func Self(_ context.Context, o client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(o)}}
}

// Named wakes the object of that name in the namespace of o.
func Named(o client.Object, name string) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: name}}}
}

// Referrers wakes every object of the kind of list, in the namespace of o, whose index says the name of o.
// A cache that cannot list wakes nobody: it has not started, and its start wakes everybody.
func Referrers(c client.Reader, list func() client.ObjectList, field string) func(context.Context, client.Object) []reconcile.Request {
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		return Matching(ctx, c, list(), o.GetNamespace(), field, o.GetName())
	}
}

// Matching returns the keys of all objects of the kind of list in a namespace whose index field says value.
func Matching(ctx context.Context, c client.Reader, list client.ObjectList, namespace, field, value string) []reconcile.Request {
	err := c.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil
	}
	return keysOf(list)
}
