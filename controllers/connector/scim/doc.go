// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scim keeps accounts as users of an application that speaks SCIM 2.0 (RFC 7643, RFC 7644).
//
// It shares the names, schemas and comparisons of package scimserver/scim, and speaks through package outbound. It believes no answer that it
// can check: applications ignore filters, answer 200 with a page of HTML, or say that they did what they did not.
//
// # What the words of the contract mean here
//
//   - An account is a User. ExternalID is its id, and the mark is its attribute externalId. A user with another externalId is somebody else's,
//     and one without is nobody's.
//   - A role is a group, and who has it is a member; or it is a value of the user's attribute roles. Other groups and values are left alone.
//   - Suspended is active=false. The groups stay, as they do when an identity provider deactivates somebody. Config.Suspension can make it a
//     DELETE, for applications that let inactive users in.
//   - Names are compared as SCIM does. Where the application has a spelling of its own for a name that it was sent, that is taken for the name.
//   - What an active account must not have is taken away before it is changed, and it is given what it may have last.
//   - The application says nothing about sessions: it is no connector.Revoker. Whether active=false ends them is up to the application.
//
// # The flow
//
//	locate: the id that is known, if it bears the mark → a filter on externalId → all users, where the filter is not to be trusted
//	create: nobody else of that name → POST → the mark tells, if the answer leaves it open
//	update: leave groups → PATCH, or PUT of what was read → join groups → read again
//
// What the application can do is read from its ServiceProviderConfig, and learnt from what it does: see learned. A change names the version
// that it was made for where there are ETags, and Apply begins anew if that is not there any more.
//
// # Requests
//
// Once for each opened connector: the ServiceProviderConfig, and one or two to see whether externalId can be filtered by. Each minute: one for
// each role, to find its group. Where users do not show their groups, reading roles costs one request for each role, as large as the group.
//
//	Observe         1, or 2 if there is no account yet
//	Apply, suspend  2: GET and PATCH; 3 if the answer to PATCH is empty. None to find groups
//	Apply, create   3, and 1 for each role, and 1 to read it back
//	Apply, change   1, and 1 if attributes differ, and 1 for each group to join or leave, and then 1 to read it back;
//	                2 more if the answer does not show what was sent
//	Delete          2
//	Find            1, or 2 if there is nobody
//	List            1 for each page, and 1 for each role
package scim
