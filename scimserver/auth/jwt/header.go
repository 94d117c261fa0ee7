// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"encoding/base64"
	"strings"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// header is what a token says about how it was signed, before anything of it is known to be true.
type header struct {
	algorithm v1alpha1.JWTAlgorithm
	// keyID is empty if the token names no key.
	keyID string
}

// readHeader looks at the header before go-jose does, which would already parse the keys and certificates that a stranger put there. Unknown
// members are ignored, as RFC 7515 §4 wants it; PingFederate sends some.
func readHeader(raw string) (header, error) {
	encoded, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return header{}, refusedForm
	}
	var members claims
	if json.Unmarshal(text, &members) != nil {
		return header{}, refusedForm
	}
	if members.hasAny("jwk", "jku", "x5c", "x5u", "crit", "b64", "enc", "zip") || !members.hasRightType() {
		return header{}, refusedHeader
	}
	algorithm, ok := members.text("alg")
	if !ok {
		return header{}, refusedHeader
	}
	keyID, ok := members.text("kid")
	if !ok && members.hasAny("kid") {
		return header{}, refusedHeader
	}
	return header{algorithm: v1alpha1.JWTAlgorithm(algorithm), keyID: keyID}, nil
}

// hasRightType takes access tokens (RFC 9068 §2.1), and the JWT or nothing of those who are older: not the types of other things that an issuer
// signs with the same key.
func (c claims) hasRightType() bool {
	if !c.hasAny("typ") {
		return true
	}
	name, _ := c.text("typ")
	name = strings.ToLower(name)
	name = strings.TrimPrefix(name, "application/")
	return name == "at+jwt" || name == "jwt"
}
