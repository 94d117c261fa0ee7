// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzTypes are users as a lenient, a strict and a keeping directory has them.
func fuzzTypes(f *testing.F) (lenient, strict, keeping *ResourceType) {
	f.Helper()
	return declaredUser(f, Dialect{}), declaredUser(f, Dialect{Strict: true}), declaredUser(f, Dialect{KeepUnknown: true})
}

// sameStrictly: what a strict type accepts a lenient one accepts too, with the same outcome.
func sameStrictly(t *testing.T, what any, strict, lenient Resource, strictErr, err error) {
	if strictErr != nil {
		typeOf(t, strictErr)
		return
	}
	if err != nil || !Equal(strict, lenient) {
		t.Fatalf("%s: strict has %v, lenient has %v: %v", what, strict, lenient, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, body := range []string{startUser, filterUser, rendered, `{"a":"\ud83d\ude00"}`, `{"a":"\ud800"}`, `{"a":1,"A":2}`, `{"a":[{"b":null},1e3]}`, `[`, "{}x"} {
		f.Add([]byte(body))
	}
	rt := UserResourceType()
	lenient, strict, keeping := fuzzTypes(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		raw, err := Decode(body)
		if err != nil {
			typeOf(t, err)
			return
		}
		if !json.Valid(body) || !utf8.Valid(body) {
			t.Fatalf("accepted what is not JSON")
		}
		text, err := json.Marshal(raw)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		if _, err := Decode(text); err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
		fuzzParse(t, rt, raw)
		fuzzParse(t, GroupResourceType(), raw)
		fuzzParse(t, keeping, raw)
		got, err := fuzzParse(t, lenient, raw)
		exact, strictErr := fuzzParse(t, strict, raw)
		sameStrictly(t, raw, exact, got, strictErr, err)
		if _, err := ParseSearchRequest(rt, raw, 50, 200); err != nil {
			typeOf(t, err)
		}
	})
}

// fuzzParse: a resource that was accepted survives a round trip, through a store and through a client.
func fuzzParse(t *testing.T, rt *ResourceType, raw map[string]any) (Resource, error) {
	r, err := rt.Parse(raw)
	if err != nil {
		typeOf(t, err)
		return nil, err
	}
	if read := stored(t, r); !Equal(r, read) {
		t.Fatalf("%v is stored as %v", r, read)
	}
	again, err := rt.Parse(rt.Render(r, Projection{}, commonOf("1")))
	if err != nil || !Equal(r, again) {
		t.Fatalf("%v became %v: %v", r, again, err)
	}
	return r, nil
}

func FuzzParseFilter(f *testing.F) {
	for _, filter := range []string{
		`userName eq "x"`, `emails[type eq "work"].value eq "x"`, `not (a pr) and (b co "c" or d.e lt 1)`,
		`id eq "1" and manager eq "2"`, `meta.created ge "2020-01-01T00:00:00Z"`, `active eq "True"`, `title sw "\u00e9\n"`,
		EnterpriseUserURN + `:manager.value ne null`, `((((`, `emails[`, `userName eq "`, `schemas[value eq "x"]`,
	} {
		f.Add(filter)
	}
	rt := UserResourceType()
	r, err := rt.Parse(map[string]any{"userName": "x", "active": true, "emails": []any{map[string]any{"value": "x", "type": "work"}}})
	if err != nil {
		f.Fatal(err)
	}
	lenient, strict, _ := fuzzTypes(f)
	declared := parse(f, lenient, `{"userName":"x","accounts":`+twoAccounts+`,"`+badgeURN+`":{"serial":"1","level":2,"doors":["a"]}}`)
	f.Fuzz(func(t *testing.T, filter string) {
		if exact, err := ParseFilter(strict, filter); err == nil {
			same, err := ParseFilter(lenient, filter)
			if err != nil || same.Match(declared, commonOf("1")) != exact.Match(declared, commonOf("1")) {
				t.Fatalf("%q means another thing to a lenient type: %v", filter, err)
			}
		}
		compiled, err := ParseFilter(rt, filter)
		if err != nil {
			if typeOf(t, err) != ErrorInvalidFilter {
				t.Fatal(err)
			}
			return
		}
		yes := compiled.Match(r, commonOf("1"))
		compiled.Match(Resource{}, Common{})
		if value, ok := compiled.Equality("userName"); ok && strings.EqualFold(value, "x") && !yes {
			t.Fatalf("Equality and Match disagree on %q", filter)
		}
		if len(filter) > 4000 || strings.Count(filter, "(")+strings.Count(filter, "[") > 30 {
			return
		}
		negated, err := ParseFilter(rt, "not ("+filter+")")
		if err == nil && negated.Match(r, commonOf("1")) == yes {
			t.Fatalf("%q and its negation agree", filter)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, p := range []string{
		"userName", "name.givenName", `emails[type eq "work"].value`, EnterpriseUserURN, EnterpriseUserURN + ":manager.value",
		UserURN + `:emails[type eq "work" and primary eq "True"]`, "emails[", "a.b.c", "members[0]", "__proto__", "manager",
	} {
		f.Add(p)
	}
	rt := UserResourceType()
	f.Fuzz(func(t *testing.T, text string) {
		p, err := rt.parsePath(text)
		if err != nil {
			if typ := typeOf(t, err); typ != ErrorInvalidPath && typ != ErrorInvalidFilter {
				t.Fatal(err)
			}
			return
		}
		if p.unknown != nil {
			if p.unknown.ns != nil && p.unknown.ns.byName[fold(p.unknown.name)] != nil && !p.unknown.partial {
				t.Fatalf("%q is not unknown", text)
			}
			return
		}
		if p.attr == nil {
			if rt.namespace(p.ns.urn) != p.ns {
				t.Fatalf("%q leaves the schema", text)
			}
			return
		}
		if p.ns.byName[fold(p.attr.Name)] != p.attr || p.sub != nil && p.attr.sub(p.sub.Name) != p.sub {
			t.Fatalf("%q leaves the schema", text)
		}
		if ref, ok := rt.resolve(p.String()); !ok || ref != p.attributeRef {
			t.Fatalf("%q is not found by its canonical form", text)
		}
	})
}

func FuzzPatch(f *testing.F) {
	for _, operation := range []string{
		`{"op":"Replace","path":"active","value":"False"}`, `{"op":"replace","value":{"name.givenName":"G","emails[type eq \"work\"].value":"x"}}`,
		`{"op":"Remove","path":"roles","value":[{"value":"R1"}]}`, `{"op":"add","path":"emails","value":[{"value":"n","primary":true}]}`,
		`{"op":"remove","path":"emails[type eq \"home\"]"}`, `{"op":"add","path":"manager","value":[{"$ref":null,"value":"m"}]}`,
		`{"op":"replace","path":"name","value":{"givenName":null}}`, `{"op":"remove","path":` + enterprise + `}`,
	} {
		f.Add([]byte(`{"schemas":["` + patchURN + `"],"Operations":[` + operation + `]}`))
	}
	lenient, strict, keeping := fuzzTypes(f)
	start := parse(f, keeping, `{"x":{"y":[1]},"urn:x:y:2.0":{"z":1},"accounts":`+quoted(twoAccounts)+`,`+startUser[1:])
	f.Fuzz(func(t *testing.T, body []byte) {
		raw, err := Decode(body)
		if err != nil {
			return
		}
		fuzzPatch(t, keeping, start, raw)
		known := parse(t, lenient, `{"accounts":`+quoted(twoAccounts)+`,`+startUser[1:])
		got, err := fuzzPatch(t, lenient, known, raw)
		exact, strictErr := fuzzPatch(t, strict, known, raw)
		sameStrictly(t, raw, exact, got, strictErr, err)
	})
}

// fuzzPatch: a PATCH leaves what it was applied to alone, and its outcome is sound.
func fuzzPatch(t *testing.T, rt *ResourceType, start Resource, raw map[string]any) (Resource, error) {
	p, err := ParsePatch(rt, raw)
	if err != nil {
		typeOf(t, err)
		return nil, err
	}
	before := clone(start)
	got, err := p.Apply(rt, start)
	if !Equal(before, start) {
		t.Fatal("Apply changed its input")
	}
	if err != nil {
		typeOf(t, err)
		return nil, err
	}
	lenient := *rt
	lenient.Dialect.Strict = false
	fuzzOutcome(t, &lenient, got)
	return got, nil
}

// fuzzOutcome: whatever a PATCH does, the outcome is a resource that a PUT
// could have made: typed, bounded, with at most one primary, and complete.
func fuzzOutcome(t *testing.T, rt *ResourceType, got Resource) {
	badge, _ := got[badgeURN].(map[string]any) // a PATCH may bring an extension into use and leave out what it requires
	if err := rt.CheckRequired(got); err != nil && got["userName"] != "" && (badge == nil || badge["serial"] != nil && badge["serial"] != "") {
		t.Fatal(err)
	}
	again, err := rt.Parse(rt.Render(got, Projection{}, commonOf("1")))
	if err != nil || !Equal(got, again) {
		t.Fatalf("%v became %v: %v", got, again, err)
	}
}

func FuzzGroupPatch(f *testing.F) {
	for _, operation := range []string{
		`{"op":"Add","path":"members","value":[{"$ref":null,"value":"u1"}]}`, `{"op":"Remove","path":"members","value":[{"value":"u1"}]}`,
		`{"op":"remove","path":"members[value eq \"u1\" or value eq \"u2\"]"}`, `{"op":"remove","path":"members[type eq \"User\"]"},{"op":"add","path":"members","value":"u1"}`,
		`{"op":"replace","value":{"id":"x","displayName":"N","members":["u1",{"value":"u2","display":"U"}]}}`, `{"op":"remove","path":"members"}`,
		`{"op":"add","path":"members[value eq \"u1\"]","value":{"type":"User"}}`, `{"op":"replace","path":"members.type","value":"User"}`,
	} {
		f.Add([]byte(`{"schemas":["` + patchURN + `"],"Operations":[` + operation + `]}`))
	}
	rt := GroupResourceType()
	strict, err := NewGroupType(Dialect{Strict: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		raw, err := Decode(body)
		if err != nil {
			return
		}
		p, err := ParsePatch(rt, raw)
		if err != nil {
			if _, strictErr := ParsePatch(strict, raw); typeOf(t, err) != "" && strictErr == nil {
				t.Fatalf("strict accepts what lenient refuses: %v", err)
			}
			return
		}
		change, rest, err := p.Members()
		if err != nil {
			typeOf(t, err)
			return
		}
		fuzzMembers(t, change)
		got, err := rest.Apply(rt, Resource{"displayName": "G", "members": testMembers()})
		if err != nil {
			typeOf(t, err)
			return
		}
		diff(t, "the rest leaves members alone", any(testMembers()), got["members"])
	})
}

// fuzzMembers: the net effect is one, and without filters the same whoever the
// members are.
func fuzzMembers(t *testing.T, change MemberChange) {
	current := []Member{{"u1", "User"}, {"u2", "User"}, {"g1", "Group"}}
	d := change.Delta(current)
	checkDelta(t, d)
	if len(d.Add) > DefaultLimits().PatchMembers+DefaultLimits().PatchOperations {
		t.Fatalf("%d members", len(d.Add))
	}
	if !change.NeedsCurrent() {
		diff(t, "blind", d, change.Delta(nil))
	}
}

func FuzzCursor(f *testing.F) {
	c := codecOf(f, cursorKey)
	other := codecOf(f, strings.Repeat("x", 32))
	f.Add(c.Encode(position()), []byte("\x01"))
	f.Add(c.Encode(Position{}), []byte{})
	f.Add(other.Encode(position()), make([]byte, 70))
	f.Add("", []byte("\x02"))
	f.Fuzz(func(t *testing.T, cursor string, signed []byte) {
		p, err := c.Decode(cursor)
		if err != nil && typeOf(t, err) != ErrorInvalidCursor {
			t.Fatal(err)
		}
		if err == nil && c.Encode(p) != cursor {
			t.Fatalf("%q is a second spelling of a cursor", cursor)
		}
		if p, ok := parsePosition(signed); ok {
			again, err := c.Decode(c.Encode(p))
			if err != nil || again.LastID != p.LastID || again.Count != p.Count || !again.LastCreated.Equal(p.LastCreated) {
				t.Fatalf("%+v became %+v: %v", p, again, err)
			}
		}
	})
}
