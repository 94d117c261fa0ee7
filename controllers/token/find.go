// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
)

// find gathers what the cache knows, and the uses that were counted.
func (r *Reconciler) find(ctx context.Context, tok *v1alpha1.ScimToken) (facts, []v1alpha1.ScimTokenUse, error) {
	f := facts{now: r.Clock.Now().UTC().Truncate(time.Second), uses: map[string]time.Time{}}
	var uses v1alpha1.ScimTokenUseList
	if err := r.Client.List(ctx, &uses, client.InNamespace(tok.Namespace), client.MatchingFields{index.ByOwner: tok.Name}); err != nil {
		return facts{}, nil, err
	}
	for _, use := range uses.Items {
		f.uses[use.Spec.KeyID] = use.Spec.LastUsedAt.Time
	}
	dir := &v1alpha1.ScimDirectory{}
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: tok.Namespace, Name: tok.Spec.DirectoryRef.Name}, dir)
	if client.IgnoreNotFound(err) != nil {
		return facts{}, nil, err
	}
	if err == nil && dir.Status.URL != "" {
		f.directory = dir
	}
	if err == nil && dir.Spec.Authentication.Tokens == v1alpha1.TokensNewest {
		f.superseded, err = r.isSuperseded(ctx, tok)
		return f, uses.Items, err
	}
	return f, uses.Items, nil
}

// isSuperseded is whether the directory has a newer ScimToken that is, or was, issued. One that expired or was revoked lets no older one back in.
func (r *Reconciler) isSuperseded(ctx context.Context, tok *v1alpha1.ScimToken) (bool, error) {
	var all v1alpha1.ScimTokenList
	err := r.Client.List(ctx, &all, client.InNamespace(tok.Namespace),
		client.MatchingFields{index.ByDirectory: tok.Spec.DirectoryRef.Name}, client.UnsafeDisableDeepCopy)
	return slices.ContainsFunc(all.Items, func(other v1alpha1.ScimToken) bool {
		return other.DeletionTimestamp.IsZero() && isIssued(&other) && isNewer(&other, tok)
	}), err
}

// isNewer orders ScimTokens by age, and those of one second by name.
func isNewer(a, b *v1alpha1.ScimToken) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return b.CreationTimestamp.Before(&a.CreationTimestamp)
	}
	return a.Name > b.Name
}

// siblings wakes the other ScimTokens of a directory.
func (r *Reconciler) siblings(ctx context.Context, o client.Object) []reconcile.Request {
	tok := o.(*v1alpha1.ScimToken) // watched as that type
	keys := enqueue.Matching(ctx, r.Client, &v1alpha1.ScimTokenList{}, tok.Namespace, index.ByDirectory, tok.Spec.DirectoryRef.Name)
	return slices.DeleteFunc(keys, func(key reconcile.Request) bool { return key.Name == tok.Name })
}

// issued is the change of a ScimToken that matters to the others.
func issued(before, after client.Object) bool {
	return isIssued(before.(*v1alpha1.ScimToken)) != isIssued(after.(*v1alpha1.ScimToken)) || enqueue.Gone(before) != enqueue.Gone(after)
}

// asked is the change of a ScimToken that matters to itself.
func asked(before, after client.Object) bool {
	return enqueue.SpecChanged(before, after) || revokes(before, after) || annotated(before, after, v1alpha1.AnnotationRotate)
}

func revokes(before, after client.Object) bool {
	return annotated(before, after, v1alpha1.AnnotationRevoke)
}

func annotated(before, after client.Object, annotation string) bool {
	return before.GetAnnotations()[annotation] != after.GetAnnotations()[annotation]
}

// urgency lets revocations overtake everything else.
func urgency(before, after client.Object) int {
	if enqueue.Gone(after) || before != nil && revokes(before, after) {
		return enqueue.Removal
	}
	return enqueue.Change
}

// owner wakes the ScimToken that a use is of.
func owner(_ context.Context, o client.Object) []reconcile.Request {
	return enqueue.Named(o, o.(*v1alpha1.ScimTokenUse).Spec.TokenRef.Name) // watched as that type
}

func directoryChanged(before, after client.Object) bool {
	b, a := before.(*v1alpha1.ScimDirectory), after.(*v1alpha1.ScimDirectory) // watched as that type
	return b.Status.URL != a.Status.URL || b.Spec.Authentication.Tokens != a.Spec.Authentication.Tokens
}

func has(credentials []v1alpha1.TokenCredential, keyID string) bool {
	return slices.ContainsFunc(credentials, func(c v1alpha1.TokenCredential) bool { return c.KeyID == keyID })
}
