// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

func counter(r *Reconciler) (*Counter, *events.FakeRecorder) {
	recorder := events.NewFakeRecorder(100)
	ledger := &guard.Ledger{}
	return &Counter{Client: r.Client, Publisher: &guard.Publisher{
		Recorder: recorder, Metrics: guard.NewMetrics(prometheus.NewRegistry()), Unwritten: ledger.Unwritten,
	}}, recorder
}

func counted(t *testing.T, c *Counter) (*v1alpha1.ScimApplication, ctrl.Result) {
	t.Helper()
	key := client.ObjectKey{Namespace: "ns", Name: "app"}
	res, err := c.Reconcile(t.Context(), ctrl.Request{NamespacedName: key})
	if err != nil {
		t.Fatal(err)
	}
	got := &v1alpha1.ScimApplication{}
	if err := c.Client.Get(t.Context(), key, got); err != nil {
		t.Fatal(err)
	}
	return got, res
}

func held(name string, by v1alpha1.HeldBy, since int64) *v1alpha1.ScimAccount {
	a := accountOf(name)
	a.Spec.Held = &v1alpha1.HeldChange{By: by, Change: v1alpha1.ChangeSuspend, Digest: "d", Since: metav1.NewMicroTime(time.UnixMicro(since))}
	if by == v1alpha1.HeldByInvariant {
		a.Spec.Held.Invariant = "two-admins"
	}
	return a
}

func TestCounts(t *testing.T) {
	in := accountOf("in sync")
	status.Ready(v1alpha1.ReasonInSync, "").Set(&in.Status.Conditions, 1)
	old := accountOf("of another generation")
	status.Ready(v1alpha1.ReasonInSync, "").Set(&old.Status.Conditions, 0)
	tombstone, planned := accountOf("deleted"), accountOf("planned")
	tombstone.Spec.State, planned.Status.Pending = v1alpha1.AccountDeleted, v1alpha1.ChangeReduce
	c, recorder := counter(newReconciler(t, nil, app(), in, old, accountOf("new"), tombstone, planned, held("waits", v1alpha1.HeldByDirectory, 1)))
	first, _ := counted(t, c)
	if diff := cmp.Diff(v1alpha1.AccountCounts{Desired: 5, Ready: 1, Held: 1}, first.Status.Accounts); diff != "" || first.Status.Plan != (v1alpha1.PlanCounts{Change: 1}) {
		t.Errorf("plan %+v, and accounts:\n%s", first.Status.Plan, diff)
	}
	if again, _ := counted(t, c); again.ResourceVersion != first.ResourceVersion || len(recorder.Events) != 0 {
		t.Error("the same counts were written twice, or made an event")
	}
}

// TestApproval: the condition says how, and what somebody says decides about exactly that set.
func TestApproval(t *testing.T) {
	c, recorder := counter(newReconciler(t, nil, app(), held("one", v1alpha1.HeldByApplication, 5), held("two", v1alpha1.HeldByApplication, 7), held("admin", v1alpha1.HeldByInvariant, 9)))
	got, _ := counted(t, c)
	removals, condition := got.Status.Removals, meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionHeld)
	if removals.Count != 2 || len(removals.Digest) != 16 || condition == nil || condition.Reason != v1alpha1.ReasonRemovalLimit {
		t.Fatalf("removals %+v, condition %+v", removals, condition)
	}
	for _, says := range []string{"kubectl -n ns annotate --overwrite scimapplication app scim-operator.dev/approve=" + removals.Digest, "scim-operator.dev/reject=" + removals.Digest, "two-admins"} {
		if !strings.Contains(condition.Message, says) {
			t.Errorf("the condition does not say %q: %s", says, condition.Message)
		}
	}
	if again, _ := counted(t, c); again.ResourceVersion != got.ResourceVersion || len(recorder.Events) != 1 {
		t.Errorf("the same was written twice, or said in %d events", len(recorder.Events))
	}
	late := held("late", v1alpha1.HeldByApplication, 8)
	if err := c.Client.Create(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	annotate(t, c, got, removals.Digest)
	got, _ = counted(t, c)
	if len(got.Status.Removals.Decisions) != 0 || got.Status.Removals.Count != 3 || len(recorder.Events) != 2 {
		t.Errorf("an approval of another set: %+v, %d events", got.Status.Removals, len(recorder.Events))
	}
	annotate(t, c, got, got.Status.Removals.Digest)
	c.Publisher.Unwritten = func(string, time.Time) bool { return true }
	got, res := counted(t, c)
	if len(got.Status.Removals.Decisions) != 0 || res.RequeueAfter == 0 {
		t.Errorf("a decision while a hold is on its way: %+v, again after %s", got.Status.Removals, res.RequeueAfter)
	}
	c.Publisher.Unwritten = func(string, time.Time) bool { return false }
	got, _ = counted(t, c)
	want := v1alpha1.HeldRemovals{Decisions: []v1alpha1.RemovalDecision{{Through: late.Spec.Held.Since, Verdict: v1alpha1.VerdictApproved}}}
	if diff := cmp.Diff(want, got.Status.Removals); diff != "" {
		t.Error(diff)
	}
	if condition := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionHeld); condition.Reason != v1alpha1.ReasonInvariant {
		t.Errorf("after the approval: %+v", condition)
	}
}

