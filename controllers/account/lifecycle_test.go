// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// TestALife: one account through all of its states, with the writes that each step costs.
func TestALife(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	revoked := &v1alpha1.Revocation{Sessions: v1alpha1.RevocationRevoked, Tokens: v1alpha1.RevocationRevoked}
	for _, step := range []struct {
		name       string
		state      v1alpha1.AccountState
		reason     v1alpha1.StateReason
		verbs      []connectortest.Verb
		revocation *v1alpha1.Revocation
	}{
		{"created", v1alpha1.AccountActive, v1alpha1.StateGranted, []connectortest.Verb{connectortest.VerbObserve, connectortest.VerbApply}, nil},
		{"left", v1alpha1.AccountSuspended, v1alpha1.StateDeactivated, []connectortest.Verb{connectortest.VerbApply, connectortest.VerbRevoke}, revoked},
		{"left for another reason", v1alpha1.AccountSuspended, v1alpha1.StateLocked, []connectortest.Verb{connectortest.VerbObserve}, revoked},
		{"back", v1alpha1.AccountActive, v1alpha1.StateGranted, []connectortest.Verb{connectortest.VerbObserve, connectortest.VerbApply}, nil},
		{"deleted", v1alpha1.AccountDeleted, v1alpha1.StateUserDeleted, []connectortest.Verb{
			connectortest.VerbApply, connectortest.VerbRevoke, connectortest.VerbObserve, connectortest.VerbDelete, connectortest.VerbObserve,
		}, revoked},
		{"wanted again", v1alpha1.AccountActive, v1alpha1.StateGranted, []connectortest.Verb{connectortest.VerbObserve, connectortest.VerbApply}, nil},
	} {
		b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.State, a.Spec.Reason = step.state, step.reason })
		b.memory.ForgetCalls()
		b.writes = 0
		if _, err := b.round(t); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		var verbs []connectortest.Verb
		for _, call := range b.memory.Calls() {
			verbs = append(verbs, call.Verb)
		}
		got := b.current(t)
		if diff := cmp.Diff(step.verbs, verbs) + cmp.Diff(step.revocation, got.Status.Revocation); diff != "" || b.writes != 1 {
			t.Errorf("%s, with %d writes to the API server:\n%s", step.name, b.writes, diff)
		}
		if got.Status.State != step.state || got.Status.Reason != step.reason || !status.IsReady(got.Status.Conditions, got.Generation) {
			t.Errorf("%s: %+v", step.name, got.Status)
		}
		b.memory.ForgetCalls()
		if _, err := b.round(t); err != nil || b.writes != 1 || writingCalls(b) != 0 {
			t.Errorf("%s: looking again made %d writes and %v (%v)", step.name, b.writes-1, b.memory.Calls(), err)
		}
	}
}

// bare is an application where an account is nothing but its access: nothing of it is left when it is suspended, but what it was called.
type bare struct{ *connectortest.Memory }

func (b bare) Apply(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
	applied, err := b.Memory.Apply(ctx, observed, want)
	if err == nil && applied.State == connector.Suspended {
		applied.Roles, err = nil, b.Delete(ctx, applied)
	}
	return applied, err
}

// TestNothingButAccess: where nothing is left of a suspended account, the next look has nothing to say that its suspension did not say.
func TestNothingButAccess(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	b.Connect = func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
		return bare{b.memory}, func() {}, nil
	}
	for i, state := range []v1alpha1.AccountState{
		v1alpha1.AccountSuspended, v1alpha1.AccountActive, v1alpha1.AccountSuspended, v1alpha1.AccountDeleted, v1alpha1.AccountActive, v1alpha1.AccountDeleted,
	} {
		b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.State = state })
		b.writes = 0
		for range 3 {
			if _, err := b.round(t); err != nil {
				t.Fatal(err)
			}
		}
		got := b.current(t).Status
		if b.writes != 1 || got.State != state || b.reason(t) != v1alpha1.ReasonInSync {
			t.Errorf("step %d, %s: %d writes for three looks, status %+v", i, state, b.writes, got)
		}
		if state == v1alpha1.AccountDeleted && got.ExternalID != "" {
			t.Errorf("step %d: %q is the identifier of nothing", i, got.ExternalID)
		}
	}
}

