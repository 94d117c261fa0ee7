// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"slices"
	"strings"
	"unicode"
)

// RevokeAll in the annotation AnnotationRevoke is every credential, also those that are still to come.
const RevokeAll = "*"

// RevokedKeyIDs are the words of AnnotationRevoke: key ids, and RevokeAll. Spaces separate them as commas do: who revokes is in a hurry.
func (t *ScimToken) RevokedKeyIDs() []string {
	return strings.FieldsFunc(t.Annotations[AnnotationRevoke], func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// RevokesAll says whether AnnotationRevoke ends every credential.
func (t *ScimToken) RevokesAll() bool { return slices.Contains(t.RevokedKeyIDs(), RevokeAll) }

// Revokes says whether AnnotationRevoke ends the credential with that key id.
func (t *ScimToken) Revokes(keyID string) bool {
	return t.RevokesAll() || slices.Contains(t.RevokedKeyIDs(), keyID)
}
