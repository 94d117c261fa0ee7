// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestRevokes(t *testing.T) {
	for name, c := range map[string]struct {
		reason, value string
		a, b, all     bool
	}{
		"None":     {reason: "nothing is said"},
		"One":      {reason: "that one", value: "a", a: true},
		"Commas":   {reason: "as it is documented", value: "a,b", a: true, b: true},
		"Spaces":   {reason: "as it is written in a hurry", value: " a\tb ,\n", a: true, b: true},
		"All":      {reason: "whatever they are", value: "*", a: true, b: true, all: true},
		"AllToo":   {reason: "beside others", value: "x *", a: true, b: true, all: true},
		"NoPart":   {reason: "a key id is not a part of one", value: "ab,*a"},
		"Nothing":  {reason: "separators alone", value: " , "},
		"CaseSens": {reason: "key ids have both cases", value: "A"},
	} {
		t.Run(name, func(t *testing.T) {
			tok := &v1alpha1.ScimToken{}
			tok.Annotations = map[string]string{v1alpha1.AnnotationRevoke: c.value}
			if tok.Revokes("a") != c.a || tok.Revokes("b") != c.b || tok.RevokesAll() != c.all || tok.Revokes("") != c.all {
				t.Errorf("%s: %q revokes a: %t, b: %t, all: %t", c.reason, c.value, tok.Revokes("a"), tok.Revokes("b"), tok.RevokesAll())
			}
		})
	}
}

func TestEndOfACredential(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	at := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(d)} }
	for name, c := range map[string]struct {
		reason             string
		notAfter, expireAt *metav1.Time
		want               *metav1.Time
		ended              bool
	}{
		"Never":       {reason: "nobody says when"},
		"Zero":        {reason: "that is no time", notAfter: &metav1.Time{}, expireAt: &metav1.Time{}},
		"Itself":      {reason: "it retires", notAfter: at(time.Hour), want: at(time.Hour)},
		"Token":       {reason: "its token ends", expireAt: at(time.Hour), want: at(time.Hour)},
		"ItselfFirst": {reason: "the token may stay", notAfter: at(-time.Second), expireAt: at(time.Hour), want: at(-time.Second), ended: true},
		"TokenFirst":  {reason: "scim-controller has not heard of it yet", notAfter: at(time.Hour), expireAt: at(-time.Second), want: at(-time.Second), ended: true},
		"ZeroItself":  {reason: "the token says when", notAfter: &metav1.Time{}, expireAt: at(time.Hour), want: at(time.Hour)},
		"Now":         {reason: "there is no leeway", notAfter: at(0), want: at(0), ended: true},
		"Soon":        {reason: "to the last moment", notAfter: at(1), want: at(1)},
	} {
		t.Run(name, func(t *testing.T) {
			tok := &v1alpha1.ScimToken{Spec: v1alpha1.ScimTokenSpec{ExpiresAt: c.expireAt}}
			want := time.Time{}
			if c.want != nil {
				want = c.want.Time
			}
			end := tok.NotAfter(&v1alpha1.TokenCredential{NotAfter: c.notAfter})
			if !end.Equal(want) || v1alpha1.HasEnded(end, now) != c.ended {
				t.Errorf("%s: got %v, ended %t, want %v, %t", c.reason, end, v1alpha1.HasEnded(end, now), want, c.ended)
			}
		})
	}
}
