// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package suspension

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func account(state v1alpha1.AccountState, reason v1alpha1.StateReason, conditions ...metav1.Condition) *v1alpha1.ScimAccount {
	return &v1alpha1.ScimAccount{
		ObjectMeta: metav1.ObjectMeta{Generation: 2},
		Spec:       v1alpha1.ScimAccountSpec{ApplicationRef: v1alpha1.LocalReference{Name: "app"}, State: state, Reason: reason},
		Status:     v1alpha1.ScimAccountStatus{Conditions: conditions},
	}
}

func ready(status metav1.ConditionStatus, reason string, generation int64) metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: reason, Message: "m", ObservedGeneration: generation}
}

func TestProgress(t *testing.T) {
	inSync, behind := ready(metav1.ConditionTrue, v1alpha1.ReasonInSync, 2), ready(metav1.ConditionTrue, v1alpha1.ReasonInSync, 1)
	stalled := metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue}
	for name, c := range map[string]struct {
		reason             string
		account            *v1alpha1.ScimAccount
		suspended, resumed progress
	}{
		"NotDecided":  {"scim-controller has not seen it", account(v1alpha1.AccountActive, v1alpha1.StateGranted, inSync), underWay, done},
		"NotApplied":  {"the application may still let them in", account(v1alpha1.AccountSuspended, v1alpha1.StateLocked, behind), underWay, underWay},
		"Applied":     {"", account(v1alpha1.AccountSuspended, v1alpha1.StateLocked, inSync), done, underWay},
		"Deactivated": {"out anyway", account(v1alpha1.AccountSuspended, v1alpha1.StateDeactivated, inSync), done, done},
		"Deleted":     {"out anyway", account(v1alpha1.AccountDeleted, v1alpha1.StateAccessLost, inSync), done, done},
		"Unseen":      {"nobody looked at it yet", account(v1alpha1.AccountSuspended, v1alpha1.StateLocked), underWay, underWay},
		"Unreachable": {"it is tried again", account(v1alpha1.AccountSuspended, v1alpha1.StateLocked, ready(metav1.ConditionFalse, v1alpha1.ReasonUnavailable, 2)), underWay, underWay},
		"DryRun":      {"it will never be done", account(v1alpha1.AccountSuspended, v1alpha1.StateLocked, ready(metav1.ConditionFalse, v1alpha1.ReasonDryRun, 2)), stuck, underWay},
		"Denied":      {"somebody has to do something", account(v1alpha1.AccountSuspended, v1alpha1.StateLocked, ready(metav1.ConditionFalse, v1alpha1.ReasonDenied, 2), stalled), stuck, underWay},
		"Paused":      {"nothing is given there", account(v1alpha1.AccountActive, v1alpha1.StateGranted, ready(metav1.ConditionFalse, v1alpha1.ReasonPaused, 2)), underWay, stuck},
	} {
		if got := isSuspended(c.account); got != c.suspended {
			t.Errorf("%s (%s): suspended: got %q, want %q", name, c.reason, got, c.suspended)
		}
		if got := isResumed(c.account); got != c.resumed {
			t.Errorf("%s (%s): resumed: got %q, want %q", name, c.reason, got, c.resumed)
		}
	}
}

func TestResults(t *testing.T) {
	out := account(v1alpha1.AccountSuspended, v1alpha1.StateLocked, ready(metav1.ConditionTrue, v1alpha1.ReasonInSync, 2))
	out.Status.State, out.Status.Revocation = v1alpha1.AccountSuspended, &v1alpha1.Revocation{Sessions: v1alpha1.RevocationRevoked, Tokens: v1alpha1.RevocationNotSupported}
	in := account(v1alpha1.AccountSuspended, v1alpha1.StateLocked)
	in.Spec.ApplicationRef.Name, in.Status.State = "aaa", v1alpha1.AccountActive
	want := [][]string{
		{"aaa", "not yet", "Active", "", "", "", ""},
		{"app", "yes", "Suspended", "Revoked", "NotSupported", "InSync: m", ""},
	}
	if diff := cmp.Diff(want, results([]*v1alpha1.ScimAccount{out, in}, isSuspended).Rows); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
