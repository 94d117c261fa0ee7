// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(d)} }

func tokenWith(revoke string, credentials ...v1alpha1.TokenCredential) *v1alpha1.ScimToken {
	t := &v1alpha1.ScimToken{ObjectMeta: metav1.ObjectMeta{Name: "okta"}, Status: v1alpha1.ScimTokenStatus{Credentials: credentials}}
	if revoke != "" {
		t.Annotations = map[string]string{v1alpha1.AnnotationRevoke: revoke}
	}
	return t
}

func TestRevocation(t *testing.T) {
	two := []v1alpha1.TokenCredential{{KeyID: "NEW"}, {KeyID: "OLD", LastUsedAt: at(-2 * time.Minute)}}
	for name, c := range map[string]struct {
		reason string
		token  *v1alpha1.ScimToken
		keys   []string
		all    bool
		value  string // or a part of the error
		asks   string
	}{
		"One":     {"", tokenWith("", two...), []string{"OLD"}, false, "OLD", "End OLD of okta at once? OLD was used 2m ago."},
		"Both":    {"nothing is left", tokenWith("", two...), []string{"OLD", "NEW"}, false, "NEW,OLD", "No credential is left then."},
		"More":    {"what was revoked stays revoked", tokenWith("ANCIENT, OLD", two...), []string{"NEW"}, false, "ANCIENT,NEW,OLD", "End NEW of okta"},
		"Again":   {"it is not valid any more", tokenWith("OLD", two...), []string{"OLD"}, false, "no valid credential", ""},
		"Unknown": {"a slip of the pen", tokenWith("", two...), []string{"odl"}, false, "it has NEW, OLD", ""},
		"All":     {"", tokenWith("OLD", two...), nil, true, "*", "End NEW of okta at once? No credential"},
		"AllOver": {"new ones too", tokenWith("*", two...), nil, true, "*", "all that may come"},
	} {
		t.Run(name, func(t *testing.T) {
			value, ending, err := revocation(c.token, c.keys, c.all, now)
			if err != nil && strings.Contains(err.Error(), c.value) {
				return
			}
			if err != nil || value != c.value {
				t.Fatalf("%s: got %q, %v; want %q", c.reason, value, err, c.value)
			}
			if question := warning(c.token, ending, now); !strings.Contains(question, c.asks) {
				t.Errorf("%s: got the question %q, want %q in it", c.reason, question, c.asks)
			}
		})
	}
}

func TestKeyIDs(t *testing.T) {
	tok := tokenWith("GONE", v1alpha1.TokenCredential{KeyID: "A"}, v1alpha1.TokenCredential{KeyID: "GONE"}, v1alpha1.TokenCredential{KeyID: "OVER", NotAfter: at(0)},
		v1alpha1.TokenCredential{KeyID: "SOON", NotAfter: at(time.Second)})
	if diff := cmp.Diff([]string{"A", "SOON"}, keyIDs(tok, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	tok.Spec.ExpiresAt = at(-time.Second)
	if got := keyIDs(tok, now); got != nil {
		t.Errorf("got %v of an expired token, want none", got)
	}
	tok.Spec.ExpiresAt, tok.DeletionTimestamp = nil, at(0)
	if got := keyIDs(tok, now); got != nil {
		t.Errorf("got %v of a token that is being deleted, want none", got)
	}
}

func TestWordsAboutTime(t *testing.T) {
	used := tokenWith("", v1alpha1.TokenCredential{KeyID: "A", LastUsedAt: at(-time.Hour)}, v1alpha1.TokenCredential{KeyID: "B", LastUsedAt: at(-5 * time.Minute)})
	soon, over := tokenWith(""), tokenWith("")
	soon.Spec.ExpiresAt, over.Spec.ExpiresAt = at(48*time.Hour), at(0)
	got := []string{Used(used, now), Used(soon, now), Expires(used, now), Expires(soon, now), Expires(over, now)}
	if diff := cmp.Diff([]string{"5m ago", "never", "never", "in 2d", "expired"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSpec(t *testing.T) {
	for name, c := range map[string]struct {
		command createCommand
		want    *metav1.Time
		err     string
	}{
		"Never":   {createCommand{}, nil, ""},
		"At":      {createCommand{expiresAt: "2026-03-03T09:00:00Z"}, at(24 * time.Hour), ""},
		"Days":    {createCommand{expiresIn: "90d"}, at(90 * 24 * time.Hour), ""},
		"Hours":   {createCommand{expiresIn: "12h"}, at(12 * time.Hour), ""},
		"Date":    {createCommand{expiresAt: "2026-03-03"}, nil, "such as 2027-01-31T00:00:00Z"},
		"Past":    {createCommand{expiresAt: "2026-03-01T00:00:00Z"}, nil, "ended already"},
		"NoTime":  {createCommand{expiresIn: "soon"}, nil, "such as 90d"},
		"Half":    {createCommand{expiresIn: "1.5d"}, nil, "such as 90d"},
		"Forever": {createCommand{expiresIn: "99999999d"}, nil, "such as 90d"},
		"Minus":   {createCommand{expiresIn: "-1d"}, nil, "ended already"},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := c.command.spec(now)
			switch {
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got %v, want %q", err, c.err)
			case c.err == "" && (err != nil || !c.want.Equal(spec.ExpiresAt)):
				t.Errorf("got %v, %v; want %v", spec.ExpiresAt, err, c.want)
			}
		})
	}
	full, err := (&createCommand{directory: "acme", kind: "Basic", username: "okta", secretName: "s", scopes: []string{"users:read"}}).spec(now)
	want := v1alpha1.ScimTokenSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, Type: v1alpha1.TokenBasic, Username: "okta", SecretName: "s", Scopes: []v1alpha1.TokenScope{v1alpha1.ScopeUsersRead},
	}
	if diff := cmp.Diff(want, full); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestCredentialOf(t *testing.T) {
	hash := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	secret := &corev1.Secret{Data: map[string][]byte{"token": []byte("t0ken"), "username": []byte("okta"), "password": []byte("pa55")}}
	bearer, basic := tokenWith("", v1alpha1.TokenCredential{KeyID: "A", SHA256: hash("t0ken")}), tokenWith("", v1alpha1.TokenCredential{KeyID: "A", SHA256: hash("pa55")})
	basic.Spec.Type = v1alpha1.TokenBasic
	old := tokenWith("", v1alpha1.TokenCredential{KeyID: "A", SHA256: hash("newer")})
	if got, err := credentialOf(bearer, secret); err != nil || got.Token != "t0ken" || got.Password != "" {
		t.Errorf("got %+v, %v; want the token", got, err)
	}
	if got, err := credentialOf(basic, secret); err != nil || got.Username != "okta" || got.Password != "pa55" || got.Token != "" {
		t.Errorf("got %+v, %v; want the password", got, err)
	}
	if got, err := credentialOf(old, secret); err == nil || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("got %+v, %v of a Secret that holds another credential; want an error without it", got, err)
	}
}

func TestRemarks(t *testing.T) {
	tok := tokenWith("")
	for _, c := range []string{v1alpha1.ConditionUnused, v1alpha1.ConditionExpiring} {
		tok.Status.Conditions = append(tok.Status.Conditions, metav1.Condition{Type: c, Status: metav1.ConditionTrue, Reason: "Why"})
	}
	if got := Remarks(tok); got != "expiring (Why), unused (Why)" {
		t.Errorf("got %q", got)
	}
	row := tokensTable([]*v1alpha1.ScimToken{tok}, true, now).Rows[0]
	if !slices.Contains(row, "everything") {
		t.Errorf("got %v, want that it may be used for everything", row)
	}
}
