// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// answering is an application whose last probe went well.
func answering() *v1alpha1.ScimApplication {
	a := app()
	status.Ready(v1alpha1.ReasonConnected, "").Set(&a.Status.Conditions, a.Generation)
	return a
}

// crowded is an application with so many accounts of nobody, and two of ours.
func crowded(strangers int) *connectortest.Memory {
	memory := connectortest.NewMemory()
	for i := range strangers {
		memory.Put(connector.Account{ExternalID: fmt.Sprintf("stranger-%04d", i), UserName: fmt.Sprintf("user %d", i)})
	}
	for _, name := range []string{"anna", "otto"} {
		memory.Put(connector.Account{ExternalID: name, UserName: name, Owner: "ns/" + name})
	}
	return memory
}

func newOrphans(t *testing.T, memory *connectortest.Memory, objects ...client.Object) *Orphans {
	t.Helper()
	r := newReconciler(t, memory, objects...)
	return &Orphans{Client: r.Client, Live: r.Live, Connections: r.Connections, Resync: time.Hour}
}

// look reconciles the application as it is stored and returns what is stored then.
func look(t *testing.T, r *Orphans) (*v1alpha1.ScimApplication, reconcile.Result) {
	t.Helper()
	a := stored(t, r)
	res, err := r.Reconcile(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return stored(t, r), res
}

func stored(t *testing.T, r *Orphans) *v1alpha1.ScimApplication {
	t.Helper()
	a := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(t.Context(), client.ObjectKeyFromObject(app()), a); err != nil {
		t.Fatal(err)
	}
	return a
}

// afresh is the same reconciler after a restart, for which everything is due.
func afresh(r *Orphans) *Orphans {
	return &Orphans{Client: r.Client, Live: r.Live, Connections: r.Connections, Resync: r.Resync}
}

func listedReason(a *v1alpha1.ScimApplication) string {
	if c := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionOrphansListed); c != nil {
		return c.Reason
	}
	return ""
}

func TestOrphansAreReported(t *testing.T) {
	for name, strangers := range map[string]int{"none": 0, "some": 7, "a hundred": 100, "more than are shown": 1234} {
		t.Run(name, func(t *testing.T) {
			memory := crowded(strangers)
			got, _ := look(t, newOrphans(t, memory, answering()))
			var want []string
			for i := range min(strangers, 100) {
				want = append(want, fmt.Sprintf("stranger-%04d", i))
			}
			if diff := cmp.Diff(v1alpha1.Orphans{Count: int32(strangers), ExternalIDs: want}, got.Status.Orphans); diff != "" {
				t.Error(diff)
			}
			if listedReason(got) != v1alpha1.ReasonListed || reason(got) != v1alpha1.ReasonConnected {
				t.Errorf("conditions %+v", got.Status.Conditions)
			}
			if memory.Writes() != 0 || memory.Count() != memory.Count(connectortest.VerbList) {
				t.Errorf("the application was called: %v", memory.Calls())
			}
		})
	}
}

func TestOrphansOfWhichNothingChangedAreNotWrittenAgain(t *testing.T) {
	memory := crowded(5)
	r := newOrphans(t, memory, answering())
	first, _ := look(t, r)
	again, _ := look(t, afresh(r))
	if memory.Count(connectortest.VerbList) != 2 || first.ResourceVersion != again.ResourceVersion {
		t.Errorf("%d lists, version %s and then %s", memory.Count(connectortest.VerbList), first.ResourceVersion, again.ResourceVersion)
	}
}

