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
	// BinaryBytes bounds the base64 text of one binary value: certificates are
	// longer than anything else in a profile.
	BinaryBytes int
	// Elements bounds the values of one multi-valued attribute.
	Elements int
	// PatchOperations bounds the operations of one PATCH.
	PatchOperations int
	// FilterBytes, FilterTokens and FilterDepth bound a filter or a PATCH path;
	// all three are checked before anything recurses.
	FilterBytes, FilterTokens, FilterDepth int
	// UserNameBytes bounds a userName in bytes of UTF-8 as it was sent, before
	// normalisation.
	UserNameBytes int
}

// DefaultLimits is the table of limits that this package enforces.
func DefaultLimits() Limits {
	return Limits{
		Depth:           32,
		StringBytes:     4 << 10,
		BinaryBytes:     16 << 10,
		Elements:        100,
		PatchOperations: 100,
		FilterBytes:     4 << 10,
		FilterTokens:    256,
		FilterDepth:     32,
		UserNameBytes:   256,
	}
}
