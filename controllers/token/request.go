// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// The defaults of spec.rotation, for a ScimToken that has none.
const (
	defaultGrace    = time.Hour
	defaultDeadline = 168 * time.Hour
)

func graceOf(r v1alpha1.TokenRotation) time.Duration {
	if r.Grace == nil {
		return defaultGrace
	}
	return r.Grace.Duration
}

func deadlineOf(r v1alpha1.TokenRotation) time.Duration {
	if r.Deadline == nil {
		return defaultDeadline
	}
	return r.Deadline.Duration
}

// isIssued is whether a ScimToken ever had a credential that was accepted.
func isIssued(tok *v1alpha1.ScimToken) bool { return tok.Status.SecretName != "" }

func isExpired(tok *v1alpha1.ScimToken, now time.Time) bool {
	return tok.Spec.ExpiresAt != nil && !tok.Spec.ExpiresAt.After(now)
}

// due is whether a new credential shall be made: the first one, one that is asked for, or one because the newest is old enough. What has ended by
// revocation or because of a newer ScimToken is replaced only if somebody asks. Nothing is made that would not be accepted.
func due(tok *v1alpha1.ScimToken, f facts) bool {
	if tok.Spec.Provided != nil || f.directory == nil || f.superseded || tok.RevokesAll() || isExpired(tok, f.now) {
		return false
	}
	return !isIssued(tok) || isAskedFor(tok) || isOld(tok, f.now)
}

// isAskedFor is whether the annotation rotate says something else than when it was last acted on.
func isAskedFor(tok *v1alpha1.ScimToken) bool {
	return rotateValue(tok) != "" && rotateValue(tok) != tok.Status.Rotated
}

// isOld is whether the newest credential that is not revoked has reached the age at which it is replaced.
func isOld(tok *v1alpha1.ScimToken, now time.Time) bool {
	if tok.Spec.Rotation.Interval == nil {
		return false
	}
	for _, c := range tok.Status.Credentials {
		if !tok.Revokes(c.KeyID) {
			return !c.IssuedAt.IsZero() && !c.IssuedAt.Add(tok.Spec.Rotation.Interval.Duration).After(now)
		}
	}
	return false
}

// maxRotated is the longest value that status.rotated holds.
const maxRotated = 253

// rotateValue is what the annotation rotate says; of what the status cannot hold, the hash.
func rotateValue(tok *v1alpha1.ScimToken) string {
	value := tok.Annotations[v1alpha1.AnnotationRotate]
	if len(value) <= maxRotated {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ticket names the request for a credential: what it takes the place of, and what asked for it. It is written beside the credential.
func ticket(tok *v1alpha1.ScimToken) string {
	newest := ""
	if len(tok.Status.Credentials) > 0 {
		newest = tok.Status.Credentials[0].KeyID
	}
	return newest + "/" + rotateValue(tok)
}
