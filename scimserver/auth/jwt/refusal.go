// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwt

import "errors"

// ErrRefused is in every error of Verify.
var ErrRefused = errors.New("token refused")

// refusal is why a token is refused. A constant cannot quote anything, and costs nothing while somebody floods us.
type refusal string

const (
	refusedForm      refusal = "it is not a signed JSON Web Token"
	refusedHeader    refusal = "its header is not accepted"
	refusedAlgorithm refusal = "its algorithm is not one of the directory's"
	refusedKey       refusal = "no published key of the issuer is the one for it"
	refusedSignature refusal = "its signature is wrong"
	refusedIssuer    refusal = "it is of another issuer"
	refusedAudience  refusal = "it is for another audience"
	refusedTime      refusal = "it is not valid now, or for too long"
	refusedClaim     refusal = "a required claim is missing or has another value"
)

// Error implements error.
func (r refusal) Error() string { return ErrRefused.Error() + ": " + string(r) }

// Is makes every refusal an ErrRefused.
func (r refusal) Is(target error) bool { return target == ErrRefused }
