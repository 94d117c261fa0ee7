// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// Counter counts the accounts of each ScimApplication. It writes status.accounts and nothing else, and Reconciler everything else,
// so neither overwrites the other.
type Counter struct {
	// Client reads from the cache.
	Client client.Client
}

// SetupWithManager registers the reconciler.
func (r *Counter) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("application-accounts").
		Watches(&v1alpha1.ScimAccount{}, enqueue.Events{Keys: applicationOf, Changed: readinessChanged, Delay: enqueue.CountDelay}).
		Complete(reconcile.AsReconciler(r.Client, r))
}

func applicationOf(_ context.Context, o client.Object) []reconcile.Request {
	return enqueue.Named(o, o.(*v1alpha1.ScimAccount).Spec.ApplicationRef.Name) // watched as that type
}

func readinessChanged(before, after client.Object) bool {
	return ready(before.(*v1alpha1.ScimAccount)) != ready(after.(*v1alpha1.ScimAccount)) // watched as that type
}

func ready(a *v1alpha1.ScimAccount) bool { return status.IsReady(a.Status.Conditions, a.Generation) }

// Reconcile writes the counts of app if they changed.
func (r *Counter) Reconcile(ctx context.Context, app *v1alpha1.ScimApplication) (reconcile.Result, error) {
	var accounts v1alpha1.ScimAccountList
	err := r.Client.List(ctx, &accounts, client.InNamespace(app.Namespace), client.MatchingFields{index.ByApplication: app.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return reconcile.Result{}, err
	}
	before := app.DeepCopy()
	app.Status.Accounts = v1alpha1.AccountCounts{Desired: int32(len(accounts.Items))} //nolint:gosec // bounded by what fits into etcd
	for i := range accounts.Items {
		if ready(&accounts.Items[i]) {
			app.Status.Accounts.Ready++
		}
	}
	return reconcile.Result{}, status.Patch(ctx, r.Client, before, app)
}
