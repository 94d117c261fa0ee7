// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"fmt"
	"testing"
)

// cell is one attribute of a served schema, with two values for it. The matrix
// below is made from what Schemas renders, so that a schema that says one thing
// and code that does another cannot both pass (SEC-09).
type cell struct {
	path       string // in canonical form
	urn        string // of the schema
	keys       []string
	typ        string
	multi      bool
	mutability Mutability // the strictest on the path
	returned   Returned
	required   bool
	v1, v2     any
	inList     bool // the sub-attribute of a multi-valued attribute
}

func TestMatrix(t *testing.T) {
	strict, keep := Dialect{Strict: true}, Dialect{KeepUnknown: true}
	zoo, strictZoo := zooType(t), zooType(t)
	strictZoo.Dialect = strict
	strictGroup, err := NewGroupType(strict)
	if err != nil {
		t.Fatal(err)
	}
	for name, rt := range map[string]*ResourceType{
		"User": UserResourceType(), "strict User": declaredUser(t, strict), "declared User": declaredUser(t, Dialect{}), "keeping User": declaredUser(t, keep),
		"Zoo": zoo, "strict Zoo": strictZoo, "Group": GroupResourceType(), "strict Group": strictGroup,
	} {
		for _, c := range cells(t, rt) {
			if rt.Name == "Group" && c.keys[0] == nameMembers && c.keys[1] != nameValue {
				continue // nothing without a value: TestSplitMembers, TestPatchMembersInPlace
			}
			t.Run(name+"/"+c.path, func(t *testing.T) {
				c.testPost(t, rt)
				c.testPut(t, rt)
				c.testPatch(t, rt)
				c.testPathless(t, rt)
				c.testFilter(t, rt)
			})
		}
	}
}

func cells(t *testing.T, rt *ResourceType) []cell {
	var out []cell
	for _, schema := range Schemas("https://x", rt) {
		urn, _ := schema["id"].(string)
		prefix := ""
		if urn != rt.Schema.ID {
			prefix = urn + ":"
		}
		for _, raw := range schema["attributes"].([]any) {
			a := newCell(raw.(map[string]any), prefix, urn)
			subs, _ := raw.(map[string]any)["subAttributes"].([]any)
			if len(subs) == 0 {
				out = append(out, a)
			}
			for _, rawSub := range subs {
				s := newCell(rawSub.(map[string]any), a.path+".", urn)
				s.keys, s.inList = append([]string{a.keys[0]}, s.keys...), a.multi
				s.mutability = strictest(a.mutability, s.mutability)
				if a.returned == ReturnedNever {
					s.returned = ReturnedNever
				}
				out = append(out, s)
			}
		}
	}
	if len(out) < 5 {
		t.Fatalf("only %d attributes", len(out))
	}
	return out
}

// strictest is what a path means for a client: readOnly wherever it is refuses,
// writeOnly discards, immutable sets once.
func strictest(parent, sub Mutability) Mutability {
	for _, m := range []Mutability{ReadOnly, WriteOnly, Immutable} {
		if parent == m || sub == m {
			return m
		}
	}
	return ReadWrite
}

func newCell(a map[string]any, prefix, urn string) cell {
	c := cell{
		path: prefix + a["name"].(string), urn: urn, keys: []string{a["name"].(string)}, typ: a["type"].(string),
		multi: a["multiValued"].(bool), mutability: Mutability(a["mutability"].(string)),
		returned: Returned(a["returned"].(string)), required: a["required"].(bool),
	}
	pairs := map[string][2]any{
		"string": {"one", "two"}, "boolean": {true, false}, "decimal": {1.5, 2.5}, "integer": {int64(1), int64(2)},
		"dateTime": {"2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"}, "binary": {"AAAA", "BBBB"}, "reference": {"https://a", "https://b"},
	}
	c.v1, c.v2 = pairs[c.typ][0], pairs[c.typ][1]
	if c.multi {
		c.v1, c.v2 = []any{c.v1}, []any{c.v2}
	}
	return c
}

