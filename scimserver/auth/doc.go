// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package auth decides who may speak for a directory.
//
// An identity provider presents a bearer token (RFC 6750 §2.1), a user name and a password (RFC 7617) or a JSON Web Token. A
// credential of a ScimToken opens exactly one ScimDirectory: the one that the ScimToken names. scim-controller publishes the
// SHA-256 of every token and password in ScimToken.status, so this package reads no Secret.
//
//	Authorization ──present──> key id, proof ──Table──> the credentials of that key id ──compare──> ScimToken ──> ScimDirectory
//
// Nothing in that way talks to the API server and nothing writes: a stranger costs a hash and a map lookup, and cannot tell
// a directory that exists from one that does not, because every refusal is the same Refusal. What we cannot decide (nothing
// has confirmed the table lately, the token is right but its directory is gone) is ErrUnavailable, never a Refusal: identity
// providers stop for hours after a 401.
//
// The Table is fed by a watch, and by a list every two seconds that does not trust the watch. A yes or no is good for five
// seconds after the begin of the last list that succeeded; by then every revocation has arrived, or nobody is let in.
//
// Beside the way of a request, Uses records when credentials were last used.
//
// The package may import the kinds, api/token, scimserver/directory (for the Directory that it hands out) and the
// controller-runtime client. It must not import scimserver/httpapi, and it never sees a request: only its headers.
package auth

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimtokens;scimdirectories,verbs=get;list;watch
