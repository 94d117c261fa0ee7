// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/jwk"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	issuerURL = "https://issuer.example.com/realms/acme"
	audience  = "api://scim-acme"
	client    = "okta-provisioning"
)

// epoch is when the tests take place.
func epoch() time.Time { return time.Unix(1_790_000_000, 0) }

// The keys of the issuer. They are made once: RSA takes a while.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSA = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384Key  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	edKey    = sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) })
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// published is what the status has of a public key.
func published(t testing.TB, id string, public crypto.PublicKey) v1alpha1.PublicKey {
	t.Helper()
	text, err := jose.JSONWebKey{Key: public, KeyID: id}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	key, err := jwk.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	canonical, err := key.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return v1alpha1.PublicKey{KeyID: id, JWK: canonical}
}

// directory is one that accepts the tokens of the issuer for one client.
func directory(t testing.TB) *v1alpha1.ScimDirectory {
	dir := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "acme", UID: "uid", ResourceVersion: "1"}}
	dir.Spec.Authentication.JWT = &v1alpha1.JWTAuthentication{
		Issuer: issuerURL, Audiences: []string{audience}, Algorithms: []v1alpha1.JWTAlgorithm{"RS256", "ES256", "ES384", "EdDSA", "PS256"},
		RequiredClaims: []v1alpha1.RequiredClaim{{Name: "azp", Values: []string{client}}}, MaxLifetime: &metav1.Duration{Duration: time.Hour},
	}
	dir.Status.Authentication = v1alpha1.DirectoryAuthenticationStatus{Issuer: issuerURL, Keys: []v1alpha1.PublicKey{
		published(t, "rsa", rsaKey().Public()), published(t, "ec", ecKey().Public()), published(t, "ed", edKey().Public()), published(t, "p384", p384Key().Public()),
	}}
	return dir
}

// draft is a token before it is signed. It is signed without go-jose, so that what go-jose would refuse to make can be made.
type draft struct {
	header, claims map[string]any
	sign           func(input []byte) []byte
	// payload is put in place of the claims if it is set.
	payload string
	// spoil changes the signed token.
	spoil func(raw string) string
}

func newDraft() *draft {
	now := epoch().Unix()
	return &draft{
		header: map[string]any{"alg": "RS256", "kid": "rsa", "typ": "at+jwt"},
		claims: map[string]any{"iss": issuerURL, "aud": audience, "azp": client, "sub": "service", "iat": now - 30, "exp": now + 300},
		sign:   signRSA(rsaKey()),
	}
}

func (d *draft) raw() string {
	header, claims := string(must(json.Marshal(d.header))), string(must(json.Marshal(d.claims)))
	if d.payload != "" {
		claims = d.payload
	}
	raw := compact(header, claims, d.sign)
	if d.spoil != nil {
		raw = d.spoil(raw)
	}
	return raw
}

func compact(header, payload string, sign func([]byte) []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(header)) + "." + encode([]byte(payload))
	return input + "." + encode(sign([]byte(input)))
}

// with is the draft with members of the header changed; nil takes one away.
func (d *draft) with(header map[string]any) {
	maps.Copy(d.header, header)
	maps.DeleteFunc(d.header, func(_ string, value any) bool { return value == nil })
}

func signRSA(key *rsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		return must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:]))
	}
}

func signPSS(key *rsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		return must(rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	}
}

func signEC(key *ecdsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		var sum []byte
		if key.Curve == elliptic.P256() {
			s := sha256.Sum256(input)
			sum = s[:]
		} else {
			s := sha512.Sum384(input)
			sum = s[:]
		}
		r, s, err := ecdsa.Sign(rand.Reader, key, sum)
		if err != nil {
			panic(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
}

func signEd(input []byte) []byte { return ed25519.Sign(edKey(), input) }

func signHMAC(secret []byte) func([]byte) []byte {
	return func(input []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		return mac.Sum(nil)
	}
}

func unsigned([]byte) []byte { return nil }
