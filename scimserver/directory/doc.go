// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package directory keeps SCIM resources as Kubernetes objects: ScimUser holds a user and ScimName reserves its userName.
//
// It owns uniqueness, optimistic locking and the conversion between a scim.Resource and a ScimUser. It knows nothing of HTTP
// and nothing of PATCH: a change is a function from resource to resource.
//
// Reads by id and by userName go to the API server, so that every replica answers alike right after a write. Lists come from
// the cache.
//
// # How a userName stays unique
//
// The API server has no unique index, but it lets exactly one creator of an object name win. The name of a ScimName is a hash
// of directory, attribute and canonical value, so whoever creates it may use the userName. Reservation and user are two
// objects and any step may be the last of its process, so whoever meets a reservation decides by what it and its holder
// look like (see judge); no decision uses a clock:
//
//	holder has the userName                taken: 409
//	holder absent, reservation Reserved    a creation under way or cut short: finish it under the same id, so that at most
//	                                       one of all who try creates the user
//	holder absent, reservation Bound       a deletion cut short: take the reservation over, under a new id
//	holder has another userName            a rename under way or cut short: rewrite the holder (a fence: a rename under way
//	                                       loses its optimistic lock and starts over), then take the reservation over
//
// Whoever relies on a reservation that it did not just create rewrites it first, so two parties that rely on the same one
// collide on its resource version instead of both going on.
package directory
