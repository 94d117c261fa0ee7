// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/account"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/gate"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
)

const namespace = "team-a"

var (
	start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	wiki  = types.NamespacedName{Namespace: namespace, Name: "wiki"}
)

// makeAccount is Active, Granted and in sync at its generation, until changes say otherwise.
func makeAccount(name string, changes ...func(*v1alpha1.ScimAccount)) *v1alpha1.ScimAccount {
	a := &v1alpha1.ScimAccount{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1, CreationTimestamp: metav1.NewTime(start)},
		Spec: v1alpha1.ScimAccountSpec{
			ApplicationRef: v1alpha1.LocalReference{Name: "wiki"}, UserRef: v1alpha1.LocalReference{Name: "user"},
			State: v1alpha1.AccountActive, Reason: v1alpha1.StateGranted,
		},
		Status: v1alpha1.ScimAccountStatus{State: v1alpha1.AccountActive},
	}
	ready(metav1.ConditionTrue, v1alpha1.ReasonInSync)(a)
	for _, change := range changes {
		change(a)
	}
	return a
}

func ready(is metav1.ConditionStatus, reason string) func(*v1alpha1.ScimAccount) {
	return func(a *v1alpha1.ScimAccount) {
		a.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: is, Reason: reason, ObservedGeneration: a.Generation}}
	}
}

func unready(reason string) func(*v1alpha1.ScimAccount) { return ready(metav1.ConditionFalse, reason) }

// decided is a new spec that nobody has applied yet, asked for at a time.
func decided(state v1alpha1.AccountState, at time.Time) func(*v1alpha1.ScimAccount) {
	return func(a *v1alpha1.ScimAccount) {
		a.Generation++
		a.Spec.State, a.Spec.Reason = state, v1alpha1.StateDeactivated
		a.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: at.Format(time.RFC3339Nano)}
	}
}

func makeUser(state v1alpha1.State, modified time.Time) *v1alpha1.ScimUser {
	return &v1alpha1.ScimUser{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: "user",
			Annotations: map[string]string{v1alpha1.AnnotationLastModified: modified.Format(time.RFC3339Nano)},
		},
		Spec: v1alpha1.ScimUserSpec{State: state},
	}
}

