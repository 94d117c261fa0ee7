// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package token makes the credential of each ScimToken, or takes over one that is provided, publishes its hash, and ends it.
//
// The order makes a crash harmless: a credential is in its Secret before its hash is published, and one that no hash speaks of is accepted by nobody.
// Who finds a Secret that answers the request for a credential publishes the hash of what is in it. What has ended is never published again because it is
// still in a Secret.
//
// Everything that is decided follows from the object, its Secret, the uses and the time (see plan); nothing is remembered between two looks.
package token

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

const (
	// lookAgain is how soon a Secret that is in the way is looked at again. Secrets are not watched: that needs the right to list them all.
	lookAgain = 30 * time.Second
	// pollProvided is how often a provided Secret is looked at.
	pollProvided = time.Minute
	// longestWait bounds the time until the next look, because timers do not see it when the clock is set.
	longestWait = time.Hour
)

// Reconciler keeps ScimTokens and their Secrets.
type Reconciler struct {
	// Client reads ScimTokens, ScimTokenUses and ScimDirectories from the cache.
	Client client.Client
	// Live reads and writes the API server: Secrets, because a cache would list every Secret, and the ScimToken for which a credential is made.
	Live client.Client
	// Clock tells the time.
	Clock clock.PassiveClock
	// Recorder tells when a credential begins and ends, and when somebody should do something.
	Recorder events.EventRecorder
	// Metrics tell how the credentials stand.
	Metrics *Metrics
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimtokens,verbs=get;list;watch;update
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimtokens/status,verbs=patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimtokenuses,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;update;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	tokens := func() client.ObjectList { return &v1alpha1.ScimTokenList{} }
	return ctrl.NewControllerManagedBy(mgr).Named("token").
		Watches(&v1alpha1.ScimToken{}, enqueue.Events{Keys: enqueue.Self, Changed: asked, Priority: urgency}).
		Watches(&v1alpha1.ScimToken{}, enqueue.Events{Keys: r.siblings, Changed: issued}).
		Watches(&v1alpha1.ScimTokenUse{}, enqueue.Events{Keys: owner}).
		Watches(&v1alpha1.ScimDirectory{}, enqueue.Events{Keys: enqueue.Referrers(r.Client, tokens, index.ByDirectory), Changed: directoryChanged}).
		Complete(reconcile.Func(r.reconcile))
}

// reconcile reads the ScimToken, and forgets one that is gone.
func (r *Reconciler) reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	tok := &v1alpha1.ScimToken{}
	if err := r.Client.Get(ctx, req.NamespacedName, tok); err != nil {
		if client.IgnoreNotFound(err) == nil {
			r.Metrics.forget(req.Namespace, req.Name)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	return r.Reconcile(ctx, tok)
}

// Reconcile makes the credential what it shall be now, and comes again when that changes. tok is changed.
func (r *Reconciler) Reconcile(ctx context.Context, tok *v1alpha1.ScimToken) (reconcile.Result, error) {
	if !tok.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.letGo(ctx, tok)
	}
	if tok.Spec.Provided == nil && controllerutil.AddFinalizer(tok, v1alpha1.FinalizerToken) {
		if err := r.Client.Update(ctx, tok); err != nil {
			return reconcile.Result{}, err
		}
	}
	f, uses, err := r.find(ctx, tok)
	if err != nil {
		return reconcile.Result{}, err
	}
	if f.offer, err = r.offer(ctx, tok, f); err != nil {
		return reconcile.Result{}, err
	}
	before := tok.DeepCopy()
	var again time.Time
	tok.Status, again = plan(before, f)
	if err := status.PatchLocked(ctx, r.Client, before, tok); err != nil {
		return reconcile.Result{}, err
	}
	r.tell(before, tok)
	r.Metrics.show(tok)
	return reconcile.Result{RequeueAfter: until(tok, f, again)}, r.forgetUses(ctx, tok, uses)
}

// offer reads the Secret, and writes it if a new credential is due.
func (r *Reconciler) offer(ctx context.Context, tok *v1alpha1.ScimToken, f facts) (offer, error) {
	secret, err := r.secret(ctx, tok)
	switch {
	case apierrors.IsForbidden(err):
		return refused(true, v1alpha1.ReasonSecretNotFound, "scim-controller may not use the Secrets of this namespace: bind the ClusterRole scim-controller-secrets in it"), nil
	case err != nil:
		return offer{}, err
	case tok.Spec.Provided == nil:
		return r.generate(ctx, tok, secret, f)
	case f.directory == nil || isExpired(tok, f.now):
		return offer{}, nil
	default:
		return readProvided(tok, secret), nil
	}
}

// until is how long to wait before the next look, if nothing but the time would change something at again.
func until(tok *v1alpha1.ScimToken, f facts, again time.Time) time.Duration {
	delay := longestWait
	if !again.IsZero() {
		delay = min(delay, again.Sub(f.now))
	}
	switch {
	case tok.Spec.Provided != nil:
		delay = min(delay, wait.Jitter(pollProvided, 0.2))
	case f.offer.problem != nil:
		delay = min(delay, wait.Jitter(lookAgain, 0.2))
	}
	return delay
}

// letGo removes the Secret, if it was made here, and lets the ScimToken go. scim-server stopped accepting the credentials when it saw the deletion begin.
// A Secret that is out of reach stays, and opens nothing: the RoleBinding may have gone first in a namespace that is being deleted, and must not hold it up.
func (r *Reconciler) letGo(ctx context.Context, tok *v1alpha1.ScimToken) error {
	if !controllerutil.ContainsFinalizer(tok, v1alpha1.FinalizerToken) {
		return nil
	}
	secret, err := r.secret(ctx, tok)
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	if secret != nil && ours(secret, tok) {
		if err := r.Live.Delete(ctx, secret, client.Preconditions{UID: &secret.UID}); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	controllerutil.RemoveFinalizer(tok, v1alpha1.FinalizerToken)
	return client.IgnoreNotFound(r.Client.Update(ctx, tok))
}

// secret reads the Secret from the API server, nil if there is none.
func (r *Reconciler) secret(ctx context.Context, tok *v1alpha1.ScimToken) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	if err := r.Live.Get(ctx, client.ObjectKey{Namespace: tok.Namespace, Name: secretName(tok)}, secret); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return secret, nil
}

// forgetUses deletes what tells about the use of credentials that are gone.
func (r *Reconciler) forgetUses(ctx context.Context, tok *v1alpha1.ScimToken, uses []v1alpha1.ScimTokenUse) (err error) {
	for i := range uses {
		if !has(tok.Status.Credentials, uses[i].Spec.KeyID) {
			err = errors.Join(err, client.IgnoreNotFound(r.Client.Delete(ctx, &uses[i])))
		}
	}
	return err
}
