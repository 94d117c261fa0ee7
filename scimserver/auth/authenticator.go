// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// Options are what an Authenticator is made of.
type Options struct {
	// Table is required.
	Table *Table
	// Profiles compiles the directories; required.
	Profiles *directory.Profiles
	// Now is the clock by which credentials expire; required.
	Now func() time.Time
	// JWT checks JSON Web Tokens; nil lets none in.
	JWT TokenVerifier
	// Used is told of every use of a ScimToken, and must not wait for anything; nil is nobody.
	Used func(Use)
	// Patience is how long a good credential waits for the table to be confirmed again; 0 is not at all. It should be less than what
	// identity providers wait for an answer.
	Patience time.Duration
}

// Use is one use of a credential of a ScimToken.
type Use struct {
	Namespace string
	// Token is the name of the ScimToken, UID its UID.
	Token, UID string
	KeyID      string
	// LastUsedAt is what the ScimToken says of an earlier use; zero if nothing.
	LastUsedAt time.Time
	// At is when this one was.
	At time.Time
}

// Authenticator checks what identity providers present against a Table. It is safe for concurrent use.
type Authenticator struct {
	Options
	waiting chan struct{} // holds one for each request that waits
}

// maxWaiting bounds the requests that wait, all with a good credential; the next one is ErrUnavailable at once.
const maxWaiting = 512

// New returns an Authenticator.
func New(o Options) *Authenticator {
	return &Authenticator{Options: o, waiting: make(chan struct{}, maxWaiting)}
}

// Authenticate returns who presents the one credential in header, if it opens the directory of want; with the zero Scope any
// credential of a ScimToken will do. Otherwise the error is a *Refusal, or it wraps ErrUnavailable. It asks the API server nothing.
//
// A yes needs a table that is confirmed in the namespace of the credential. A no needs one that is confirmed everywhere: what
// we have not heard of for a while may be a credential that we have not heard of yet. Who would get a yes waits for it: an API
// server that is slow for some seconds then makes requests slow, and none fail. Nobody waits for a no.
func (a *Authenticator) Authenticate(ctx context.Context, header http.Header, want Scope) (Identity, error) {
	id, err := a.identify(ctx, header, want)
	if stale, ok := errors.AsType[*unconfirmed](err); ok && a.wait(ctx, stale.namespace) {
		id, err = a.identify(ctx, header, want)
	}
	if _, refused := errors.AsType[*Refusal](err); refused && !a.Table.Confirmed() {
		return Identity{}, fmt.Errorf("%w: who may speak is not confirmed", ErrUnavailable)
	}
	return id, err
}

// unconfirmed is the error for a credential that is good as far as the table knows, which does not count any more in that namespace.
type unconfirmed struct{ namespace string }

// Error implements error.
func (u *unconfirmed) Error() string {
	return ErrUnavailable.Error() + ": namespace " + u.namespace + " is not confirmed"
}

// Unwrap makes it ErrUnavailable.
func (u *unconfirmed) Unwrap() error { return ErrUnavailable }

// wait says whether the table has come to count in a namespace again.
func (a *Authenticator) wait(ctx context.Context, namespace string) bool {
	select {
	case a.waiting <- struct{}{}:
	default:
		return false
	}
	defer func() { <-a.waiting }()
	ctx, cancel := context.WithTimeout(ctx, a.Patience)
	defer cancel()
	return a.Table.wait(ctx, namespace)
}

func (a *Authenticator) identify(ctx context.Context, header http.Header, want Scope) (Identity, error) {
	p, refusal := present(header)
	if refusal != nil {
		return Identity{}, refusal
	}
	now := a.Now()
	keyID := p.secret.KeyID()
	candidates := a.Table.credentials(keyID)
	if found := match(candidates, p.proof, want, now); found != nil {
		return a.accept(found, now)
	}
	if p.jwt != "" && a.JWT != nil {
		return a.verify(ctx, p.jwt, want, now)
	}
	return Identity{}, &Refusal{Presented: true, KeyID: loggable(keyID, candidates)}
}

