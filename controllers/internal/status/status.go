// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package status writes conditions that kstatus, Argo CD and Flux understand, and writes them only when they changed.
package status

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// maxMessage keeps a condition readable; the API allows 32 KiB.
const maxMessage = 1000

// Verdict is what a reconciler says of an object. Messages are stable: no times, no counters of attempts, no personal data.
type Verdict struct {
	status  metav1.ConditionStatus
	stalled bool
	reason  string
	message string
}

// Ready says that the object is as its spec wants it.
func Ready(reason, message string) Verdict {
	return Verdict{status: metav1.ConditionTrue, reason: reason, message: message}
}

// Waiting says that the object is not so yet and will be without anybody's doing.
func Waiting(reason, message string) Verdict {
	return Verdict{status: metav1.ConditionFalse, reason: reason, message: message}
}

// Stalled says that the object is not so, and that somebody has to change something first.
func Stalled(reason, message string) Verdict {
	return Verdict{status: metav1.ConditionFalse, reason: reason, message: message, stalled: true}
}

// Reason returns the reason of the verdict, one of the Reason constants of the API.
func (v Verdict) Reason() string { return v.reason }

// Message returns the message of the verdict.
func (v Verdict) Message() string { return v.message }

// Set writes the verdict into conditions for that generation of the spec. Equal conditions keep their transition times.
func (v Verdict) Set(conditions *[]metav1.Condition, generation int64) {
	message := v.message
	if len(message) > maxMessage {
		message = message[:maxMessage-3] + "..."
	}
	condition := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: v.status, Reason: v.reason, Message: message, ObservedGeneration: generation,
	}
	meta.SetStatusCondition(conditions, condition)
	if !v.stalled {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionStalled)
		return
	}
	condition.Type, condition.Status = v1alpha1.ConditionStalled, metav1.ConditionTrue
	meta.SetStatusCondition(conditions, condition)
}

// Patch writes the status of after if it differs from before: one request, or none. An object that is gone is no error, and one
// whose finalizer was removed in between has been let go of and has nothing left to say.
func Patch(ctx context.Context, c client.Client, before, after client.Object) error {
	return patch(ctx, c, before, after, client.MergeFrom(before))
}

// PatchLocked is Patch for a list that several write: a patch replaces the whole list, so it is refused with a conflict when the
// object has changed since before was read.
func PatchLocked(ctx context.Context, c client.Client, before, after client.Object) error {
	return patch(ctx, c, before, after, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

func patch(ctx context.Context, c client.Client, before, after client.Object, p client.Patch) error {
	letGo := len(before.GetFinalizers()) != len(after.GetFinalizers())
	if letGo || equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	return client.IgnoreNotFound(c.Status().Patch(ctx, after, p))
}

// IsReady reports whether conditions say Ready for exactly that generation.
func IsReady(conditions []metav1.Condition, generation int64) bool {
	return isTrue(conditions, v1alpha1.ConditionReady, generation)
}

// IsStalled reports whether conditions say Stalled for exactly that generation.
func IsStalled(conditions []metav1.Condition, generation int64) bool {
	return isTrue(conditions, v1alpha1.ConditionStalled, generation)
}

// IsAccountReady reports whether the status of an account says that it is as its spec, as it is now, wants it.
func IsAccountReady(account *v1alpha1.ScimAccount) bool {
	return IsReady(account.Status.Conditions, account.Generation)
}

func isTrue(conditions []metav1.Condition, what string, generation int64) bool {
	c := meta.FindStatusCondition(conditions, what)
	return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == generation
}
