// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"

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
