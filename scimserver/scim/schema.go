// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "cmp"

// Type is the data type of an attribute (RFC 7643 §2.3).
type Type string

// The data types, and how a Resource holds their values.
const (
	TypeString    Type = "string"    // string
	TypeBoolean   Type = "boolean"   // bool
	TypeDecimal   Type = "decimal"   // float64
	TypeInteger   Type = "integer"   // int64
	TypeDateTime  Type = "dateTime"  // string as sent, checked to be an xsd:dateTime
	TypeBinary    Type = "binary"    // string as sent, checked to be base64
	TypeReference Type = "reference" // string as sent; never dereferenced
	TypeComplex   Type = "complex"   // map[string]any
)

// Mutability says who may change an attribute, and when (RFC 7643 §7).
type Mutability string

// The mutabilities.
const (
	// ReadOnly attributes are ignored in bodies and refused as a PATCH path.
	ReadOnly Mutability = "readOnly"
	// ReadWrite is the default.
	ReadWrite Mutability = "readWrite"
	// Immutable attributes may be set once.
	Immutable Mutability = "immutable"
	// WriteOnly attributes are accepted and not kept: this server has no use
	// for a secret of a user.
	WriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute is in a response (RFC 7643 §7).
type Returned string

// When an attribute is returned.
const (
	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedDefault Returned = "default"
	ReturnedRequest Returned = "request" // only if named in `attributes`
)

// Uniqueness says among which resources a value is unique (RFC 7643 §7). It is
// data for the store; this package enforces none.
type Uniqueness string

// The scopes of uniqueness.
const (
	UniquenessNone   Uniqueness = "none"
	UniquenessServer Uniqueness = "server"
	UniquenessGlobal Uniqueness = "global"
)

// Attribute is the definition of an attribute with its characteristics
// (RFC 7643 §7). Zero values mean the defaults of §2.2: string, readWrite,
// returned by default, uniqueness none.
type Attribute struct {
	Name        string
	Type        Type
	MultiValued bool
	Required    bool
	// CaseExact makes comparison of strings exact. Otherwise case is ignored, and
	// compatibility forms too if the attribute is unique, as CanonicalUserName does.
	CaseExact  bool
	Mutability Mutability
	Returned   Returned
	Uniqueness Uniqueness
	// CanonicalValues are suggestions; other values are accepted (RFC 7643 §7).
	CanonicalValues []string
	// ReferenceTypes are resource type names, "external" or "uri".
	ReferenceTypes []string
	Description    string
	// MaxValues bounds the values of a multi-valued attribute; 0 means
	// [Limits].Elements.
	MaxValues int
	// MaxPatchValues bounds the values that all operations of one PATCH give; 0
	// means that MaxValues bounds each of them.
	MaxPatchValues int
	// SubAttributes of a complex attribute; they are not complex themselves.
	SubAttributes []*Attribute

	// keyed: the values are a set, told apart by `value` alone, and may be kept
	// apart from the resource. See [Member].
	keyed bool
	// acceptText: the values may come as JSON text and are shown as they came. It
	// is set for complex attributes that were declared at run time.
	acceptText bool
}

// Schema is a set of attributes under a URN (RFC 7643 §7).
type Schema struct {
	ID, Name, Description string
	Attributes            []*Attribute
}

// Extension is a schema extension of a resource type (RFC 7643 §6).
type Extension struct {
	Schema   *Schema
	Required bool
}

func (a *Attribute) sub(name string) *Attribute {
	for _, s := range a.SubAttributes {
		if sameName(s.Name, name) {
			return s
		}
	}
	return nil
}

// significant is the sub-attribute that stands for a complex value where only
// one value is given: `value` (RFC 7643 §2.4).
func (a *Attribute) significant() *Attribute { return a.sub("value") }

// writable holds for attributes whose values a client sets and we keep.
func (a *Attribute) writable() bool {
	return a.Mutability == ReadWrite || a.Mutability == Immutable
}

// readable holds for attributes that some response can show. Only these can be
// filtered: a filter on any other would be an oracle for its value.
func (a *Attribute) readable() bool {
	return a.Returned != ReturnedNever && a.Mutability != WriteOnly
}

// maxValues is the bound on the values of a, or on those that one PATCH gives.
func (a *Attribute) maxValues(patch bool) int {
	if patch && a.MaxPatchValues > 0 {
		return a.MaxPatchValues
	}
	return a.MaxValues
}

// clone copies a deeply, with the defaults of RFC 7643 §2.2 written out.
func (a *Attribute) clone() *Attribute {
	out := *a
	out.Type = orDefault(a.Type, TypeString)
	out.Mutability = orDefault(a.Mutability, ReadWrite)
	out.Returned = orDefault(a.Returned, ReturnedDefault)
	out.Uniqueness = orDefault(a.Uniqueness, UniquenessNone)
	out.MaxValues = cmp.Or(a.MaxValues, DefaultLimits().Elements)
	out.CanonicalValues = append([]string(nil), a.CanonicalValues...)
	out.ReferenceTypes = append([]string(nil), a.ReferenceTypes...)
	out.SubAttributes = cloneAttributes(a.SubAttributes)
	return &out
}

func cloneAttributes(list []*Attribute) []*Attribute {
	out := make([]*Attribute, 0, len(list))
	for _, a := range list {
		out = append(out, a.clone())
	}
	return out
}

func (s *Schema) clone() *Schema {
	out := *s
	out.Attributes = cloneAttributes(s.Attributes)
	return &out
}

func orDefault[T ~string](v, fallback T) T {
	if v == "" {
		return fallback
	}
	return v
}
