// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package expression compiles and evaluates the CEL expressions that people write in specs: conditions and roles of grants, mappings of
// accounts, invariants. It is pure: it reads no cluster, no file, no clock and no environment.
//
// Both sides are trusted only so far. Who writes an expression may not stop the controller, so length, depth and the cost of an
// evaluation are bounded; CEL has no recursion and no I/O, and functions.golden lists every function that there is. What an expression
// sees is personal data, so an evaluation error is one of a few words and never quotes a value.
//
// An attribute that the user lacks is no error but an answer: a condition is false, there are no roles, a value is empty. Only
// a text must be there. Every other error is for the caller to treat as "unknown".
//
//	Person  → Condition, Roles, Text, Value   user, groups, grants
//	Account → Invariant                       account.userName, .state, .roles, .grants and active
package expression
