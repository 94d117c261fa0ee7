// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ldap keeps accounts as entries of a directory server, and roles as memberships in its groups.
//
// It knows no Kubernetes. Everything that it decides is decided by pure functions: what was found (a look), what is
// wanted, and the plan that leads from the one to the other; step.go alone changes anything, and pool.go alone holds connections.
//
//	look ── entries that bear the mark or stand in the way, and the groups that list them: one search, as a rule
//	plan ── out of groups, move, change and unlock, into groups; suspending: lock, out of groups
//	run  ── one request for each step, with an assertion that the entry bears the mark still
//	look again where somebody else was faster, and for what is returned
//
// # What the words of the contract mean here
//
//   - The mark is a value of MarkAttribute, "scim-operator:<owner>". An entry that bears another one beside it is somebody else's. If two
//     entries bear the same one, both are suspended and neither is changed otherwise. An entry out of BaseDN and SuspendedDN is none.
//   - ExternalID is entryUUID, or objectGUID where suspending is by UserAccountControl.
//   - Suspended means that the directory refuses to bind, and that no group of a role lists the entry. What is locked and still listed
//     is out of sync with Suspended as well as with Active.
//   - With nil roles memberships stay as they are, also of who is suspended, and follow a rename.
//   - The profile's parentDN is the place of the entry. What a wish does not name stays.
//   - A connection that is bound stays bound: sessions are NotSupported. A directory gives out no tokens, so there is nothing to revoke.
//   - Values are told as they are wanted where the directory keeps them in other words, as it does with names.
//
// # Trouble
//
// Requests run on a few connections, one at a time on each, and end with their context or after Timeout: the connection is cut then and
// replaced by the next request. One that breaks on a connection that was used before is repeated on another: if the change had been made,
// the directory answers that it cannot be made any more, and Apply looks again. Nothing follows a referral.
package ldap
