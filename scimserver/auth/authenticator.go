// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// ErrUnavailable says that nobody can be authenticated now, for a reason on our side. It is a 503, never a 401.
var ErrUnavailable = errors.New("authentication unavailable")

// Refusal says that the caller is not let in. It carries nothing that tells one reason from another to the outside.
type Refusal struct {
	// Presented is true when there was an Authorization header, whatever was in it.
	Presented bool
	// KeyID is the public part of a token whose checksum is right, for the log; otherwise it is empty.
	KeyID string
}

// Error implements error. The text is the same for every Refusal.
func (r *Refusal) Error() string { return "credential refused" }

// Scope is the directory that a request addresses. The zero Scope is a request that addresses none.
type Scope struct{ Namespace, Directory string }

// Identity is who speaks: the directory that the credential opens, which credential it was, and what it may be used for.
type Identity struct {
	Directory directory.Directory
	// TokenKeyID is the public name of the credential: of a token its key id, of a JSON Web Token a name for its issuer and client.
	TokenKeyID string
	// Scopes are what the credential may be used for; without any, everything.
	Scopes []v1alpha1.TokenScope
}

// May says whether the credential may be used for scope.
func (id Identity) May(scope v1alpha1.TokenScope) bool {
	return len(id.Scopes) == 0 || slices.Contains(id.Scopes, scope)
}

// Authenticator checks bearer tokens against the ScimTokens of a cache. It is safe for concurrent use.
type Authenticator struct {
	cached   client.Reader
	synced   func() bool
	profiles *directory.Profiles
}

// New returns an Authenticator that reads ScimTokens and ScimDirectories from cached, which must have the index of
// IndexFields, and compiles the latter with profiles. As long as synced returns false, everybody gets ErrUnavailable.
func New(cached client.Reader, synced func() bool, profiles *directory.Profiles) *Authenticator {
	return &Authenticator{cached: cached, synced: synced, profiles: profiles}
}

// Authenticate returns who presents the one bearer token in header, if that token opens the directory of want; with the zero
// Scope any token of ours will do. Otherwise the error is a *Refusal, or it wraps ErrUnavailable. It reads the cache only.
func (a *Authenticator) Authenticate(ctx context.Context, header http.Header, want Scope) (Identity, error) {
	if !a.synced() {
		return Identity{}, fmt.Errorf("%w: the caches have not synced", ErrUnavailable)
	}
	presented, refusal := bearer(header)
	if refusal != nil {
		return Identity{}, refusal
	}
	owner, err := a.owner(ctx, presented)
	if err != nil {
		return Identity{}, err
	}
	if owner == nil || !opens(owner, want) {
		return Identity{}, &Refusal{Presented: true, KeyID: presented.KeyID()}
	}
	dir, err := a.directory(ctx, owner)
	return Identity{Directory: dir, TokenKeyID: presented.KeyID(), Scopes: owner.Spec.Scopes}, err
}

// owner returns the ScimToken whose published hash is that of the presented token, or nil.
func (a *Authenticator) owner(ctx context.Context, presented token.Token) (*v1alpha1.ScimToken, error) {
	var candidates v1alpha1.ScimTokenList
	if err := a.cached.List(ctx, &candidates, client.MatchingFields{keyIDField: presented.KeyID()}); err != nil {
		return nil, fmt.Errorf("%w: look up the key id: %w", ErrUnavailable, err)
	}
	return match(candidates.Items, presented), nil
}

// match compares the digest of the presented token with every digest that the candidates publish for its key id, and does
// not stop at the first hit. Without a candidate it compares with a dummy, so that an unknown key id takes as long as a
// wrong secret.
func match(candidates []v1alpha1.ScimToken, presented token.Token) *v1alpha1.ScimToken {
	var found *v1alpha1.ScimToken
	got := presented.Sum256()
	compared := false
	for i := range candidates {
		for _, credential := range candidates[i].Status.Credentials {
			if credential.KeyID != presented.KeyID() {
				continue
			}
			compared = true
			if sameDigest(credential.SHA256, got) {
				found = &candidates[i]
			}
		}
	}
	if !compared {
		sameDigest(dummyDigest, got)
	}
	return found
}

// dummyDigest is compared with when there is nothing to compare with. What the comparison says is not looked at.
const dummyDigest = "0000000000000000000000000000000000000000000000000000000000000000"

// sameDigest compares 32 bytes with 32 bytes in constant time. A published hash that is not one equals nothing.
func sameDigest(published string, got [sha256.Size]byte) bool {
	want, err := hex.DecodeString(published)
	if err != nil || len(want) != sha256.Size {
		return false
	}
	return subtle.ConstantTimeCompare(want, got[:]) == 1
}

// opens says whether the token is still good and is for the directory of want. A ScimToken that is going away is revoked.
func opens(owner *v1alpha1.ScimToken, want Scope) bool {
	if !owner.DeletionTimestamp.IsZero() {
		return false
	}
	return want == Scope{} || want == Scope{Namespace: owner.Namespace, Directory: owner.Spec.DirectoryRef.Name}
}

// directory returns the directory that the token opens. Without one the caller is right and we are not: ErrUnavailable.
func (a *Authenticator) directory(ctx context.Context, owner *v1alpha1.ScimToken) (directory.Directory, error) {
	key := client.ObjectKey{Namespace: owner.Namespace, Name: owner.Spec.DirectoryRef.Name}
	var found v1alpha1.ScimDirectory
	if err := a.cached.Get(ctx, key, &found); err != nil {
		return directory.Directory{}, fmt.Errorf("%w: get ScimDirectory %s: %w", ErrUnavailable, key, err)
	}
	if !found.DeletionTimestamp.IsZero() {
		return directory.Directory{}, fmt.Errorf("%w: ScimDirectory %s is being deleted", ErrUnavailable, key)
	}
	profile, err := a.profiles.Of(&found)
	if err != nil {
		return directory.Directory{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return directory.Directory{Namespace: key.Namespace, Name: key.Name, UID: string(found.UID), BaseURL: baseURL(&found), Profile: profile}, nil
}

// baseURL is the published base URL; until scim-controller has published one it is a path, which is a valid Location too.
func baseURL(d *v1alpha1.ScimDirectory) string {
	if d.Status.URL != "" {
		return d.Status.URL
	}
	return "/scim/v2/" + d.Namespace + "/" + d.Name
}
