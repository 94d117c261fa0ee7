// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"

	"github.com/scim-operator/scim-operator/scimserver/auth"
)

// scope is what a credential may be used for.
type scope = auth.TokenScope

// scope is the one that an operation takes. Who may write is shown what was written; groups of a user are part of the user.
func (o operation) scope() scope {
	writes := o.verb != reads && o.verb != lists
	switch {
	case o.kind == groupKind && writes:
		return auth.GroupsWrite
	case o.kind == groupKind:
		return auth.GroupsRead
	case writes:
		return auth.UsersWrite
	default:
		return auth.UsersRead
	}
}

// permit fails unless the credential of r has all scopes, also where r is one of the operations of a bulk request.
func permit(r *http.Request, scopes []scope) error {
	id, ok := auth.FromContext(r.Context())
	if !ok {
		return &auth.Refusal{}
	}
	return id.Require(scopes...)
}
