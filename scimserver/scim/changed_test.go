// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestChanged(t *testing.T) {
	const start = `{"userName":"ada","active":true,"name":{"givenName":"Ada","familyName":"King"},
		"emails":[{"value":"a@x.test","type":"work"}],"` + EnterpriseUserURN + `":{"department":"Engines","manager":{"value":"1"}}}`
	for name, tc := range map[string]struct {
		reason, before, after string
		want                  []string
	}{
		"Same":      {reason: "nothing differs", before: start, after: start},
		"Simple":    {reason: "the path of an attribute", before: `{"userName":"ada","active":true}`, after: `{"userName":"ada","active":false}`, want: []string{"active"}},
		"Spelling":  {reason: "as the schema spells it", before: `{"USERNAME":"ada"}`, after: `{"username":"Ada"}`, want: []string{"userName"}},
		"Sub":       {reason: "of a complex value only what differs", before: `{"name":{"givenName":"Ada","familyName":"King"}}`, after: `{"name":{"givenName":"Ada","familyName":"Lovelace"}}`, want: []string{"name.familyName"}},
		"Removed":   {reason: "what is gone differs", before: `{"title":"x","name":{"givenName":"Ada"}}`, after: `{}`, want: []string{"name.givenName", "title"}},
		"Emptied":   {reason: "empty is absent", before: `{"title":"x"}`, after: `{"emails":[],"title":null}`, want: []string{"title"}},
		"Values":    {reason: "one path for all values", before: `{"emails":[{"value":"a@x.test","type":"work"}]}`, after: `{"emails":[{"value":"b@x.test","type":"home"},{"value":"c@x.test"}]}`, want: []string{"emails"}},
		"Order":     {reason: "the order of values counts, as in Equal", before: `{"emails":[{"value":"a"},{"value":"b"}]}`, after: `{"emails":[{"value":"b"},{"value":"a"}]}`, want: []string{"emails"}},
		"Extension": {reason: "under its URN", before: start, after: strings.NewReplacer(`Engines`, `Steam`, `{"value":"1"}`, `{"value":"2"}`).Replace(start), want: []string{EnterpriseUserURN + ":department", EnterpriseUserURN + ":manager.value"}},
		"Created":   {reason: "everything that is there", before: `{}`, after: start, want: []string{"active", "emails", "name.familyName", "name.givenName", EnterpriseUserURN + ":department", EnterpriseUserURN + ":manager.value", "userName"}},
		"Unknown": {
			reason: "the names of others are the client's text, be it a person's", want: []string{UnknownAttribute},
			before: `{"userName":"ada","nick-of-bob":"b"}`, after: `{"userName":"ada","ada@example.com":1,"eve":2,"urn:eve:eve":{"eve":3}}`,
		},
		"UnknownInExtension": {reason: "wherever they are", before: `{}`, after: `{"` + EnterpriseUserURN + `":{"eve":"x"}}`, want: []string{UnknownAttribute}},
		"ReadOnly":           {reason: "nobody's to change", before: `{}`, after: `{"groups":[{"value":"1"}],"password":"secret"}`},
		"Form":               {reason: "shown in another form is another resource", before: `{"accounts":[{"accountId":"a1"}]}`, after: `{"accounts":"[{\"accountId\":\"a1\"}]"}`, want: []string{"accounts"}},
	} {
		t.Run(name, func(t *testing.T) {
			rt := declaredUser(t, Dialect{KeepUnknown: true})
			diff(t, tc.reason, tc.want, rt.Changed(parse(t, rt, tc.before), parse(t, rt, tc.after)), emptyIsNil()...)
		})
	}
}

// TestChangedHoldsNoText: whatever resources are, nothing differs between one and itself, something does between two that are
// not equal, in both directions the same, and every name is that of an attribute in a schema.
func TestChangedHoldsNoText(t *testing.T) {
	rt := zooType(t)
	rt.Dialect.KeepUnknown = true
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		a, b := resourceAtRandom(random, rt), resourceAtRandom(random, rt)
		if got := rt.Changed(a, a); len(got) > 0 {
			t.Fatalf("%v differs from itself in %q", a, got)
		}
		got := rt.Changed(a, b)
		if Equal(a, b) != (len(got) == 0) || !slices.Equal(got, rt.Changed(b, a)) || !slices.IsSorted(got) {
			t.Fatalf("%v and %v: %q, the other way round %q", a, b, got, rt.Changed(b, a))
		}
		for _, path := range got {
			if ref, known := rt.resolve(path); path != UnknownAttribute && (!known || ref.String() != path) {
				t.Fatalf("%q is no attribute", path)
			}
		}
	}
}

// resourceAtRandom has some of the attributes of rt that are a client's to write, and some that rt does not have.
func resourceAtRandom(random *rand.Rand, rt *ResourceType) Resource {
	r := Resource{}
	for _, n := range rt.namespaces() {
		part := map[string]any{}
		for _, a := range n.attributes {
			if a.Mutability != ReadOnly && a.Name != nameMembers && random.IntN(12) == 0 {
				part[a.Name] = valueAtRandom(random, a)
			}
		}
		if random.IntN(4) == 0 {
			part[fmt.Sprintf("eve%d@example.com", random.IntN(3))] = random.IntN(2)
		}
		r.put(n, part)
	}
	if random.IntN(4) == 0 {
		r["urn:eve:"+fmt.Sprint(random.IntN(2))] = map[string]any{"x": "y"}
	}
	return r
}

func valueAtRandom(random *rand.Rand, a *Attribute) any {
	if a.MultiValued {
		return []any{fmt.Sprint(random.IntN(2))}
	}
	if a.Type != TypeComplex {
		return fmt.Sprint(random.IntN(2))
	}
	object := map[string]any{"eve": fmt.Sprint(random.IntN(2))} // of a value that no schema explains
	for _, sub := range a.SubAttributes {
		if random.IntN(20) == 0 {
			object[sub.Name] = fmt.Sprint(random.IntN(2))
		}
	}
	return object
}

func BenchmarkChanged(b *testing.B) {
	rt := UserResourceType()
	user := parse(b, rt, `{"userName":"ada","active":true,"displayName":"Ada","externalId":"1","name":{"givenName":"Ada","familyName":"King"},
		"emails":[{"value":"a@x.test","type":"work","primary":true}],"`+EnterpriseUserURN+`":{"department":"Engines"}}`)
	next := clone(user)
	next["active"] = false
	b.ReportAllocs()
	for b.Loop() {
		if len(rt.Changed(user, next)) != 1 {
			b.Fatal("not one attribute")
		}
	}
}