// TestRevocationThatFails: the access is gone and the status says so; what was opened is ended later.
func TestRevocationThatFails(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	b.memory.OpenSession("ann")
	b.memory.Before(func(_ context.Context, call connectortest.Call) error {
		if call.Verb == connectortest.VerbRevoke {
			return connector.Unavailablef(time.Second, "no sessions now")
		}
		return nil
	})
	b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.State = v1alpha1.AccountSuspended })
	res, err := b.round(t)
	got := b.current(t).Status
	if err != nil || res.RequeueAfter == 0 || got.State != v1alpha1.AccountSuspended || got.Revocation != nil || b.reason(t) != v1alpha1.ReasonUnavailable {
		t.Fatalf("%v: %+v", err, got)
	}
	b.mended()
	if _, err := b.round(t); err != nil || b.memory.Sessions("ann") != 0 || b.current(t).Status.Revocation == nil || b.reason(t) != v1alpha1.ReasonInSync {
		t.Errorf("%v, %d sessions, reason %s", err, b.memory.Sessions("ann"), b.reason(t))
	}
}

// TestReenabledLeaverIsOutAgain, with the sessions that somebody opened in between.
func TestReenabledLeaverIsOutAgain(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateSuspended), account(v1alpha1.AccountSuspended))
	b.memory.Put(*stored(connector.Active, "viewer"))
	for range 2 {
		if _, err := b.round(t); err != nil {
			t.Fatal(err)
		}
		if b.after().State != connector.Suspended || b.memory.Sessions("ann") != 0 {
			t.Errorf("%+v, %d sessions", b.after(), b.memory.Sessions("ann"))
		}
		b.memory.Put(*stored(connector.Active, "viewer"))
		b.memory.OpenSession("ann")
	}
}

func TestRevocationIsNotSupportedByAll(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateSuspended), account(v1alpha1.AccountSuspended))
	b.memory.Put(*stored(connector.Active, "viewer"))
	b.Connect = func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
		return plain{b.memory}, func() {}, nil
	}
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	want := &v1alpha1.Revocation{Sessions: v1alpha1.RevocationNotSupported, Tokens: v1alpha1.RevocationNotSupported}
	if diff := cmp.Diff(want, b.current(t).Status.Revocation); diff != "" {
		t.Error(diff)
	}
}

// plain is a connector without any capability.
type plain struct{ connector.Connector }

// TestProfile: the attributes that the system keeps reach it, and no others; a connector that keeps none is told of none.
func TestProfile(t *testing.T) {
	acct := account(v1alpha1.AccountActive)
	acct.Spec.DisplayName, acct.Spec.Email = "Ann", ""
	acct.Spec.Attributes = []v1alpha1.AccountAttribute{{Name: "title", Value: "Dr"}, {Name: "unknown", Value: "x"}}
	want := map[string]string{"displayName": "Ann", "email": "", "title": "Dr"}
	if diff := cmp.Diff(want, desired(acct, connectortest.NewMemory()).Profile); diff != "" {
		t.Error(diff)
	}
	if got := desired(acct, nil).Profile; got != nil {
		t.Errorf("a connector without profiles is told of %v", got)
	}
}

func TestSources(t *testing.T) {
	grants := []v1alpha1.AccountGrant{
		{Name: "z", Roles: []v1alpha1.RoleName{"a", "b"}}, {Name: "y", Roles: []v1alpha1.RoleName{"b"}}, {Name: "x", Roles: []v1alpha1.RoleName{"gone"}},
	}
	want := []v1alpha1.RoleSource{{Role: "a", Grants: []string{"z"}}, {Role: "b", Grants: []string{"y", "z"}}, {Role: "kept"}}
	if diff := cmp.Diff(want, sources([]v1alpha1.RoleName{"b", "a", "kept"}, grants)); diff != "" {
		t.Error(diff)
	}
}

