// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e holds the end-to-end tests: what the product promises, seen from outside, on a real control plane. Every test
// speaks SCIM as an identity provider does and looks at objects as an administrator does. Nothing here imports the programs,
// but for the test that what the server writes of memberships is what the controllers read of them.
//
// Most tests share one stack of two API servers, two scim-servers and the controller manager, and each has namespaces of
// its own there. A test that kills programs, or that needs the product to be alone, starts a stack of its own.
package e2e
