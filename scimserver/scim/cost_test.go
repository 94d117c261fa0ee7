// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hostileUser is as large as the limits on values allow, in text that is dear
// to fold.
func hostileUser() Resource {
	var list []any
	for i := range DefaultLimits().Elements {
		list = append(list, map[string]any{"value": strings.Repeat("é", 2000) + strconv.Itoa(i)})
	}
	return Resource{"userName": "u", "emails": list}
}

// BenchmarkHostilePatch is the dearest PATCH known: every operation compares
// every value as often as a path can.
func BenchmarkHostilePatch(b *testing.B) {
	rt, r := UserResourceType(), hostileUser()
	path := `emails[value co "éx"` + strings.Repeat(` or value co "éx"`, 62) + `]`
	var operations []any
	for range DefaultLimits().PatchOperations {
		operations = append(operations, map[string]any{"op": "remove", "path": path})
	}
	for b.Loop() {
		if _, err := applyPatch(rt, r, map[string]any{"Operations": operations}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostileFilter is the dearest filter known, on one resource.
func BenchmarkHostileFilter(b *testing.B) {
	f, err := ParseFilter(UserResourceType(), `emails.value co "éx"`+strings.Repeat(` or emails.value co "éx"`, 62))
	if err != nil {
		b.Fatal(err)
	}
	r := hostileUser()
	for b.Loop() {
		f.Match(r, Common{})
	}
}

// BenchmarkGroupPut is a PUT of a group of 50,000, up to the store.
func BenchmarkGroupPut(b *testing.B) {
	members := `{"value":"2819c223-7f76-453a-919d-413861904646","display":"x"}`
	body := []byte(`{"displayName":"G","members":[` + strings.Repeat(members+",", 49_999) + members + `]}`)
	rt := GroupResourceType()
	b.ReportAllocs()
	for b.Loop() {
		raw, err := Decode(body)
		if err != nil {
			b.Fatal(err)
		}
		r, err := rt.Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		if _, members, _ := rt.SplitMembers(r); len(members) != 1 {
			b.Fatal(len(members))
		}
	}
}

// BenchmarkHostileMembers is the dearest PATCH of a group known: as many filters as
// there may be, each as long as it may be and true of nobody, on 100,000 members.
func BenchmarkHostileMembers(b *testing.B) {
	current := make([]Member, DefaultLimits().Members)
	for i := range current {
		current[i] = Member{strconv.Itoa(i), "User"}
	}
	operation := map[string]any{"op": "remove", "path": `members[value co "x"` + strings.Repeat(` or value co "x"`, 62) + `]`}
	p, err := ParsePatch(GroupResourceType(), map[string]any{"Operations": slices.Repeat([]any{operation}, DefaultLimits().PatchMemberFilters)})
	if err != nil {
		b.Fatal(err)
	}
	change, _, err := p.Members()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		change.Delta(current)
	}
}

// BenchmarkMemberDelta is one member added and one removed, whatever the group.
func BenchmarkMemberDelta(b *testing.B) {
	rt := GroupResourceType()
	raw := map[string]any{"Operations": []any{
		map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": "a"}}},
		map[string]any{"op": "remove", "path": `members[value eq "b"]`},
	}}
	b.ReportAllocs()
	for b.Loop() {
		p, err := ParsePatch(rt, raw)
		if err != nil {
			b.Fatal(err)
		}
		change, _, err := p.Members()
		if err != nil || change.Delta(nil).IsEmpty() {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecode reads a body of 1 MiB of the smallest values.
func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"a":[` + strings.Repeat("1,", 1<<19) + `1]}`)
	for b.Loop() {
		if _, err := Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}