// TestOrphansOfAListThatBreaksOff keeps the last whole one.
func TestOrphansOfAListThatBreaksOff(t *testing.T) {
	memory := crowded(5)
	r := newOrphans(t, memory, answering())
	whole, _ := look(t, r)
	for _, after := range []int{0, 1, 4} {
		memory.Put(connector.Account{ExternalID: fmt.Sprintf("new-%d", after)})
		memory.TruncateList(after)
		got, res := look(t, afresh(r))
		if diff := cmp.Diff(whole.Status.Orphans, got.Status.Orphans); diff != "" || listedReason(got) != v1alpha1.ReasonListFailed {
			t.Errorf("after %d accounts: reason %s, report %s", after, listedReason(got), diff)
		}
		if res.RequeueAfter == 0 || res.RequeueAfter > 2*listAgain {
			t.Errorf("it is tried again in %s", res.RequeueAfter)
		}
	}
	memory.TruncateList(-1)
	if got, _ := look(t, afresh(r)); got.Status.Orphans.Count != 8 || listedReason(got) != v1alpha1.ReasonListed {
		t.Errorf("whole again: %+v, reason %s", got.Status.Orphans, listedReason(got))
	}
}

func TestOrphansOfAConnectorThatCannotList(t *testing.T) {
	before := answering()
	before.Status.Orphans = v1alpha1.Orphans{Count: 3, ExternalIDs: []string{"of", "another", "connector"}}
	r := newOrphans(t, nil, before)
	r.Connections.Openers[v1alpha1.ConnectorKubernetes] = func(context.Context, *v1alpha1.ScimApplication, map[string][]byte) (connector.Connector, error) {
		return struct{ connector.Connector }{crowded(3)}, nil
	}
	if got, _ := look(t, r); got.Status.Orphans.Count != 0 || listedReason(got) != v1alpha1.ReasonListNotSupported {
		t.Errorf("%+v, reason %s", got.Status.Orphans, listedReason(got))
	}
}

func TestOrphansAreListedWhenDue(t *testing.T) {
	memory := crowded(1)
	often := answering()
	often.Spec.Drift.IntervalMinutes = 30
	r := newOrphans(t, memory, often)
	got, res := look(t, r)
	if res.RequeueAfter < 30*time.Minute || res.RequeueAfter > 36*time.Minute {
		t.Errorf("listed again in %s", res.RequeueAfter)
	}
	if _, res := look(t, r); memory.Count(connectortest.VerbList) != 1 || res.RequeueAfter == 0 {
		t.Errorf("%d lists after a wake-up in between, again in %s", memory.Count(connectortest.VerbList), res.RequeueAfter)
	}
	got.Generation++
	status.Ready(v1alpha1.ReasonConnected, "").Set(&got.Status.Conditions, got.Generation)
	if _, err := r.Reconcile(t.Context(), got); err != nil || memory.Count(connectortest.VerbList) != 2 {
		t.Errorf("%d lists after a change of the spec, %v", memory.Count(connectortest.VerbList), err)
	}
	if in := r.due.in(client.ObjectKeyFromObject(got), got, time.Now().Add(time.Hour)); in != 0 {
		t.Errorf("an hour later it is due in %s", in)
	}
}

// TestOrphansOfAnApplicationThatDoesNotAnswer: one that is parked is not asked for anything.
func TestOrphansOfAnApplicationThatDoesNotAnswer(t *testing.T) {
	verdict := func(v status.Verdict, generation int64) *v1alpha1.ScimApplication {
		a := app()
		v.Set(&a.Status.Conditions, generation)
		return a
	}
	leaving := answering()
	leaving.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	for name, tc := range map[string]struct {
		app  *v1alpha1.ScimApplication
		asks int
	}{
		"never probed":        {app(), 0},
		"denied":              {verdict(status.Stalled(v1alpha1.ReasonDenied, ""), 1), 0},
		"unavailable":         {verdict(status.Waiting(v1alpha1.ReasonUnavailable, ""), 1), 0},
		"answered before":     {verdict(status.Ready(v1alpha1.ReasonConnected, ""), 0), 0},
		"being deleted":       {leaving, 0},
		"a bad expression":    {verdict(status.Stalled(v1alpha1.ReasonInvalidExpression, ""), 1), 1},
		"answers as it is":    {answering(), 1},
		"paused, and answers": {func() *v1alpha1.ScimApplication { a := answering(); a.Spec.Mode = v1alpha1.ModePaused; return a }(), 1},
	} {
		t.Run(name, func(t *testing.T) {
			memory := crowded(1)
			if look(t, newOrphans(t, memory, tc.app)); memory.Count() != tc.asks {
				t.Errorf("asked %v", memory.Calls())
			}
		})
	}
}

