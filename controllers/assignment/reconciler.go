// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package assignment decides who gets which account: ScimUsers and ScimGrants become ScimAccounts.
//
//	watch ──> entitle(user, applications, grants) ──> diff(wanted, present) ──> delete, reduce, give
//	          pure                                    pure                      server-side apply
//
// Suspending acts on what the cache says. Giving, and removing all that a user has because the user is gone, reads the user from
// the API server first and decides again, so that a stale cache neither gives back what was taken nor takes from those who are here.
package assignment

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	applyv1alpha1 "github.com/scim-operator/scim-operator/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// fieldOwner owns the spec of every ScimAccount.
const fieldOwner = client.FieldOwner("scim-controller-assignment")

// workers is how many users are decided about at a time. Each decision waits for the API server most of its time.
const workers = 8

// settle is how long the events of accounts are held back, so that a user's status is written once for all of them.
const settle = 300 * time.Millisecond

// Reconciler keeps the ScimAccounts of each ScimUser, and the ScimUser's status.
type Reconciler struct {
	// Client reads from the cache, and sees its own writes there.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader

	programs expression.Cache
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimusers;scimapplications;scimgrants,verbs=get;list;watch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimaccounts,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimusers/status,verbs=patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("assignment").
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Watches(&v1alpha1.ScimUser{}, enqueue.Events{Keys: enqueue.Self, Priority: urgency}).
		Watches(&v1alpha1.ScimAccount{}, enqueue.Events{Keys: userOf, Changed: accountChanged, Delay: settle}).
		Watches(&v1alpha1.ScimGrant{}, enqueue.Events{Keys: r.usersOfGrant, Priority: many}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: r.usersOfApplication, Priority: many}).
		Complete(r)
}

func urgency(_, after client.Object) int {
	switch {
	case enqueue.Gone(after):
		return enqueue.Removal
	case after.(*v1alpha1.ScimUser).Spec.State == v1alpha1.StateSuspended: // watched as that type
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

func userOf(_ context.Context, o client.Object) []reconcile.Request {
	return enqueue.Named(o, o.(*v1alpha1.ScimAccount).Spec.UserRef.Name) // watched as that type
}

// accountChanged lets an account wake its user when somebody else changed the spec, and when it became ready or stopped being so.
func accountChanged(before, after client.Object) bool {
	a, b := before.(*v1alpha1.ScimAccount), after.(*v1alpha1.ScimAccount) // watched as that type
	return enqueue.SpecChanged(before, after) || ready(a) != ready(b)
}

func ready(a *v1alpha1.ScimAccount) bool { return status.IsReady(a.Status.Conditions, a.Generation) }

// usersOfGrant wakes every user whom the grant could match: a grant for everyone is for everyone.
func (r *Reconciler) usersOfGrant(ctx context.Context, o client.Object) []reconcile.Request {
	grant := o.(*v1alpha1.ScimGrant) // watched as that type
	app := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: grant.Namespace, Name: grant.Spec.ApplicationRef.Name}, app); err != nil {
		return nil // without its application a grant gives nothing; the application wakes the users when it comes
	}
	return r.usersOfApplication(ctx, app)
}

func (r *Reconciler) usersOfApplication(ctx context.Context, o client.Object) []reconcile.Request {
	app := o.(*v1alpha1.ScimApplication) // watched as that type
	return enqueue.Matching(ctx, r.Client, &v1alpha1.ScimUserList{}, app.Namespace, index.ByDirectory, app.Spec.DirectoryRef.Name)
}

