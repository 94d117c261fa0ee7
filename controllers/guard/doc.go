// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package guard decides whether a change of a ScimAccount goes now or is held, so that nothing is taken from many people by accident.
//
//	Change ──> kill switch? ──────────────────────────────────────────────> go, counts nowhere
//	   └─> held before, the same change? ──> approved ──> invariants ─────> go, counts nowhere
//	   │                                 ├─> rejected, or nobody decided ─> held, as it is
//	   └─> invariants ──> expedited, or no guard? ────────────────────────> go, counts nowhere
//	            │             └─> directory's limit ──> application's ────> go, and counts
//	            └─> held, by the first that refuses
//
// The Ledger remembers nothing that the ScimAccounts do not say: spec.lostAccessAt and spec.deletedAt are the removals that count, and
// spec.held is what waits. What it let go and nobody has seen yet is reserved, so that workers cannot spend the same place twice.
// A limit is counted in people: somebody who counts already costs nothing more in that scope.
//
// An approval speaks of exactly the accounts that were held when it was given: HeldSet makes the digest that somebody has to say,
// Decide turns it into a decision that reaches up to the last of them, and every later hold gets a later time.
package guard
