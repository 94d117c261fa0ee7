// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package story plays the same story against every application that there is in hack/apps: somebody joins, gets a role by a group, is
// suspended, comes back, leaves the group, marries, and is deleted; and a colleague notices nothing of it. What the identity provider says goes to
// scim-server over HTTP; what became of it is asked of the application, by its own protocol. The demos tell the story to people, the
// end-to-end tests play it with programs that look for races, and the measurements use its parts.
//
// It sees the product from outside only: it must not import controllers or scimserver. It knows no application: what one can do is found out by
// trying, and by what the ScimAccount says.
//
// The flow: Set makes the objects of a Site → Outline says what is sent and what must be true then (pure) → Play sends it and waits until it is
// true, at most stepTimeout for each step. Leaks then looks for what must not be anywhere.
package story
