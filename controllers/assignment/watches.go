// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
	"github.com/scim-operator/scim-operator/controllers/membership"
)

// workers is how many users are decided about at a time. Each decision waits for the API server most of its time.
const workers = 8

// settle is how long the events of accounts are held back, so that a user's status is written once for all of them.
const settle = 300 * time.Millisecond

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("assignment").
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Watches(&v1alpha1.ScimUser{}, r.userEvents()).
		Watches(&v1alpha1.ScimAccount{}, r.ledgerEvents()).
		Watches(&v1alpha1.ScimAccount{}, enqueue.Events{Keys: userOf, Changed: accountChanged, Delay: settle}).
		Watches(&v1alpha1.ScimMemberSlice{}, membership.SliceEvents{Reader: r.Client, Because: r.because}).
		Watches(&v1alpha1.ScimGroup{}, membership.GroupEvents{Reader: r.Client, Because: r.because}).
		Watches(&v1alpha1.ScimGrant{}, enqueue.Events{Keys: r.usersOfGrant, Priority: many}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: r.usersOfApplication, Priority: many}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: r.heldInApplication, Changed: applicationDecided, Priority: verdict}).
		Watches(&v1alpha1.ScimDirectory{}, enqueue.Events{Keys: r.heldInDirectory, Changed: directoryDecided, Priority: verdict}).
		Complete(r)
}

// because notes which object woke whom.
func (r *Reconciler) because(o client.Object, woken []reconcile.Request) {
	r.causes.remember(o, r.Clock.Now(), woken)
}

// userEvents wakes each user. One who is gone cannot tell when that was asked for.
func (r *Reconciler) userEvents() handler.EventHandler {
	wake := enqueue.Events{Keys: enqueue.Self, Changed: userChanged, Priority: urgency, Prompt: true}
	return handler.Funcs{
		CreateFunc: wake.Create, UpdateFunc: wake.Update, GenericFunc: wake.Generic,
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q enqueue.Queue) {
			r.because(nil, enqueue.Self(ctx, e.Object))
			wake.Delete(ctx, e, q)
		},
	}
}

func isLocked(o client.Object) bool { return o.GetAnnotations()[v1alpha1.AnnotationSuspend] != "" }

// userChanged lets metadata wake the user when it is the kill switch.
func userChanged(before, after client.Object) bool {
	was, isThere := before.GetAnnotations()[v1alpha1.AnnotationSuspend]
	is, stays := after.GetAnnotations()[v1alpha1.AnnotationSuspend]
	return enqueue.SpecChanged(before, after) || was != is || isThere != stays
}

func urgency(_, after client.Object) int {
	switch {
	case enqueue.Gone(after):
		return enqueue.Removal
	case isLocked(after), after.(*v1alpha1.ScimUser).Spec.State == v1alpha1.StateSuspended: // watched as that type
		return enqueue.Leaver
	default:
		return enqueue.Change
	}
}

// many is the urgency of what concerns many users at once: no single leaver waits for it.
func many(_, after client.Object) int {
	if enqueue.Gone(after) {
		return enqueue.Reduction
	}
	return enqueue.Change
}

// verdict is the urgency of what somebody decided about removals that were held.
func verdict(client.Object, client.Object) int { return enqueue.Reduction }

func userOf(_ context.Context, o client.Object) []reconcile.Request {
	return enqueue.Named(o, o.(*v1alpha1.ScimAccount).Spec.UserRef.Name) // watched as that type
}

// accountChanged lets an account wake its user when somebody else changed the spec, and when it became ready or stopped being so.
func accountChanged(before, after client.Object) bool {
	a, b := before.(*v1alpha1.ScimAccount), after.(*v1alpha1.ScimAccount) // watched as that type
	return enqueue.SpecChanged(before, after) || status.IsAccountReady(a) != status.IsAccountReady(b)
}

