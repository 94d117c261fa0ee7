// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"crypto/rand"
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// The keys of Secrets.
const (
	// SecretKeyToken holds the token, to be pasted into the identity provider.
	SecretKeyToken = "token"
	// SecretKeyUsername holds the user name of a credential of type Basic.
	SecretKeyUsername = "username"
	// SecretKeyPassword holds the password of a credential of type Basic.
	SecretKeyPassword = "password"
	// SecretKeySHA256 holds, in a provided Secret, the SHA-256 of the token or password in hexadecimal.
	SecretKeySHA256 = "sha256"
	// SecretKeyURL holds the SCIM base URL as it was when the credential was made; ScimDirectory.status.url is always current.
	SecretKeyURL = "url"
	// SecretKeyInstructions tells, for people, what goes where in which identity provider. It does not repeat the credential.
	SecretKeyInstructions = "instructions"
)

// errOldView says that a ScimToken was changed since it was read.
var errOldView = errors.New("the ScimToken has changed since it was read")

// generate returns what the Secret that this ScimToken makes offers; secret is nil if there is none. If a new credential is due and the Secret does not have
// it yet, it is written there: before anybody accepts it.
func (r *Reconciler) generate(ctx context.Context, tok *v1alpha1.ScimToken, secret *corev1.Secret, f facts) (offer, error) {
	if !due(tok, f) {
		return look(tok, secret), nil
	}
	switch {
	case secret == nil:
		return r.mint(ctx, tok, f, &corev1.Secret{}, r.create)
	case !ours(secret, tok):
		return refused(true, v1alpha1.ReasonSecretConflict, "a Secret of that name exists and is not of this ScimToken: delete it, or make a ScimToken with another secretName"), nil
	case !isIssued(tok) || secret.Annotations[v1alpha1.AnnotationIssue] == ticket(tok):
		return publish(tok, secret), nil
	case ptr.Deref(secret.Immutable, false):
		return refused(true, v1alpha1.ReasonSecretConflict, "a new credential is due and the Secret is immutable: delete it"), nil
	default:
		return r.mint(ctx, tok, f, secret, r.update)
	}
}

// look is at a Secret that need not change.
func look(tok *v1alpha1.ScimToken, secret *corev1.Secret) offer {
	if secret == nil || !ours(secret, tok) {
		return offer{remark: "the credential is valid; its Secret has been deleted"}
	}
	parsed, err := credentialIn(tok, secret)
	for _, c := range tok.Status.Credentials {
		if err == nil && c.SHA256 == parsed.SHA256 {
			return offer{remark: "the credential is valid and in its Secret"}
		}
	}
	return refused(true, v1alpha1.ReasonInvalidSecret,
		"the Secret holds no credential that is accepted: for a new one, give the annotation "+v1alpha1.AnnotationRotate+" another value")
}

// publish offers what is in a Secret that was written before, by somebody who did not come to publish it or has left it in a backup.
func publish(tok *v1alpha1.ScimToken, secret *corev1.Secret) offer {
	found, err := credentialIn(tok, secret)
	if err != nil {
		return refused(true, v1alpha1.ReasonInvalidSecret, "the Secret holds no credential that was made here: delete it")
	}
	return offer{credential: &found, answers: true, remark: "the credential is valid and in its Secret"}
}

func credentialIn(tok *v1alpha1.ScimToken, secret *corev1.Secret) (v1alpha1.TokenCredential, error) {
	parsed, err := token.Parse(string(secret.Data[plainKey(tok)]))
	if err != nil {
		return v1alpha1.TokenCredential{}, err
	}
	return credentialOf(tok, parsed), nil
}

func credentialOf(tok *v1alpha1.ScimToken, made token.Token) v1alpha1.TokenCredential {
	return v1alpha1.TokenCredential{KeyID: made.KeyID(), SHA256: made.SHA256(), Username: username(tok)}
}

// mint writes a new credential into secret. Whoever writes first wins: the other meets a conflict, tries again and finds it. Who knows the ScimToken from
// an old view alone must not: the credential that was published since would be lost.
func (r *Reconciler) mint(ctx context.Context, tok *v1alpha1.ScimToken, f facts, secret *corev1.Secret, write func(context.Context, *corev1.Secret) error) (offer, error) {
	live := &v1alpha1.ScimToken{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(tok), live); err != nil {
		return offer{}, err
	}
	if live.ResourceVersion != tok.ResourceVersion {
		return offer{}, errOldView
	}
	fresh, err := token.New(rand.Reader)
	if err != nil {
		return offer{}, err
	}
	secret.Namespace, secret.Name, secret.Type = tok.Namespace, secretName(tok), v1alpha1.SecretTypeToken
	metav1.SetMetaDataLabel(&secret.ObjectMeta, v1alpha1.LabelManagedBy, v1alpha1.ManagedBy)
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, v1alpha1.AnnotationToken, tok.Name)
	metav1.SetMetaDataAnnotation(&secret.ObjectMeta, v1alpha1.AnnotationIssue, ticket(tok))
	secret.Data = map[string][]byte{
		plainKey(tok): []byte(fresh.Reveal()), SecretKeyURL: []byte(f.directory.Status.URL),
		SecretKeyInstructions: []byte(instructions(tok.Spec.Type, f.directory.Status.URL)),
	}
	if name := username(tok); name != "" {
		secret.Data[SecretKeyUsername] = []byte(name)
	}
	made := credentialOf(tok, fresh)
	return offer{credential: &made, answers: true, remark: "the credential is valid and in its Secret"}, write(ctx, secret)
}

func (r *Reconciler) create(ctx context.Context, secret *corev1.Secret) error {
	return r.Live.Create(ctx, secret)
}

// update is refused with a conflict if the Secret is not as it was read.
func (r *Reconciler) update(ctx context.Context, secret *corev1.Secret) error {
	return r.Live.Update(ctx, secret)
}

// secretName is the Secret of a ScimToken, made here or provided.
func secretName(tok *v1alpha1.ScimToken) string {
	switch {
	case tok.Spec.Provided != nil:
		return tok.Spec.Provided.SecretName
	case tok.Spec.SecretName != "":
		return tok.Spec.SecretName
	default:
		return tok.Name
	}
}

// plainKey is the key of the token or password.
func plainKey(tok *v1alpha1.ScimToken) string {
	if tok.Spec.Type == v1alpha1.TokenBasic {
		return SecretKeyPassword
	}
	return SecretKeyToken
}

// username is that of a generated credential of type Basic, and empty for type Bearer.
func username(tok *v1alpha1.ScimToken) string {
	switch {
	case tok.Spec.Type != v1alpha1.TokenBasic:
		return ""
	case tok.Spec.Username != "":
		return tok.Spec.Username
	default:
		return tok.Name
	}
}

func ours(secret *corev1.Secret, tok *v1alpha1.ScimToken) bool {
	return secret.Type == v1alpha1.SecretTypeToken && secret.Annotations[v1alpha1.AnnotationToken] == tok.Name
}
