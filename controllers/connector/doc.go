// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package connector says how accounts are kept in a downstream system, whatever that system is.
//
// It owns the contract between the account reconciler and the connectors: three verbs (observe, apply, delete), the
// error kinds that the reconciler acts on, the comparison of what is with what is wanted, and the cache of opened
// connectors. It imports neither Kubernetes nor the API types, and nothing here talks to anything.
//
// The flow, for every account and every time:
//
//	Observe ── ErrNotFound or an Account ──> InSync? ── yes ──> done, nothing was written
//	                                            └────── no ───> Apply(observed, want) ──> the Account as now stored
//	account object deleted ──────────────────────────────────> Delete(observed)
//
// Retries, status, events, finalizers and metrics live in the reconciler, never in a connector. Package connectortest
// holds the conformance suite that every connector passes.
package connector
