// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package directory keeps SCIM resources as Kubernetes objects: ScimUser holds a user, ScimGroup a group, ScimMemberSlice some
// of its members, and ScimName reserves a userName or the displayName of a group.
//
// It owns uniqueness, membership, optimistic locking and the conversion between a scim.Resource and a ScimUser or ScimGroup. It
// knows nothing of HTTP and of PATCH only what a scim.MemberChange is: any other change is a function from resource to resource.
//
// Get and every decision read from the API server. Lists come from a Model in memory; who is missing there by id or by name is
// looked for on the API server, so that every replica finds what was just created. What is derived comes from the cache: the groups of
// a user, and the displays of groups and members.
//
// What an identity provider may not do to users whom people protect is decided in protected.go, and asked before anything is written.
// Whatever a request writes is marked with its id and its credential (Origin), and noted by names and numbers (Changes).
//
// # How lists are made
//
// The Model has the objects of each directory in order of creation and id, which never changes for an object, and finds them by id,
// unique name, externalId and e-mail address; the cache finds groups by member. A list looks its candidates up by the best equality
// that the filter demands and matches them against the whole filter; without one it goes over everybody, a few at a time, and decodes
// the attributes only if the filter or the order looks at them. So a page without filter costs the page, and an index that finds too
// much or knows too little spoils no answer.
//
// Informers feed the Model, and so does every write of this process when the API server has answered, so that a client that
// stays on one replica reads its own writes. Both say how new what they tell is, by the resource version, and the older changes
// nothing; a deletion of ours is remembered until the informer has passed it. What we wrote and no informer has told of is
// not believed for a hit by id or name, and the Janitor asks after it: it may have been deleted while the watch was interrupted.
//
// A walk by cursor is a place in the order, not a number of resources to skip: what comes and goes before that place moves nothing.
//
// # How a name stays unique
//
// The API server has no unique index, but it lets exactly one creator of an object name win. The name of a ScimName is a hash
// of directory, attribute and canonical value, so whoever creates it may use the userName or displayName. Reservation and
// holder are two objects and any step may be the last of its process, so whoever meets a reservation decides by what it and
// its holder look like (see judge); no decision uses a clock:
//
//	holder has the name                    taken: 409
//	holder absent, reservation Reserved    a creation under way or cut short: finish it under the same id, so that at most
//	                                       one of all who try creates the holder
//	holder absent, reservation Bound       a deletion cut short: take the reservation over, under a new id
//	holder has another name                a rename under way or cut short: rewrite the holder (a fence: a rename under way
//	                                       loses its optimistic lock and starts over), then take the reservation over
//
// Whoever relies on a reservation that it did not just create rewrites it first, so two parties that rely on the same one
// collide on its resource version instead of both going on.
//
// # How members are kept
//
// One object with all members would be written anew for each of them, and would not fit into etcd in the end. So they are in
// slices of at most 100, which are a binary tree over the hash of the member (see tree). The root has the name of the group. A
// slice has members or two children, and which child a member belongs to is the bit of its hash that is as far from the first
// as the slice from the root. So where a member is follows from its id and the slices on the way, and an edit goes down the
// tree, part by part, and writes the slices in which something changes (see edits):
//
//	one member more or less         its slice
//	the same again                  nothing
//	a slice would have 101          its children, under new names; then the slice itself, which now names them
//	a PUT of all members            what differs, slice by slice, after one list of all slices
//
// Four things make it hold whoever writes at once and whatever write is the last of its process:
//
//	slices are written under their  whoever loses the race reads the slice again and does its part of the edit to what is
//	optimistic lock                 there now; an edit says what is to be so, not how, so it may be done twice
//	children come before the slice  a reader finds all members of the slice before or all of them after, never half; children
//	that names them                 that nothing names are nobody's members
//	children are for ever           a cached slice that has some is current, so only the last slice on the way is read from
//	                                the API server; whoever still has the slice as it was before fails on its lock
//	the group comes first           of several who create the same group one gets as far as its slices; a deleted group has
//	                                no members, since slices count only while their group is there
//
// A change of the members is no change of the ScimGroup, so a counter in its spec is moved to move its generation, which is the
// ETag: after the slices, so that no version promises what is not yet so. A crash in between leaves members changed under the
// old version, and the client without an answer; the counter is the highest revision of the slices, so the repeated request sees
// that it is behind and moves it although it changes nothing. Under If-Match the counter moves first, under the version that was demanded, so
// that of two who demand the same one only one goes on to the slices.
//
// What a crash leaves is slices that no group reaches, and members who are gone: the Janitor collects them, as it does
// reservations. Whoever is just making slices has unreached ones too, for less time than the Janitor waits. Reservations are as
// many as users and nobody else lists them, so no cache holds them: now and then the Janitor reads them page by page.
package directory
