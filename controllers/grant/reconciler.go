// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package grant says of each ScimGrant whether it is in effect and for how many users. It gives nothing: package assignment does.
package grant

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/assignment"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
	"github.com/scim-operator/scim-operator/controllers/membership"
)

// attributesDelay is how long a change of the attributes of a user is held back. These come all day long, and each makes a pass over all
// users, whom nobody gets or loses access by.
const attributesDelay = 10 * time.Second

// Reconciler keeps the status of ScimGrants.
type Reconciler struct {
	// Client reads from the cache.
	Client client.Client
	// Programs are the compiled expressions.
	Programs *expression.Cache
	// Clock tells the time.
	Clock clock.PassiveClock
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimgrants;scimapplications;scimusers;scimgroups;scimmemberslices,verbs=get;list;watch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimgrants/status,verbs=patch

// SetupWithManager registers the reconciler. What only changes a count is held back, so that a burst makes one pass over the users.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	grants := func() client.ObjectList { return &v1alpha1.ScimGrantList{} }
	return ctrl.NewControllerManagedBy(mgr).Named("grant").
		Watches(&v1alpha1.ScimGrant{}, enqueue.Events{Keys: enqueue.Self}).
		Watches(&v1alpha1.ScimGrant{}, enqueue.Events{Keys: r.grantsForEveryoneElse, Delay: enqueue.CountDelay}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: enqueue.Referrers(r.Client, grants, index.ByApplication)}).
		Watches(&v1alpha1.ScimUser{}, enqueue.Events{Keys: r.grantsOfUser(anyGrant), Changed: renamed, Delay: enqueue.CountDelay}).
		Watches(&v1alpha1.ScimUser{}, enqueue.Events{Keys: r.grantsOfUser(seesAttributes), Changed: enqueue.SpecChanged, Delay: attributesDelay}).
		Watches(&v1alpha1.ScimGroup{}, enqueue.Events{Keys: r.grantsThatSeeGroups, Changed: membership.GroupChanged, Delay: enqueue.CountDelay}).
		Watches(&v1alpha1.ScimMemberSlice{}, enqueue.Events{Keys: r.grantsThatSeeGroups, Changed: membership.SliceChanged, Delay: enqueue.CountDelay}).
		Complete(reconcile.AsReconciler(r.Client, r))
}

// Reconcile writes the status of grant if it changed, and comes again when the grant, or one that it looks at, begins or ends.
func (r *Reconciler) Reconcile(ctx context.Context, grant *v1alpha1.ScimGrant) (reconcile.Result, error) {
	if !grant.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	before, now := grant.DeepCopy(), r.Clock.Now()
	again, err := r.assess(ctx, grant, now)
	if err != nil {
		return reconcile.Result{}, err
	}
	grant.Status.ObservedGeneration = grant.Generation
	result := reconcile.Result{}
	if !again.IsZero() {
		result.RequeueAfter = again.Sub(now)
	}
	return result, status.Patch(ctx, r.Client, before, grant)
}

// assess says how the grant stands, counts the users that it matches, and returns when that changes by itself.
func (r *Reconciler) assess(ctx context.Context, grant *v1alpha1.ScimGrant, now time.Time) (again time.Time, err error) {
	app := &v1alpha1.ScimApplication{}
	err = r.Client.Get(ctx, client.ObjectKey{Namespace: grant.Namespace, Name: grant.Spec.ApplicationRef.Name}, app)
	if apierrors.IsNotFound(err) {
		count{}.set(grant)
		status.Waiting(v1alpha1.ReasonApplicationNotFound, "waiting for the ScimApplication that applicationRef names").
			Set(&grant.Status.Conditions, grant.Generation)
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	others, err := r.others(ctx, grant)
	if err != nil {
		return time.Time{}, err
	}
	var counted count
	if !assignment.IsOver(grant, now) { // it gives nobody anything any more
		if counted, err = r.count(ctx, grant, app, others, now); err != nil {
			return time.Time{}, err
		}
	}
	counted.set(grant)
	verdictOf(grant, app, counted, r.Programs, now).Set(&grant.Status.Conditions, grant.Generation)
	return nextEdge(append(others, grant), now), nil
}

// others are the grants of the application that decide whom EveryoneElse matches. Without such a subject there are none.
func (r *Reconciler) others(ctx context.Context, grant *v1alpha1.ScimGrant) (others []*v1alpha1.ScimGrant, err error) {
	if !isForEveryoneElse(grant) {
		return nil, nil
	}
	var list v1alpha1.ScimGrantList
	err = r.Client.List(ctx, &list, client.InNamespace(grant.Namespace),
		client.MatchingFields{index.ByApplication: grant.Spec.ApplicationRef.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	for i := range list.Items {
		if list.Items[i].Name != grant.Name {
			others = append(others, &list.Items[i])
		}
	}
	return others, nil
}
