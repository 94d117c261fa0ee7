// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package directory publishes the URL of each ScimDirectory and counts its users.
package directory

import (
	"context"
	"strings"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// Reconciler keeps the status of ScimDirectories.
type Reconciler struct {
	// Client reads from the cache.
	Client client.Client
	// PublicURL is where identity providers reach scim-server, for directories that do not say so themselves.
	PublicURL string
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories;scimusers,verbs=get;list;watch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories/status,verbs=patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("directory").
		Watches(&v1alpha1.ScimDirectory{}, enqueue.Events{Keys: enqueue.Self}).
		Watches(&v1alpha1.ScimUser{}, enqueue.Events{
			Keys:    directoryOf,
			Changed: func(before, after client.Object) bool { return counts(before) != counts(after) },
			Delay:   enqueue.CountDelay,
		}).
		Complete(reconcile.AsReconciler(r.Client, r))
}

// counts reports whether o is one of the users of its directory. Who was deleted and is only kept is none.
func counts(o client.Object) bool { return o.(*v1alpha1.ScimUser).Spec.DeletedAt == nil } // watched as that type

func directoryOf(_ context.Context, o client.Object) []reconcile.Request {
	return enqueue.Named(o, o.(*v1alpha1.ScimUser).Spec.DirectoryRef.Name) // watched as that type
}

// Reconcile writes the status of dir if it changed.
func (r *Reconciler) Reconcile(ctx context.Context, dir *v1alpha1.ScimDirectory) (reconcile.Result, error) {
	if !dir.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	var users v1alpha1.ScimUserList
	err := r.Client.List(ctx, &users, client.InNamespace(dir.Namespace), client.MatchingFields{index.ByDirectory: dir.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return reconcile.Result{}, err
	}
	before := dir.DeepCopy()
	var verdict status.Verdict
	dir.Status.URL, verdict = baseURL(r.PublicURL, dir)
	dir.Status.Users = 0
	for i := range users.Items {
		if counts(&users.Items[i]) {
			dir.Status.Users++
		}
	}
	dir.Status.ObservedGeneration = dir.Generation
	verdict.Set(&dir.Status.Conditions, dir.Generation)
	return reconcile.Result{}, status.Patch(ctx, r.Client, before, dir)
}

// baseURL is the SCIM base URL of dir, empty if nobody said where scim-server is reached.
func baseURL(fallback string, dir *v1alpha1.ScimDirectory) (string, status.Verdict) {
	base := dir.Spec.PublicURL
	if base == "" {
		base = strings.TrimRight(fallback, "/")
	}
	if base == "" {
		return "", status.Stalled(v1alpha1.ReasonNoPublicURL, "set spec.publicURL, or start scim-controller with --public-url")
	}
	url := base + "/scim/v2/" + dir.Namespace + "/" + dir.Name
	return url, status.Ready(v1alpha1.ReasonServing, "the base URL is in status.url")
}
