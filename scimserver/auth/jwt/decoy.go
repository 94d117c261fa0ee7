// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"sync"

	"github.com/scim-operator/scim-operator/api/jwk"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// decoys are keys to which nobody has the other half. Where no key is the one for a token, its signature is checked with one of them, and what
// comes of it is not looked at: how long a refusal takes does not tell whether there is a directory that trusts the issuer.
type decoys struct {
	once sync.Once
	keys []jwk.Key
}

// of returns the decoy for an algorithm, nil if it is none that any directory could list.
func (d *decoys) of(algorithm v1alpha1.JWTAlgorithm) *jwk.Key {
	d.once.Do(func() {
		for _, text := range decoyKeys() {
			if key, err := jwk.Parse([]byte(text)); err == nil {
				d.keys = append(d.keys, key)
			}
		}
	})
	for i := range d.keys {
		if d.keys[i].Fits(algorithm) {
			return &d.keys[i]
		}
	}
	return nil
}

func decoyKeys() []string {
	return []string{
		`{"kty":"RSA","n":"2PuOm399k5KZqO1j54joF9A05DgOcAwWz-2MkEhjpd475tK1h3nosT0RYJw85uWXyJs_ELK-4LR_Qx8YS-O8hj92yE4vwYK4JTQGW9GEef3Ld5-nfsPDI82w543G9a5hTxjZmL4bir3A0s0p7txUMJmXrjmmFcrSDUUFip4d-BZihTHrY4bqfsAyeuvh1nX1i1symlmZJUy5NH869-dMn2_-KqOgKR1bKsGZXa6IFB3DBRcVSiLjTjJcgE3ZMKoURFNFby4Q9ukbDhP8g9ZXk8rHfFV81ofG8VDEdrhvvMJ-FgFhlEfzaqLS-iP-RYkDzi5rtqBz4fJjUr0Bqg8KCw","e":"AQAB"}`,
		`{"kty":"EC","crv":"P-256","x":"77yzawiHccemNgSXShxRfAt2gDAWcoxHxHHZdPeiI3k","y":"LQaOC54qJ4EyVtuE3l5jhf02prmU197WloVZ19TmPBY"}`,
		`{"kty":"EC","crv":"P-384","x":"ssWUUmJc6aqsMmTdtBrTNk_tslcGwtBtHuNl6DuX-sxfhdZe-XRUg1wFEHlEwXi3","y":"iVt3Oo6GXFRCsgYW_XE_mx6jmKFe-ikFZJyfN7AzIAtgHHvgFeqJxbGVSg87Wo-g"}`,
		`{"kty":"EC","crv":"P-521","x":"AKr99-ebpKEA0sEtqr8dS0N7d7KOtT0_Dj1ZU3U9iNCwdvNTxnorULivqwtuJZlcVuloVlqB263PDMYp2gXHrr1_","y":"AcwpsJnru4tZ73WUMXIBE80Px3t78KWSYoGXXCLmVmnBNWaC8knfwsA_A4pEXDSqJ3gqyV0q9YY6Bpf-0Sj3FYlK"}`,
		`{"kty":"OKP","crv":"Ed25519","x":"2OlIUUjuff7FIvSw9xf5Y3OohDekbVsQtQNt4suladY"}`,
	}
}
