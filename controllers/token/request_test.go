// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestDue(t *testing.T) {
	const h = time.Hour
	annotated := func(pairs ...string) func(*v1alpha1.ScimToken) {
		return func(tok *v1alpha1.ScimToken) {
			for i := 0; i < len(pairs); i += 2 {
				metav1.SetMetaDataAnnotation(&tok.ObjectMeta, pairs[i], pairs[i+1])
			}
		}
	}
	rotate, revoke := v1alpha1.AnnotationRotate, v1alpha1.AnnotationRevoke
	daily := func(tok *v1alpha1.ScimToken) { tok.Spec.Rotation.Interval = hours(24) }
	for name, tc := range map[string]struct {
		reason     string
		has        []v1alpha1.TokenCredential // nil was never issued
		but        func(*v1alpha1.ScimToken)
		at         time.Duration
		superseded bool
		want       bool
	}{
		"First":           {reason: "there is none", want: true},
		"FirstAndRotate":  {reason: "one is made, not two", but: annotated(rotate, "1"), want: true},
		"FirstExpired":    {reason: "it would not be accepted", but: func(tok *v1alpha1.ScimToken) { tok.Spec.ExpiresAt = &metav1.Time{Time: start} }},
		"FirstRevoked":    {reason: "it would not be accepted", but: annotated(revoke, "*")},
		"FirstSuperseded": {reason: "it would not be accepted", superseded: true},
		"Provided":        {reason: "somebody else makes it", but: func(tok *v1alpha1.ScimToken) { tok.Spec.Provided = &v1alpha1.ProvidedSecret{} }},
		"There":           {reason: "it is good", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, at: 1000 * h},
		"AskedFor":        {reason: "by a new value", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: annotated(rotate, "1"), want: true},
		"Answered":        {reason: "that was it", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: func(tok *v1alpha1.ScimToken) { annotated(rotate, "1")(tok); tok.Status.Rotated = "1" }},
		"AnsweredLong": {reason: "the status holds the hash", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: func(tok *v1alpha1.ScimToken) {
			annotated(rotate, strings.Repeat("é", 200))(tok)
			tok.Status.Rotated = rotateValue(tok)
		}},
		"TakenAway":       {reason: "asks for nothing", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: func(tok *v1alpha1.ScimToken) { tok.Status.Rotated = "1" }},
		"Young":           {reason: "a second before the interval", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: daily, at: 24*h - time.Second},
		"Old":             {reason: "the interval is over", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: daily, at: 24 * h, want: true},
		"OldSuperseded":   {reason: "a newer ScimToken", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: daily, at: 24 * h, superseded: true},
		"NewestRevoked":   {reason: "the one that is left is old", has: []v1alpha1.TokenCredential{cred("b", 23*h, 0), cred("a", 0, 0)}, but: func(tok *v1alpha1.ScimToken) { daily(tok); annotated(revoke, "b")(tok) }, at: 24 * h, want: true},
		"AllRevoked":      {reason: "only who asks gets a new one", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: func(tok *v1alpha1.ScimToken) { daily(tok); annotated(revoke, "a")(tok) }, at: 24 * h},
		"RevokedAndAsked": {reason: "the answer to a leak", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: annotated(revoke, "a", rotate, "1"), want: true},
		"AllAndAsked":     {reason: "it would end at once", has: []v1alpha1.TokenCredential{cred("a", 0, 0)}, but: annotated(revoke, "*", rotate, "1")},
		"Ended":           {reason: "the annotation is gone, and gives nothing back", has: []v1alpha1.TokenCredential{}},
	} {
		t.Run(name, func(t *testing.T) {
			tok := scimToken()
			if tc.has != nil {
				tok = issuedToken(tc.has...)
			}
			if tc.but != nil {
				tc.but(tok)
			}
			f := facts{now: after(tc.at), directory: directory(), superseded: tc.superseded}
			if got := due(tok, f); got != tc.want {
				t.Errorf("%s: due %t", tc.reason, got)
			}
			if f.directory = nil; due(tok, f) {
				t.Error("due without a directory")
			}
			if len(rotateValue(tok)) > maxRotated {
				t.Error("the status could not hold that")
			}
		})
	}
}

// TestInstructionsNameEveryIdentityProvider and repeat neither the credential nor anything that depends on it.
func TestInstructionsNameEveryIdentityProvider(t *testing.T) {
	for _, kind := range []v1alpha1.TokenType{v1alpha1.TokenBearer, v1alpha1.TokenBasic} {
		text := instructions(kind, "https://scim.example/scim/v2/ns/acme")
		for _, want := range []string{"https://scim.example/scim/v2/ns/acme", "Okta", "Entra ID", "OneLogin", "JumpCloud", "Keycloak", "authentik", "PingOne", "PingFederate"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: nothing of %s", kind, want)
			}
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	tok := issuedToken(cred("b", time.Hour, 2*time.Hour), cred("a", 0, time.Hour))
	f := facts{now: after(2 * time.Hour), directory: directory(), uses: map[string]time.Time{"a": after(time.Hour), "b": after(2 * time.Hour)}}
	tok.Status, _ = plan(tok, f)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = plan(tok, f)
	}
}
