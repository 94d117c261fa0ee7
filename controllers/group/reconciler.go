// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package group counts the members of each ScimGroup. It changes no membership: that is the identity provider's, through
// scim-server.
package group

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

// Reconciler keeps the status of ScimGroups.
type Reconciler struct {
	// Client reads from the cache.
	Client client.Client
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimgroups;scimmemberslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimgroups/status,verbs=patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("group").
		Watches(&v1alpha1.ScimGroup{}, enqueue.Events{Keys: enqueue.Self, Delay: enqueue.CountDelay}).
		Watches(&v1alpha1.ScimMemberSlice{}, enqueue.Events{Keys: groupOf, Delay: enqueue.CountDelay}).
		Complete(reconcile.AsReconciler(r.Client, r))
}

func groupOf(_ context.Context, o client.Object) []reconcile.Request {
	return enqueue.Named(o, o.(*v1alpha1.ScimMemberSlice).Spec.GroupRef.Name) // watched as that type
}

// Reconcile writes the status of group if it changed.
func (r *Reconciler) Reconcile(ctx context.Context, group *v1alpha1.ScimGroup) (reconcile.Result, error) {
	if !group.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	var slices v1alpha1.ScimMemberSliceList
	err := r.Client.List(ctx, &slices, client.InNamespace(group.Namespace), client.MatchingFields{index.ByGroup: group.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return reconcile.Result{}, err
	}
	before := group.DeepCopy()
	group.Status.Members = count(slices.Items, group.Name)
	group.Status.ObservedGeneration = group.Generation
	status.Ready(v1alpha1.ReasonCounted, "the members are counted").Set(&group.Status.Conditions, group.Generation)
	return reconcile.Result{}, status.Patch(ctx, r.Client, before, group)
}

// count adds up the members of all slices that are reached from the root, which has the name of the group. Others are being made,
// or are what a crash left behind.
func count(slices []v1alpha1.ScimMemberSlice, root string) int64 {
	rest := make(map[string]*v1alpha1.ScimMemberSliceSpec, len(slices))
	for i := range slices {
		rest[slices[i].Name] = &slices[i].Spec
	}
	var members int64
	for todo := []string{root}; len(todo) > 0; {
		name := todo[0]
		spec, known := rest[name]
		todo = todo[1:]
		if known {
			delete(rest, name) // each counts once, whatever points at it: nothing but the server keeps this a tree
			members += int64(len(spec.Users) + len(spec.Groups))
			todo = append(todo, spec.Children...)
		}
	}
	return members
}
