// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// widened is rt with the attributes of the other types too, as attributes without a value: so a filter means the same for all
// of them, and matches nothing by an attribute that a type does not have. Who counts the rules of the dialect is told once for
// all types.
func widened(rt *scim.ResourceType, counts bool, others ...*scim.ResourceType) (*scim.ResourceType, error) {
	out := scim.ResourceType{
		ID: rt.ID, Name: rt.Name, Endpoint: rt.Endpoint, Schema: rt.Schema, Extensions: slices.Clone(rt.Extensions), Dialect: rt.Dialect,
	}
	if !counts {
		out.Dialect.Used = nil
	}
	for _, other := range others {
		for _, e := range append([]scim.Extension{{Schema: other.Schema}}, other.Extensions...) {
			out.Extensions = extended(out.Extensions, e.Schema)
		}
	}
	return scim.NewResourceType(out)
}

// extended adds a schema to extensions. One that is declared for both types may have attributes that only the other has.
func extended(extensions []scim.Extension, schema *scim.Schema) []scim.Extension {
	for i, e := range extensions {
		if strings.EqualFold(e.Schema.ID, schema.ID) {
			extensions[i].Schema = merged(e.Schema, schema)
			return extensions
		}
	}
	return append(extensions, scim.Extension{Schema: schema})
}

// merged is a with what only b has.
func merged(a, b *scim.Schema) *scim.Schema {
	out := *a
	out.Attributes = slices.Clone(a.Attributes)
	for _, attribute := range b.Attributes {
		if !slices.ContainsFunc(a.Attributes, func(known *scim.Attribute) bool { return strings.EqualFold(known.Name, attribute.Name) }) {
			out.Attributes = append(out.Attributes, attribute)
		}
	}
	return &out
}
