// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
)

// woken is a queue that remembers whom it was given, and how urgent they were.
type woken struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	users map[string]int
}

// AddWithOpts implements priorityqueue.PriorityQueue.
func (w woken) AddWithOpts(o priorityqueue.AddOpts, keys ...reconcile.Request) {
	for _, key := range keys {
		if was, twice := w.users[key.Name]; !twice || was < *o.Priority {
			w.users[key.Name] = *o.Priority
		}
	}
}

// send hands the event to h that tells of a change from before to after, either of which may be nil, and returns whom it woke.
func send(t *testing.T, h handler.EventHandler, before, after client.Object) map[string]int {
	w := woken{users: map[string]int{}}
	switch {
	case before == nil:
		h.Create(t.Context(), event.CreateEvent{Object: after}, w)
	case after == nil:
		h.Delete(t.Context(), event.DeleteEvent{Object: before}, w)
	default:
		h.Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, w)
	}
	return w.users
}

// people are n names of users.
func people(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("u%02d", i)
	}
	return names
}

func each(priority int, users ...string) map[string]int {
	all := map[string]int{}
	for _, u := range users {
		all[u] = priority
	}
	return all
}

func TestSliceEvents(t *testing.T) {
	hundred := people(100)
	nested := []client.Object{group("G2"), leaf("G2", "G2", "n1", "n2", "G3"), group("G3"), leaf("G3", "G3", "n3", "G2")}
	for reason, tc := range map[string]struct {
		cached        []client.Object
		before, after client.Object
		want          map[string]int
	}{
		"one of a hundred leaves": {nil, leaf("G", "G", hundred...), leaf("G", "G", hundred[1:]...), each(enqueue.Removal, "u00")},
		"one more comes":          {nil, leaf("G", "G", hundred[1:]...), leaf("G", "G", hundred...), each(enqueue.Change, "u00")},
		"one comes and one leaves": {
			nil, leaf("G", "G", "u1", "u2"), leaf("G", "G", "u2", "u3"), map[string]int{"u1": enqueue.Removal, "u3": enqueue.Change},
		},
		"many leave":       {nil, leaf("G", "G", hundred...), leaf("G", "G", "u00"), each(enqueue.Reduction, hundred[1:]...)},
		"nobody changes":   {nil, leaf("G", "G", "u1"), annotated(leaf("G", "G", "u1")), each(0)},
		"a group comes":    {nested, leaf("G", "G", "u1"), leaf("G", "G", "u1", "G2"), each(enqueue.Change, "n1", "n2", "n3")},
		"a group leaves":   {nested, leaf("G", "G", "u1", "G2"), leaf("G", "G", "u1"), each(enqueue.Reduction, "n1", "n2", "n3")},
		"a group is new":   {nested, nil, leaf("G", "G", "u1", "G3"), each(enqueue.Change, "u1", "n1", "n2", "n3")},
		"a slice is new":   {[]client.Object{leaf("G", "G", "u1", "u2")}, nil, leaf("G", "G", "u1", "u2"), each(enqueue.Change, "u1", "u2")},
		"a child is new":   {[]client.Object{leaf("G", "G", "u1", "u2"), leaf("a", "G", "u1")}, nil, leaf("a", "G", "u1"), each(0)},
		"a slice is gone":  {nil, leaf("G", "G", "u1", "u2"), nil, each(enqueue.Reduction, "u1", "u2")},
		"one is gone":      {nil, leaf("a", "G", "u1"), nil, each(enqueue.Removal, "u1")},
		"a parent is gone": {[]client.Object{leaf("a", "G", "u1"), leaf("b", "G", "u2")}, inner("G", "G", "a", "b"), nil, each(enqueue.Reduction, "u1", "u2")},
		"a split": {
			[]client.Object{leaf("a", "G", hundred[:50]...), leaf("b", "G", append(hundred[50:], "new")...), inner("G", "G", "a", "b")},
			leaf("G", "G", hundred...), inner("G", "G", "a", "b"), each(enqueue.Change, "new"),
		},
		"a split into splits, by which one leaves": {
			[]client.Object{leaf("a", "G", "u1"), inner("b", "G", "c", "d"), leaf("c", "G", "u2"), leaf("d", "G", "u3"), inner("G", "G", "a", "b")},
			leaf("G", "G", "u1", "u2", "u3", "u4"), inner("G", "G", "a", "b"), each(enqueue.Removal, "u4"),
		},
		"a split whose half the cache has not": {
			[]client.Object{leaf("a", "G", "u1"), inner("G", "G", "a", "b")},
			leaf("G", "G", "u1", "u2"), inner("G", "G", "a", "b"), each(enqueue.Removal, "u2"),
		},
		"the other half comes": {[]client.Object{leaf("b", "G", "u2"), inner("G", "G", "a", "b")}, nil, leaf("b", "G", "u2"), each(enqueue.Change, "u2")},
	} {
		t.Run(reason, func(t *testing.T) {
			s := newStore(t, tc.cached...)
			if diff := cmp.Diff(tc.want, send(t, SliceEvents{Reader: s}, tc.before, tc.after)); diff != "" {
				t.Errorf("woken (-want +got):\n%s", diff)
			}
		})
	}
}

