// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPatchAgainstModel drives random operations on members through the package
// and through a set of ids (SEC-27).
func TestPatchAgainstModel(t *testing.T) {
	rt := zooType(t)
	random := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		r, model := Resource{"mandatory": "x"}, []string{}
		for range 10 {
			ids := randomIDs(random)
			var operation map[string]any
			operation, model = randomOperation(random, ids, model)
			before := clone(r)
			next, err := applyPatch(rt, r, map[string]any{"Operations": []any{operation}})
			if err != nil {
				t.Fatalf("%v on %v: %v", operation, model, err)
			}
			if !Equal(before, r) {
				t.Fatalf("%v changed its input", operation)
			}
			if got := memberIDs(next); !slices.Equal(got, model) {
				t.Fatalf("%v on %v: got %v, want %v", operation, memberIDs(r), got, model)
			}
			r = next
		}
	}
}

func randomIDs(random *rand.Rand) []string {
	var out []string
	for range random.IntN(4) {
		out = append(out, fmt.Sprint(random.IntN(8)))
	}
	return out
}

func memberIDs(r Resource) []string {
	out := []string{}
	list, _ := r["members"].([]any)
	for _, m := range list {
		out = append(out, m.(map[string]any)["value"].(string))
	}
	return out
}

func membersOf(ids []string) []any {
	out := []any{}
	for _, id := range ids {
		out = append(out, map[string]any{"value": id, "$ref": nil})
	}
	return out
}

// randomOperation returns an operation in one of its spellings, and what it
// makes of the model.
func randomOperation(random *rand.Rand, ids, model []string) (map[string]any, []string) {
	model = slices.Clone(model)
	switch random.IntN(7) {
	case 0, 1, 2:
		for _, id := range ids {
			if !slices.Contains(model, id) {
				model = append(model, id)
			}
		}
		if random.IntN(2) == 0 {
			return map[string]any{"op": "add", "value": map[string]any{"MEMBERS": membersOf(ids)}}, model
		}
		return map[string]any{"op": "Add", "path": "members", "value": membersOf(ids)}, model
	case 3, 4:
		model = slices.DeleteFunc(model, func(id string) bool { return slices.Contains(ids, id) })
		return map[string]any{"op": "Remove", "path": "members", "value": membersOf(ids)}, model
	case 5:
		id := fmt.Sprint(random.IntN(8))
		model = slices.DeleteFunc(model, func(have string) bool { return have == id })
		return map[string]any{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", id)}, model
	}
	unique := slices.Compact(slices.Sorted(slices.Values(ids)))
	if unique == nil {
		unique = []string{}
	}
	return map[string]any{"op": "replace", "path": "members", "value": membersOf(unique)}, unique
}

// TestParseRender: what is rendered and put back is the same resource, and a
// PATCH of a resource onto itself changes nothing.
func TestParseRender(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for _, rt := range []*ResourceType{UserResourceType(), zooType(t)} {
		all := cells(t, rt)
		for range 300 {
			r := randomResource(random, rt, all)
			rendered := rt.Render(r, Projection{}, commonOf("1"))
			again, err := rt.Parse(rendered)
			if err != nil || !Equal(r, again) {
				t.Fatalf("%v became %v: %v", r, again, err)
			}
			for _, op := range []string{"add", "replace"} {
				same, err := applyPatch(rt, r, patchOf(op, "", rendered))
				if err != nil || !Equal(r, same) {
					t.Fatalf("%s of itself: %v became %v: %v", op, r, same, err)
				}
			}
		}
	}
}

func randomResource(random *rand.Rand, rt *ResourceType, all []cell) Resource {
	r := Resource{}
	for range 1 + random.IntN(6) {
		c := all[random.IntN(len(all))]
		if c.kept() && c.returned == ReturnedDefault {
			for key, v := range c.resource(rt, c.v1) {
				r[key] = v
			}
		}
	}
	return r
}