// TestEventsNameReasonAndRequest, and nothing that somebody put into a header.
func TestEventsNameReasonAndRequest(t *testing.T) {
	for id, want := range map[string]string{
		"req-1":                  ": Granted (request req-1)",
		"":                       ": Granted",
		"two words":              ": Granted",
		"line\nbreak":            ": Granted",
		strings.Repeat("x", 129): ": Granted",
	} {
		acct := account(v1alpha1.AccountActive, "viewer")
		acct.Spec.Reason, acct.Annotations = v1alpha1.StateGranted, map[string]string{v1alpha1.AnnotationRequestID: id}
		b := newBench(t, application(), person(v1alpha1.StateActive), acct)
		if _, err := b.round(t); err != nil {
			t.Fatal(err)
		}
		told := b.events()
		if len(told) != 1 || !strings.HasSuffix(told[0], "with 1 roles"+want) || strings.Contains(told[0], "ann") {
			t.Errorf("%q: %q", id, told)
		}
	}
}

func TestHeld(t *testing.T) {
	app := application()
	app.Spec.DirectoryRef.Name = "dir"
	for name, tc := range map[string]struct {
		held v1alpha1.HeldChange
		says string
	}{
		"application": {v1alpha1.HeldChange{By: v1alpha1.HeldByApplication, Change: v1alpha1.ChangeSuspend}, "ScimApplication app, whose status.removals"},
		"directory":   {v1alpha1.HeldChange{By: v1alpha1.HeldByDirectory, Change: v1alpha1.ChangeDelete}, "ScimDirectory dir, whose status.removals"},
		"invariant":   {v1alpha1.HeldChange{By: v1alpha1.HeldByInvariant, Invariant: "two-admins", Change: v1alpha1.ChangeReduce}, "the invariant two-admins of ScimApplication app"},
		"rejected":    {v1alpha1.HeldChange{By: v1alpha1.HeldByDirectory, Change: v1alpha1.ChangeDelete, Rejected: true}, "rejected"},
	} {
		for _, state := range []v1alpha1.AccountState{v1alpha1.AccountActive, v1alpha1.AccountSuspended} {
			t.Run(fmt.Sprint(name, " ", state), func(t *testing.T) {
				acct := account(state, "viewer")
				acct.Spec.Held = &tc.held
				b := newBench(t, app.DeepCopy(), person(v1alpha1.StateActive), acct)
				if _, err := b.round(t); err != nil {
					t.Fatal(err)
				}
				got := b.current(t).Status.Conditions
				ready := conditionOf(got)
				if ready.Reason != v1alpha1.ReasonHeld || ready.Status != metav1.ConditionFalse || status.IsStalled(got, 1) || !strings.Contains(ready.Message, tc.says) {
					t.Errorf("%+v", ready)
				}
				if made := b.after() != nil; made != (state == v1alpha1.AccountActive) {
					t.Errorf("what the spec says is done as usual: account made: %v", made)
				}
			})
		}
	}
}

func conditionOf(conditions []metav1.Condition) metav1.Condition {
	for _, c := range conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c
		}
	}
	return metav1.Condition{}
}

// TestDeletionWaitsForTheDecision: only assignment says that an account is deleted. A leaver does not wait with it.
func TestDeletionWaitsForTheDecision(t *testing.T) {
	for state, left := range map[v1alpha1.AccountState]connector.State{v1alpha1.AccountActive: connector.Active, v1alpha1.AccountSuspended: connector.Suspended} {
		b := newBench(t, application(), person(v1alpha1.StateActive), account(state, "viewer"))
		b.memory.Put(*stored(connector.Active, "viewer"))
		if err := b.Client.Delete(t.Context(), b.current(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.round(t); err != nil || b.reason(t) != v1alpha1.ReasonDeleting || b.after().State != left {
			t.Errorf("%s: %v, reason %s, %+v", state, err, b.reason(t), b.after())
		}
		b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.State = v1alpha1.AccountDeleted })
		if _, err := b.round(t); err != nil || b.current(t) != nil || b.after() != nil {
			t.Errorf("%s: %v, left %+v", state, err, b.after())
		}
	}
}