// resource builds a resource with v as the attribute, alone.
func (c cell) resource(rt *ResourceType, v any) Resource {
	for i := len(c.keys) - 1; i > 0; i-- {
		v = map[string]any{c.keys[i]: v}
		if c.inList {
			v = []any{v}
		}
	}
	values := map[string]any{c.keys[0]: v}
	if c.urn != rt.Schema.ID {
		return Resource{c.urn: values}
	}
	return values
}

func (c cell) kept() bool { return c.mutability == ReadWrite || c.mutability == Immutable }

// body is the resource as it comes out of a JSON decoder.
func (c cell) body(t *testing.T, rt *ResourceType, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(c.resource(rt, v))
	if err != nil {
		t.Fatal(err)
	}
	return withSchemas(rt, decode(t, string(text)))
}

func (c cell) testPost(t *testing.T, rt *ResourceType) {
	t.Helper()
	got, err := rt.Parse(c.body(t, rt, c.v1))
	if err != nil {
		t.Fatalf("POST: %v", err)
	}
	want := Resource{}
	if c.kept() {
		want = c.resource(rt, c.v1)
	}
	diff(t, "POST keeps readWrite and immutable only", want, got)
	rendered := rt.Render(c.resource(rt, c.v1), Projection{}, Common{})
	_, shown := rendered[c.keys[0]]
	if c.urn != rt.Schema.ID {
		_, shown = rendered[c.urn]
	}
	if shown != (c.returned == ReturnedDefault) {
		t.Errorf("shown = %v with returned %s", shown, c.returned)
	}
}

func (c cell) testPut(t *testing.T, rt *ResourceType) {
	t.Helper()
	current := c.resource(rt, c.v1)
	put := func(body map[string]any) (Resource, error) {
		next, err := rt.Parse(body)
		if err != nil {
			t.Fatalf("PUT: %v", err)
		}
		return rt.Replace(current, next)
	}
	same, err := put(c.body(t, rt, c.v1))
	if err != nil || c.kept() && !Equal(same, current) {
		t.Errorf("PUT of the same value: %v, %v", same, err)
	}
	changed, err := put(c.body(t, rt, c.v2))
	if c.mutability == Immutable && (!c.inList || c.attributeMutability(rt) == Immutable) {
		if typeOf(t, err) != ErrorMutability {
			t.Errorf("PUT of another immutable value: %v, want mutability", err)
		}
	} else if err != nil || c.kept() && !Equal(changed, c.resource(rt, c.v2)) {
		t.Errorf("PUT of another value: %v, %v", changed, err)
	}
	omitted, err := put(withSchemas(rt, map[string]any{}))
	stays := c.attributeMutability(rt) == ReadOnly || c.attributeMutability(rt) == Immutable ||
		c.mutability == Immutable && !c.inList || c.path == nameActive
	if err != nil || stays != Equal(omitted, current) {
		t.Errorf("PUT without the value: stays = %v, want %v, %v", !stays, stays, err)
	}
}

// attributeMutability is that of the top-level attribute.
func (c cell) attributeMutability(rt *ResourceType) Mutability {
	return rt.namespace(c.urn).byName[fold(c.keys[0])].Mutability
}

func patchOf(op, path string, value any) map[string]any {
	operation := map[string]any{"op": op}
	if path != "" {
		operation["path"] = path
	}
	if value != nil {
		operation["value"] = value
	}
	return map[string]any{"schemas": []any{patchURN}, "Operations": []any{operation}}
}

func applyPatch(rt *ResourceType, r Resource, raw map[string]any) (Resource, error) {
	p, err := ParsePatch(rt, raw)
	if err != nil {
		return nil, err
	}
	return p.Apply(rt, r)
}

