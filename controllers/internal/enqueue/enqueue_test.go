// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package enqueue

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func user(name string, state v1alpha1.State) *v1alpha1.ScimUser {
	return &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Generation: 1}, Spec: v1alpha1.ScimUserSpec{State: state}}
}

func urgency(_, after client.Object) int {
	switch {
	case Gone(after):
		return Removal
	case after.(*v1alpha1.ScimUser).Spec.State == v1alpha1.StateSuspended:
		return Leaver
	default:
		return Change
	}
}

// TestRemovalsOvertakeABacklog: of a hundred joiners and two leavers, the leavers come first.
func TestRemovalsOvertakeABacklog(t *testing.T) {
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	e := Events{Keys: Self, Priority: urgency}
	for i := range 100 {
		e.Create(t.Context(), event.CreateEvent{Object: user(fmt.Sprint("joiner", i), v1alpha1.StateActive)}, q)
	}
	before, after := user("leaver", v1alpha1.StateActive), user("leaver", v1alpha1.StateSuspended)
	after.Generation = 2
	e.Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
	e.Delete(t.Context(), event.DeleteEvent{Object: user("gone", v1alpha1.StateActive)}, q)
	for _, want := range []string{"leaver", "gone"} {
		if item, priority, _ := q.GetWithPriority(); item.Name != want {
			t.Errorf("%s came before %s, with priority %d", item.Name, want, priority)
		}
	}
}

func TestPriorities(t *testing.T) {
	for reason, tc := range map[string]struct {
		send   func(Events, context.Context, Queue)
		want   int
		prompt bool
	}{
		"a new object": {func(e Events, ctx context.Context, q Queue) {
			e.Create(ctx, event.CreateEvent{Object: user("u", v1alpha1.StateActive)}, q)
		}, Change, false},
		"found at start-up": {func(e Events, ctx context.Context, q Queue) {
			e.Create(ctx, event.CreateEvent{Object: user("u", v1alpha1.StateActive), IsInInitialList: true}, q)
		}, Resync, false},
		"found at start-up, where to look costs little": {func(e Events, ctx context.Context, q Queue) {
			e.Create(ctx, event.CreateEvent{Object: user("u", v1alpha1.StateActive), IsInInitialList: true}, q)
		}, Change, true},
		"a leaver found at start-up": {func(e Events, ctx context.Context, q Queue) {
			e.Create(ctx, event.CreateEvent{Object: user("u", v1alpha1.StateSuspended), IsInInitialList: true}, q)
		}, Leaver, false},
		"a deletion that begins": {func(e Events, ctx context.Context, q Queue) {
			going, now := user("u", v1alpha1.StateActive), metav1.Now()
			going.DeletionTimestamp = &now
			e.Update(ctx, event.UpdateEvent{ObjectOld: user("u", v1alpha1.StateActive), ObjectNew: going}, q)
		}, Removal, false},
	} {
		q := priorityqueue.New[reconcile.Request]("test")
		tc.send(Events{Keys: Self, Priority: urgency, Prompt: tc.prompt}, t.Context(), q)
		if _, got, _ := q.GetWithPriority(); got != tc.want {
			t.Errorf("%s: priority %d, want %d", reason, got, tc.want)
		}
		q.ShutDown()
	}
}

func TestStatusAloneWakesNobody(t *testing.T) {
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	before, after := user("u", v1alpha1.StateActive), user("u", v1alpha1.StateActive)
	after.Status.ObservedGeneration, after.ResourceVersion, after.Annotations = 1, "2", map[string]string{"a": "b"}
	Events{Keys: Self}.Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
	if q.Len() != 0 {
		t.Error("a change of status or metadata made work")
	}
}

func TestDelayMakesOneOfMany(t *testing.T) {
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	one := func(context.Context, client.Object) []reconcile.Request { return Named(user("", ""), "counted") }
	e := Events{Keys: one, Delay: 50 * time.Millisecond}
	for i := range 1000 {
		e.Create(t.Context(), event.CreateEvent{Object: user(fmt.Sprint(i), v1alpha1.StateActive)}, q)
	}
	item, _, _ := q.GetWithPriority()
	if item.Name != "counted" || q.Len() != 0 {
		t.Errorf("%s, and %d more pieces of work", item.Name, q.Len())
	}
}
