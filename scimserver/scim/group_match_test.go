// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"slices"
	"testing"
)

// source is a MemberSource that counts what it is asked.
type source struct {
	members     []any
	asked, read int
}

func (s *source) HasMember(value string) bool {
	s.asked++
	return slices.ContainsFunc(s.members, func(v any) bool { return memberValue(v) == value })
}

func (s *source) Members() []any {
	s.read++
	return s.members
}

func testMembers() []any {
	return []any{
		map[string]any{"value": "u1", "type": "User", "display": "Ann", "$ref": "https://x/Users/u1"},
		map[string]any{"value": "g1", "type": "Group", "display": "Ops"},
	}
}

func TestGroupFilter(t *testing.T) {
	for name, tc := range map[string]struct {
		filter        string
		want, indexed bool
		reason        string
	}{
		"brackets":         {`members[value eq "u1"]`, true, true, "IPSIE"},
		"brackets, none":   {`members[value eq "u2"]`, false, true, "IPSIE"},
		"sub":              {`members.value eq "u1"`, true, true, "RFC 7644"},
		"implied":          {`members eq "u1"`, true, true, "Entra"},
		"without quotes":   {`members eq u1`, true, true, "authentik"},
		"case":             {`members eq "U1"`, false, true, "ids are exact"},
		"and":              {`id eq "7" and members eq "u1"`, true, true, "Entra"},
		"and, none":        {`id eq "7" and members eq "u2"`, false, true, "Entra"},
		"or":               {`members eq "u2" or members[value eq "g1"]`, true, true, "one at a time"},
		"not":              {`not (members eq "u2")`, true, true, "one at a time"},
		"type":             {`members[value eq "g1" and type eq "group"]`, true, false, "compares more"},
		"type, none":       {`members[value eq "g1" and type eq "user"]`, false, false, "of the same member"},
		"type alone":       {`members.type eq "Group"`, true, false, "not a value"},
		"type in brackets": {`members[type eq "Group"]`, true, false, "not a value"},
		"ne":               {`members.value ne "u1"`, true, false, "another member"},
		"brackets, ne":     {`members[value ne "u1"]`, true, false, "another member"},
		"display":          {`members.display co "an"`, true, false, "what is derived too"},
		"$ref":             {`members.$ref ew "u1"`, true, false, "what is derived too"},
		"pr":               {`members pr`, true, false, "any"},
		"null":             {`members eq null`, false, false, "any"},
		"nothing of it":    {`displayName eq "g"`, true, true, "not asked"},
		"value, then type": {`members[value eq "u1"].type eq "User"`, true, false, "Entra's form"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := ParseFilter(GroupResourceType(), tc.filter)
			if err != nil {
				t.Fatal(err)
			}
			s, common := &source{members: testMembers()}, commonOf("7")
			common.Members = s
			if got := f.Match(Resource{"displayName": "G"}, common); got != tc.want {
				t.Errorf("%s: got %v", tc.reason, got)
			}
			if indexed := s.read == 0; indexed != tc.indexed {
				t.Errorf("%s: all members were read %d times", tc.reason, s.read)
			}
			if got := f.Match(Resource{"displayName": "G", "members": testMembers()}, commonOf("7")); got != tc.want {
				t.Errorf("with the members in the resource: got %v", got)
			}
		})
	}
}

func TestFilterConjunction(t *testing.T) {
	for filter, want := range map[string][]string{
		`id eq "7" and members[value eq "u1"]`:                                   {"id=7", "members.value=u1"},
		`(displayName eq "G" and id eq "7") and (members eq "u1")`:               {"displayName=G", "id=7", "members.value=u1"},
		`members.value eq "u1"`:                                                  {"members.value=u1"},
		`id eq "7" or members eq "u1"`:                                           {""},
		`id eq "7" and (members eq "u1" or members eq "u2") and meta.created pr`: {"id=7", "", ""},
	} {
		f, err := ParseFilter(GroupResourceType(), filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, part := range f.Conjunction() {
			found := ""
			for _, attribute := range []string{"id", "displayName", "members.value"} {
				if value, ok := part.Equality(attribute); ok {
					found = attribute + "=" + value
				}
			}
			got = append(got, found)
		}
		diff(t, filter, want, got)
	}
	if got := (Filter{}).Conjunction(); len(got) != 1 || got[0].Match(Resource{}, Common{}) {
		t.Error("the zero Filter has become another")
	}
}

func TestRenderMembers(t *testing.T) {
	rt, r := GroupResourceType(), Resource{"displayName": "G"}
	for name, tc := range map[string]struct {
		attributes, excluded string
		want                 []any
		reason               string
	}{
		"default":  {"", "", testMembers(), "returned by default"},
		"excluded": {"", "members", nil, "costs nothing"},
		"others":   {"displayName", "", nil, "costs nothing"},
		"named":    {"members", "", testMembers(), "asked for"},
		"part":     {"MEMBERS.value", "", []any{map[string]any{"value": "u1"}, map[string]any{"value": "g1"}}, "asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ParseProjection(rt, tc.attributes, tc.excluded)
			if err != nil {
				t.Fatal(err)
			}
			s, common := &source{members: testMembers()}, commonOf("7")
			common.Members = s
			got, _ := rt.Render(r, p, common)["members"].([]any)
			diff(t, tc.reason, tc.want, got)
			if shown := tc.want != nil; p.Shows(rt, "members") != shown || s.read != map[bool]int{true: 1}[shown] {
				t.Errorf("%s: shows = %v, read %d times", tc.reason, p.Shows(rt, "members"), s.read)
			}
		})
	}
	common := commonOf("7")
	common.Members = &source{}
	if _, there := rt.Render(r, Projection{}, common)["members"]; there {
		t.Error("a group without members shows them")
	}
	if (Projection{}).Shows(rt, "nobody") {
		t.Error("an unknown attribute is shown")
	}
}
