// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func decode(t testing.TB, body string) map[string]any {
	t.Helper()
	raw, err := Decode([]byte(body))
	if err != nil {
		t.Fatalf("Decode(%s): %v", body, err)
	}
	return raw
}

func parse(t testing.TB, rt *ResourceType, body string) Resource {
	t.Helper()
	r, err := rt.Parse(decode(t, body))
	if err != nil {
		t.Fatalf("Parse(%s): %v", body, err)
	}
	return r
}

// typeOf returns the scimType of err, "" for no error, and fails for an error
// that is not a SCIM error.
func typeOf(t testing.TB, err error) ErrorType {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is not a SCIM error: %v", err)
	}
	if e.Status != 400 {
		t.Fatalf("status = %d, want 400: %v", e.Status, err)
	}
	return e.Type
}

func diff(t testing.TB, reason string, want, got any, options ...cmp.Option) {
	t.Helper()
	if d := cmp.Diff(want, got, options...); d != "" {
		t.Errorf("%s: -want +got:\n%s", reason, d)
	}
}

func emptyIsNil() []cmp.Option { return []cmp.Option{cmpopts.EquateEmpty()} }

func commonOf(id string) Common {
	return Common{
		ID:           id,
		Created:      time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		LastModified: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
		Location:     "https://scim.example.com/v2/Users/" + id,
		Version:      `W/"3"`,
	}
}

// zooType has every type and mutability, single and multiple, at the top, in a
// complex attribute and in an extension.
func zooType(t testing.TB) *ResourceType {
	t.Helper()
	types := []Type{TypeString, TypeBoolean, TypeDecimal, TypeInteger, TypeDateTime, TypeBinary, TypeReference}
	mutabilities := []Mutability{ReadWrite, Immutable, ReadOnly, WriteOnly}
	var simple []*Attribute
	for _, typ := range types {
		for _, m := range mutabilities {
			for _, multi := range []bool{false, true} {
				simple = append(simple, zooAttribute(typ, m, multi))
			}
		}
	}
	attributes := append([]*Attribute(nil), simple...)
	for _, m := range mutabilities {
		for _, multi := range []bool{false, true} {
			c := zooAttribute(TypeComplex, m, multi)
			c.SubAttributes = simple
			attributes = append(attributes, c)
		}
	}
	attributes = append(attributes, &Attribute{Name: "mandatory", Required: true}, &Attribute{
		Name: "members", Type: TypeComplex, MultiValued: true, SubAttributes: []*Attribute{
			{Name: "value", CaseExact: true, Mutability: Immutable},
			{Name: "display", Mutability: Immutable},
			{Name: "$ref", Type: TypeReference, Mutability: ReadOnly},
			{Name: "primary", Type: TypeBoolean},
		},
	})
	rt, err := NewResourceType(ResourceType{
		ID: "Zoo", Name: "Zoo", Endpoint: "/Zoos",
		Schema:     &Schema{ID: "urn:example:2.0:Zoo", Name: "Zoo", Attributes: attributes},
		Extensions: []Extension{{Schema: &Schema{ID: "urn:example:2.0:Zoo:ext", Name: "Ext", Attributes: simple}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func zooAttribute(typ Type, m Mutability, multi bool) *Attribute {
	a := &Attribute{Name: string(typ) + "-" + string(m), Type: typ, Mutability: m, MultiValued: multi}
	if m == WriteOnly {
		a.Returned = ReturnedNever
	}
	if multi {
		a.Name += "-s"
	}
	return a
}
