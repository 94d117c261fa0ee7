// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"errors"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// ErrUnavailable says that nobody can be authenticated now, for a reason on our side. It is a 503, never a 401.
var ErrUnavailable = errors.New("authentication unavailable")

// Refusal says that the caller is not let in. It carries nothing that tells one reason from another to the outside.
type Refusal struct {
	// Presented is true when there was a credential, whatever it was.
	Presented bool
	// Malformed is true when the request itself says too much to be read in one way only: it is the invalid_request of RFC 6750
	// §3.1, whoever sent it and whatever it was sent to.
	Malformed bool
	// KeyID is the public part of a token whose checksum is right or which is known here, for the log; otherwise it is empty.
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
	Scopes []TokenScope
}

// May says whether the credential may be used for scope.
func (id Identity) May(scope TokenScope) bool {
	return len(id.Scopes) == 0 || slices.Contains(id.Scopes, scope)
}

// TokenScope and its values have names in this package for those who do not know the kinds.
type TokenScope = v1alpha1.TokenScope

// The scopes that there are.
const (
	UsersRead   = v1alpha1.ScopeUsersRead
	UsersWrite  = v1alpha1.ScopeUsersWrite
	GroupsRead  = v1alpha1.ScopeGroupsRead
	GroupsWrite = v1alpha1.ScopeGroupsWrite
)

// MissingScope says that the credential is good and may not be used for this: the insufficient_scope of RFC 6750 §3.1.
type MissingScope struct {
	// Scope is what the request needs, separated by spaces (RFC 6749 §3.3).
	Scope string
}

// Error implements error.
func (m *MissingScope) Error() string { return "the credential lacks the scope " + m.Scope }

// Require returns a *MissingScope that names all of scopes unless the credential may be used for each of them.
func (id Identity) Require(scopes ...TokenScope) error {
	if !slices.ContainsFunc(scopes, func(scope TokenScope) bool { return !id.May(scope) }) {
		return nil
	}
	var names []string
	for _, scope := range scopes {
		names = append(names, string(scope))
	}
	return &MissingScope{Scope: strings.Join(names, " ")}
}
