// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/hack/apps"
)

// TestToken: what the end-to-end tests count on is so.
func TestToken(t *testing.T) {
	i, err := Start(t.Context(), apps.Options{Progress: func(what string) { t.Log(what) }}, "first", "second")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Stop() })
	first := i.decoded(t, "first", "https://scim.example.com/acme")
	if first.Typ != "at+jwt" || first.Alg != "RS256" || first.ISS != i.URL || first.AUD != "https://scim.example.com/acme" || first.ClientID != "first" || first.EXP-first.IAT != 300 {
		t.Errorf("%+v", first)
	}
	if curve := i.decoded(t, "second", "https://scim.example.com"+ES256); curve.Alg != "ES256" || curve.ClientID != "second" {
		t.Errorf("%+v", curve)
	}
	if err := i.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := i.decoded(t, "first", "https://scim.example.com/acme"); again.Kid == first.Kid || again.ISS != first.ISS {
		t.Errorf("after the rotation: %+v", again)
	}
}

type decoded struct {
	Typ, Alg, Kid, ISS, AUD string
	ClientID                string `json:"client_id"`
	IAT, EXP                int64
}

func (i *Issuer) decoded(t *testing.T, client, audience string) decoded {
	t.Helper()
	raw, err := i.Token(t.Context(), client, audience)
	if err != nil {
		t.Fatal(err)
	}
	var d decoded
	for _, part := range strings.Split(raw, ".")[:2] {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatal(err)
		}
	}
	return d
}
