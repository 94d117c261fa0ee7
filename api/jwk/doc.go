// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package jwk says which keys of an issuer of JSON Web Tokens count. scim-controller publishes those in the status of a ScimDirectory, and
// scim-server checks signatures with them; both ask here.
//
//	JWK Set ──Set──> v1alpha1.PublicKey in the status ──Current──> those for the spec as it is ──Parse──> Key
//
// A key counts if it is public, is for signatures and has a strength that RFC 7518 allows. Nothing else of a JWK is looked at or kept: no
// certificate (x5c, x5t), and above all no address to fetch one from (x5u).
package jwk
