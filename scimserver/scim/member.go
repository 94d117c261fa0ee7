// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// Member is a member of a group as a client names it. The members of a group are
// a set: Value alone tells them apart, byte for byte. `display` and `$ref` are the
// store's to derive; what a client says of them is ignored.
type Member struct {
	// Value is the id of the member. It is not checked here.
	Value string
	// Type is "User" or "Group"; empty if the client gave none, or another.
	Type string
}

// MemberSource answers for the members of a group that the store keeps apart from
// the Resource. It must not change while it is in use.
type MemberSource interface {
	// HasMember reports whether the group has the member of that id. Filters that
	// only ask for one member need nothing else.
	HasMember(value string) bool
	// Members returns all members in the form that a Resource holds them in, with
	// what is derived of them. It is asked only by [ResourceType.Render] if members
	// are shown, and by filters that compare more of members than their value.
	Members() []any
}

// SplitMembers separates the members of r, a group out of [ResourceType.Parse],
// from the rest, for a store that keeps them apart. Each member is returned once,
// in the order in which r first names it. present tells whether the body named
// members at all, be it none: a PUT without them, or with null, leaves them as they
// are. r is not changed; rest shares its values with it. A resource type that has
// no members has none present.
func (rt *ResourceType) SplitMembers(r Resource) (rest Resource, members []Member, present bool) {
	list, present := r[nameMembers].([]any)
	if a := rt.core.byName[nameMembers]; a == nil || !a.keyed || !present {
		return r, nil, false
	}
	rest = make(Resource, len(r))
	for name, v := range r {
		if name != nameMembers {
			rest[name] = v
		}
	}
	seen := make(map[string]bool, len(list))
	for _, m := range membersIn(list) {
		if !seen[m.Value] {
			seen[m.Value] = true
			members = append(members, m)
		}
	}
	return rest, members, true
}

// membersIn reads typed values of `members`; one without value names nobody.
func membersIn(list []any) []Member {
	out := make([]Member, 0, len(list))
	for _, v := range list {
		if value := memberValue(v); value != "" {
			out = append(out, Member{Value: value, Type: memberType(v)})
		}
	}
	return out
}

func memberValue(v any) string {
	object, _ := v.(map[string]any)
	value, _ := object[nameValue].(string)
	return value
}

func memberType(v any) string {
	object, _ := v.(map[string]any)
	name, _ := object[nameType].(string)
	for _, known := range []string{"User", "Group"} {
		if sameName(name, known) {
			return known
		}
	}
	return ""
}
