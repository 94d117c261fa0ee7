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

// Priorities of work. A queue hands out all of a higher one before any of a lower one.
const (
	// Removal is work that takes access away.
	Removal = 100
	// Change is work that something asked for.
	Change = 0
	// Resync is work that most likely finds nothing to do: what a start-up lists.
	Resync = -100
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Events is an event handler. Every field but Keys is optional.
type Events struct {
	// Keys says whom an object wakes.
	Keys func(context.Context, client.Object) []reconcile.Request
	// Changed says whether an update matters. The default is a change of the spec or the start of a deletion.
	Changed func(before, after client.Object) bool
	// Removes says whether the object, as it is now, takes access away. That an object is gone always does.
	Removes func(client.Object) bool
	// Delay holds work back, so that many events become one piece of work.
	Delay time.Duration
}

var _ handler.EventHandler = Events{}

// Create implements handler.EventHandler.
func (e Events) Create(ctx context.Context, ev event.CreateEvent, q queue) {
	priority := e.priority(ev.Object)
	if ev.IsInInitialList && priority == Change {
		priority = Resync
	}
	e.add(ctx, q, ev.Object, priority)
}

// Update implements handler.EventHandler. Both objects are asked whom they wake, since the update may have moved them.
func (e Events) Update(ctx context.Context, ev event.UpdateEvent, q queue) {
	changed := e.Changed
	if changed == nil {
		changed = SpecChanged
	}
	if !changed(ev.ObjectOld, ev.ObjectNew) {
		return
	}
	e.add(ctx, q, ev.ObjectOld, e.priority(ev.ObjectNew))
	e.add(ctx, q, ev.ObjectNew, e.priority(ev.ObjectNew))
}

// Delete implements handler.EventHandler.
func (e Events) Delete(ctx context.Context, ev event.DeleteEvent, q queue) {
	e.add(ctx, q, ev.Object, Removal)
}

// Generic implements handler.EventHandler.
func (e Events) Generic(ctx context.Context, ev event.GenericEvent, q queue) {
	e.add(ctx, q, ev.Object, Change)
}

func (e Events) priority(o client.Object) int {
	if !o.GetDeletionTimestamp().IsZero() || (e.Removes != nil && e.Removes(o)) {
		return Removal
	}
	return Change
}

func (e Events) add(ctx context.Context, q queue, o client.Object, priority int) {
	keys := e.Keys(ctx, o)
	if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		pq.AddWithOpts(priorityqueue.AddOpts{Priority: &priority, After: e.Delay}, keys...)
		return
	}
	for _, key := range keys {
		q.AddAfter(key, e.Delay)
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