// testPatch goes through every verb with an explicit path, on an empty resource
// and on one that has the value.
func (c cell) testPatch(t *testing.T, rt *ResourceType) {
	t.Helper()
	for _, tc := range []struct {
		op      string
		value   any
		current Resource
	}{
		{"add", c.v1, Resource{}}, {"replace", c.v1, Resource{}}, {"remove", nil, Resource{}},
		{"add", c.v1, c.resource(rt, c.v1)}, {"replace", c.v1, c.resource(rt, c.v1)},
		{"add", c.v2, c.resource(rt, c.v1)}, {"replace", c.v2, c.resource(rt, c.v1)}, {"remove", nil, c.resource(rt, c.v1)},
	} {
		before := clone(tc.current)
		got, err := applyPatch(rt, tc.current, patchOf(tc.op, c.path, tc.value))
		want, wantType := c.expect(rt, tc.op, tc.value, tc.current)
		reason := fmt.Sprintf("%s %v over %v", tc.op, tc.value, before)
		if gotType := typeOf(t, err); gotType != wantType {
			t.Errorf("%s: error %v, want %q", reason, err, wantType)
		} else if err == nil {
			diff(t, reason, want, got)
		}
		diff(t, reason+": input is not changed", before, tc.current)
	}
}

func (c cell) expect(rt *ResourceType, op string, value any, current Resource) (Resource, ErrorType) {
	has := len(current) > 0
	same := has && Equal(current, c.resource(rt, value))
	switch {
	case c.mutability == ReadOnly:
		return nil, ErrorMutability
	case c.mutability == WriteOnly:
		return current, ""
	case c.mutability == Immutable && has && !same:
		return nil, ErrorMutability
	case op == "remove" && c.required:
		return nil, ErrorMutability
	case op == "remove":
		return Resource{}, ""
	case op == "add" && c.multi && has && !same:
		return c.resource(rt, append(append([]any{}, c.v1.([]any)...), c.v2.([]any)...)), ""
	}
	return c.resource(rt, value), ""
}

func (c cell) testPathless(t *testing.T, rt *ResourceType) {
	t.Helper()
	ops, forms := []string{"Add", "REPLACE"}, map[string]any{
		"nested": map[string]any(c.resource(rt, c.v1)), "flat": map[string]any{c.path: c.v1},
	}
	if rt.Dialect.Strict {
		ops = []string{"add", "replace"}
		delete(forms, "flat")
	}
	for _, op := range ops {
		for form, value := range forms {
			if rt.Dialect.Strict && c.attributeMutability(rt) == ReadOnly {
				if _, err := applyPatch(rt, Resource{}, patchOf(op, "", value)); typeOf(t, err) != ErrorMutability {
					t.Errorf("%s %s without path: %v, want mutability", op, form, err)
				}
				continue
			}
			got, err := applyPatch(rt, Resource{}, patchOf(op, "", value))
			want := Resource{}
			if c.kept() {
				want = c.resource(rt, c.v1)
			}
			if err != nil {
				t.Errorf("%s %s without path: %v", op, form, err)
			}
			diff(t, op+" "+form+" without path", want, got)
		}
	}
}

// testFilter: what no response shows cannot be filtered (SEC-11), everything
// else can.
func (c cell) testFilter(t *testing.T, rt *ResourceType) {
	t.Helper()
	f, err := ParseFilter(rt, c.path+" pr")
	if c.returned == ReturnedNever {
		if typeOf(t, err) != ErrorInvalidFilter {
			t.Errorf("filter on a hidden attribute: %v, want invalidFilter", err)
		}
		return
	}
	if err != nil || !f.Match(c.resource(rt, c.v1), Common{}) || f.Match(Resource{}, Common{}) {
		t.Errorf("pr: %v", err)
	}
	v := c.v1
	if list, ok := v.([]any); ok {
		v = list[0]
	}
	text, _ := json.Marshal(v)
	f, err = ParseFilter(rt, c.path+" eq "+string(text))
	if err != nil || !f.Match(c.resource(rt, c.v1), Common{}) || f.Match(c.resource(rt, c.v2), Common{}) {
		t.Errorf("eq: %v", err)
	}
}
