// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package token makes the bearer token of each ScimToken, keeps it in a Secret and publishes its hash.
//
// The order makes a crash harmless: the token is in its Secret before its hash is published, and a token that no hash speaks of
// is accepted by nobody. Whoever finds the Secret publishes the hash of what is in it.
package token

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// The keys of the Secret.
const (
	// SecretKeyToken holds the token, to be pasted into the identity provider.
	SecretKeyToken = "token"
	// SecretKeyURL holds the SCIM base URL as it was when the token was made; ScimDirectory.status.url is always current.
	SecretKeyURL = "url"
)

// lookAgain is how soon a Secret that is in the way is looked at again.
const lookAgain = 30 * time.Second

// Reconciler keeps ScimTokens and their Secrets.
type Reconciler struct {
	// Client reads ScimTokens and ScimDirectories from the cache.
	Client client.Client
	// Secrets reads and writes the API server. It has no cache: that would list every Secret.
	Secrets client.Client
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimtokens,verbs=get;list;watch;update
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimtokens/status,verbs=patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;delete

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	tokens := func() client.ObjectList { return &v1alpha1.ScimTokenList{} }
	return ctrl.NewControllerManagedBy(mgr).Named("token").
		Watches(&v1alpha1.ScimToken{}, enqueue.Events{Keys: enqueue.Self}).
		Watches(&v1alpha1.ScimDirectory{}, enqueue.Events{Keys: enqueue.Referrers(r.Client, tokens, index.ByDirectory), Changed: urlChanged}).
		Complete(reconcile.AsReconciler(r.Client, r))
}

func urlChanged(before, after client.Object) bool {
	return before.(*v1alpha1.ScimDirectory).Status.URL != after.(*v1alpha1.ScimDirectory).Status.URL // watched as that type
}

// Reconcile makes the Secret and publishes the hash, or takes both away.
func (r *Reconciler) Reconcile(ctx context.Context, tok *v1alpha1.ScimToken) (res reconcile.Result, err error) {
	if !tok.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.revoke(ctx, tok)
	}
	if controllerutil.AddFinalizer(tok, v1alpha1.FinalizerToken) {
		if err := r.Client.Update(ctx, tok); err != nil {
			return reconcile.Result{}, err
		}
	}
	before := tok.DeepCopy()
	defer func() { err = errors.Join(err, status.Patch(ctx, r.Client, before, tok)) }()
	verdict, err := r.issue(ctx, tok)
	if err != nil {
		return reconcile.Result{}, err
	}
	tok.Status.ObservedGeneration = tok.Generation
	verdict.Set(&tok.Status.Conditions, tok.Generation)
	if status.IsStalled(tok.Status.Conditions, tok.Generation) {
		return reconcile.Result{RequeueAfter: wait.Jitter(lookAgain, 0.2)}, nil // Secrets are not watched
	}
	return reconcile.Result{}, nil
}

// issue makes sure that the token exists and is published, and says how it stands.
func (r *Reconciler) issue(ctx context.Context, tok *v1alpha1.ScimToken) (status.Verdict, error) {
	dir := &v1alpha1.ScimDirectory{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: tok.Namespace, Name: tok.Spec.DirectoryRef.Name}, dir)
	if apierrors.IsNotFound(err) || (err == nil && dir.Status.URL == "") {
		return status.Waiting(v1alpha1.ReasonDirectoryNotFound, "waiting for the ScimDirectory that directoryRef names"), nil
	}
	if err != nil {
		return status.Verdict{}, err
	}
	secret, err := r.secret(ctx, tok)
	switch {
	case err != nil:
		return status.Verdict{}, err
	case secret == nil && len(tok.Status.Credentials) > 0:
		return status.Ready(v1alpha1.ReasonIssued, "the token is valid; its Secret has been deleted"), nil
	case secret == nil:
		if secret, err = r.mint(ctx, tok, dir.Status.URL); err != nil {
			return status.Verdict{}, err
		}
	case !ours(secret, tok):
		return status.Stalled(v1alpha1.ReasonSecretConflict, "a Secret of that name exists and is not of this ScimToken: delete it, or make a ScimToken with another secretName"), nil
	}
	return publish(tok, secret), nil
}

// publish puts the hash of what the Secret holds into the status.
func publish(tok *v1alpha1.ScimToken, secret *corev1.Secret) status.Verdict {
	tok.Status.SecretName = secret.Name
	parsed, err := token.Parse(string(secret.Data[SecretKeyToken]))
	if err != nil {
		return status.Stalled(v1alpha1.ReasonInvalidSecret, "the Secret no longer holds a token that was made here: delete this ScimToken and make another")
	}
	tok.Status.Credentials = []v1alpha1.TokenCredential{{KeyID: parsed.KeyID(), SHA256: parsed.SHA256()}}
	return status.Ready(v1alpha1.ReasonIssued, "the token is valid and in its Secret")
}

// mint creates the Secret with a new token. Whoever creates it first wins; the other tries again and finds it.
func (r *Reconciler) mint(ctx context.Context, tok *v1alpha1.ScimToken, url string) (*corev1.Secret, error) {
	fresh, err := token.New(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: tok.Namespace, Name: secretName(tok),
			Labels:      map[string]string{v1alpha1.LabelManagedBy: v1alpha1.ManagedBy},
			Annotations: map[string]string{v1alpha1.AnnotationToken: tok.Name},
		},
		Type: v1alpha1.SecretTypeToken,
		Data: map[string][]byte{SecretKeyToken: []byte(fresh.Reveal()), SecretKeyURL: []byte(url)},
	}
	return secret, r.Secrets.Create(ctx, secret)
}

// revoke removes the Secret, if it is ours, and lets the ScimToken go. scim-server stopped accepting the token when it saw
// the deletion begin.
func (r *Reconciler) revoke(ctx context.Context, tok *v1alpha1.ScimToken) error {
	if !controllerutil.ContainsFinalizer(tok, v1alpha1.FinalizerToken) {
		return nil
	}
	secret, err := r.secret(ctx, tok)
	if err != nil {
		return err
	}
	if secret != nil && ours(secret, tok) {
		if err := r.Secrets.Delete(ctx, secret, client.Preconditions{UID: &secret.UID}); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	controllerutil.RemoveFinalizer(tok, v1alpha1.FinalizerToken)
	return client.IgnoreNotFound(r.Client.Update(ctx, tok))
}

// secret reads the Secret from the API server, nil if there is none.
func (r *Reconciler) secret(ctx context.Context, tok *v1alpha1.ScimToken) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	if err := r.Secrets.Get(ctx, client.ObjectKey{Namespace: tok.Namespace, Name: secretName(tok)}, secret); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return secret, nil
}

func secretName(tok *v1alpha1.ScimToken) string {
	if tok.Spec.SecretName != "" {
		return tok.Spec.SecretName
	}
	return tok.Name
}

func ours(secret *corev1.Secret, tok *v1alpha1.ScimToken) bool {
	return secret.Type == v1alpha1.SecretTypeToken && secret.Annotations[v1alpha1.AnnotationToken] == tok.Name
}
