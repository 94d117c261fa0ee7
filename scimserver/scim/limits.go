// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// Limits bounds what this package accepts. The size of a whole body is the
// caller's to bound, before [Decode].
type Limits struct {
	// Depth is how deep JSON containers may nest. A SCIM body needs four.
	Depth int
	// StringBytes bounds one string value.
	StringBytes int
	// JSONTextBytes bounds the JSON text of a declared complex attribute, as it was
	// sent and as it will be shown.
	JSONTextBytes int
	// UnknownAttributes bounds the attributes of one resource that no schema has.
	UnknownAttributes int
	// UnknownNameBytes bounds the name of one; a longer one is not kept.
	UnknownNameBytes int
	// BinaryBytes bounds the base64 text of one binary value: certificates are
	// longer than anything else in a profile.
	BinaryBytes int
	// Elements bounds the values of one multi-valued attribute that has no bound
	// of its own.
	Elements int
	// Members bounds the members of a group in one POST or PUT.
	Members int
	// PatchMembers bounds the members that all operations of one PATCH name.
	PatchMembers int
	// PatchMemberFilters bounds the operations of one PATCH that select members by
	// more than their value: each looks at every member of the group.
	PatchMemberFilters int
	// PatchOperations bounds the operations of one PATCH.
	PatchOperations int
	// BulkOperations bounds the operations of one bulk request. It equals
	// PatchOperations: authentik sizes its PATCH requests by what is advertised
	// here as maxOperations.
	BulkOperations int
	// FilterBytes, FilterTokens and FilterDepth bound a filter or a PATCH path;
	// all three are checked before anything recurses.
	FilterBytes, FilterTokens, FilterDepth int
	// SearchFilterBytes takes the place of FilterBytes in a SearchRequest, which
	// has no URL to fit in.
	SearchFilterBytes int
	// CursorBytes bounds a cursor as it was sent.
	CursorBytes int
	// SortKeyBytes is how much of a text counts when resources are sorted.
	SortKeyBytes int
	// UserNameBytes bounds a userName in bytes of UTF-8 as it was sent, before
	// normalisation.
	UserNameBytes int
	// DisplayNameBytes bounds the displayName of a group in bytes of UTF-8, as it
	// was sent and as it is normalised.
	DisplayNameBytes int
}

// DefaultLimits is the table of limits that this package enforces.
func DefaultLimits() Limits {
	const operations = 100
	return Limits{
		Depth:              32,
		StringBytes:        4 << 10,
		JSONTextBytes:      32 << 10,
		UnknownAttributes:  64,
		UnknownNameBytes:   256,
		BinaryBytes:        16 << 10,
		Elements:           100,
		Members:            100_000,
		PatchMembers:       5_000,
		PatchMemberFilters: 10,
		PatchOperations:    operations,
		BulkOperations:     operations,
		FilterBytes:        4 << 10,
		FilterTokens:       256,
		FilterDepth:        32,
		SearchFilterBytes:  16 << 10,
		CursorBytes:        1 << 10,
		SortKeyBytes:       256,
		UserNameBytes:      256,
		DisplayNameBytes:   1 << 10,
	}
}
