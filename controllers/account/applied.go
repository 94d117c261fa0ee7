// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// Class says what a change of SCIM made of an account downstream.
type Class string

// The classes. There are no others, so they can be labels of metrics.
const (
	// Created is an account that was not there before, or was deleted.
	Created Class = "create"
	// Changed is an account that stays in use and loses nothing.
	Changed Class = "change"
	// Reduced is an account that stays in use and loses a role.
	Reduced Class = "reduce"
	// Suspended is an account that loses every access.
	Suspended Class = "suspend"
	// Restored is an account that gets its access back.
	Restored Class = "restore"
	// Deleted is an account that is gone.
	Deleted Class = "delete"
)

// Applied is a change of SCIM that has arrived downstream.
type Applied struct {
	// Application is the ScimApplication.
	Application types.NamespacedName
	// Class of the change.
	Class Class
	// RequestedAt is when the identity provider asked for it.
	RequestedAt time.Time
}

// save writes the status of acct, and then tells of the change that has arrived with it: once, since the status says so from now on. A crash
// in between loses one measurement.
func (r *Reconciler) save(ctx context.Context, before, acct *v1alpha1.ScimAccount) error {
	was := before.Status.DeepCopy()
	if err := status.Patch(ctx, r.Client, before, acct); err != nil {
		return err
	}
	if done, ok := applied(was, acct); ok && r.Applied != nil {
		r.Applied(done)
	}
	return nil
}

// applied is the change of SCIM that acct has just been brought in line with, where it was as was says before. A generation of a ScimAccount
// counts once, when it is first seen in sync: what drifts later, or is brought back, is no change of SCIM. What waited for a person's
// decision does not count either.
func applied(was *v1alpha1.ScimAccountStatus, acct *v1alpha1.ScimAccount) (done Applied, ok bool) {
	at, err := time.Parse(time.RFC3339Nano, acct.Annotations[v1alpha1.AnnotationRequestedAt])
	if err != nil || !acct.DeletionTimestamp.IsZero() || !status.IsAccountReady(acct) || settledAt(was) == acct.Generation || waitedForSomebody(was) {
		return Applied{}, false
	}
	app := types.NamespacedName{Namespace: acct.Namespace, Name: acct.Spec.ApplicationRef.Name}
	return Applied{Application: app, Class: classOf(was, &acct.Spec), RequestedAt: at}, true
}

// settledAt is the last generation that was seen in sync; 0 if none was.
func settledAt(s *v1alpha1.ScimAccountStatus) int64 {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionSettled); c != nil {
		return c.ObservedGeneration
	}
	return 0
}

// waitedForSomebody reports whether an account was kept back until somebody decides.
func waitedForSomebody(s *v1alpha1.ScimAccountStatus) bool {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	return ready != nil && slices.Contains([]string{
		v1alpha1.ReasonHeld, v1alpha1.ReasonPaused, v1alpha1.ReasonDryRun, v1alpha1.ReasonDrifted, v1alpha1.ReasonAdoptionPending,
	}, ready.Reason)
}

func classOf(was *v1alpha1.ScimAccountStatus, spec *v1alpha1.ScimAccountSpec) Class {
	switch {
	case spec.State == v1alpha1.AccountDeleted:
		return Deleted
	case spec.State == v1alpha1.AccountSuspended:
		return Suspended
	case was.State == v1alpha1.AccountSuspended:
		return Restored
	case was.State != v1alpha1.AccountActive:
		return Created
	case loses(was.Roles, spec.Roles):
		return Reduced
	default:
		return Changed
	}
}