func annotated[T client.Object](o T) T {
	o.SetAnnotations(map[string]string{v1alpha1.AnnotationRequestID: "another"})
	return o
}

func TestGroupEvents(t *testing.T) {
	members := []client.Object{leaf("G", "G", "u1", "G2"), leaf("G2", "G2", "u2", "G")}
	renamed, counted := group("G"), group("G")
	renamed.Spec.DisplayName, counted.Spec.MembersRevision = "another", 7
	another := group("G")
	another.UID = "another"
	for reason, tc := range map[string]struct {
		before, after client.Object
		want          map[string]int
	}{
		"comes":                {nil, group("G"), each(enqueue.Change, "u1", "u2")},
		"goes":                 {group("G"), nil, each(enqueue.Reduction, "u1", "u2")},
		"begins to go":         {group("G"), going(group("G")), each(enqueue.Reduction, "u1", "u2")},
		"is renamed":           {group("G"), renamed, each(enqueue.Reduction, "u1", "u2")},
		"is another":           {group("G"), another, each(enqueue.Reduction, "u1", "u2")},
		"counts its changes":   {group("G"), counted, each(0)},
		"is annotated":         {group("G"), annotated(group("G")), each(0)},
		"has nobody, and goes": {group("G9"), nil, each(0)},
	} {
		t.Run(reason, func(t *testing.T) {
			s := newStore(t, members...)
			if diff := cmp.Diff(tc.want, send(t, GroupEvents{Reader: s}, tc.before, tc.after)); diff != "" {
				t.Errorf("woken (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFirstListWakesNobody: the first list of ScimUsers does.
func TestFirstListWakesNobody(t *testing.T) {
	s := newStore(t, group("G"), leaf("G", "G", "u1"))
	w := woken{users: map[string]int{}}
	SliceEvents{Reader: s}.Create(t.Context(), event.CreateEvent{Object: leaf("G", "G", "u1"), IsInInitialList: true}, w)
	GroupEvents{Reader: s}.Create(t.Context(), event.CreateEvent{Object: group("G"), IsInInitialList: true}, w)
	if len(w.users) > 0 {
		t.Errorf("woke %v", w.users)
	}
}

// TestKeysOfObjects holds the key functions to what the handlers build on.
func TestKeysOfObjects(t *testing.T) {
	s := newStore(t, leaf("G2", "G2", "n1", "G3"), leaf("G3", "G3", "n2", "G2"), leaf("a", "G", "u2"))
	for reason, tc := range map[string]struct {
		got  []reconcile.Request
		want []string
	}{
		"a leaf":            {UsersOfSlice(s)(t.Context(), leaf("b", "G", "u1", "G2")), []string{"n1", "n2", "u1"}},
		"a slice of slices": {UsersOfSlice(s)(t.Context(), inner("G", "G", "a", "b")), []string{"u2"}},
		"a group":           {UsersOfGroup(s)(t.Context(), group("G2")), []string{"n1", "n2"}},
	} {
		var names []string
		for _, key := range tc.got {
			if key.Namespace != namespace {
				t.Errorf("%s: %v is elsewhere", reason, key)
			}
			names = append(names, key.Name)
		}
		slices.Sort(names)
		if diff := cmp.Diff(tc.want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}
