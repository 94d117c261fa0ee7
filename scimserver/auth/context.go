// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import "context"

type identityKey struct{}

// NewContext returns a context that carries who speaks.
func NewContext(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// FromContext returns who speaks. It is false for a request that nobody authenticated.
func FromContext(ctx context.Context) (Identity, bool) {
	id, ok := ctx.Value(identityKey{}).(Identity)
	return id, ok
}
