// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package egress decides where connectors may connect to.
//
// Whoever writes a ScimApplication chooses the address that the controller, inside the cluster, connects to. This
// package keeps that address from being the node itself, a metadata service or the like. It imports the standard
// library only.
//
// The address is checked as resolved, at the moment of connecting, so neither a name that points inside nor one that
// changes its answer (DNS rebinding) gets through.
package egress
