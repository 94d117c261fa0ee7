// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package jwt checks JSON Web Tokens (RFC 7519, as access tokens RFC 9068) for the directories that accept those of an issuer.
//
// A token is a text from a stranger until its signature is checked, and what it says about how to check it is not believed: "alg" must be one
// that the directory lists, "kid" chooses among the keys that scim-controller published for that issuer, and a header that brings a key or an
// address of one (jwk, jku, x5c, x5u), or an extension that must be understood (crit), is refused. Nothing here has a network.
//
//	size and alphabet → header → key → signature → iss, aud, exp, iat, nbf, lifetime → required claims → the name of the client
//
// Every refusal wraps ErrRefused and says which step it was, for a log, in a fixed text without anything of the token. To the outside all of them
// must look the same.
package jwt
