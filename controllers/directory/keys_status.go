// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/jwk"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// fetchedAtEvery is how old status.authentication.fetchedAt may become while nothing changes: a status that moved with every fetch would be
	// written every minute.
	fetchedAtEvery = time.Hour
	// staleFor is how long keys stay after they were fetched last.
	staleFor = 24 * time.Hour
)

// withoutJWT takes away what is left of a spec.authentication.jwt.
func withoutJWT(dir *v1alpha1.ScimDirectory) {
	dir.Status.Authentication = v1alpha1.DirectoryAuthenticationStatus{}
	meta.RemoveStatusCondition(&dir.Status.Conditions, v1alpha1.ConditionKeysFetched)
}

// fetched publishes keys. An issuer that has none that we can use has taken all back: none stays.
func fetched(dir *v1alpha1.ScimDirectory, found memory, now time.Time) {
	next := v1alpha1.DirectoryAuthenticationStatus{Issuer: dir.Spec.Authentication.JWT.Issuer, JWKSURL: found.jwksURL, Keys: found.keys}
	published := &dir.Status.Authentication
	next.FetchedAt = published.FetchedAt
	if age := now.Sub(published.FetchedAt.Time); age < 0 || age >= fetchedAtEvery || !equality.Semantic.DeepEqual(*published, next) {
		next.FetchedAt = metav1.NewTime(now)
	}
	*published = next
	message := fmt.Sprintf("%d public keys of the issuer are published", len(found.keys))
	if found.left > 0 {
		message += fmt.Sprintf("; %d more are none that signatures are checked with", found.left)
	}
	if len(found.keys) == 0 {
		setKeysFetched(dir, metav1.ConditionFalse, v1alpha1.ReasonInvalid, "the issuer publishes no key that signatures can be checked with: no JSON Web Token is accepted")
		return
	}
	setKeysFetched(dir, metav1.ConditionTrue, v1alpha1.ReasonFetched, message)
}

// unfetched says why there are no new keys. Those that there are stay for a day if they are for the spec as it is.
func unfetched(dir *v1alpha1.ScimDirectory, why error, now time.Time) {
	published := &dir.Status.Authentication
	message := why.Error()
	switch {
	case len(jwk.Current(dir)) == 0:
		*published = v1alpha1.DirectoryAuthenticationStatus{}
		message += "; no JSON Web Token is accepted"
	case now.Sub(published.FetchedAt.Time) >= staleFor:
		*published = v1alpha1.DirectoryAuthenticationStatus{}
		message += "; the keys of before are older than 24 hours and are not used any more"
	default:
		message += "; the keys of before are used until they are 24 hours old"
	}
	reason := v1alpha1.ReasonUnavailable
	if errors.Is(why, errInvalid) {
		reason = v1alpha1.ReasonInvalid
	}
	setKeysFetched(dir, metav1.ConditionFalse, reason, message)
}

func setKeysFetched(dir *v1alpha1.ScimDirectory, is metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&dir.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionKeysFetched, Status: is, Reason: reason, Message: message, ObservedGeneration: dir.Generation,
	})
}
