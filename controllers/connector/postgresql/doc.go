// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package postgresql keeps accounts as roles of a PostgreSQL server that can log in, from version 14 on.
//
// A role of the application stands for membership in a role of the server. The package speaks the protocol of the server itself, takes nothing from
// the environment or the files of libpq, and imports neither Kubernetes nor the kinds of this project.
//
// # What the words of the contract mean here
//
//   - An account is a role with the attribute LOGIN. ExternalID is its oid, the user name is its name: the exact bytes, since names between quotes have case.
//   - The mark is the end of the role's comment: "scim-operator.dev/owner=" and the owner, alone or behind a space. What stands before it is somebody
//     else's and stays. Only who has CREATEROLE can change a comment, so no account can take its own mark off or copy another one.
//   - Suspended is NOLOGIN, and no session. Memberships in configured roles are revoked too if roles are managed (not nil), because what a role owns
//     goes on working with its rights: functions with SECURITY DEFINER, views, jobs. With nil roles they stay, since nobody could give them back.
//     An account that is to be suspended and has a session is observed as Active, so that it is tried again.
//   - A member WITH ADMIN OPTION could give the role to others: that is a damaged role. An account that has got SUPERUSER, CREATEROLE, REPLICATION or BYPASSRLS
//     behind our back is damaged as connector.UnknownRole. Both are repaired, where our rights are enough. Memberships in roles that are not
//     configured stay alone.
//   - A role of the server that is or inherits one with these attributes, or with access to files and programs of the server, is granted to nobody.
//   - Several roles with the same mark can only be made by hand. All of them are suspended and deleted; nothing is made active as long as there are several.
//   - The profile is "validUntil" (RFC 3339, empty for ever), "connectionLimit" (empty for none) and "setting.<name>" for settings of sessions.
//   - Passwords are not kept here. VALID UNTIL ends passwords only, so it suspends nobody.
//   - An account that owns something, or was given rights by name, is not deleted but stays suspended, unless Config.ReassignTo says who gets it.
//
// # Transactions, locks, and leavers who do not want to leave
//
// Changes of an active account are one transaction, under a lock of ours for the owner, with a condition before and after them that fails if somebody
// else has changed the account since we looked: names are all that ALTER ROLE takes, and a name may be another role by now. Then it is done anew.
//
// Taking access away takes no such lock, as everybody with a session can hold it. Whoever changes his own role in an open transaction would make
// NOLOGIN wait; so his sessions are ended before it, and again behind it. A connection that was let in before and is not to be
// seen yet (pg_stat_activity shows it when it is complete, which post_auth_delay can draw out) is waited for.
//
// # Round trips
//
//	Observe     1
//	Apply       1 if nothing differs, else 2: look, then all changes and a look at what they have made
//	            suspending: more, every 20 ms and for 2 s at most, while somebody's connection is being opened
//	Delete      4; with reassignment 1 more, and a connection of its own to each database that has something of the role
//	Revoke      1, or more as above
//	Find        1
//	Adopt       2
//	List        1 for each 500 roles
//	Probe       1
//
// A new connection costs those of TLS and authentication, and one that was idle for five seconds is asked whether it lives.
//
// The rights that the credential needs are in docs/connectors/postgresql.md.
package postgresql
