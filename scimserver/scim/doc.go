// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scim is the System for Cross-domain Identity Management as pure Go:
// the schemas of RFC 7643 and the filter, PATCH, list and error rules of
// RFC 7644. It decides; it does no input or output. It must not import
// Kubernetes, net/http or anything of this repository.
//
// Everything is driven by the characteristics of a [ResourceType]'s
// attributes, so a new attribute or extension is data, never code:
//
//	body → Decode → Parse ────────→ Resource → CheckRequired, Replace → store
//	body → Decode → ParsePatch ───→ Patch    → Apply                  → store
//	query → ParseListQuery ───────→ Filter   → Match, Sort            ← store
//	Resource + Common + Projection → Render  → body
//
// A store that keeps the members of a group apart from the group takes them out of
// a body with SplitMembers and out of a Patch with Members, and answers filters and
// Render through a MemberSource. Neither way needs the members that are there.
//
// What clients send outside the RFCs is rewritten before the strict code sees it:
// each form is a [Rule] of a [Dialect], in the files dialect_*.go, and a strict
// dialect has none. Attributes that no schema has are in unknown*.go. All bounds are one table in limits.go. Error texts name
// attributes of the schema and never repeat input.
package scim
