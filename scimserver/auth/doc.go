// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package auth decides who may speak for a directory.
//
// An identity provider presents a bearer token (RFC 6750 §2.1). The token opens exactly one ScimDirectory: the one that its
// ScimToken names. scim-controller publishes the SHA-256 of every token in ScimToken.status, so this package reads no Secret.
//
//	Authorization ──bearer──> token ──key id──> ScimTokens of the cache ──SHA-256──> the ScimToken ──> its ScimDirectory
//
// Nothing in that way talks to the API server and nothing writes: a stranger costs a hash and a map lookup, and cannot tell
// a directory that exists from one that does not, because every refusal is the same Refusal. What we cannot decide (the
// cache has not synced, the token is right but its directory is gone) is ErrUnavailable, never a Refusal: identity
// providers stop for hours after a 401.
//
// The package may import the kinds, api/token, scimserver/directory (for the Directory that it hands out) and the
// controller-runtime client. It must not import scimserver/httpapi, and it never sees a request: only its headers.
package auth

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimtokens;scimdirectories,verbs=get;list;watch
