// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwk

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

type members = map[string]any

// jwkOf is a key as an issuer publishes it, with changes; nil takes a member away.
func jwkOf(t *testing.T, key any, changes members) members {
	t.Helper()
	text, err := jose.JSONWebKey{Key: key}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var out members
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	maps.Copy(out, changes)
	maps.DeleteFunc(out, func(_ string, value any) bool { return value == nil })
	return out
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newEC(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func textOf(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestParse(t *testing.T) {
	big, small, ec := newRSA(t, 2048), newRSA(t, 1024), newEC(t)
	ed := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	for name, tc := range map[string]struct {
		reason string
		jwk    any
		fits   string
		want   error
	}{
		"RSA":           {reason: "any algorithm of RSA", jwk: jwkOf(t, big.Public(), nil), fits: "RS256 RS384 RS512 PS256 PS384 PS512"},
		"RSAWithAlg":    {reason: "only the one that it names", jwk: jwkOf(t, big.Public(), members{"alg": "PS256", "use": "sig", "key_ops": []string{"verify"}}), fits: "PS256"},
		"EC":            {reason: "only the one of the curve", jwk: jwkOf(t, ec.Public(), nil), fits: "ES256"},
		"Ed25519":       {reason: "Edwards curve", jwk: jwkOf(t, ed.Public(), nil), fits: "EdDSA"},
		"Certificates":  {reason: "Entra's keys have them; nobody looks at them", jwk: jwkOf(t, big.Public(), members{"x5c": []string{"nonsense"}, "x5t": "?", "x5u": "https://attacker.example"}), fits: "RS256 RS384 RS512 PS256 PS384 PS512"},
		"Private":       {reason: "only its owner may have it", jwk: jwkOf(t, big, nil), want: ErrSecret},
		"PrivateEC":     {reason: "only its owner may have it", jwk: jwkOf(t, ec, nil), want: ErrSecret},
		"PartlyPrivate": {reason: "one factor is enough", jwk: jwkOf(t, big.Public(), members{"p": "AQ"}), want: ErrSecret},
		"PrivateNull":   {reason: "whatever it says there", jwk: jwkOf(t, big.Public(), members{"d": json.RawMessage("null")}), want: ErrSecret},
		"Symmetric":     {reason: "whoever checks an HMAC could make it", jwk: jwkOf(t, []byte("0123456789abcdef0123456789abcdef"), nil), want: ErrSecret},
		"SymmetricBare": {reason: "without its secret too", jwk: members{"kty": "oct"}, want: ErrSecret},
		"Encryption":    {reason: "not for signatures", jwk: jwkOf(t, big.Public(), members{"use": "enc"}), want: ErrUnusable},
		"EncryptionAlg": {reason: "not for signatures", jwk: jwkOf(t, big.Public(), members{"alg": "RSA-OAEP"}), want: ErrUnusable},
		"WrongAlg":      {reason: "a curve cannot do RS256", jwk: jwkOf(t, ec.Public(), members{"alg": "RS256"}), want: ErrUnusable},
		"Operations":    {reason: "not to verify with", jwk: jwkOf(t, big.Public(), members{"key_ops": []string{"encrypt"}}), want: ErrUnusable},
		"Weak":          {reason: "RFC 7518 §3.3: 2048 bits", jwk: jwkOf(t, small.Public(), nil), want: ErrUnusable},
		"ExponentOne":   {reason: "every message is its own signature", jwk: jwkOf(t, big.Public(), members{"e": "AQ"}), want: ErrUnusable},
		"ExponentEven":  {reason: "no RSA key has one", jwk: jwkOf(t, big.Public(), members{"e": "BA"}), want: ErrUnusable},
		"OffTheCurve":   {reason: "not a point", jwk: jwkOf(t, ec.Public(), members{"y": jwkOf(t, ec.Public(), nil)["x"]}), want: ErrUnusable},
		"UnknownType":   {reason: "RFC 7517 §5: to be ignored", jwk: members{"kty": "OKP", "crv": "X25519", "x": "AA"}, want: ErrUnusable},
		"NoType":        {reason: "no key", jwk: members{}, want: ErrUnusable},
		"Null":          {reason: "no object", jwk: nil, want: ErrUnusable},
		"List":          {reason: "no object", jwk: []string{"kty"}, want: ErrUnusable},
		"NumberForKid":  {reason: "kid is a string", jwk: jwkOf(t, ec.Public(), members{"kid": 5}), want: ErrUnusable},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := Parse(textOf(t, tc.jwk))
			if !errors.Is(err, tc.want) {
				t.Fatalf("%s: error %v, want %v", tc.reason, err, tc.want)
			}
			var fits []string
			for _, algorithm := range strings.Fields("none HS256 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA") {
				if key.Fits(v1alpha1.JWTAlgorithm(algorithm)) {
					fits = append(fits, algorithm)
				}
			}
			if got := strings.Join(fits, " "); got != tc.fits {
				t.Errorf("%s: fits %q, want %q", tc.reason, got, tc.fits)
			}
		})
	}
	if _, err := Parse([]byte(`{"kty":"EC","kty":"oct"}`)); !errors.Is(err, ErrUnusable) {
		t.Errorf("a member that comes twice: %v", err)
	}
}

func TestSet(t *testing.T) {
	signing, other, ec := newRSA(t, 2048), newRSA(t, 2048), newEC(t)
	sig := func(kid any) members {
		return jwkOf(t, signing.Public(), members{"kid": kid, "use": "sig", "x5c": []string{"?"}, "x5u": "https://x"})
	}
	many := func(n int) (keys []members) {
		for i := range n {
			keys = append(keys, jwkOf(t, ec.Public(), members{"kid": fmt.Sprint(i)}))
		}
		return keys
	}
	for name, tc := range map[string]struct {
		reason   string
		document any
		kids     []string
		left     int
		want     error
	}{
		"Sorted":      {reason: "whatever the order, the status is the same", document: members{"keys": []members{sig("b"), jwkOf(t, ec.Public(), members{"kid": "a"})}}, kids: []string{"a", "b"}},
		"LeftOut":     {reason: "what does not count disturbs nothing", document: members{"keys": []any{sig("a"), jwkOf(t, other, members{"kid": "p"}), jwkOf(t, other.Public(), members{"use": "enc", "kid": "a"}), 5, nil}}, kids: []string{"a"}, left: 4},
		"SameTwice":   {reason: "the same key twice is one", document: members{"keys": []members{sig("a"), sig("a")}}, kids: []string{"a"}},
		"Ambiguous":   {reason: "one kid for two keys", document: members{"keys": []members{sig("a"), jwkOf(t, other.Public(), members{"kid": "a"})}}, want: ErrAmbiguous},
		"LongKid":     {reason: "longer than the schema allows", document: members{"keys": []members{sig(strings.Repeat("k", 513))}}, left: 1},
		"Empty":       {reason: "an issuer may have taken all keys back", document: members{"keys": []members{}}},
		"Full":        {reason: "as many as the schema allows", document: members{"keys": many(32)}, kids: nil},
		"TooMany":     {reason: "one more", document: members{"keys": many(33)}, want: ErrTooMany},
		"NoKeys":      {reason: "another document", document: members{"issuer": "x"}, want: ErrNoSet},
		"NullKeys":    {reason: "another document", document: members{"keys": nil}, want: ErrNoSet},
		"KeysElse":    {reason: "another document", document: members{"keys": members{}}, want: ErrNoSet},
		"Certificate": {reason: "Google publishes another form too", document: members{"kid": "-----BEGIN CERTIFICATE-----"}, want: ErrNoSet},
	} {
		t.Run(name, func(t *testing.T) {
			keys, left, err := Set(textOf(t, tc.document))
			if !errors.Is(err, tc.want) || left != tc.left {
				t.Fatalf("%s: %d left out, error %v, want %d, %v", tc.reason, left, err, tc.left, tc.want)
			}
			var kids []string
			for _, key := range keys {
				kids = append(kids, key.KeyID)
				if strings.Contains(key.JWK, `"x5`) || strings.Contains(key.JWK, `"d"`) {
					t.Errorf("published: %s", key.JWK)
				}
				if again, err := Parse([]byte(key.JWK)); err != nil || again.ID() != key.KeyID {
					t.Errorf("the published key is %q, %v", again.ID(), err)
				}
			}
			if name == "Full" {
				if len(keys) != 32 {
					t.Errorf("%d keys", len(keys))
				}
				return
			}
			if diff := cmp.Diff(tc.kids, kids); diff != "" {
				t.Errorf("%s:\n%s", tc.reason, diff)
			}
		})
	}
	without, _, err := Set(textOf(t, members{"keys": []members{sig(nil)}}))
	if err != nil || len(without) != 1 || len(without[0].KeyID) != 43 {
		t.Errorf("a key without kid is %+v, %v, want its thumbprint", without, err)
	}
	if _, _, err := Set([]byte("<html>")); !errors.Is(err, ErrNoSet) {
		t.Errorf("HTML: %v", err)
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"1"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		keys, _, err := Set(document)
		if err != nil && len(keys) > 0 {
			t.Error("keys and an error")
		}
		for _, key := range keys {
			if _, err := Parse([]byte(key.JWK)); err != nil {
				t.Errorf("%s cannot be read again: %v", key.JWK, err)
			}
		}
	})
}
