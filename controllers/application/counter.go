// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"maps"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// Counter counts the accounts of each ScimApplication and says which changes of them are held. It writes status.accounts, plan, removals
// and the condition Held, and Reconciler everything else. Conditions are one list, which a patch replaces as a whole: whoever changes
// one writes only to what was read, and otherwise looks again.
type Counter struct {
	// Client reads from the cache, and sees its own writes there.
	Client client.Client
	// Publisher says what is held, and hears what people decide.
	Publisher *guard.Publisher
}

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager registers the reconciler.
func (r *Counter) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("application-accounts").
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: enqueue.Self, Changed: spokenTo}).
		Watches(&v1alpha1.ScimAccount{}, enqueue.Events{Keys: applicationOf, Changed: countsOtherwise, Delay: enqueue.CountDelay}).
		Complete(r)
}

// spokenTo reports whether somebody asked for something, by the spec or by an annotation, or took the condition Held away.
func spokenTo(before, after client.Object) bool {
	a, b := before.(*v1alpha1.ScimApplication), after.(*v1alpha1.ScimApplication) // watched as that type
	isHeld := func(app *v1alpha1.ScimApplication) bool {
		return meta.IsStatusConditionTrue(app.Status.Conditions, v1alpha1.ConditionHeld)
	}
	return enqueue.SpecChanged(a, b) || !maps.Equal(a.Annotations, b.Annotations) || isHeld(a) != isHeld(b)
}

func applicationOf(_ context.Context, o client.Object) []reconcile.Request {
	return enqueue.Named(o, o.(*v1alpha1.ScimAccount).Spec.ApplicationRef.Name) // watched as that type
}

// countsOtherwise reports whether an account changed in something that is counted.
func countsOtherwise(before, after client.Object) bool {
	a, b := before.(*v1alpha1.ScimAccount), after.(*v1alpha1.ScimAccount) // watched as that type
	deleted := func(a *v1alpha1.ScimAccount) bool { return a.Spec.State == v1alpha1.AccountDeleted }
	return status.IsAccountReady(a) != status.IsAccountReady(b) || deleted(a) != deleted(b) || a.Status.Pending != b.Status.Pending || !equality.Semantic.DeepEqual(a.Spec.Held, b.Spec.Held)
}

// Reconcile writes the counts of an application, and what is held there, if they changed.
func (r *Counter) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	app := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(ctx, req.NamespacedName, app); err != nil {
		return reconcile.Result{}, r.forget(req.NamespacedName, err)
	}
	var accounts v1alpha1.ScimAccountList
	err := r.Client.List(ctx, &accounts, client.InNamespace(app.Namespace), client.MatchingFields{index.ByApplication: app.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return reconcile.Result{}, err
	}
	before := app.DeepCopy()
	app.Status.Accounts, app.Status.Plan = countAccounts(accounts.Items)
	told, again := r.Publisher.Update(guard.Page{
		Object: app, Kind: guard.KindApplication, Removals: &app.Status.Removals, Conditions: &app.Status.Conditions,
		Accounts: guard.HeldAmong(accounts.Items),
	})
	if err := patch(ctx, r.Client, before, app); err != nil {
		return reconcile.Result{}, err
	}
	told()
	if again {
		return reconcile.Result{RequeueAfter: enqueue.CountDelay}, nil
	}
	return reconcile.Result{}, nil
}

// forget stops telling about an application that is gone.
func (r *Counter) forget(key types.NamespacedName, err error) error {
	if client.IgnoreNotFound(err) == nil {
		r.Publisher.Metrics.Forget(key.Namespace, guard.KindApplication, key.Name)
	}
	return client.IgnoreNotFound(err)
}

// countAccounts counts them by what they are and by what would be done to them. There shall be none whose state is Deleted.
func countAccounts(accounts []v1alpha1.ScimAccount) (counts v1alpha1.AccountCounts, plan v1alpha1.PlanCounts) {
	for i := range accounts {
		a := &accounts[i]
		if a.Spec.State != v1alpha1.AccountDeleted {
			counts.Desired++
			counts.Ready += one(status.IsAccountReady(a))
		}
		counts.Held += one(a.Spec.Held != nil && !a.Spec.Held.Rejected)
		planned(&plan, a.Status.Pending)
	}
	return counts, plan
}

func one(is bool) int32 {
	if is {
		return 1
	}
	return 0
}

// planned adds what would be done to one account.
func planned(plan *v1alpha1.PlanCounts, pending v1alpha1.ChangeKind) {
	switch pending {
	case v1alpha1.ChangeCreate:
		plan.Create++
	case v1alpha1.ChangeChange, v1alpha1.ChangeReduce:
		plan.Change++
	case v1alpha1.ChangeSuspend:
		plan.Suspend++
	case v1alpha1.ChangeDelete:
		plan.Delete++
	}
}

// patch writes what changed in the status of an application. Where that is in a list, nobody else may have written since.
func patch(ctx context.Context, c client.Client, before, after *v1alpha1.ScimApplication) error {
	if equality.Semantic.DeepEqual(before.Status.Conditions, after.Status.Conditions) && equality.Semantic.DeepEqual(before.Status.Removals, after.Status.Removals) {
		return status.Patch(ctx, c, before, after)
	}
	return status.PatchLocked(ctx, c, before, after)
}