func TestListable(t *testing.T) {
	spec := answering()
	spec.Generation = 2
	for name, tc := range map[string]struct {
		before, after *v1alpha1.ScimApplication
		want          bool
	}{
		"answers now":        {app(), answering(), true},
		"still answers":      {answering(), answering(), false},
		"no more":            {answering(), app(), false},
		"another spec":       {answering(), spec, true},
		"still says nothing": {app(), app(), false},
	} {
		if got := listable(tc.before, tc.after); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestConditionsOfOthersSurvive has two controllers work on copies that are out of date.
func TestConditionsOfOthersSurvive(t *testing.T) {
	memory := crowded(1)
	probing := newReconciler(t, memory, answering(), directory())
	listing := &Orphans{Client: probing.Client, Live: probing.Live, Connections: probing.Connections, Resync: time.Hour}
	stale := stored(t, listing)
	held := stale.DeepCopy()
	meta.SetStatusCondition(&held.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionHeld, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRemovalLimit})
	if err := probing.Client.Status().Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	memory.Fail(connector.Deniedf("no right"))
	if _, err := probing.Reconcile(t.Context(), stale.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	memory.Fail(nil)
	if _, err := listing.Reconcile(t.Context(), stale.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	got := stored(t, listing)
	if !meta.IsStatusConditionTrue(got.Status.Conditions, v1alpha1.ConditionHeld) || reason(got) != v1alpha1.ReasonDenied ||
		listedReason(got) != v1alpha1.ReasonListed || got.Status.Orphans.Count != 1 {
		t.Errorf("left: %+v", got.Status)
	}
}

// TestFailedListsAreTriedAgain soon, and ever less often while they go on failing.
func TestFailedListsAreTriedAgain(t *testing.T) {
	app, r := answering(), &Orphans{Resync: 24 * time.Hour}
	for failures, want := range map[int]time.Duration{
		0: 24 * time.Hour, 1: 5 * time.Second, 2: 10 * time.Second, 7: 320 * time.Second, 8: 10 * time.Minute, 11: 10 * time.Minute, 1000: 10 * time.Minute,
	} {
		if got := r.interval(app, failures); got != want {
			t.Errorf("after %d failures in %s, want %s", failures, got, want)
		}
	}
	memory := crowded(1)
	r = newOrphans(t, memory, answering())
	memory.TruncateList(0)
	if _, res := look(t, r); res.RequeueAfter < firstListAgain || res.RequeueAfter > 2*firstListAgain || r.due.failures(client.ObjectKeyFromObject(answering())) != 1 {
		t.Errorf("a list that failed once is tried again in %s", res.RequeueAfter)
	}
}

// TestMendedApplicationsAreListedAtOnce: whoever mends the credential does not wait for the next try.
func TestMendedApplicationsAreListedAtOnce(t *testing.T) {
	listed := time.Now().Truncate(time.Second)
	for name, c := range map[string]struct {
		failures int
		answers  time.Time
		want     bool
	}{
		"Since":   {1, listed.Add(time.Second), true},
		"Same":    {2, listed, true},
		"Before":  {1, listed.Add(-time.Second), false},
		"Healthy": {0, listed.Add(time.Second), false},
	} {
		app := answering()
		for i := range app.Status.Conditions {
			app.Status.Conditions[i].LastTransitionTime = metav1.NewTime(c.answers)
		}
		s, key := &schedule{}, client.ObjectKeyFromObject(app)
		s.set(key, appointment{app.UID, app.Generation, listed.Add(time.Hour), c.failures, listed})
		if due := s.in(key, app, listed.Add(time.Minute)) == 0; due != c.want {
			t.Errorf("%s: due %t, want %t", name, due, c.want)
		}
	}
}
