// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// tell makes events of what changed between two statuses: credentials that begin and end, and conditions whose reason is another one.
func (r *Reconciler) tell(before, after *v1alpha1.ScimToken) {
	for _, c := range after.Status.Credentials {
		if !has(before.Status.Credentials, c.KeyID) {
			r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, "Accepted", "Issue", "credential %s is accepted", c.KeyID)
		}
	}
	for _, c := range before.Status.Credentials {
		if !has(after.Status.Credentials, c.KeyID) {
			r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, "Ended", "Retire", "credential %s is not accepted any more", c.KeyID)
		}
	}
	for _, what := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionExpiring, v1alpha1.ConditionRotating, v1alpha1.ConditionUnused} {
		is := meta.FindStatusCondition(after.Status.Conditions, what)
		if is == nil || is.Reason == reasonOf(before.Status.Conditions, what) || is.Reason == v1alpha1.ReasonIssued {
			continue
		}
		kind := corev1.EventTypeWarning
		if what == v1alpha1.ConditionRotating {
			kind = corev1.EventTypeNormal
		}
		r.Recorder.Eventf(after, nil, kind, is.Reason, "Check", "%s: %s", what, is.Message)
	}
}

func reasonOf(conditions []metav1.Condition, what string) string {
	if c := meta.FindStatusCondition(conditions, what); c != nil {
		return c.Reason
	}
	return ""
}
