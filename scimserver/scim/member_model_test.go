// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// typeOfID is the type of a member in these tests, which every client tells right.
func typeOfID(id string) string {
	if strings.HasPrefix(id, "g") {
		return "Group"
	}
	return "User"
}

func applyDelta(members map[string]bool, d MemberDelta) []string {
	if d.Reset {
		clear(members)
	}
	for _, id := range d.Remove {
		delete(members, id)
	}
	for _, m := range d.Add {
		members[m.Value] = true
	}
	return slices.Sorted(maps.Keys(members))
}

// memberOperation is an operation of the model: what it sends, in one of its
// spellings, and what it does to a set.
type memberOperation struct {
	body  map[string]any
	apply func(set map[string]bool)
}

func randomMemberOperation(random *rand.Rand) memberOperation {
	var ids []string
	for range random.IntN(4) {
		ids = append(ids, randomMember(random))
	}
	one := randomMember(random)
	drop := func(which func(id string) bool) func(map[string]bool) {
		return func(set map[string]bool) { maps.DeleteFunc(set, func(id string, _ bool) bool { return which(id) }) }
	}
	take := func(set map[string]bool) {
		for _, id := range ids {
			set[id] = true
		}
	}
	body := func(op, path string, value any) map[string]any {
		return map[string]any{"op": op, "path": path, "value": value}
	}
	switch random.IntN(10) {
	case 0, 1:
		return memberOperation{body("Add", "members", spelled(random, ids)), take}
	case 2:
		return memberOperation{map[string]any{"op": "add", "value": map[string]any{"MEMBERS": spelled(random, ids)}}, take}
	case 3, 4:
		return memberOperation{body("Remove", "members", spelled(random, ids)), drop(func(id string) bool { return slices.Contains(ids, id) })}
	case 5:
		return memberOperation{body("remove", fmt.Sprintf("members[value eq %q]", one), nil), drop(func(id string) bool { return id == one })}
	case 6:
		return memberOperation{body("remove", fmt.Sprintf("members[value eq %q or value eq \"u1\"]", one), nil), drop(func(id string) bool { return id == one || id == "u1" })}
	case 7:
		return memberOperation{body("replace", "members", spelled(random, ids)), func(set map[string]bool) { clear(set); take(set) }}
	case 8:
		return memberOperation{map[string]any{"op": "remove", "path": "members"}, drop(func(string) bool { return true })}
	}
	return memberOperation{body("remove", `members[type eq "group" and not (value ew "3")]`, nil), drop(func(id string) bool { return typeOfID(id) == "Group" && id != "g3" })}
}

func randomMember(random *rand.Rand) string {
	return []string{"u", "g"}[random.IntN(2)] + fmt.Sprint(random.IntN(5))
}

// spelled is a list of members in one of the ways in which clients write it.
func spelled(random *rand.Rand, ids []string) any {
	list := []any{}
	for _, id := range ids {
		m := map[string]any{"value": id, "type": typeOfID(id), "$ref": nil, "display": "X"}
		if random.IntN(3) == 0 && typeOfID(id) == "User" {
			list = append(list, map[string]any{"VALUE": id, "Type": "USER"})
			continue
		}
		list = append(list, m)
	}
	if len(list) == 1 && random.IntN(2) == 0 {
		return list[0]
	}
	return list
}

// TestMemberDeltaAgainstModel: the net effect of a PATCH on a set is that of its
// operations one by one (SEC-27).
func TestMemberDeltaAgainstModel(t *testing.T) {
	random, rt := rand.New(rand.NewPCG(11, 12)), GroupResourceType()
	blind := 0
	for range 5000 {
		set, current := map[string]bool{}, []Member{}
		for range random.IntN(6) {
			set[randomMember(random)] = true
		}
		for id := range set {
			current = append(current, Member{id, typeOfID(id)})
		}
		before, operations, model := maps.Clone(set), []any{}, maps.Clone(set)
		for range 1 + random.IntN(6) {
			op := randomMemberOperation(random)
			operations = append(operations, op.body)
			op.apply(model)
		}
		p, err := ParsePatch(rt, map[string]any{"Operations": operations})
		if err != nil {
			t.Fatalf("%v: %v", operations, err)
		}
		change, _, err := p.Members()
		if err != nil {
			t.Fatalf("%v: %v", operations, err)
		}
		if !change.NeedsCurrent() {
			current = nil
			blind++
		}
		d := change.Delta(current)
		checkDelta(t, d)
		if got, want := applyDelta(set, d), slices.Sorted(maps.Keys(model)); !slices.Equal(got, want) {
			t.Fatalf("%v on %v:\ngot  %v\nwant %v\n%+v", operations, before, got, want, d)
		}
	}
	if blind < 1000 {
		t.Errorf("only %d changes did without the current members", blind)
	}
}

// checkDelta: no id is named twice, and a group that is emptied needs no removals.
func checkDelta(t *testing.T, d MemberDelta) {
	t.Helper()
	seen := map[string]bool{}
	for _, id := range append(valuesOf(d.Add), d.Remove...) {
		if seen[id] {
			t.Fatalf("%q is named twice: %+v", id, d)
		}
		seen[id] = true
	}
	if d.Reset && len(d.Remove) > 0 || d.IsEmpty() != (!d.Reset && len(seen) == 0) {
		t.Fatalf("contradiction: %+v", d)
	}
}
