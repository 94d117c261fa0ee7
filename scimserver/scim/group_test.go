// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestGroupSchema(t *testing.T) {
	rt := GroupResourceType()
	diff(t, "RFC 7643 §8.7.1", map[string]string{"displayName": "", "members": "value $ref type display"}, outline(rt.Schema))
	members := rt.Schema.Attributes[1]
	for name, want := range map[string]Mutability{nameValue: Immutable, nameType: Immutable, "$ref": ReadOnly, "display": ReadOnly} {
		if got := members.sub(name).Mutability; got != want {
			t.Errorf("members.%s is %s, want %s", name, got, want)
		}
	}
	if a := rt.Schema.Attributes[0]; !a.Required || a.Uniqueness != UniquenessServer || a.CaseExact {
		t.Errorf("displayName is %+v", a)
	}
	if !members.sub(nameValue).CaseExact || members.Mutability != ReadWrite || members.Required {
		t.Errorf("members are %+v", members)
	}
}

func TestSplitMembers(t *testing.T) {
	for name, tc := range map[string]struct {
		members string
		want    []Member
		present bool
		reason  string
	}{
		"absent":         {``, nil, false, "a PUT without members changes none"},
		"null":           {`"members":null`, nil, false, "null is absent"},
		"empty":          {`"members":[]`, nil, true, "a PUT that empties the group"},
		"two":            {`"members":[{"value":"a"},{"value":"b","type":"Group"}]`, []Member{{"a", ""}, {"b", "Group"}}, true, "in order"},
		"texts":          {`"members":["a","b"]`, []Member{{"a", ""}, {"b", ""}}, true, "as Keycloak sends them"},
		"object":         {`"members":{"value":"a"}`, []Member{{"a", ""}}, true, "one is a list of one"},
		"number":         {`"members":[{"value":7}]`, []Member{{"7", ""}}, true, "an id in digits"},
		"duplicate":      {`"members":[{"value":"a"},{"value":"b"},{"value":"a","type":"User"}]`, []Member{{"a", ""}, {"b", ""}}, true, "a set"},
		"case":           {`"members":[{"value":"a"},{"value":"A"}]`, []Member{{"a", ""}, {"A", ""}}, true, "ids are exact"},
		"type of a case": {`"members":[{"value":"a","type":"user"}]`, []Member{{"a", "User"}}, true, "canonical"},
		"unknown type":   {`"members":[{"value":"a","type":"Device"}]`, []Member{{"a", ""}}, true, "tolerated"},
		"derived":        {`"members":[{"value":"a","$ref":7,"display":{"x":1}}]`, []Member{{"a", ""}}, true, "not even looked at"},
		"any case":       {`"MEMBERS":[{"VALUE":"a"}]`, []Member{{"a", ""}}, true, "RFC 7643 §2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			rt := GroupResourceType()
			body := `{"displayName":"G"`
			if tc.members != "" {
				body += "," + tc.members
			}
			r := parse(t, rt, body+"}")
			before := clone(r)
			rest, got, present := rt.SplitMembers(r)
			diff(t, tc.reason, tc.want, got)
			diff(t, "the rest has none", Resource{"displayName": "G"}, rest)
			diff(t, "input is not changed", before, r)
			if present != tc.present {
				t.Errorf("%s: present = %v", tc.reason, present)
			}
		})
	}
	zoo, r := zooType(t), Resource{"members": []any{map[string]any{"value": "a"}}}
	if rest, _, present := zoo.SplitMembers(r); present || !Equal(rest, r) {
		t.Error("another attribute of that name was split off")
	}
}

