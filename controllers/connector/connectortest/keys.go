// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"maps"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// candidate returns an account like [run.account] does, with a value of its own for every key that the system knows.
func (r *run) candidate(roles ...string) connector.Account {
	a := r.account(roles...)
	a.Profile = maps.Clone(a.Profile)
	for _, key := range r.Keys {
		if attribute := attributeOf(key); attribute != "" {
			a.Profile[attribute] = strings.ToLower(a.UserName)
		}
	}
	return a
}

// attributeOf returns the attribute that stands for the key, "" for the login name.
func attributeOf(key connector.Key) string {
	switch key {
	case connector.KeyEmail:
		return attributeEmail
	case connector.KeyExternalID:
		return attributeExternalID
	default:
		return ""
	}
}

func valueOf(key connector.Key, a connector.Account) string {
	if attribute := attributeOf(key); attribute != "" {
		return a.Profile[attribute]
	}
	return a.UserName
}

// share gives a second account the same value of the key.
func share(key connector.Key, first connector.Account, second *connector.Account) {
	if attribute := attributeOf(key); attribute != "" {
		second.Profile[attribute] = first.Profile[attribute]
		return
	}
	second.UserName = first.UserName
}

// sameAccount compares everything.
func sameAccount(a, b connector.Account) bool {
	return equal(a, b) && a.ExternalID == b.ExternalID
}

// revokes says whether the connector ends something, other than one that knows that there is no need or cannot.
func (r *run) revokes() bool {
	revoker, ok := r.Connector.(connector.Revoker)
	if !ok {
		return false
	}
	revocation, err := revoker.Revoke(r.Context(), r.account())
	return err != nil || slices.Contains([]connector.RevocationState{revocation.Sessions, revocation.Tokens}, connector.Revoked)
}