// Reconcile brings the accounts of one user in line. The user may be gone.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	facts, err := r.facts(ctx, req)
	if err != nil {
		return reconcile.Result{}, err
	}
	steps, over, _ := Plan(Decide(facts, &r.programs), facts.Present, func(*v1alpha1.ScimAccount) bool { return true })
	if len(steps)+len(over) == 0 {
		return reconcile.Result{}, r.report(ctx, facts.User, facts.Present)
	}
	var failed []error
	for _, account := range over {
		failed = append(failed, client.IgnoreNotFound(r.Client.Delete(ctx, account.DeepCopy(), client.Preconditions{UID: &account.UID})))
	}
	for i := range steps {
		failed = append(failed, r.apply(ctx, req, &steps[i]))
	}
	return reconcile.Result{}, errors.Join(failed...)
}

func (r *Reconciler) facts(ctx context.Context, req reconcile.Request) (Facts, error) {
	var (
		applications v1alpha1.ScimApplicationList
		grants       v1alpha1.ScimGrantList
		accounts     v1alpha1.ScimAccountList
	)
	here := client.InNamespace(req.Namespace)
	user := &v1alpha1.ScimUser{}
	err := r.Live.Get(ctx, req.NamespacedName, user)
	facts := Facts{User: user, Now: time.Now()}
	if apierrors.IsNotFound(err) {
		facts.User, err = nil, nil
	}
	err = errors.Join(err,
		r.Client.List(ctx, &applications, here, client.UnsafeDisableDeepCopy),
		r.Client.List(ctx, &grants, here, client.UnsafeDisableDeepCopy),
		r.Client.List(ctx, &accounts, here, client.MatchingFields{index.ByUser: req.Name}, client.UnsafeDisableDeepCopy),
	)
	facts.Applications, facts.Grants, facts.Present = pointers(applications.Items), pointers(grants.Items), pointers(accounts.Items)
	return facts, err
}

func pointers[T any](items []T) []*T {
	all := make([]*T, len(items))
	for i := range items {
		all[i] = &items[i]
	}
	return all
}

// apply writes one ScimAccount. It comes with its finalizer, so that no account is ever made downstream without.
func (r *Reconciler) apply(ctx context.Context, req reconcile.Request, s *Step) error {
	account := applyv1alpha1.ScimAccount(s.Name, req.Namespace).
		WithFinalizers(v1alpha1.FinalizerAccount).
		WithSpec(applyv1alpha1.ScimAccountSpec().
			WithApplicationRef(applyv1alpha1.LocalReference().WithName(s.Want.ApplicationRef.Name)).
			WithUserRef(applyv1alpha1.LocalReference().WithName(req.Name)).
			WithUserName(s.Want.UserName).
			WithState(s.Want.State).WithReason(s.Want.Reason).
			WithRoles(s.Want.Roles...))
	return r.Client.Apply(ctx, account, fieldOwner, client.ForceOwnership)
}

// report writes the status of the user if it changed. It is called when there is nothing left to decide, so that a change costs
// one write when its accounts have settled, and not one for every step on the way.
func (r *Reconciler) report(ctx context.Context, user *v1alpha1.ScimUser, present []*v1alpha1.ScimAccount) error {
	if user == nil || !user.DeletionTimestamp.IsZero() {
		return nil
	}
	before := user.DeepCopy()
	counts := count(present)
	user.Status.Accounts = counts
	user.Status.ObservedGeneration = user.Generation
	verdict := status.Ready(v1alpha1.ReasonProvisioned, "every account is as it shall be")
	if int(counts.Ready) < len(present) {
		verdict = status.Waiting(v1alpha1.ReasonProvisioning, "at least one ScimAccount of this user is not as it shall be yet")
	}
	verdict.Set(&user.Status.Conditions, user.Generation)
	return status.Patch(ctx, r.Client, before, user)
}

// count says how many accounts there shall be and how many are ready. Those on their way out are neither.
func count(present []*v1alpha1.ScimAccount) v1alpha1.AccountCounts {
	var c v1alpha1.AccountCounts
	for i := range present {
		if !present[i].DeletionTimestamp.IsZero() {
			continue
		}
		c.Desired++
		if ready(present[i]) {
			c.Ready++
		}
	}
	return c
}
