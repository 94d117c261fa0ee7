// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"sync"
)

// GroupURN is the URN of RFC 7643 §4.2.
const GroupURN = "urn:ietf:params:scim:schemas:core:2.0:Group"

const nameMembers = "members"

// GroupResourceType is the Group of RFC 7643 §4.2. It differs from the listing of
// §8.7.1 in this: displayName is required, as the prose has it, and unique, as
// clients that look groups up by it need; members have the `display` that Okta
// sends; $ref and display are readOnly, because both are derived from the member;
// members.value is case-exact, because it is an id. It is always the same one, as
// UserResourceType is.
func GroupResourceType() *ResourceType { return groupType() }

var groupType = sync.OnceValue(newGroupType) //nolint:gochecknoglobals // immutable once made

func newGroupType() *ResourceType {
	rt, err := NewGroupType(Dialect{})
	if err != nil {
		panic(fmt.Sprintf("the Group schema is constant and valid: %v", err))
	}
	return rt
}

// NewGroupType is GroupResourceType with a dialect and with extensions, as NewUserType has them.
func NewGroupType(d Dialect, extensions ...Extension) (*ResourceType, error) {
	return newExtended(ResourceType{
		ID: "Group", Name: "Group", Endpoint: "/Groups", Description: "Group",
		Schema: groupSchema(), Dialect: d,
	}, extensions)
}

func groupSchema() *Schema {
	return &Schema{
		ID: GroupURN, Name: "Group", Description: "Group",
		Attributes: []*Attribute{
			{
				Name: "displayName", Required: true, Uniqueness: UniquenessServer,
				Description: "A human-readable name for the Group, unique whatever its case.",
			},
			groupMembers(),
		},
	}
}

func groupMembers() *Attribute {
	return &Attribute{
		Name: nameMembers, Type: TypeComplex, MultiValued: true, keyed: true,
		Description: "The members of the Group, each once; to change one is to remove it and add another.",
		MaxValues:   DefaultLimits().Members, MaxPatchValues: DefaultLimits().PatchMembers,
		SubAttributes: []*Attribute{
			{Name: nameValue, CaseExact: true, Mutability: Immutable, Description: "The id of the member."},
			{Name: "$ref", Type: TypeReference, CaseExact: true, Mutability: ReadOnly, ReferenceTypes: []string{"User", "Group"}, Description: "The URI of the member."},
			{Name: nameType, Mutability: Immutable, CanonicalValues: []string{"User", "Group"}, Description: "The type of the member."},
			{Name: "display", Mutability: ReadOnly, Description: "A human-readable name of the member, primarily used for display purposes."},
		},
	}
}
