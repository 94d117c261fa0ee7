// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

const (
	nameSchemas    = "schemas"
	nameID         = "id"
	nameExternalID = "externalId"
	nameMeta       = "meta"
	nameActive     = "active"
	nameValue      = "value"
	nameType       = "type"
	namePrimary    = "primary"
)

// commonAttributes are those of RFC 7643 §3 and §3.1, which every resource has
// and no schema lists. `schemas` is readOnly here: it is computed on output,
// because half of the clients send it wrong.
func commonAttributes() []*Attribute {
	return []*Attribute{
		{Name: nameSchemas, Type: TypeReference, MultiValued: true, Mutability: ReadOnly, Returned: ReturnedAlways, ReferenceTypes: []string{"uri"}},
		{Name: nameID, CaseExact: true, Mutability: ReadOnly, Returned: ReturnedAlways, Uniqueness: UniquenessServer},
		{Name: nameExternalID, CaseExact: true},
		{Name: nameMeta, Type: TypeComplex, Mutability: ReadOnly, SubAttributes: []*Attribute{
			{Name: "resourceType", CaseExact: true, Mutability: ReadOnly},
			{Name: "created", Type: TypeDateTime, Mutability: ReadOnly},
			{Name: "lastModified", Type: TypeDateTime, Mutability: ReadOnly},
			{Name: "location", Type: TypeReference, CaseExact: true, Mutability: ReadOnly, ReferenceTypes: []string{"uri"}},
			{Name: "version", CaseExact: true, Mutability: ReadOnly},
		}},
	}
}
