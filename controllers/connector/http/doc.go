// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package http keeps accounts by requests that are written in a configuration, for applications with an HTTP API of their own.
//
// Requests are templates and answers are mapped, both by CEL (package language). Everything is compiled when the connector is opened. What a
// template makes of a name cannot leave the application's URL, add a header or become another segment of the path; a name that could is Invalid.
//
// The flow:
//
//	Observe  find by externalID, by userName, by mark, until one yields ours → identify → details → describe
//	Apply    the same without the mark, then one change, and again from the beginning until nothing differs
//	Suspend  find → requests[Suspend]: nothing else
//
// # Variables
//
//	account.userName .owner .externalID .roles .profile   what is wanted; in List, Find and Probe most are empty. Roles that are not managed and
//	                                                      attributes that are not named are as they were observed
//	roles                                                 all declared roles: name, parameters
//	observed                                              the account as the application has it: an item of a lookup, null before Create
//	details.<name>                                        what was asked for beside; not in Suspend, Delete and Revoke, which must not need it
//	role.name .parameters                                 in AddRole and RemoveRole
//	page.number .offset .size .cursor                     in lookups
//	response.status .headers .body                        in items, next and conditions; names of headers are in lower case
//	random                                                130 random bits as text, for a password that nobody shall know
//
// # What the words of the contract mean here
//
//   - An account is ours if account.owner says so, read anew before every change. With ownership ExternalID it is the one whose externalID we
//     remember; one whose creation was not answered counts as well, as long as this process lives.
//   - Whoever else holds the login name is in the way: a Conflict.
//   - Suspended, deleted and renamed are what the requests make of them. Apply reads back all but a suspension, of which the next Observe hears.
//   - An answer that lacks what a mapping needs is Unavailable and never "not found".
//   - Changes of one account are kept apart within this process, since most APIs replace what they were not asked to change.
//
// # Requests made
//
//	Observe   1 where the account is found by what is known; else one for each further way to find it, all pages of it; and the details if active
//	Apply     1 and the details, before and after each change
//	Suspend   2
//	Delete    2
//	Revoke    2, none if there is no such request
//	List      one for each page
package http
