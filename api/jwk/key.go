// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwk

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// minRSABits is what RFC 7518 §3.3 demands. The most that go-jose takes is 4096.
const minRSABits = 2048

var (
	// ErrSecret says that something is in a key that only its owner may have.
	ErrSecret = errors.New("the key has private or symmetric parameters")
	// ErrUnusable says that a key is not one for signatures that counts here.
	ErrUnusable = errors.New("the key is not a usable public key for signatures")
)

// Key is a public key for signatures. It is safe for concurrent use.
type Key struct {
	jwk jose.JSONWebKey
}

// Parse reads a JWK (RFC 7517 §4). The error is ErrSecret or ErrUnusable and quotes nothing of it.
func Parse(text []byte) (Key, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil { // null is no error
		return Key{}, ErrUnusable
	}
	if hasSecret(members) {
		return Key{}, ErrSecret
	}
	if !isForSignatures(members) {
		return Key{}, ErrUnusable
	}
	var k Key
	reduced, err := json.Marshal(only(members, "kty", "crv", "x", "y", "n", "e", "kid", "alg"))
	if err != nil || json.Unmarshal(reduced, &k.jwk) != nil || !k.isStrong() || !k.saysRightAlgorithm() {
		return Key{}, ErrUnusable
	}
	return k, nil
}

// hasSecret knows the private parameters of RFC 7518 §6 and RFC 9964, and symmetric keys.
func hasSecret(members map[string]json.RawMessage) bool {
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if _, there := members[name]; there {
			return true
		}
	}
	var kty string
	return json.Unmarshal(members["kty"], &kty) == nil && kty == "oct"
}

// isForSignatures looks at use and key_ops, each of which may be absent (RFC 7517 §4.2, §4.3).
func isForSignatures(members map[string]json.RawMessage) bool {
	if text, there := members["use"]; there {
		var use string
		if json.Unmarshal(text, &use) != nil || use != "sig" {
			return false
		}
	}
	if text, there := members["key_ops"]; there {
		var operations []string
		if json.Unmarshal(text, &operations) != nil || !slices.Contains(operations, "verify") {
			return false
		}
	}
	return true
}

// only keeps some members. They are pointers because go-jose writes other raw messages as base64.
func only(members map[string]json.RawMessage, names ...string) map[string]*json.RawMessage {
	kept := map[string]*json.RawMessage{}
	for _, name := range names {
		if text, there := members[name]; there {
			kept[name] = &text
		}
	}
	return kept
}

// isStrong reports whether the key is of a type and size that can be counted on. That a point is on its curve, go-jose has looked at.
func (k *Key) isStrong() bool {
	switch public := k.jwk.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= minRSABits && public.E%2 == 1 // go-jose takes none below 2
	case *ecdsa.PublicKey:
		return true
	case ed25519.PublicKey:
		return len(public) == ed25519.PublicKeySize
	}
	return false
}

// saysRightAlgorithm reports whether the alg of the key, if it has one, is for signatures with such a key.
func (k *Key) saysRightAlgorithm() bool {
	return k.jwk.Algorithm == "" || k.Fits(v1alpha1.JWTAlgorithm(k.jwk.Algorithm))
}

// ID is the "kid", or the thumbprint (RFC 7638) of a key that has none.
func (k *Key) ID() string {
	if k.jwk.KeyID != "" {
		return k.jwk.KeyID
	}
	sum, err := k.jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// Public is what go-jose and package crypto verify with: an *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.jwk.Key }

// JSON is the key as a JWK with nothing in it but the key, its kid and its alg, and always the same for the same key.
func (k *Key) JSON() (string, error) {
	text, err := json.Marshal(k.jwk)
	if err != nil {
		return "", fmt.Errorf("write key: %w", err)
	}
	return string(text), nil
}

// Fits reports whether a signature of that algorithm can be one of this key. A key that names its algorithm fits no other.
func (k *Key) Fits(algorithm v1alpha1.JWTAlgorithm) bool {
	if k.jwk.Algorithm != "" && k.jwk.Algorithm != string(algorithm) {
		return false
	}
	switch public := k.jwk.Key.(type) {
	case *rsa.PublicKey:
		return slices.Contains([]jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}, jose.SignatureAlgorithm(algorithm))
	case *ecdsa.PublicKey:
		return jose.SignatureAlgorithm(algorithm) == ofCurve(public.Curve)
	case ed25519.PublicKey:
		return jose.SignatureAlgorithm(algorithm) == jose.EdDSA
	}
	return false
}

// ofCurve is the algorithm of a curve (RFC 7518 §3.4): there is one for each.
func ofCurve(curve elliptic.Curve) jose.SignatureAlgorithm {
	switch curve {
	case elliptic.P256():
		return jose.ES256
	case elliptic.P384():
		return jose.ES384
	case elliptic.P521():
		return jose.ES512
	}
	return ""
}
