// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stranger is what the internet sends to a server that it has no credential for: floods of wrong tokens from many
// addresses, and connections that begin a request and do not end it.
//
// It spends as little as it can on each request: on one machine it shares the processors with the server.
package stranger
