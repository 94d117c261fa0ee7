// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package walk takes random walks through what identity providers and administrators do to one directory with two
// applications, and compares what is there in the end with what a plain model says.
//
// The model (world, person, expect) is independent of the product: it knows users, groups, grants and applications, and says
// who must be bound in which role and which accounts there must be. It is told of a request when that was answered, and of
// nothing that the controller does. So it cannot know whether an account was ever made for somebody who was entitled for a
// moment only: then it allows both, until a look at the cluster decides.
//
// The walker does the steps, over SCIM and as an administrator. A walk is determined by its seed but for the timing of the
// programs.
package walk
