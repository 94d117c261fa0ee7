// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package webhook is an application that serves the contract of docs/connectors/webhook.md, in the standard library alone: accounts in memory, people
// who log in with a password and stay by a session, and roles that open a door each. It is what a team reads that serves the contract itself, and what
// the tests of the connector talk to.
//
//	store.go      the accounts, and what may become of them
//	contract.go   the contract: requests to changes of the store, and what is refused
//	guard.go      who may speak the contract: the token, and the signature
//	people.go     what the application is for
package webhook
