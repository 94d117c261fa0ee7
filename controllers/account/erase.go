// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

var errStillThere = errors.New("the account is still there after its deletion")

// forsaken says why an object that is being deleted is let go of although its account stays as it is:
//
//	the application is gone                        touch nothing, say so
//	it is being deleted and its policy is Retain   touch nothing, say so
//
// A third case shows when the application is opened: it is being deleted and cannot be opened, since its Secret went first.
func forsaken(acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) (why string, lets bool) {
	switch {
	case acct.DeletionTimestamp.IsZero():
		return "", false
	case app == nil:
		return "the ScimApplication is gone", true
	case goesWith(acct, app) && app.Spec.DeletionPolicy == v1alpha1.DeletionPolicyRetain:
		return "the ScimApplication is being deleted and retains its accounts", true
	default:
		return "", false
	}
}

// goesWith reports whether both are being deleted.
func goesWith(acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) bool {
	return !acct.DeletionTimestamp.IsZero() && !app.DeletionTimestamp.IsZero()
}

// erase takes the account away downstream and proves that it is gone. The ScimAccount stays as a tombstone, unless it is being deleted
// itself: whoever sees our mark again, of an account that a backup brought back, erases that too.
func (v *visit) erase(ctx context.Context) error {
	v.want.State = connector.Suspended
	if v.dry() {
		return v.rehearseErasure(ctx)
	}
	if !v.erased() {
		if err := v.takeAway(ctx); err != nil {
			return err
		}
	}
	observed, err := v.observe(ctx)
	if err != nil {
		return err
	}
	if v.ours(observed) {
		err = v.remove(ctx, *observed)
	}
	if err != nil {
		return err
	}
	return v.buried(ctx)
}

// erased reports whether the account was seen to be gone. That saves the suspension of nobody, and is not trusted further.
func (v *visit) erased() bool { return v.acct.Status.State == v1alpha1.AccountDeleted }

// takeAway suspends the account without looking first, and ends what it has opened.
func (v *visit) takeAway(ctx context.Context) error {
	applied, err := v.Apply(ctx, nil, v.want)
	if err != nil {
		return err
	}
	v.seen(&applied)
	return v.revoke(ctx, applied)
}

// remove deletes what was observed and looks again: only what is seen to be gone is gone.
func (v *visit) remove(ctx context.Context, observed connector.Account) error {
	back := v.erased()
	if back {
		if err := v.takeAway(ctx); err != nil {
			return err
		}
	}
	if err := v.Delete(ctx, observed); err != nil {
		return err
	}
	left, err := v.observe(ctx)
	if err == nil && v.ours(left) {
		err = errStillThere
	}
	if err != nil {
		return err
	}
	v.tellRemoved(back)
	return nil
}

func (v *visit) tellRemoved(back bool) {
	if back {
		v.event(corev1.EventTypeWarning, "Drift", "Remove", "somebody brought the account back in the application; removed it again")
		return
	}
	v.event(corev1.EventTypeNormal, "Removed", "Remove", "removed the account from the application")
}

// rehearseErasure says what would be deleted, and lets a ScimAccount go whose account is not there.
func (v *visit) rehearseErasure(ctx context.Context) error {
	observed, err := v.observe(ctx)
	if err != nil {
		return err
	}
	if !v.ours(observed) {
		return v.buried(ctx)
	}
	v.seen(observed)
	v.conclude(decision{pending: v1alpha1.ChangeDelete, verdict: dryRun()})
	return nil
}

// buried reports an account that is gone, and lets its ScimAccount go if that is being deleted.
func (v *visit) buried(ctx context.Context) error {
	v.seen(nil)
	v.acct.Status.State = v1alpha1.AccountDeleted
	v.conclude(decision{verdict: status.Ready(v1alpha1.ReasonInSync, "the application shows no account that is ours")})
	if v.acct.DeletionTimestamp.IsZero() {
		return nil
	}
	return v.release(ctx, v.acct)
}

// abandon lets the ScimAccount go and leaves the account downstream as it is. Somebody should know.
func (r *Reconciler) abandon(ctx context.Context, acct *v1alpha1.ScimAccount, why string) error {
	r.Recorder.Eventf(acct, nil, corev1.EventTypeWarning, "Abandoned", "Remove", "left the account in the application as it was: %s%s", why, because(acct))
	return r.release(ctx, acct)
}

// letGo reports whether acct is being deleted and not held by us.
func letGo(acct *v1alpha1.ScimAccount) bool {
	return !acct.DeletionTimestamp.IsZero() && !controllerutil.ContainsFinalizer(acct, v1alpha1.FinalizerAccount)
}

// release lets acct go.
func (r *Reconciler) release(ctx context.Context, acct *v1alpha1.ScimAccount) error {
	before := acct.DeepCopy()
	controllerutil.RemoveFinalizer(acct, v1alpha1.FinalizerAccount)
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	return client.IgnoreNotFound(r.Client.Patch(ctx, acct, patch))
}
