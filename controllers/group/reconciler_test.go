// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package group

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

func slice(name, group string, users, groups, children []string) *v1alpha1.ScimMemberSlice {
	return &v1alpha1.ScimMemberSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name},
		Spec:       v1alpha1.ScimMemberSliceSpec{GroupRef: v1alpha1.LocalReference{Name: group}, Users: users, Groups: groups, Children: children},
	}
}

func TestReconcile(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	group := &v1alpha1.ScimGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "g", Generation: 3}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(group).WithObjects(group,
		slice("g", "g", nil, nil, []string{"g-0", "g-1"}),
		slice("g-0", "g", []string{"a", "b"}, []string{"h"}, nil),
		slice("g-1", "g", nil, nil, []string{"g-10", "g-11"}),
		slice("g-10", "g", []string{"c"}, nil, nil), // g-11 is not seen yet
		slice("g-lost", "g", []string{"d"}, nil, nil),
		slice("h", "h", []string{"e"}, nil, nil),
	).WithIndex(&v1alpha1.ScimMemberSlice{}, index.ByGroup, func(o client.Object) []string {
		return []string{o.(*v1alpha1.ScimMemberSlice).Spec.GroupRef.Name}
	}).Build()
	if _, err := (&Reconciler{Client: c}).Reconcile(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	if group.Status.Members != 4 || !status.IsReady(group.Status.Conditions, 3) {
		t.Errorf("status %+v, want 4 members", group.Status)
	}
	written := group.ResourceVersion
	if _, err := (&Reconciler{Client: c}).Reconcile(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	if group.ResourceVersion != written {
		t.Error("the same count was written twice")
	}
}

// TestCountEnds: what points at itself, or twice at the same, is counted once.
func TestCountEnds(t *testing.T) {
	for reason, slices := range map[string][]v1alpha1.ScimMemberSlice{
		"a circle":          {*slice("g", "g", []string{"a"}, nil, []string{"g-0"}), *slice("g-0", "g", []string{"b"}, nil, []string{"g"})},
		"itself":            {*slice("g", "g", []string{"a", "b"}, nil, []string{"g"})},
		"twice":             {*slice("g", "g", []string{"a"}, nil, []string{"g-0", "g-0"}), *slice("g-0", "g", []string{"b"}, nil, nil)},
		"no circle at all":  {*slice("g", "g", []string{"a"}, nil, []string{"g-0"}), *slice("g-0", "g", []string{"b"}, nil, nil)},
		"no slice but root": {*slice("g", "g", []string{"a", "b"}, nil, nil)},
	} {
		if got := count(slices, "g"); got != 2 {
			t.Errorf("%s: %d members, want 2", reason, got)
		}
	}
}
