// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"context"
	"fmt"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// report writes the status of the user if it changed. It is called when there is nothing left to decide, so that a change costs
// one write when its accounts have settled, and not one for every step on the way.
func (r *Reconciler) report(ctx context.Context, f *Facts, d Decision) error {
	user := f.User
	if user == nil || !user.DeletionTimestamp.IsZero() {
		return nil
	}
	before := user.DeepCopy()
	user.Status.Accounts = count(f.Present)
	user.Status.ObservedGeneration = user.Generation
	verdictOf(user.Status.Accounts, d).Set(&user.Status.Conditions, user.Generation)
	return status.Patch(ctx, r.Client, before, user)
}

// verdictOf says how the accounts of a user stand.
func verdictOf(counts v1alpha1.AccountCounts, d Decision) status.Verdict {
	switch {
	case len(d.MappingFailed) > 0:
		return status.Stalled(v1alpha1.ReasonMappingFailed, fmt.Sprintf("an expression of spec.account fails for this user in the ScimApplications %s", strings.Join(d.MappingFailed, ", ")))
	case counts.Held > 0:
		return status.Waiting(v1alpha1.ReasonHeld, "a change of at least one ScimAccount of this user is held; its spec.held says by what")
	case counts.Ready < counts.Desired:
		return status.Waiting(v1alpha1.ReasonProvisioning, "at least one ScimAccount of this user is not as it shall be yet")
	case d.Locked:
		return status.Ready(v1alpha1.ReasonLocked, "every account is suspended, because of the annotation "+v1alpha1.AnnotationSuspend)
	default:
		return status.Ready(v1alpha1.ReasonProvisioned, "every account is as it shall be")
	}
}

// count says how many accounts there shall be, how many are ready, and how many wait. Those on their way out are none of these.
func count(present []*v1alpha1.ScimAccount) v1alpha1.AccountCounts {
	var c v1alpha1.AccountCounts
	for _, account := range present {
		if !account.DeletionTimestamp.IsZero() || account.Spec.State == v1alpha1.AccountDeleted {
			continue
		}
		c.Desired++
		if account.Spec.Held != nil && !account.Spec.Held.Rejected {
			c.Held++
		}
		if status.IsAccountReady(account) {
			c.Ready++
		}
	}
	return c
}
