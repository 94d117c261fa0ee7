// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

var errStillThere = errors.New("the account is still there after its deletion")

// remove takes the account away downstream, proves that it is gone and lets the ScimAccount go.
//
//	the application is gone                          let go, touch nothing, say so
//	it is being deleted and its policy is Retain     let go, touch nothing, say so
//	it is being deleted and cannot be opened         let go, touch nothing, say so: its Secret went first
//	anything else                                    delete what is ours, and only that, until it is gone
func (r *Reconciler) remove(ctx context.Context, acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) (reconcile.Result, error) {
	switch {
	case !controllerutil.ContainsFinalizer(acct, v1alpha1.FinalizerAccount):
		return reconcile.Result{}, nil
	case app == nil:
		return reconcile.Result{}, r.abandon(ctx, acct, "the ScimApplication is gone")
	case !app.DeletionTimestamp.IsZero() && app.Spec.DeletionPolicy == v1alpha1.DeletionPolicyRetain:
		return reconcile.Result{}, r.abandon(ctx, acct, "the ScimApplication is being deleted and retains its accounts")
	}
	calls, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, release, err := r.Connect(calls, app)
	if connector.KindOf(err) == connector.KindInvalid && !app.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.abandon(ctx, acct, connector.Message(err))
	}
	if err != nil {
		return r.failed(acct, err)
	}
	defer release()
	if err := erase(calls, conn, desired(acct)); err != nil {
		return r.failed(acct, err)
	}
	r.Recorder.Eventf(acct, app, "Normal", "Removed", "Remove", "removed the account from the application")
	return reconcile.Result{}, r.letGo(ctx, acct)
}

// erase takes the access away, deletes the account that bears our mark and looks again: only what is seen to be gone is gone.
func erase(ctx context.Context, conn connector.Connector, want connector.Account) error {
	want.State = connector.Suspended
	if _, err := conn.Apply(ctx, nil, want); err != nil {
		return err
	}
	observed, err := observe(ctx, conn, want)
	if err != nil || observed == nil {
		return err
	}
	if err := conn.Delete(ctx, *observed); err != nil {
		return err
	}
	left, err := observe(ctx, conn, want)
	if err == nil && left != nil {
		return errStillThere
	}
	return err
}

// abandon lets the ScimAccount go and leaves the account downstream as it is. Somebody should know.
func (r *Reconciler) abandon(ctx context.Context, acct *v1alpha1.ScimAccount, why string) error {
	r.Recorder.Eventf(acct, nil, "Warning", "Abandoned", "Remove", "left the account in the application as it was: %s", why)
	return r.letGo(ctx, acct)
}

func (r *Reconciler) letGo(ctx context.Context, acct *v1alpha1.ScimAccount) error {
	with := acct.DeepCopy()
	controllerutil.RemoveFinalizer(acct, v1alpha1.FinalizerAccount)
	patch := client.MergeFromWithOptions(with, client.MergeFromWithOptimisticLock{})
	return client.IgnoreNotFound(r.Client.Patch(ctx, acct, patch))
}
