// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package grant says of each ScimGrant whether it is in effect and for how many users. It gives nothing: package assignment does.
package grant

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/assignment"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// Reconciler keeps the status of ScimGrants.
type Reconciler struct {
	// Client reads from the cache.
	Client client.Client
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimgrants;scimapplications;scimusers,verbs=get;list;watch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimgrants/status,verbs=patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	grants := func() client.ObjectList { return &v1alpha1.ScimGrantList{} }
	return ctrl.NewControllerManagedBy(mgr).Named("grant").
		Watches(&v1alpha1.ScimGrant{}, enqueue.Events{Keys: enqueue.Self}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: enqueue.Referrers(r.Client, grants, index.ByApplication)}).
		Watches(&v1alpha1.ScimUser{}, enqueue.Events{Keys: r.grantsOfUser, Changed: renamed, Delay: enqueue.CountDelay}).
		Complete(reconcile.AsReconciler(r.Client, r))
}

func renamed(before, after client.Object) bool {
	return before.(*v1alpha1.ScimUser).Spec.UserName != after.(*v1alpha1.ScimUser).Spec.UserName // watched as that type
}

// grantsOfUser wakes the grants of every application of the user's directory.
func (r *Reconciler) grantsOfUser(ctx context.Context, o client.Object) (keys []reconcile.Request) {
	user := o.(*v1alpha1.ScimUser) // watched as that type
	for _, app := range enqueue.Matching(ctx, r.Client, &v1alpha1.ScimApplicationList{}, user.Namespace, index.ByDirectory, user.Spec.DirectoryRef.Name) {
		keys = append(keys, enqueue.Matching(ctx, r.Client, &v1alpha1.ScimGrantList{}, user.Namespace, index.ByApplication, app.Name)...)
	}
	return keys
}

// Reconcile writes the status of grant if it changed.
func (r *Reconciler) Reconcile(ctx context.Context, grant *v1alpha1.ScimGrant) (reconcile.Result, error) {
	if !grant.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	before := grant.DeepCopy()
	verdict, err := r.assess(ctx, grant)
	if err != nil {
		return reconcile.Result{}, err
	}
	grant.Status.ObservedGeneration = grant.Generation
	verdict.Set(&grant.Status.Conditions, grant.Generation)
	return reconcile.Result{}, status.Patch(ctx, r.Client, before, grant)
}

// assess says how the grant stands and counts the users that it matches.
func (r *Reconciler) assess(ctx context.Context, grant *v1alpha1.ScimGrant) (status.Verdict, error) {
	grant.Status.MatchedUsers = 0
	app := &v1alpha1.ScimApplication{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: grant.Namespace, Name: grant.Spec.ApplicationRef.Name}, app)
	if apierrors.IsNotFound(err) {
		return status.Waiting(v1alpha1.ReasonApplicationNotFound, "waiting for the ScimApplication that applicationRef names"), nil
	}
	if err != nil {
		return status.Verdict{}, err
	}
	var users v1alpha1.ScimUserList
	err = r.Client.List(ctx, &users, client.InNamespace(grant.Namespace), client.MatchingFields{index.ByDirectory: app.Spec.DirectoryRef.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return status.Verdict{}, err
	}
	for i := range users.Items {
		if assignment.Matches(grant, &users.Items[i]) {
			grant.Status.MatchedUsers++
		}
	}
	return verdictOf(grant, app), nil
}

// verdictOf says whether every role that the grant gives exists.
func verdictOf(grant *v1alpha1.ScimGrant, app *v1alpha1.ScimApplication) status.Verdict {
	var unknown []string
	for _, role := range grant.Spec.Roles {
		if !application.Offers(app, role) {
			unknown = append(unknown, string(role))
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return status.Stalled(v1alpha1.ReasonUnknownRole, fmt.Sprintf("the ScimApplication declares no role %s", strings.Join(unknown, ", ")))
	}
	return status.Ready(v1alpha1.ReasonInEffect, "the grant is in effect")
}
