// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"slices"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RevokeAll in the annotation AnnotationRevoke is every credential, also those that are still to come.
const RevokeAll = "*"

// RevokedKeyIDs are the words of AnnotationRevoke: key ids, and RevokeAll. Spaces separate them as commas do: who revokes is in a hurry.
func (t *ScimToken) RevokedKeyIDs() []string {
	return strings.FieldsFunc(t.Annotations[AnnotationRevoke], func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// RevokesAll says whether AnnotationRevoke ends every credential.
func (t *ScimToken) RevokesAll() bool { return slices.Contains(t.RevokedKeyIDs(), RevokeAll) }

// NotAfter is when a credential of the token ends by itself: at its own end or at that of the token, whichever is earlier; zero if it has neither. The
// spec is looked at too, so that bringing the end forward does not depend on scim-controller.
func (t *ScimToken) NotAfter(c *TokenCredential) (end time.Time) {
	for _, at := range []*metav1.Time{c.NotAfter, t.Spec.ExpiresAt} {
		if !at.IsZero() && (end.IsZero() || at.Time.Before(end)) {
			end = at.Time
		}
	}
	return end
}

// HasEnded says whether an end is over; a zero one never is. There is no leeway: the end of a credential was set by the clocks of this cluster and is a
// promise to people, unlike that in a JSON Web Token, which another party's clock has set.
func HasEnded(end, now time.Time) bool { return !end.IsZero() && !now.Before(end) }

// Revokes says whether AnnotationRevoke ends the credential with that key id.
func (t *ScimToken) Revokes(keyID string) bool {
	return t.RevokesAll() || slices.Contains(t.RevokedKeyIDs(), keyID)
}
