// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// TokenVerifier checks JSON Web Tokens; *jwt.Verifier is one. It is safe for concurrent use and talks to nobody: the keys
// are in the status of the directory.
type TokenVerifier interface {
	// Verify returns the public name of the credential that raw is at the time now, to be logged and to be written on what it
	// changes: at most 32 characters, none of them a secret or personal data. raw has exactly two dots and is no longer than
	// MaxAuthorizationBytes.
	//
	// dir is that of the request, shared with others and not to be changed. It is never nil: where the request names none that is
	// there, it is one without spec.authentication.jwt, and so it is where no JSON Web Token is wanted. Both are an error that
	// takes about as long as a wrong signature. Whatever the error says, the caller only learns to be refused.
	Verify(ctx context.Context, dir *v1alpha1.ScimDirectory, raw string, now time.Time) (keyID string, err error)
}