func TestGroupRefuses(t *testing.T) {
	rt := GroupResourceType()
	for name, tc := range map[string]struct {
		members string
		reason  string
	}{
		"no value":    {`[{"display":"A"}]`, "names nobody, and a PUT would empty the group"},
		"empty value": {`[{"value":""}]`, "names nobody"},
		"null":        {`[null]`, "names nobody"},
		"empty text":  {`[""]`, "names nobody"},
		"list":        {`[["a"]]`, "not a member"},
		"boolean":     {`[{"value":true}]`, "not an id"},
	} {
		for form, err := range map[string]error{
			"POST":         second(rt.Parse(decode(t, `{"displayName":"G","members":`+tc.members+`}`))),
			"add":          second(ParsePatch(rt, decode(t, `{"Operations":[{"op":"add","path":"members","value":`+tc.members+`}]}`))),
			"replace":      second(ParsePatch(rt, decode(t, `{"Operations":[{"op":"replace","path":"members","value":`+tc.members+`}]}`))),
			"without path": second(ParsePatch(rt, decode(t, `{"Operations":[{"op":"replace","value":{"members":`+tc.members+`}}]}`))),
		} {
			if typeOf(t, err) != ErrorInvalidValue {
				t.Errorf("%s, %s: %v, want invalidValue: %s", name, form, err, tc.reason)
			}
		}
	}
	if err := rt.CheckRequired(parse(t, rt, `{"members":["a"]}`)); typeOf(t, err) != ErrorInvalidValue {
		t.Errorf("without displayName: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// membersPatch parses a PATCH of a group.
func membersPatch(t *testing.T, operations ...string) (MemberChange, Patch, error) {
	t.Helper()
	p, err := ParsePatch(GroupResourceType(), decode(t, `{"Operations":[`+strings.Join(operations, ",")+`]}`))
	if err != nil {
		return MemberChange{}, Patch{}, err
	}
	return p.Members()
}

func TestPatchMembers(t *testing.T) {
	current := []Member{{"a", "User"}, {"b", "User"}, {"g", "Group"}}
	for name, tc := range map[string]struct {
		ops    string
		want   MemberDelta
		reason string
	}{
		"remove text":         {`{"op":"remove","path":"members","value":"a"}`, MemberDelta{Remove: []string{"a"}}, "SEC-27"},
		"remove one object":   {`{"op":"remove","path":"members","value":{"value":"a"}}`, MemberDelta{Remove: []string{"a"}}, "SEC-27"},
		"remove garbage":      {`{"op":"remove","path":"members","value":[{"x":1},null,{},{"display":"A"},{"type":"User"}]}`, MemberDelta{}, "lists nobody"},
		"remove other type":   {`{"op":"remove","path":"members","value":[{"value":"a","type":"Group"}]}`, MemberDelta{Remove: []string{"a"}}, "value alone tells members apart"},
		"remove null":         {`{"op":"remove","path":"members","value":null}`, MemberDelta{Reset: true}, "null is no value"},
		"remove twice":        {`{"op":"remove","path":"members","value":["a","a"]},{"op":"remove","path":"members[value eq \"a\"]"}`, MemberDelta{Remove: []string{"a"}}, "once"},
		"remove with value":   {`{"op":"remove","path":"members[value eq \"a\"]","value":[{"value":"b"}]}`, MemberDelta{Remove: []string{"a"}}, "the path says which"},
		"remove by two":       {`{"op":"remove","path":"members[value eq \"a\" or value eq \"c\"]"}`, MemberDelta{Remove: []string{"a", "c"}}, "a list of values"},
		"remove by type":      {`{"op":"remove","path":"members[type eq \"User\"]"}`, MemberDelta{Remove: []string{"a", "b"}}, "evaluated"},
		"remove by both":      {`{"op":"remove","path":"members[value eq \"a\" and type eq \"Group\"]"}`, MemberDelta{}, "evaluated"},
		"remove by not":       {`{"op":"remove","path":"members[not (value eq \"a\")]"}`, MemberDelta{Remove: []string{"b", "g"}}, "evaluated"},
		"filter sees add":     {`{"op":"add","path":"members","value":[{"value":"n","type":"User"},{"value":"m"}]},{"op":"remove","path":"members[type eq \"User\"]"}`, MemberDelta{Add: []Member{{"m", ""}}, Remove: []string{"a", "b", "n"}}, "in order"},
		"filter knows better": {`{"op":"add","path":"members","value":[{"value":"g","type":"User"}]},{"op":"remove","path":"members[type eq \"User\"]"}`, MemberDelta{Add: []Member{{"g", "User"}}, Remove: []string{"a", "b"}}, "current types win"},
		"filter sees removal": {`{"op":"remove","path":"members","value":["a"]},{"op":"remove","path":"members[type eq \"User\"]"},{"op":"add","path":"members","value":["a"]}`, MemberDelta{Add: []Member{{"a", ""}}, Remove: []string{"b"}}, "in order"},
		"filter sees reset":   {`{"op":"replace","path":"members","value":["g","n"]},{"op":"remove","path":"members[type eq \"Group\"]"}`, MemberDelta{Reset: true, Add: []Member{{"n", ""}}}, "in order"},
		"add twice":           {`{"op":"add","path":"members","value":["n",{"value":"n","type":"User"}]}`, MemberDelta{Add: []Member{{"n", "User"}}}, "once"},
		"add null":            {`{"op":"add","path":"members","value":null}`, MemberDelta{}, "nothing to add"},
		"add by filter":       {`{"op":"add","path":"members[value eq \"n\"]","value":{"type":"Group"}}`, MemberDelta{Add: []Member{{"n", "Group"}}}, "the path says whom"},
		"replace by filter":   {`{"op":"replace","path":"members[value eq \"n\" and type eq \"User\"]","value":{"value":"n","display":"N"}}`, MemberDelta{Add: []Member{{"n", "User"}}}, "the same member"},
		"replace null":        {`{"op":"replace","path":"members","value":null}`, MemberDelta{Reset: true}, "unassigned"},
		"add after reset":     {`{"op":"remove","path":"members"},{"op":"add","path":"members","value":["n"]},{"op":"remove","path":"members","value":["a"]}`, MemberDelta{Reset: true, Add: []Member{{"n", ""}}}, "in order"},
		"reset after add":     {`{"op":"add","path":"members","value":["n"]},{"op":"remove","path":"members"}`, MemberDelta{Reset: true}, "in order"},
		"qualified":           {`{"op":"add","path":"` + GroupURN + `:members","value":["n"]}`, MemberDelta{Add: []Member{{"n", ""}}}, "with its URN"},
		"nested under URN":    {`{"op":"add","value":{"` + GroupURN + `":{"members":["n"]}}}`, MemberDelta{Add: []Member{{"n", ""}}}, "with its URN"},
		"no member operation": {`{"op":"replace","path":"displayName","value":"N"}`, MemberDelta{}, "nothing to do"},
	} {
		t.Run(name, func(t *testing.T) {
			change, _, err := membersPatch(t, tc.ops)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tc.reason, tc.want, change.Delta(current))
		})
	}
}

// TestPatchMembersInPlace: of a member that is there nothing can change (SEC-09).
func TestPatchMembersInPlace(t *testing.T) {
	for _, op := range []string{"add", "replace", "remove"} {
		for _, sub := range []string{"value", "type", "display", "$ref"} {
			for _, path := range []string{"members." + sub, `members[value eq \"a\"].` + sub} {
				_, _, err := membersPatch(t, fmt.Sprintf(`{"op":%q,"path":"%s","value":"x"}`, op, path))
				if typeOf(t, err) != ErrorMutability {
					t.Errorf("%s %s: %v, want mutability", op, path, err)
				}
			}
		}
	}
	for _, ops := range []string{
		`{"op":"replace","path":"members[value eq \"a\"]","value":{"value":"b"}}`,
		`{"op":"replace","path":"members[type eq \"User\"]","value":{"type":"Group"}}`,
		`{"op":"add","path":"members[value eq \"a\" or value eq \"b\"]","value":{"type":"Group"}}`,
	} {
		if _, _, err := membersPatch(t, ops); typeOf(t, err) != ErrorMutability {
			t.Errorf("%s: %v, want mutability", ops, err)
		}
	}
	for _, path := range []string{`members[display eq \"A\"]`, `members[$ref pr]`, `members[value eq \"a\" or display pr]`, `members[not ($ref pr) and value pr]`} {
		if _, _, err := membersPatch(t, `{"op":"remove","path":"`+path+`"}`); typeOf(t, err) != ErrorInvalidFilter {
			t.Errorf("%s: %v, want invalidFilter", path, err)
		}
	}
}

func TestPatchMembersErrorNamesOperation(t *testing.T) {
	_, _, err := membersPatch(t, `{"op":"add","path":"members","value":["a"]}`, `{"op":"replace","path":"members.type","value":"User"}`)
	if err == nil || !strings.Contains(err.Error(), "operation 2: members.type: is immutable") {
		t.Errorf("got %v", err)
	}
}

// TestMemberLimits goes to each limit and one beyond (SEC-21).
func TestMemberLimits(t *testing.T) {
	rt, limits := GroupResourceType(), DefaultLimits()
	ids := func(n int) []any {
		out := make([]any, n)
		for i := range out {
			out[i] = strconv.Itoa(i)
		}
		return out
	}
	patch := func(lists ...[]any) error {
		var operations []any
		for i, list := range lists {
			op := []string{"add", "remove", "replace"}[i%3]
			operations = append(operations, map[string]any{"op": op, "path": "members", "value": list})
		}
		p, err := ParsePatch(rt, map[string]any{"Operations": operations})
		if err == nil {
			_, _, err = p.Members()
		}
		return err
	}
	filters := func(n int) error {
		_, _, err := membersPatch(t, slices.Repeat([]string{`{"op":"remove","path":"members[type eq \"User\"]"}`}, n)...)
		return err
	}
	half := limits.PatchMembers / 2
	for name, tc := range map[string]struct {
		at, above error
		want      ErrorType
	}{
		"POST":        {second(rt.Parse(map[string]any{"members": ids(limits.Members)})), second(rt.Parse(map[string]any{"members": ids(limits.Members + 1)})), ErrorInvalidValue},
		"operation":   {patch(ids(limits.PatchMembers)), patch(ids(limits.PatchMembers + 1)), ErrorInvalidValue},
		"replacement": {patch(nil, nil, ids(limits.PatchMembers)), patch(nil, nil, ids(limits.PatchMembers+1)), ErrorInvalidValue},
		"operations":  {patch(ids(half), ids(half)), patch(ids(half), ids(half), ids(1)), ErrorInvalidValue},
		"filters":     {filters(limits.PatchMemberFilters), filters(limits.PatchMemberFilters + 1), ErrorInvalidFilter},
	} {
		if tc.at != nil || typeOf(t, tc.above) != tc.want {
			t.Errorf("%s: at the limit %v, above %v", name, tc.at, tc.above)
		}
	}
}

func TestCanonicalDisplayName(t *testing.T) {
	limit := DefaultLimits().DisplayNameBytes
	for name, tc := range map[string]struct {
		in, want string
		err      ErrorType
		reason   string
	}{
		"case":        {"Admins", "admins", "", "as displayName eq compares"},
		"fullwidth":   {"ＡＤＭＩＮ", "admin", "", "NFKC"},
		"emoji":       {"🏳️‍🌈 Pride", "🏳️‍🌈 pride", "", "people name groups so"},
		"outer space": {" a ", " a ", "", "another group than a, for the filter too"},
		"longest":     {strings.Repeat("a", limit), strings.Repeat("a", limit), "", "at the limit"},
		"too long":    {strings.Repeat("a", limit+1), "", ErrorInvalidValue, "above"},
		"expands":     {strings.Repeat("\ufdfa", limit/3), "", ErrorInvalidValue, "the key has a limit too"},
		"empty":       {"", "", ErrorInvalidValue, "names nothing"},
		"space":       {" \t", "", ErrorInvalidValue, "names nothing"},
		"bytes":       {"\xff", "", ErrorInvalidValue, "not text"},
	} {
		got, err := CanonicalDisplayName(tc.in)
		if typeOf(t, err) != tc.err || got != tc.want {
			t.Errorf("%s: %q, %v: %s", name, got, err, tc.reason)
			continue
		}
		if err != nil {
			continue
		}
		f, err := ParseFilter(GroupResourceType(), "displayName eq "+strconv.Quote(tc.in))
		if err != nil || !f.Match(Resource{"displayName": tc.want}, Common{}) {
			t.Errorf("%s: filter and uniqueness disagree: %v", name, err)
		}
	}
}