// TestDryRunDeletion: a ScimAccount goes only if nothing of ours is left downstream.
func TestDryRunDeletion(t *testing.T) {
	for _, there := range []bool{true, false} {
		app := application()
		app.Spec.Mode = v1alpha1.ModeDryRun
		b := newBench(t, app, account(v1alpha1.AccountDeleted))
		if there {
			b.memory.Put(*stored(connector.Active, "viewer"))
		}
		if err := b.Client.Delete(t.Context(), b.current(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.round(t); err != nil || (b.current(t) != nil) != there || writingCalls(b) != 0 {
			t.Errorf("there %v: %v, still an object: %v", there, err, b.current(t) != nil)
		}
	}
}

// TestInterval: each application says how often its accounts are read back.
func TestInterval(t *testing.T) {
	app := application()
	app.Spec.Drift.IntervalMinutes = 5
	b := newBench(t, app, person(v1alpha1.StateActive), account(v1alpha1.AccountActive))
	if res, err := b.round(t); err != nil || res.RequeueAfter < 5*time.Minute || res.RequeueAfter > 6*time.Minute {
		t.Errorf("%v, again after %v", err, res.RequeueAfter)
	}
}

// TestABadExpressionParksNobody: what accounts shall be was decided; the application itself is well.
func TestABadExpressionParksNobody(t *testing.T) {
	app := application()
	status.Stalled(v1alpha1.ReasonInvalidExpression, "no CEL").Set(&app.Status.Conditions, 1)
	b := newBench(t, app, person(v1alpha1.StateActive), account(v1alpha1.AccountActive))
	if _, err := b.round(t); err != nil || b.reason(t) != v1alpha1.ReasonInSync {
		t.Errorf("%v, reason %s", err, b.reason(t))
	}
}

func TestUrgency(t *testing.T) {
	seen := func(a *v1alpha1.ScimAccount, state v1alpha1.AccountState, roles ...v1alpha1.RoleName) *v1alpha1.ScimAccount {
		a.Status.State, a.Status.Roles = state, roles
		return a
	}
	going := account(v1alpha1.AccountActive)
	now := metav1.Now()
	going.DeletionTimestamp = &now
	for name, tc := range map[string]struct {
		before, after client.Object
		want          int
	}{
		"joiner":             {nil, account(v1alpha1.AccountActive, "viewer"), enqueue.Change},
		"leaver":             {account(v1alpha1.AccountActive), account(v1alpha1.AccountSuspended), enqueue.Leaver},
		"left already":       {nil, seen(account(v1alpha1.AccountSuspended), v1alpha1.AccountSuspended), enqueue.Change},
		"deleted at once":    {nil, seen(account(v1alpha1.AccountDeleted), v1alpha1.AccountActive), enqueue.Leaver},
		"deleted after that": {nil, seen(account(v1alpha1.AccountDeleted), v1alpha1.AccountSuspended), enqueue.Removal},
		"tombstone":          {nil, seen(account(v1alpha1.AccountDeleted), v1alpha1.AccountDeleted), enqueue.Change},
		"going":              {nil, going, enqueue.Removal},
		"gone":               {account(v1alpha1.AccountActive), nil, enqueue.Removal},
		"role lost":          {account(v1alpha1.AccountActive, "a", "b"), account(v1alpha1.AccountActive, "c", "d"), enqueue.Reduction},
		"role too many":      {nil, seen(account(v1alpha1.AccountActive, "a"), v1alpha1.AccountActive, "a", "b"), enqueue.Reduction},
		"role given":         {account(v1alpha1.AccountActive, "a"), account(v1alpha1.AccountActive, "a", "b"), enqueue.Change},
	} {
		if got := urgency(tc.before, tc.after); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

// TestAnswersWake: an approval is no change of the spec and is heard all the same.
func TestAnswersWake(t *testing.T) {
	for annotation, want := range map[string]bool{v1alpha1.AnnotationApprove: true, v1alpha1.AnnotationReject: true, v1alpha1.AnnotationRequestID: false} {
		after := account(v1alpha1.AccountActive)
		after.Annotations = map[string]string{annotation: "x"}
		if got := asked(account(v1alpha1.AccountActive), after); got != want {
			t.Errorf("%s: %v", annotation, got)
		}
	}
}
