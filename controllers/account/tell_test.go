// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

// TestTransitions follows an account through its life: each transition is told once in an event and measured once, and a look at what has
// settled is neither.
func TestTransitions(t *testing.T) {
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	acct := account(v1alpha1.AccountActive, "viewer")
	acct.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: at.Format(time.RFC3339Nano)}
	b := newBench(t, application(), person(v1alpha1.StateActive), acct)
	var applied []Class
	var verbs []connector.Verb
	b.Applied = func(a Applied) {
		if applied = append(applied, a.Class); !a.RequestedAt.Equal(at) || a.Application != (types.NamespacedName{Namespace: "ns", Name: "app"}) {
			t.Errorf("measured: %+v", a)
		}
	}
	b.Called = func(types.NamespacedName) connector.Called {
		return func(c connector.Call) { verbs = append(verbs, c.Verb) }
	}
	shall := func(state v1alpha1.AccountState, roles ...v1alpha1.RoleName) func() {
		return func() {
			b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.State, a.Spec.Roles = state, roles })
		}
	}
	for _, step := range []struct {
		name    string
		do      func()
		event   string
		applied []Class
		verbs   []connector.Verb
		failed  bool
	}{
		{name: "make", do: func() {}, event: "Normal Created made the account, with 1 roles", applied: []Class{Created}, verbs: []connector.Verb{connector.VerbObserve, connector.VerbApply}},
		{name: "look again", do: func() {}, verbs: []connector.Verb{connector.VerbObserve}},
		{name: "give", do: shall(v1alpha1.AccountActive, "editor", "viewer"), event: "Normal Applied brought the account in line, with 2 roles", applied: []Class{Changed}},
		{name: "take", do: shall(v1alpha1.AccountActive, "editor"), event: "Normal Applied brought the account in line, with 1 roles", applied: []Class{Reduced}},
		{name: "suspend", do: shall(v1alpha1.AccountSuspended, "editor"), event: "Normal Suspended took every access of the account away", applied: []Class{Suspended}},
		{name: "restore", do: shall(v1alpha1.AccountActive, "editor"), event: "Normal Restored gave the account its access back, with 1 roles", applied: []Class{Restored}},
		{
			name: "fail", do: func() {
				shall(v1alpha1.AccountActive, "viewer")()
				b.memory.Fail(connector.Invalidf("no such role"))
			},
			event: "Warning Failed Invalid: no such role",
		},
		{name: "fail again", do: func() {}},
		{name: "fail otherwise", do: func() { b.memory.Fail(errors.New("boom")) }, event: "Warning Failed Error: ", failed: true},
		{name: "recover", do: b.mended, event: "Normal Applied brought the account in line, with 1 roles", applied: []Class{Reduced}},
		{name: "delete", do: shall(v1alpha1.AccountDeleted), event: "Normal Removed removed the account from the application", applied: []Class{Deleted}},
	} {
		applied, verbs = nil, nil
		step.do()
		if _, err := b.round(t); (err != nil) != step.failed {
			t.Fatalf("%s: %v", step.name, err)
		}
		told := b.events()
		if len(told) > 1 || (step.event != "") != (len(told) == 1) || len(told) == 1 && !strings.HasPrefix(told[0], step.event) {
			t.Errorf("%s: told %q, want %q", step.name, told, step.event)
		}
		if diff := cmp.Diff(step.applied, applied); diff != "" {
			t.Errorf("%s: measured (-want +got):\n%s", step.name, diff)
		}
		if step.verbs != nil && !cmp.Equal(step.verbs, verbs) {
			t.Errorf("%s: calls %v, want %v", step.name, verbs, step.verbs)
		}
	}
}

// TestMeasuredOnceOverARestart: the status says that a change has arrived, so who comes after a restart measures nothing, and who could not write
// the status measures when it can.
func TestMeasuredOnceOverARestart(t *testing.T) {
	acct := account(v1alpha1.AccountActive, "viewer")
	acct.Annotations = map[string]string{v1alpha1.AnnotationRequestedAt: time.Unix(1e9, 0).UTC().Format(time.RFC3339Nano)}
	b := newBench(t, application(), person(v1alpha1.StateActive), acct)
	measured := 0
	b.Applied = func(Applied) { measured++ }
	stale := b.current(t)
	if _, err := b.round(t); err != nil || measured != 1 {
		t.Fatalf("measured %d times (%v)", measured, err)
	}
	b.Reconciler = &Reconciler{Client: b.Client, Live: b.Live, Resync: b.Resync, Gates: b.Gates, Recorder: b.Recorder, Connect: b.Connect, Applied: b.Applied}
	if _, err := b.round(t); err != nil || measured != 1 {
		t.Errorf("measured %d times after a restart (%v)", measured, err)
	}
	stale.Generation++ // nobody has this generation: nothing can be confirmed
	if _, err := b.Reconcile(t.Context(), stale); err != nil || measured != 1 {
		t.Errorf("measured %d times with what is not on the API server (%v)", measured, err)
	}
}