func TestPendingRemoval(t *testing.T) {
	asked := start.Add(-time.Minute)
	counted := metav1.NewMicroTime(start.Add(-time.Hour))
	going := metav1.NewTime(start.Add(-2 * time.Hour))
	for name, tc := range map[string]struct {
		reason  string
		account *v1alpha1.ScimAccount
		left    *removal
		want    *removal
	}{
		"InUse":      {reason: "nothing is to be taken away", account: makeAccount("a")},
		"Suspended":  {reason: "it is done", account: makeAccount("a", decided(v1alpha1.AccountSuspended, asked), ready(metav1.ConditionTrue, v1alpha1.ReasonInSync))},
		"NotYet":     {reason: "decided and not applied", account: makeAccount("a", decided(v1alpha1.AccountSuspended, asked)), want: &removal{asked}},
		"Failing":    {reason: "tried in vain", account: makeAccount("a", decided(v1alpha1.AccountDeleted, asked), unready(v1alpha1.ReasonUnavailable)), want: &removal{asked}},
		"Held":       {reason: "somebody decides about it", account: makeAccount("a", unready(v1alpha1.ReasonHeld), func(a *v1alpha1.ScimAccount) { a.Spec.Held = &v1alpha1.HeldChange{} }), left: &removal{asked}},
		"DryRun":     {reason: "it is only shown", account: makeAccount("a", decided(v1alpha1.AccountSuspended, asked), unready(v1alpha1.ReasonDryRun))},
		"NotDecided": {reason: "the user left and nobody has decided yet", account: makeAccount("a"), left: &removal{asked}, want: &removal{asked}},
		"Retained":   {reason: "the application keeps such accounts", account: makeAccount("a", func(a *v1alpha1.ScimAccount) { a.Spec.Reason = v1alpha1.StateRetained }), left: &removal{asked}},
		"FewerRoles": {
			reason: "one role is to go",
			account: makeAccount("a", decided(v1alpha1.AccountActive, asked), func(a *v1alpha1.ScimAccount) {
				a.Spec.Roles, a.Status.Roles = []v1alpha1.RoleName{"a"}, []v1alpha1.RoleName{"a", "b"}
			}), want: &removal{asked},
		},
		"MoreRoles": {
			reason: "that gives", account: makeAccount("a", decided(v1alpha1.AccountActive, asked), func(a *v1alpha1.ScimAccount) { a.Spec.Roles = []v1alpha1.RoleName{"a"} }),
		},
		"ByGrant": {
			reason: "no SCIM request: the guard noted when it let go",
			account: makeAccount("a", decided(v1alpha1.AccountSuspended, asked), func(a *v1alpha1.ScimAccount) {
				a.Annotations, a.Spec.LostAccessAt = nil, &counted
			}), want: &removal{counted.Time},
		},
		"ByTime": {
			reason: "the time of grace is over",
			account: makeAccount("a", decided(v1alpha1.AccountDeleted, asked), func(a *v1alpha1.ScimAccount) {
				a.Annotations, a.Spec.DeletedAt = nil, &counted
			}), want: &removal{counted.Time},
		},
		"Unknown": {
			reason:  "nobody knows since when",
			account: makeAccount("a", decided(v1alpha1.AccountSuspended, asked), func(a *v1alpha1.ScimAccount) { a.Annotations = nil }), want: &removal{},
		},
		"Going": {
			reason: "the object itself goes", account: makeAccount("a", unready(v1alpha1.ReasonDeleting), func(a *v1alpha1.ScimAccount) { a.DeletionTimestamp = &going }), want: &removal{going.Time},
		},
	} {
		if diff := cmp.Diff(tc.want, pendingRemoval(tc.account, tc.left), cmp.AllowUnexported(removal{})); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", name, tc.reason, diff)
		}
	}
}

// world is an Accounts whose cache is a fake client, and what it is told of is in there.
type world struct {
	*Accounts
	t     *testing.T
	c     client.Client
	clock *clocktesting.FakePassiveClock
	r     *prometheus.Registry
}

func begin(t *testing.T) *world {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithIndex(&v1alpha1.ScimAccount{}, index.ByUser, func(o client.Object) []string {
		return []string{o.(*v1alpha1.ScimAccount).Spec.UserRef.Name}
	}).Build()
	clock := clocktesting.NewFakePassiveClock(start)
	w := &world{Accounts: NewAccounts(c, clock), t: t, c: c, clock: clock, r: prometheus.NewPedanticRegistry()}
	if err := replace(w.r, w.Accounts); err != nil {
		t.Fatal(err)
	}
	return w
}

