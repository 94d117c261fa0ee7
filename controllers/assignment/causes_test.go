// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// TestRequestedAt: a ScimAccount says when its change was asked for if that was certainly SCIM, and nothing otherwise.
func TestRequestedAt(t *testing.T) {
	asked := func(o client.Object, seconds int) time.Time {
		id, err := uuid.NewV7()
		at := time.Now().Add(time.Duration(seconds) * time.Second).Truncate(time.Millisecond).UTC()
		binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|0x7000)
		if err != nil {
			t.Fatal(err)
		}
		o.SetAnnotations(map[string]string{v1alpha1.AnnotationRequestID: id.String()})
		return at
	}
	person := makeUser()
	created := asked(person, -60)
	person.Generation = 1
	c := begin(t, directory(), makeApp(), person, makeGrant("g", everyone(), "a"))
	want := func(when string, at time.Time) {
		t.Helper()
		a := &account{}
		c.must(c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "app-id"}, a))
		text := ""
		if !at.IsZero() {
			text = at.Format(time.RFC3339Nano)
		}
		if got := a.Annotations[v1alpha1.AnnotationRequestedAt]; got != text {
			t.Errorf("%s: %q, want %q", when, got, text)
		}
	}
	c.settle("id")
	want("created", created)

	c.must(c.Create(t.Context(), placed(makeGrant("h", everyone(), "b"))))
	c.sync()
	c.settle("id")
	want("given a role by a grant", time.Time{})

	slice := makeSlice("g1")
	joined := asked(slice, -30)
	c.r.because(slice, []reconcile.Request{requestFor("id")})
	c.must(c.Create(t.Context(), placed(makeGrant("i", everyone(), "c"))))
	c.sync()
	c.settle("id")
	want("given a role by a group", joined)

	var suspended time.Time
	edit(c, makeUser(), func(u *user) {
		deactivated(u)
		u.Generation++
		suspended = asked(u, -10)
	})
	c.sync()
	c.settle("id")
	want("suspended", suspended)
}