// loggable is keyID, unless it is part of the hash of something that nobody here has ever heard of, such as a mistyped password.
func loggable(keyID string, candidates []*credential) string {
	if len(candidates) == 0 && token.IsForeignKeyID(keyID) {
		return ""
	}
	return keyID
}

// match returns the credential that has this proof and opens the directory of want. It compares all candidates and does not stop at
// the first hit. Without a candidate it compares with a dummy, so that an unknown key id takes as long as a wrong secret.
func match(candidates []*credential, got proof, want Scope, now time.Time) *credential {
	var found *credential
	for _, c := range candidates {
		if sameProof(c.proof, got) && found == nil && c.opens(want, now) {
			found = c
		}
	}
	if len(candidates) == 0 {
		sameProof(proof{}, got) // what it says is not looked at
	}
	return found
}

// sameProof compares in constant time.
func sameProof(want, got proof) bool { return subtle.ConstantTimeCompare(want[:], got[:]) == 1 }

// accept is the answer for a credential of a ScimToken.
func (a *Authenticator) accept(c *credential, now time.Time) (Identity, error) {
	key := client.ObjectKey{Namespace: c.owner.Namespace, Name: c.owner.Spec.DirectoryRef.Name}
	if !a.Table.confirms(key.Namespace) {
		return Identity{}, &unconfirmed{key.Namespace}
	}
	dir, err := a.open(key)
	if err != nil {
		return Identity{}, err
	}
	if a.Used != nil {
		a.Used(Use{
			Namespace: key.Namespace, Token: c.owner.Name, UID: string(c.owner.UID),
			KeyID: c.keyID, LastUsedAt: c.lastUsedAt, At: now,
		})
	}
	return Identity{Directory: dir, TokenKeyID: c.keyID, Scopes: c.owner.Spec.Scopes}, nil
}

// verify is the answer for what looks like a JSON Web Token. That no directory is there, or that it wants none, is left to the verifier to
// refuse as slowly as a forged one; but it opens nothing, whatever the verifier says.
func (a *Authenticator) verify(ctx context.Context, raw string, want Scope, now time.Time) (Identity, error) {
	key := client.ObjectKey{Namespace: want.Namespace, Name: want.Directory}
	dir := a.Table.directory(key)
	if dir == nil {
		dir = &v1alpha1.ScimDirectory{}
	}
	keyID, err := a.JWT.Verify(ctx, dir, raw, now)
	jwt := dir.Spec.Authentication.JWT
	if err != nil || keyID == "" || jwt == nil {
		return Identity{}, &Refusal{Presented: true}
	}
	if !a.Table.confirms(key.Namespace) {
		return Identity{}, &unconfirmed{key.Namespace}
	}
	opened, err := a.open(key)
	return Identity{Directory: opened, TokenKeyID: keyID, Scopes: jwt.Scopes}, err
}

// open returns the directory that a credential opens. Without one the caller is right and we are not: ErrUnavailable.
func (a *Authenticator) open(key client.ObjectKey) (directory.Directory, error) {
	found := a.Table.directory(key)
	if found == nil {
		return directory.Directory{}, fmt.Errorf("%w: there is no ScimDirectory %s", ErrUnavailable, key)
	}
	if !found.DeletionTimestamp.IsZero() {
		return directory.Directory{}, fmt.Errorf("%w: ScimDirectory %s is being deleted", ErrUnavailable, key)
	}
	profile, err := a.Profiles.Of(found)
	if err != nil {
		return directory.Directory{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return directory.Directory{Namespace: key.Namespace, Name: key.Name, UID: string(found.UID), BaseURL: baseURL(found), Profile: profile}, nil
}

// baseURL is the published base URL; until scim-controller has published one it is a path, which is a valid Location too.
func baseURL(d *v1alpha1.ScimDirectory) string {
	if d.Status.URL != "" {
		return d.Status.URL
	}
	return d.Path()
}
