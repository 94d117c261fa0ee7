// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
)

// The events of slices and groups come each in their own order, and late: the cache may know more than they say. So whom an event
// wakes is read from the slices alone, whatever has become of their groups, and rather once too often: whatever the cache knows
// already of a later change is told by the event of that change.

// UsersOfSlice returns a function that says whom a ScimMemberSlice wakes: the users in it, in the slices that it was split into,
// and all below the groups in these.
func UsersOfSlice(c client.Reader) func(context.Context, client.Object) []reconcile.Request {
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		r := in(c, o.GetNamespace())
		m, _ := r.membersOf(ctx, o.(*v1alpha1.ScimMemberSlice)) // watched as that type; see all about errors
		return r.requests(r.all(ctx, m))
	}
}

// UsersOfGroup returns a function that says whom a ScimGroup wakes: all users in it and in groups in it.
func UsersOfGroup(c client.Reader) func(context.Context, client.Object) []reconcile.Request {
	return func(ctx context.Context, o client.Object) []reconcile.Request {
		r := in(c, o.GetNamespace())
		return r.requests(r.all(ctx, members{groups: map[string]bool{o.GetName(): true}}))
	}
}

// all are the users among members and those below the groups among them. What cannot be read wakes nobody: a cache fails only
// before it has started, and its start wakes everybody.
func (r reader) all(ctx context.Context, m members) map[string]bool {
	users, _ := r.usersBelow(ctx, slices.Collect(maps.Keys(m.groups)), func(string) (bool, error) { return true, nil })
	if users == nil {
		return m.users
	}
	maps.Copy(users, m.users)
	return users
}

func (r reader) requests(users map[string]bool) []reconcile.Request {
	keys := make([]reconcile.Request, 0, len(users))
	for _, user := range slices.Sorted(maps.Keys(users)) {
		keys = append(keys, reconcile.Request{NamespacedName: client.ObjectKey{Namespace: r.namespace, Name: user}})
	}
	return keys
}

// SliceChanged reports whether an update of a ScimMemberSlice may have changed who is in a group.
func SliceChanged(before, after client.Object) bool {
	a, b := &before.(*v1alpha1.ScimMemberSlice).Spec, &after.(*v1alpha1.ScimMemberSlice).Spec // watched as that type
	return !slices.Equal(a.Users, b.Users) || !slices.Equal(a.Groups, b.Groups) || !slices.Equal(a.Children, b.Children)
}

// GroupChanged reports whether an update of a ScimGroup may matter to those who are in it: by what it is found, or that it is
// going. Its counter of changes does not.
func GroupChanged(before, after client.Object) bool {
	a, b := &before.(*v1alpha1.ScimGroup).Spec, &after.(*v1alpha1.ScimGroup).Spec // watched as that type
	return a.DisplayName != b.DisplayName || a.ExternalID != b.ExternalID || before.GetUID() != after.GetUID() || enqueue.Gone(before) != enqueue.Gone(after)
}

// SliceEvents wakes ScimUsers for the events of ScimMemberSlices: only those who come or go. Whoever goes alone waits for nobody;
// of many at once each is a Reduction. What the first list shows wakes nobody: it is for controllers that watch ScimUsers too,
// whose first list wakes everybody.
type SliceEvents struct {
	// Reader is the cache.
	Reader client.Reader
	// Because, if set, is told which object woke whom.
	Because Because
}

var _ handler.EventHandler = SliceEvents{}

// Create implements handler.EventHandler. A slice that nothing points at yet changes nothing; the event of its parent will.
func (e SliceEvents) Create(ctx context.Context, ev event.CreateEvent, q enqueue.Queue) {
	slice := ev.Object.(*v1alpha1.ScimMemberSlice) // watched as that type
	if ev.IsInInitialList {
		return
	}
	reached, err := in(e.Reader, slice.Namespace).reached(ctx, slice.Name, slice.Spec.GroupRef.Name)
	if reached || err != nil {
		e.Because.join(q, slice, UsersOfSlice(e.Reader)(ctx, slice))
	}
}

