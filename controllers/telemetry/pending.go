// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// removal is access that somebody shall not have any more and may still have. Everything in it is read from objects, so that a restart
// makes nothing younger.
type removal struct {
	// since is when it was asked for, zero if the objects do not tell.
	since time.Time
}

// pendingRemoval is what account still has to lose, nil if nothing. left is the removal of its user, nil while the user is active.
//
// What a removal guard holds is not pending, nor what a dry run only shows: somebody wants it so. Held removals have a metric of their own.
func pendingRemoval(a *v1alpha1.ScimAccount, left *removal) *removal {
	switch {
	case a.Spec.Held != nil || reasonOf(a) == v1alpha1.ReasonDryRun:
		return nil
	case left != nil && a.Spec.State == v1alpha1.AccountActive && a.Spec.Reason == v1alpha1.StateGranted:
		return left // that is not even decided yet
	case takesAway(a) && !status.IsAccountReady(a):
		return &removal{since: askedAt(a)}
	default:
		return nil
	}
}

// takesAway reports whether the account shall lose something that it was last seen to have.
func takesAway(a *v1alpha1.ScimAccount) bool {
	return !a.DeletionTimestamp.IsZero() || a.Spec.State != v1alpha1.AccountActive ||
		slices.ContainsFunc(a.Status.Roles, func(role v1alpha1.RoleName) bool { return !slices.Contains(a.Spec.Roles, role) })
}

// askedAt is when it was asked for what the spec of an account takes away: by the identity provider, or else when it was let go or begun.
func askedAt(a *v1alpha1.ScimAccount) time.Time {
	asked, err := time.Parse(time.RFC3339Nano, a.Annotations[v1alpha1.AnnotationRequestedAt])
	switch {
	case !a.DeletionTimestamp.IsZero():
		return a.DeletionTimestamp.Time
	case err == nil:
		return asked
	case a.Spec.State == v1alpha1.AccountDeleted && a.Spec.DeletedAt != nil:
		return a.Spec.DeletedAt.Time
	case a.Spec.State == v1alpha1.AccountSuspended && a.Spec.LostAccessAt != nil:
		return a.Spec.LostAccessAt.Time
	default:
		return time.Time{}
	}
}

// leaving is the removal of a user, nil while the user is active. When a lock was set nobody knows.
func leaving(u *v1alpha1.ScimUser) *removal {
	switch {
	case u.Spec.State == v1alpha1.StateActive && u.Spec.DeletedAt == nil && u.Annotations[v1alpha1.AnnotationSuspend] == "":
		return nil
	case u.Annotations[v1alpha1.AnnotationSuspend] != "":
		return &removal{}
	}
	modified, err := time.Parse(time.RFC3339Nano, u.Annotations[v1alpha1.AnnotationLastModified])
	if err != nil {
		modified = u.CreationTimestamp.Time
	}
	return &removal{since: modified}
}

// reasonOf is the reason of the condition Ready of an account, Pending when that speaks of an earlier spec, and Other for one that is not
// ours: whoever may write a status makes no series.
func reasonOf(a *v1alpha1.ScimAccount) string {
	ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil || ready.ObservedGeneration != a.Generation:
		return v1alpha1.ReasonPending
	case slices.Contains(reasons(), ready.Reason):
		return ready.Reason
	default:
		return "Other"
	}
}

// reasons are all that a ScimAccount can have.
func reasons() []string {
	return []string{
		v1alpha1.ReasonInSync, v1alpha1.ReasonPending, v1alpha1.ReasonHeld, v1alpha1.ReasonApplicationNotFound, v1alpha1.ReasonApplicationNotReady,
		v1alpha1.ReasonPaused, v1alpha1.ReasonDryRun, v1alpha1.ReasonDrifted, v1alpha1.ReasonAdoptionPending, v1alpha1.ReasonInvalid,
		v1alpha1.ReasonConflict, v1alpha1.ReasonDenied, v1alpha1.ReasonUnavailable, v1alpha1.ReasonError, v1alpha1.ReasonDeleting,
	}
}
