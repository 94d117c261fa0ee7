// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// Rule names one thing outside the RFCs that some client sends and this package accepts.
type Rule string

// Dialect says what a [ResourceType] accepts beyond the RFCs. The zero Dialect accepts what the known clients send, and drops
// attributes that no schema has.
type Dialect struct {
	// Strict refuses everything outside the RFCs, unknown attributes too, with 400.
	Strict bool
	// KeepUnknown keeps attributes that no schema has, as they were sent, and shows them. It cannot be combined with Strict.
	KeepUnknown bool
	// Used, if not nil, is called each time a rule accepted something. It must be safe for concurrent use.
	Used func(Rule)
}
