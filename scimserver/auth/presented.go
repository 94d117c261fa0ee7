// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/scim-operator/scim-operator/api/token"
)

// MaxAuthorizationBytes bounds the value of the Authorization header; a longer one is refused unread.
const MaxAuthorizationBytes = 4 << 10

// proof is what a credential is known by: the SHA-256 of the token or password, and that of the user name. A bearer token has zeros in
// the place of the latter, which are the hash of no name, so neither type is ever taken for the other.
type proof [2 * sha256.Size]byte

// presented is the one credential of a request.
type presented struct {
	// secret is the zero Token if only a JSON Web Token can be meant.
	secret token.Token
	proof  proof
	// jwt is what may be a JSON Web Token: it has exactly two dots. It is empty otherwise.
	jwt string
}

// present returns the credential in the Authorization header, or a Refusal. It may be a bearer token (RFC 6750 §2.1) after
// "Bearer", after "Token" as some products write it, or alone as Okta's catalogue applications send it; or a user name and a
// password (RFC 7617). Two headers are refused as a whole: a proxy and we might not agree on which of them counts. A token with
// a wrong checksum is refused here, before anything is looked up.
func present(header http.Header) (presented, *Refusal) {
	values := header.Values("Authorization")
	switch {
	case len(values) == 0:
		return presented{}, &Refusal{}
	case len(values) > 1 || len(values[0]) > MaxAuthorizationBytes:
		return presented{}, &Refusal{Presented: true, Malformed: true}
	}
	scheme, credential, found := strings.Cut(strings.Trim(values[0], " "), " ")
	credential = strings.Trim(credential, " ")
	switch {
	case !found:
		return bearer(scheme)
	case strings.EqualFold(scheme, "Bearer"), strings.EqualFold(scheme, "Token"):
		return bearer(credential)
	case strings.EqualFold(scheme, "Basic"):
		return basic(credential)
	}
	return presented{}, &Refusal{Presented: true}
}

// bearer reads a token of ours, one that was made elsewhere, or a JSON Web Token. What more than two dots separate is none.
func bearer(credential string) (presented, *Refusal) {
	if strings.Contains(credential, " ") {
		return presented{}, &Refusal{Presented: true, Malformed: true}
	}
	p := presented{}
	if strings.Count(credential, ".") == 2 {
		p.jwt = credential
	}
	secret, err := token.Foreign(credential)
	if err != nil && p.jwt == "" {
		return presented{}, &Refusal{Presented: true}
	}
	p.secret = secret
	p.proof = proofOf(secret.Sum256(), [sha256.Size]byte{})
	return p, nil
}

// basic reads a user name and a password. The first colon ends the name.
func basic(credential string) (presented, *Refusal) {
	if strings.Contains(credential, " ") {
		return presented{}, &Refusal{Presented: true, Malformed: true}
	}
	refused := &Refusal{Presented: true}
	decoded, err := base64.StdEncoding.Strict().DecodeString(credential)
	if err != nil || !utf8.Valid(decoded) {
		return presented{}, refused
	}
	username, password, _ := strings.Cut(string(decoded), ":")
	secret, err := token.Foreign(password)
	if err != nil || username == "" {
		return presented{}, refused
	}
	return presented{secret: secret, proof: proofOf(secret.Sum256(), sha256.Sum256([]byte(username)))}, nil
}

func proofOf(secret, username [sha256.Size]byte) (p proof) {
	copy(p[:sha256.Size], secret[:])
	copy(p[sha256.Size:], username[:])
	return p
}