func annotate(t *testing.T, c *Counter, a *v1alpha1.ScimApplication, digest string) {
	t.Helper()
	a.Annotations = map[string]string{v1alpha1.AnnotationApprove: digest}
	if err := c.Client.Update(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// TestConditionsOfTwoWriters: while Reconciler probes, Counter writes; neither takes the condition of the other away.
func TestConditionsOfTwoWriters(t *testing.T) {
	memory := connectortest.NewMemory()
	r := newReconciler(t, memory, app(), directory(), held("one", v1alpha1.HeldByApplication, 5))
	c, _ := counter(r)
	open := r.Connections.Openers[v1alpha1.ConnectorKubernetes]
	r.Connections.Openers[v1alpha1.ConnectorKubernetes] = func(ctx context.Context, a *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
		counted(t, c)
		return open(ctx, a, credential)
	}
	stale := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "app"}, stale); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reconcile(t.Context(), stale); err != nil {
		t.Fatal(err)
	}
	after := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "app"}, after); err != nil {
		t.Fatal(err)
	}
	if reason(after) != v1alpha1.ReasonConnected || !meta.IsStatusConditionTrue(after.Status.Conditions, v1alpha1.ConditionHeld) {
		t.Errorf("conditions %+v", after.Status.Conditions)
	}
}

func TestWhatWakesTheCounter(t *testing.T) {
	for reason, tc := range map[string]struct {
		change func(*v1alpha1.ScimAccount)
		want   bool
	}{
		"a change is held":       {func(a *v1alpha1.ScimAccount) { a.Spec.Held = held("", v1alpha1.HeldByApplication, 5).Spec.Held }, true},
		"something is planned":   {func(a *v1alpha1.ScimAccount) { a.Status.Pending = v1alpha1.ChangeCreate }, true},
		"it became ready":        {func(a *v1alpha1.ScimAccount) { status.Ready("InSync", "").Set(&a.Status.Conditions, 1) }, true},
		"somebody else's matter": {func(a *v1alpha1.ScimAccount) { a.Spec.Email = "x" }, false},
		"it shall be deleted":    {func(a *v1alpha1.ScimAccount) { a.Spec.State = v1alpha1.AccountDeleted }, true},
	} {
		before, after := accountOf("one"), accountOf("one")
		tc.change(after)
		if got := countsOtherwise(before, after); got != tc.want {
			t.Errorf("%s: %v", reason, got)
		}
	}
	said := app()
	said.Annotations = map[string]string{v1alpha1.AnnotationApprove: "x"}
	if !spokenTo(app(), said) || spokenTo(said, said.DeepCopy()) || enqueue.SpecChanged(app(), said) {
		t.Error("an annotation wakes nobody, or nothing does")
	}
}