// see tells of an account as the cache does.
func (w *world) see(a *v1alpha1.ScimAccount) {
	w.t.Helper()
	stored, is := a.DeepCopy(), &v1alpha1.ScimAccount{}
	err := w.c.Get(w.t.Context(), client.ObjectKeyFromObject(a), is)
	if err == nil {
		stored.ResourceVersion = is.ResourceVersion
		err = w.c.Update(w.t.Context(), stored)
	} else {
		err = w.c.Create(w.t.Context(), stored)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.account(a)
}

// want compares all series but their comments.
func (w *world) want(series ...string) {
	w.t.Helper()
	if diff := cmp.Diff(series, seriesOf(w.t, w.r, "")); diff != "" {
		w.t.Errorf("series (-want +got):\n%s", diff)
	}
}

func (w *world) wantOldest(seconds int) {
	w.t.Helper()
	want := []string{`scim_operator_oldest_pending_removal_seconds{application="wiki",namespace="team-a"} ` + strconv.Itoa(seconds)}
	if diff := cmp.Diff(want, seriesOf(w.t, w.r, "scim_operator_oldest")); diff != "" {
		w.t.Errorf("oldest (-want +got):\n%s", diff)
	}
}

func TestAccounts(t *testing.T) {
	w := begin(t)
	w.application(&v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "wiki"}})
	w.see(makeAccount("a"))
	w.see(makeAccount("b"))
	w.see(makeAccount("b")) // again
	w.see(makeAccount("c", decided(v1alpha1.AccountSuspended, start.Add(-5*time.Second))))
	w.want(
		`scim_operator_accounts{application="wiki",namespace="team-a",reason="InSync",state="Active"} 2`,
		`scim_operator_accounts{application="wiki",namespace="team-a",reason="Pending",state="Suspended"} 1`,
		`scim_operator_application_ready{application="wiki",namespace="team-a"} 0`,
		`scim_operator_oldest_pending_removal_seconds{application="wiki",namespace="team-a"} 5`,
		`scim_operator_pending_removals{application="wiki",namespace="team-a"} 1`,
	)
	for _, name := range []string{"a", "b", "c"} {
		w.accountGone(types.NamespacedName{Namespace: namespace, Name: name})
	}
	w.applicationGone(wiki)
	w.want()
	if len(w.known)+len(w.groups)+len(w.removals) > 0 {
		t.Errorf("kept: %v %v %v", w.known, w.groups, w.removals)
	}
}

// TestOldestPendingRemoval (REL-15): the age goes on from what the objects say, begins with the user and not with the decision, and ends when
// the account was seen to be without access.
func TestOldestPendingRemoval(t *testing.T) {
	w := begin(t)
	app := &v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "wiki"}}
	w.application(app)
	w.see(makeAccount("a"))
	w.wantOldest(0)
	w.user(t.Context(), makeUser(v1alpha1.StateSuspended, start))
	w.clock.SetTime(start.Add(3 * time.Second))
	w.wantOldest(3)
	w.see(makeAccount("a", decided(v1alpha1.AccountSuspended, start)))
	w.clock.SetTime(start.Add(20 * time.Second))
	w.wantOldest(20)

	restarted := begin(t)
	restarted.clock.SetTime(start.Add(30 * time.Second))
	restarted.application(app)
	restarted.user(t.Context(), makeUser(v1alpha1.StateSuspended, start))
	restarted.see(makeAccount("a", decided(v1alpha1.AccountSuspended, start)))
	restarted.wantOldest(30)

	w.see(makeAccount("a", decided(v1alpha1.AccountSuspended, start), ready(metav1.ConditionTrue, v1alpha1.ReasonInSync)))
	w.wantOldest(0)
	w.user(t.Context(), makeUser(v1alpha1.StateActive, start))
	w.see(makeAccount("a"))
	w.wantOldest(0)
}

// TestOldestOfUnknownTime counts from when it was first seen, not from when it was last seen.
func TestOldestOfUnknownTime(t *testing.T) {
	w := begin(t)
	w.application(&v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "wiki"}})
	unknown := makeAccount("a", decided(v1alpha1.AccountSuspended, start), func(a *v1alpha1.ScimAccount) { a.Annotations = nil })
	w.see(unknown)
	w.clock.SetTime(start.Add(4 * time.Second))
	unknown.Status.Conditions[0].Message = "tried again"
	w.see(unknown)
	w.wantOldest(4)
}

// TestSeriesAreBounded (SEC-33): whoever may write a status makes no new label.
func TestSeriesAreBounded(t *testing.T) {
	w := begin(t)
	for i := range 100 {
		w.see(makeAccount("a"+strconv.Itoa(i), unready("Canary"+strconv.Itoa(i))))
	}
	if len(w.groups) != 1 {
		t.Errorf("%d groups", len(w.groups))
	}
}

