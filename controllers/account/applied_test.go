// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestApplied(t *testing.T) {
	at := time.Date(2026, 11, 2, 9, 0, 0, 123e6, time.UTC)
	condition := func(kind, reason string, is metav1.ConditionStatus, generation int64) metav1.Condition {
		return metav1.Condition{Type: kind, Reason: reason, Status: is, ObservedGeneration: generation}
	}
	settled := func(generation int64) metav1.Condition {
		return condition(v1alpha1.ConditionSettled, v1alpha1.ReasonInSync, metav1.ConditionTrue, generation)
	}
	waiting := func(reason string) metav1.Condition {
		return condition(v1alpha1.ConditionReady, reason, metav1.ConditionFalse, 2)
	}
	was := func(state v1alpha1.AccountState, conditions ...metav1.Condition) v1alpha1.ScimAccountStatus {
		return v1alpha1.ScimAccountStatus{State: state, Conditions: conditions, Roles: []v1alpha1.RoleName{"a"}}
	}
	inSync := func(changes ...func(*v1alpha1.ScimAccount)) *v1alpha1.ScimAccount {
		a := &v1alpha1.ScimAccount{
			ObjectMeta: metav1.ObjectMeta{Generation: 2, Annotations: map[string]string{v1alpha1.AnnotationRequestedAt: at.Format(time.RFC3339Nano)}},
			Spec:       v1alpha1.ScimAccountSpec{State: v1alpha1.AccountActive, Roles: []v1alpha1.RoleName{"a"}},
		}
		a.Status.Conditions = []metav1.Condition{condition(v1alpha1.ConditionReady, v1alpha1.ReasonInSync, metav1.ConditionTrue, 2), settled(2)}
		for _, change := range changes {
			change(a)
		}
		return a
	}
	state := func(is v1alpha1.AccountState) func(*v1alpha1.ScimAccount) {
		return func(a *v1alpha1.ScimAccount) { a.Spec.State = is }
	}
	now := metav1.Now()
	for name, tc := range map[string]struct {
		reason string
		was    v1alpha1.ScimAccountStatus
		acct   *v1alpha1.ScimAccount
		want   Class // empty: none
	}{
		"Created":      {"it was never seen", was(""), inSync(), Created},
		"CreatedAgain": {"it was deleted", was(v1alpha1.AccountDeleted, settled(1)), inSync(), Created},
		"Changed":      {"it stays in use", was(v1alpha1.AccountActive, settled(1)), inSync(), Changed},
		"Reduced":      {"it loses a role", was(v1alpha1.AccountActive, settled(1)), inSync(func(a *v1alpha1.ScimAccount) { a.Spec.Roles = nil }), Reduced},
		"Suspended":    {"it loses all", was(v1alpha1.AccountActive, settled(1)), inSync(state(v1alpha1.AccountSuspended)), Suspended},
		"Restored":     {"it gets it back", was(v1alpha1.AccountSuspended, settled(1)), inSync(), Restored},
		"Deleted":      {"it is gone", was(v1alpha1.AccountSuspended, settled(1)), inSync(state(v1alpha1.AccountDeleted)), Deleted},
		"AfterFailure": {"the time until it was tried again counts", was(v1alpha1.AccountActive, settled(1), waiting(v1alpha1.ReasonUnavailable)), inSync(state(v1alpha1.AccountSuspended)), Suspended},

		"Again":     {"a look at what was in sync", was(v1alpha1.AccountActive, settled(2)), inSync(), ""},
		"Drift":     {"it was in sync at this generation, and is again", was(v1alpha1.AccountActive, settled(2), waiting(v1alpha1.ReasonUnavailable)), inSync(), ""},
		"Paused":    {"somebody had paused the application", was("", waiting(v1alpha1.ReasonPaused)), inSync(), ""},
		"Held":      {"somebody had to approve it", was("", waiting(v1alpha1.ReasonHeld)), inSync(), ""},
		"ByGrant":   {"no SCIM request asked for it", was(""), inSync(func(a *v1alpha1.ScimAccount) { a.Annotations = nil }), ""},
		"NotInSync": {"it has not arrived", was(""), inSync(func(a *v1alpha1.ScimAccount) { a.Status.Conditions = []metav1.Condition{waiting(v1alpha1.ReasonError)} }), ""},
		"Outdated":  {"another generation is in sync", was(""), inSync(func(a *v1alpha1.ScimAccount) { a.Generation = 3 }), ""},
		"Going":     {"the object goes with its application", was(""), inSync(func(a *v1alpha1.ScimAccount) { a.DeletionTimestamp = &now }), ""},
		"Spoilt":    {"somebody wrote something else there", was(""), inSync(func(a *v1alpha1.ScimAccount) { a.Annotations[v1alpha1.AnnotationRequestedAt] = "x" }), ""},
	} {
		got, ok := applied(&tc.was, tc.acct)
		if ok != (tc.want != "") || got.Class != tc.want || ok && !got.RequestedAt.Equal(at) {
			t.Errorf("%s: %s: got %+v, %t", name, tc.reason, got, ok)
		}
	}
}