// Update implements handler.EventHandler. Who only moves, from a slice that is split into one of its children, is not woken.
func (e SliceEvents) Update(ctx context.Context, ev event.UpdateEvent, q enqueue.Queue) {
	if !SliceChanged(ev.ObjectOld, ev.ObjectNew) {
		return
	}
	r := in(e.Reader, ev.ObjectNew.GetNamespace())
	before, _ := r.membersOf(ctx, ev.ObjectOld.(*v1alpha1.ScimMemberSlice)) // watched as that type; see all about errors
	after, _ := r.membersOf(ctx, ev.ObjectNew.(*v1alpha1.ScimMemberSlice))
	e.Because.leave(q, ev.ObjectNew, r.requests(r.all(ctx, before.except(after))))
	e.Because.join(q, ev.ObjectNew, r.requests(r.all(ctx, after.except(before))))
}

// Delete implements handler.EventHandler. It does not ask what the slice was reached from, which may be gone already.
func (e SliceEvents) Delete(ctx context.Context, ev event.DeleteEvent, q enqueue.Queue) {
	e.Because.leave(q, nil, UsersOfSlice(e.Reader)(ctx, ev.Object))
}

// Generic implements handler.EventHandler.
func (e SliceEvents) Generic(ctx context.Context, ev event.GenericEvent, q enqueue.Queue) {
	e.Because.join(q, ev.Object, UsersOfSlice(e.Reader)(ctx, ev.Object))
}

// Because is told, before they are woken, which object wakes whom; nil is one that is gone.
type Because func(o client.Object, users []reconcile.Request)

// join wakes those who may have got something.
func (b Because) join(q enqueue.Queue, o client.Object, users []reconcile.Request) {
	b.wake(q, enqueue.Change, o, users)
}

// leave wakes those who may have lost something.
func (b Because) leave(q enqueue.Queue, o client.Object, users []reconcile.Request) {
	priority := enqueue.Reduction
	if len(users) == 1 {
		priority = enqueue.Removal
	}
	b.wake(q, priority, o, users)
}

func (b Because) wake(q enqueue.Queue, priority int, o client.Object, users []reconcile.Request) {
	if b != nil {
		b(o, users)
	}
	enqueue.Add(q, priority, 0, users)
}

// GroupEvents wakes ScimUsers for the events of ScimGroups: all who are in it, also through groups, when it comes, goes, or is
// found by another name. What the first list shows wakes nobody, as with SliceEvents.
type GroupEvents struct {
	// Reader is the cache.
	Reader client.Reader
	// Because, if set, is told which object woke whom.
	Because Because
}

var _ handler.EventHandler = GroupEvents{}

// Create implements handler.EventHandler.
func (e GroupEvents) Create(ctx context.Context, ev event.CreateEvent, q enqueue.Queue) {
	if !ev.IsInInitialList {
		e.Because.join(q, ev.Object, UsersOfGroup(e.Reader)(ctx, ev.Object))
	}
}

// Update implements handler.EventHandler. A rename may take as well as give.
func (e GroupEvents) Update(ctx context.Context, ev event.UpdateEvent, q enqueue.Queue) {
	if GroupChanged(ev.ObjectOld, ev.ObjectNew) {
		e.Because.leave(q, ev.ObjectNew, UsersOfGroup(e.Reader)(ctx, ev.ObjectNew))
	}
}

// Delete implements handler.EventHandler.
func (e GroupEvents) Delete(ctx context.Context, ev event.DeleteEvent, q enqueue.Queue) {
	e.Because.leave(q, nil, UsersOfGroup(e.Reader)(ctx, ev.Object))
}

// Generic implements handler.EventHandler.
func (e GroupEvents) Generic(ctx context.Context, ev event.GenericEvent, q enqueue.Queue) {
	e.Because.join(q, ev.Object, UsersOfGroup(e.Reader)(ctx, ev.Object))
}
