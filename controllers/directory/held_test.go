// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
)

func newReconciler(c client.Client) *Reconciler {
	ledger := &guard.Ledger{}
	return &Reconciler{Client: c, PublicURL: "https://scim.example", Publisher: &guard.Publisher{
		Recorder: events.NewFakeRecorder(100), Metrics: guard.NewMetrics(prometheus.NewRegistry()), Unwritten: ledger.Unwritten,
	}}
}

func round(t *testing.T, r *Reconciler) *v1alpha1.ScimDirectory {
	t.Helper()
	key := client.ObjectKey{Namespace: "ns", Name: "acme"}
	if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: key}); err != nil {
		t.Fatal(err)
	}
	dir := &v1alpha1.ScimDirectory{}
	if err := r.Client.Get(t.Context(), key, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func heldIn(app, name string, by v1alpha1.HeldBy, since int64) *v1alpha1.ScimAccount {
	a := &v1alpha1.ScimAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}}
	a.Spec.ApplicationRef.Name = app
	a.Spec.Held = &v1alpha1.HeldChange{By: by, Change: v1alpha1.ChangeSuspend, Digest: "d", Since: metav1.NewMicroTime(time.UnixMicro(since))}
	return a
}

func applicationOf(name, directory string) *v1alpha1.ScimApplication {
	a := &v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}}
	a.Spec.DirectoryRef.Name = directory
	return a
}

// TestHeld: a directory speaks of what it holds in all its applications, and of nothing else.
func TestHeld(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	dir := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "acme", Generation: 1}}
	mine := heldIn("crm", "mine", v1alpha1.HeldByDirectory, 3)
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(dir).WithObjects(dir,
		applicationOf("crm", "acme"), applicationOf("erp", "acme"), applicationOf("far", "other"), mine,
		heldIn("erp", "too", v1alpha1.HeldByDirectory, 4), heldIn("erp", "its own", v1alpha1.HeldByApplication, 5), heldIn("far", "another", v1alpha1.HeldByDirectory, 6)).
		WithIndex(&v1alpha1.ScimAccount{}, index.ByHeld, func(o client.Object) []string { return []string{string(o.(*v1alpha1.ScimAccount).Spec.Held.By)} }).
		WithIndex(&v1alpha1.ScimUser{}, index.ByDirectory, func(client.Object) []string { return nil }).
		WithIndex(&v1alpha1.ScimApplication{}, index.ByDirectory, func(o client.Object) []string { return []string{o.(*v1alpha1.ScimApplication).Spec.DirectoryRef.Name} }).Build()
	r := newReconciler(c)
	got := round(t, r)
	condition := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionHeld)
	if got.Status.Removals.Count != 2 || condition == nil || !strings.Contains(condition.Message, "scimdirectory acme scim-operator.dev/approve="+got.Status.Removals.Digest) {
		t.Fatalf("removals %+v, condition %+v", got.Status.Removals, condition)
	}
	if again := round(t, r); again.ResourceVersion != got.ResourceVersion {
		t.Error("the same was written twice")
	}
	got.Annotations = map[string]string{v1alpha1.AnnotationReject: got.Status.Removals.Digest}
	if err := c.Update(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	got = round(t, r)
	want := v1alpha1.HeldRemovals{Decisions: []v1alpha1.RemovalDecision{{Through: metav1.NewMicroTime(time.UnixMicro(4)), Verdict: v1alpha1.VerdictRejected}}}
	if diff := cmp.Diff(want, got.Status.Removals); diff != "" || meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionHeld) != nil {
		t.Errorf("after the rejection:\n%s", diff)
	}
	if keys := r.holder(t.Context(), mine); len(keys) != 1 || keys[0].Name != "acme" {
		t.Errorf("an account that is held wakes %v", keys)
	}
	if keys := r.holder(t.Context(), heldIn("crm", "x", v1alpha1.HeldByApplication, 1)); len(keys) != 0 {
		t.Errorf("an account that something else holds wakes %v", keys)
	}
}
