// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"net/http"
	"strings"

	"github.com/scim-operator/scim-operator/api/token"
)

// MaxAuthorizationBytes bounds the value of the Authorization header; a longer one is refused unread.
const MaxAuthorizationBytes = 4 << 10

const bearerScheme = "Bearer"

// bearer returns the token in the Authorization header, or a Refusal. Two headers are refused as a whole: a proxy and we
// might not agree on which of them counts. A token with a wrong checksum is refused here, before anything is looked up.
func bearer(header http.Header) (token.Token, *Refusal) {
	values := header.Values("Authorization")
	if len(values) == 0 {
		return token.Token{}, &Refusal{}
	}
	refused := &Refusal{Presented: true}
	if len(values) > 1 || len(values[0]) > MaxAuthorizationBytes {
		return token.Token{}, refused
	}
	scheme, credential, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, bearerScheme) {
		return token.Token{}, refused
	}
	presented, err := token.Parse(strings.Trim(credential, " "))
	if err != nil {
		return token.Token{}, refused
	}
	return presented, nil
}