// usersOfGrant wakes every user whom the grant could match: nobody can tell from the grant alone who matched it before.
func (r *Reconciler) usersOfGrant(ctx context.Context, o client.Object) []reconcile.Request {
	grant := o.(*v1alpha1.ScimGrant) // watched as that type
	app := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: grant.Namespace, Name: grant.Spec.ApplicationRef.Name}, app); err != nil {
		return nil // without its application a grant gives nothing; the application wakes the users when it comes
	}
	return r.usersOfApplication(ctx, app)
}

// usersOfApplication wakes the users of the directory, and those of accounts whose user is gone.
func (r *Reconciler) usersOfApplication(ctx context.Context, o client.Object) []reconcile.Request {
	app := o.(*v1alpha1.ScimApplication) // watched as that type
	here := enqueue.Matching(ctx, r.Client, &v1alpha1.ScimUserList{}, app.Namespace, index.ByDirectory, app.Spec.DirectoryRef.Name)
	return append(here, r.usersOfAccounts(ctx, app.Namespace, index.ByApplication, app.Name, isAny)...)
}

func isAny(*v1alpha1.ScimAccount) bool { return true }

// usersOfAccounts returns the users of those accounts of a namespace that an index finds and which picks.
func (r *Reconciler) usersOfAccounts(ctx context.Context, namespace, field, value string, which func(*v1alpha1.ScimAccount) bool) (keys []reconcile.Request) {
	var accounts v1alpha1.ScimAccountList
	err := r.Client.List(ctx, &accounts, client.InNamespace(namespace), client.MatchingFields{field: value}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil // the cache has not started, and its start wakes everybody
	}
	for i := range accounts.Items {
		if which(&accounts.Items[i]) {
			keys = append(keys, userOf(ctx, &accounts.Items[i])...)
		}
	}
	return keys
}

func (r *Reconciler) heldInApplication(ctx context.Context, o client.Object) []reconcile.Request {
	return r.usersOfAccounts(ctx, o.GetNamespace(), index.ByApplication, o.GetName(), func(a *v1alpha1.ScimAccount) bool { return a.Spec.Held != nil })
}

// heldInDirectory wakes all whom a directory of the namespace holds: these are few, and only a wrong one is woken for nothing.
func (r *Reconciler) heldInDirectory(ctx context.Context, o client.Object) []reconcile.Request {
	return r.usersOfAccounts(ctx, o.GetNamespace(), index.ByHeld, string(v1alpha1.HeldByDirectory), isAny)
}

func applicationDecided(before, after client.Object) bool {
	a, b := before.(*v1alpha1.ScimApplication), after.(*v1alpha1.ScimApplication) // watched as that type
	return decisionsChanged(a.Status.Removals, b.Status.Removals)
}

func directoryDecided(before, after client.Object) bool {
	a, b := before.(*v1alpha1.ScimDirectory), after.(*v1alpha1.ScimDirectory) // watched as that type
	return decisionsChanged(a.Status.Removals, b.Status.Removals) || !equality.Semantic.DeepEqual(a.Spec.RemovalGuard, b.Spec.RemovalGuard) ||
		enqueue.Gone(a) != enqueue.Gone(b)
}

func decisionsChanged(before, after v1alpha1.HeldRemovals) bool {
	return !equality.Semantic.DeepEqual(before.Decisions, after.Decisions)
}

// ledgerEvents tells the ledger what the API server says. Those whom an invariant holds are woken when it may let go.
func (r *Reconciler) ledgerEvents() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q enqueue.Queue) { r.observe(q, e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q enqueue.Queue) { r.observe(q, e.ObjectNew) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, _ enqueue.Queue) {
			r.Ledger.Forget(e.Object.(*v1alpha1.ScimAccount)) // watched as that type
		},
	}
}

func (r *Reconciler) observe(q enqueue.Queue, o client.Object) {
	account := o.(*v1alpha1.ScimAccount) // watched as that type
	if !r.Ledger.Observe(account) {
		return
	}
	var keys []reconcile.Request
	for _, user := range r.Ledger.Held(account.Namespace, account.Spec.ApplicationRef.Name) {
		keys = append(keys, enqueue.Named(account, user)...)
	}
	enqueue.Add(q, enqueue.Change, settle, keys)
}