func TestMetrics(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	m := NewMetrics(clocktesting.NewFakePassiveClock(start))
	if err := m.Register(r); err != nil {
		t.Fatal(err)
	}
	m.Applied(account.Applied{Application: wiki, Class: account.Suspended, RequestedAt: start.Add(-2 * time.Second)})
	m.Applied(account.Applied{Application: wiki, Class: account.Suspended, RequestedAt: start.Add(time.Second)}) // another clock
	m.Called(wiki)(connector.Call{Verb: connector.VerbApply, Kind: connector.KindDenied, Took: time.Second})
	m.Called(wiki)(connector.Call{Verb: connector.VerbApply})
	text := gather(t, r)
	for _, want := range []string{
		`scim_operator_apply_duration_seconds_sum{application="wiki",change="suspend",namespace="team-a"} 2`,
		`scim_operator_apply_duration_seconds_count{application="wiki",change="suspend",namespace="team-a"} 2`,
		`scim_operator_connector_calls_total{application="wiki",namespace="team-a",result="Denied",verb="apply"} 1`,
		`scim_operator_connector_calls_total{application="wiki",namespace="team-a",result="Ok",verb="apply"} 1`,
		`scim_operator_connector_call_duration_seconds_count{application="wiki",namespace="team-a",verb="apply"} 2`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("without %s:\n%s", want, text)
		}
	}
	m.Forget(wiki)
	if text := gather(t, r); text != "" {
		t.Errorf("of an application that is gone:\n%s", text)
	}
}

func TestGates(t *testing.T) {
	gates := &gate.Gates{Clock: clocktesting.NewFakeClock(start)}
	r := prometheus.NewPedanticRegistry()
	if err := NewGates(gates).Register(r); err != nil {
		t.Fatal(err)
	}
	turn, _, ok := gates.Enter(wiki, v1alpha1.Limits{}, types.NamespacedName{Name: "a"}, 0, true)
	if !ok {
		t.Fatal("closed")
	}
	turn.Report(connector.Deniedf("no"))
	text := gather(t, r)
	for _, want := range []string{
		`scim_operator_gate_open{application="wiki",lane="removals",namespace="team-a"} 0`,
		`scim_operator_gate_active_accounts{application="wiki",lane="removals",namespace="team-a"} 1`,
		`scim_operator_gate_active_accounts{application="wiki",lane="additions",namespace="team-a"} 0`,
		`scim_operator_gate_waiting_accounts{application="wiki",lane="removals",namespace="team-a"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("without %s:\n%s", want, text)
		}
	}
}

// gather is all of r in the text format.
func gather(t *testing.T, r prometheus.Gatherer) string {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// seriesOf are the lines of r that begin so and are no comments.
func seriesOf(t *testing.T, r prometheus.Gatherer, prefix string) (series []string) {
	for line := range strings.Lines(gather(t, r)) {
		if strings.HasPrefix(line, prefix) && !strings.HasPrefix(line, "#") {
			series = append(series, strings.TrimSpace(line))
		}
	}
	return series
}

// BenchmarkScrape is one scrape of twenty applications with a thousand accounts each, of whom a hundred in all are to lose access.
func BenchmarkScrape(b *testing.B) {
	t := NewAccounts(nil, clocktesting.NewFakePassiveClock(start))
	for app := range 20 {
		name := "app-" + strconv.Itoa(app)
		t.application(&v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})
		for i := range 1000 {
			a := makeAccount(name + "-" + strconv.Itoa(i))
			a.Spec.ApplicationRef.Name = name
			if i < 5 {
				decided(v1alpha1.AccountSuspended, start)(a)
			}
			t.account(a)
		}
	}
	r := prometheus.NewRegistry()
	r.MustRegister(t)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEvent is one event of an account that changes nothing of what is counted.
func BenchmarkEvent(b *testing.B) {
	t, a := NewAccounts(nil, clocktesting.NewFakePassiveClock(start)), makeAccount("a")
	b.ReportAllocs()
	for b.Loop() {
		t.account(a)
	}
}
