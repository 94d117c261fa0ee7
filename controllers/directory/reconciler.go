// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package directory publishes the URL of each ScimDirectory, counts its users, says which removals its guard holds, and fetches the public keys of
// the issuer of its JSON Web Tokens.
package directory

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/guard"
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
	// Publisher says what is held, and hears what people decide.
	Publisher *guard.Publisher
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories;scimusers;scimapplications;scimaccounts,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories/status,verbs=patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("directory").
		Watches(&v1alpha1.ScimDirectory{}, enqueue.Events{Keys: enqueue.Self, Changed: spokenTo}).
		Watches(&v1alpha1.ScimDirectory{}, handler.Funcs{UpdateFunc: r.tellSwitch}).
		Watches(&v1alpha1.ScimAccount{}, enqueue.Events{Keys: r.holder, Changed: heldOtherwise, Delay: enqueue.CountDelay}).
		Watches(&v1alpha1.ScimUser{}, enqueue.Events{
			Keys:    directoryOf,
			Changed: func(before, after client.Object) bool { return counts(before) != counts(after) },
			Delay:   enqueue.CountDelay,
		}).
		Complete(r)
}

// counts reports whether o is one of the users of its directory. Who was deleted and is only kept is none.
func counts(o client.Object) bool { return o.(*v1alpha1.ScimUser).Spec.DeletedAt == nil } // watched as that type

func directoryOf(_ context.Context, o client.Object) []reconcile.Request {
	return enqueue.Named(o, o.(*v1alpha1.ScimUser).Spec.DirectoryRef.Name) // watched as that type
}

// Reconcile writes the status of a directory if it changed.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	dir := &v1alpha1.ScimDirectory{}
	if err := r.Client.Get(ctx, req.NamespacedName, dir); err != nil {
		return reconcile.Result{}, r.forget(req.NamespacedName, err)
	}
	if !dir.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	before := dir.DeepCopy()
	if err := r.countUsers(ctx, dir); err != nil {
		return reconcile.Result{}, err
	}
	told, again, err := r.publish(ctx, dir)
	if err != nil {
		return reconcile.Result{}, err
	}
	var verdict status.Verdict
	dir.Status.URL, verdict = baseURL(r.PublicURL, dir)
	dir.Status.ObservedGeneration = dir.Generation
	verdict.Set(&dir.Status.Conditions, dir.Generation)
	err = status.PatchLocked(ctx, r.Client, before, dir) // Keys has a condition in the same list
	if apierrors.IsConflict(err) {
		return reconcile.Result{RequeueAfter: soon}, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	told()
	if again {
		return reconcile.Result{RequeueAfter: enqueue.CountDelay}, nil
	}
	return reconcile.Result{}, nil
}

// forget stops telling about a directory that is gone.
func (r *Reconciler) forget(key types.NamespacedName, err error) error {
	if client.IgnoreNotFound(err) == nil {
		r.Publisher.Metrics.Forget(key.Namespace, guard.KindDirectory, key.Name)
	}
	return client.IgnoreNotFound(err)
}

func (r *Reconciler) countUsers(ctx context.Context, dir *v1alpha1.ScimDirectory) error {
	var users v1alpha1.ScimUserList
	err := r.Client.List(ctx, &users, client.InNamespace(dir.Namespace), client.MatchingFields{index.ByDirectory: dir.Name}, client.UnsafeDisableDeepCopy)
	dir.Status.Users = 0
	for i := range users.Items {
		if counts(&users.Items[i]) {
			dir.Status.Users++
		}
	}
	return err
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
	return base + dir.Path(), status.Ready(v1alpha1.ReasonServing, "the base URL is in status.url")
}
