// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"strings"
	"testing"
)

const strangeURN = "urn:example:strange:2.0:User"

const strangeUser = `{"schemas":["` + UserURN + `","` + strangeURN + `"],"userName":"u","costCentre":"c","Tier":7,"ratio":1.50,
	"nested":{"a":[{"B":true},null,[]],"n":null},"nothing":null,"none":[],"name":{"givenName":"g","x":1},
	"password":"p","groups":["g"],"emails[x]":1,"__proto__":1,
	` + enterprise + `:{"department":"d","Shirt":"XL"},
	"` + strangeURN + `":{"Badge":12345678901234567890,"ok":false},"urn:example:text:2.0":"x","urn:example:void:2.0":{"a":null}}`

func TestUnknownKept(t *testing.T) {
	type object = map[string]any
	rt := declaredUser(t, Dialect{KeepUnknown: true})
	got := parse(t, rt, strangeUser)
	want := Resource{
		"userName": "u", "costCentre": "c", "Tier": int64(7), "ratio": 1.5, "nested": object{"a": []any{object{"B": true}}},
		"name":            object{"givenName": "g"},
		EnterpriseUserURN: object{"department": "d", "Shirt": "XL"},
		strangeURN:        object{"Badge": 12345678901234567890.0, "ok": false},
	}
	diff(t, "what is kept", want, got)
	if again := stored(t, got); !Equal(got, again) {
		t.Errorf("a store changes it: %v", again)
	}
	if err := rt.CheckRequired(parse(t, rt, `{"userName":"u","`+badgeURN+`":{"x":1}}`)); err != nil {
		t.Errorf("an unknown attribute brings an extension into use: %v", err)
	}
	shown := rt.Render(got, Projection{}, Common{})
	delete(shown, "meta")
	diff(t, "schemas", []any{UserURN, EnterpriseUserURN, strangeURN}, shown["schemas"])
	delete(shown, "schemas")
	diff(t, "shown", map[string]any(want), shown)
	put, err := rt.Replace(got, parse(t, rt, `{"userName":"u","other":1}`))
	diff(t, "PUT replaces what is kept", Resource{"userName": "u", "other": int64(1)}, put)
	if err != nil {
		t.Error(err)
	}
	diff(t, "dropped", Resource{"userName": "u", "name": object{"givenName": "g"}, EnterpriseUserURN: object{"department": "d"}},
		parse(t, declaredUser(t, Dialect{}), strangeUser))
	if _, there := declaredUser(t, Dialect{}).Render(got, Projection{}, Common{})["Tier"]; there {
		t.Error("a type that drops unknown attributes shows what was kept before")
	}
}

func TestUnknownProjection(t *testing.T) {
	rt := declaredUser(t, Dialect{KeepUnknown: true})
	r := parse(t, rt, strangeUser)
	for query, want := range map[string]string{
		"+tier":                                 `Tier`,
		"+TIER,costcentre":                      `Tier costCentre`,
		"+userName":                             ``,
		"+" + EnterpriseUserURN + ":shirt":      EnterpriseUserURN + `:Shirt`,
		"+" + EnterpriseUserURN:                 EnterpriseUserURN + `:Shirt`,
		"+" + strings.ToUpper(strangeURN):       strangeURN + `:Badge ` + strangeURN + `:ok`,
		"+" + strangeURN + ":OK":                strangeURN + `:ok`,
		"-tier,ratio,nested," + strangeURN:      `costCentre ` + EnterpriseUserURN + `:Shirt`,
		"-" + EnterpriseUserURN + ",costCentre": `Tier ratio nested ` + strangeURN + `:Badge ` + strangeURN + `:ok`,
		"-" + strangeURN + ":badge,tier":        `costCentre ratio nested ` + EnterpriseUserURN + `:Shirt ` + strangeURN + `:ok`,
	} {
		attributes, excluded := query[1:], ""
		if query[0] == '-' {
			attributes, excluded = "", query[1:]
		}
		p, err := ParseProjection(rt, attributes, excluded)
		if err != nil {
			t.Fatal(err)
		}
		shown := rt.Render(r, p, Common{})
		for _, name := range []string{"Tier", "costCentre", "ratio", "nested", EnterpriseUserURN + ":Shirt", strangeURN + ":Badge", strangeURN + ":ok"} {
			values, key := shown, name
			if i := strings.LastIndexByte(name, ':'); i > 0 {
				values, _ = shown[name[:i]].(map[string]any)
				key = name[i+1:]
			}
			_, there := values[key]
			if listed := strings.Contains(" "+want+" ", " "+name+" "); there != listed {
				t.Errorf("%s: %s is shown = %v", query, name, there)
			}
		}
	}
}

func TestUnknownPatch(t *testing.T) {
	rt := declaredUser(t, Dialect{KeepUnknown: true})
	start := `{"userName":"u","Tier":7,"list":[1,2],` + enterprise + `:{"Shirt":"XL"},"` + strangeURN + `":{"Badge":1}}`
	for name, tc := range map[string]struct{ ops, want, reason string }{
		"add":                  {`{"op":"add","path":"hobby","value":["x"]}`, `{"hobby":["x"]}`, "set"},
		"replace":              {`{"op":"replace","path":"TIER","value":{"a":1}}`, `{"Tier":{"a":1}}`, "as a whole, in the spelling that is there"},
		"replace same":         {`{"op":"replace","path":"tier","value":7}`, `{}`, "no change"},
		"add to list":          {`{"op":"add","path":"list","value":[3]}`, `{"list":[3]}`, "nobody knows that it is multi-valued"},
		"remove":               {`{"op":"remove","path":"tier"}`, `{"Tier":null}`, "removed"},
		"remove absent":        {`{"op":"remove","path":"x"}`, `{}`, "nothing"},
		"remove listed":        {`{"op":"remove","path":"list","value":[1]}`, `{}`, "SEC-27: never all of it"},
		"null":                 {`{"op":"replace","path":"tier","value":null}`, `{"Tier":null}`, "unassigned"},
		"sub-attribute":        {`{"op":"replace","path":"tier.x","value":1}`, `{}`, "parts are ignored"},
		"value filter":         {`{"op":"remove","path":"list[value eq 1]"}`, `{}`, "parts are ignored"},
		"without path":         {`{"op":"add","value":{"hobby":1,"tier":null,"a.b":1,"urn:x:y:2.0":{"c":1}}}`, `{"hobby":1,"Tier":null,"urn:x:y:2.0":{"c":1}}`, "set"},
		"extension":            {`{"op":"add","path":"` + EnterpriseUserURN + `:shirt","value":"S"}`, `{` + enterprise + `:{"Shirt":"S"}}`, "in its object"},
		"extension object":     {`{"op":"replace","value":{` + enterprise + `:{"shoe":42}}}`, `{` + enterprise + `:{"Shirt":"XL","shoe":42}}`, "in its object"},
		"extension last":       {`{"op":"remove","path":"` + EnterpriseUserURN + `:shirt"}`, `{` + enterprise + `:null}`, "an empty one is none"},
		"extension whole":      {`{"op":"remove","path":` + enterprise + `}`, `{` + enterprise + `:null}`, "with what is kept in it"},
		"core urn":             {`{"op":"add","path":"` + UserURN + `:hobby","value":1}`, `{"hobby":1}`, "§3.10"},
		"in object":            {`{"op":"add","path":"` + strings.ToUpper(strangeURN) + `:size","value":2}`, `{"` + strangeURN + `":{"Badge":1,"size":2}}`, "of a schema that nobody knows"},
		"in object complex":    {`{"op":"add","path":"` + strangeURN + `:size","value":{"a":2}}`, `{"` + strangeURN + `":{"Badge":1,"size":{"a":2}}}`, "the object is there"},
		"in new object":        {`{"op":"add","path":"urn:x:y:2.0:User:size","value":2}`, `{"urn:x:y:2.0:User":{"size":2}}`, "Entra's custom attributes"},
		"object":               {`{"op":"replace","path":"` + strangeURN + `","value":{"c":3}}`, `{"` + strangeURN + `":{"c":3}}`, "as a whole"},
		"object without value": {`{"op":"replace","path":"` + strangeURN + `","value":3}`, `{}`, "a schema has an object"},
		"object removed":       {`{"op":"remove","path":"` + strangeURN + `"}`, `{"` + strangeURN + `":null}`, "as a whole"},
		"object emptied":       {`{"op":"remove","path":"` + strangeURN + `:badge"}`, `{"` + strangeURN + `":null}`, "an empty one is none"},
		"new object":           {`{"op":"add","path":"urn:x:y:2.0","value":{"c":3}}`, `{"urn:x:y:2.0":{"c":3}}`, "a URN with an object"},
		"never kept":           {`{"op":"add","value":{"#forms":{"accounts":"text"},"__proto__":1,"emails.x":1}}`, `{}`, "no names"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := applyPatch(rt, parse(t, rt, start), decode(t, `{"Operations":[`+tc.ops+`]}`))
			if err != nil {
				t.Fatal(err)
			}
			body := decode(t, start)
			for key, v := range decode(t, tc.want) {
				body[key] = v
			}
			want, err := rt.Parse(body)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tc.reason, want, got)
			dropping := declaredUser(t, Dialect{})
			dropped, err := applyPatch(dropping, Resource{"userName": "u"}, decode(t, `{"Operations":[`+tc.ops+`]}`))
			diff(t, "nothing happens where nothing is kept", Resource{"userName": "u"}, dropped)
			if err != nil {
				t.Errorf("dropped: %v", err)
			}
		})
	}
}

func TestUnknownLimits(t *testing.T) {
	rt := declaredUser(t, Dialect{KeepUnknown: true})
	many := func(n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, `"a%d":1,`, i)
		}
		return strings.TrimSuffix(out.String(), ",")
	}
	for name, tc := range map[string]struct {
		body string
		want ErrorType
	}{
		"64":                    {`{` + many(64) + `}`, ""},
		"65":                    {`{` + many(65) + `}`, ErrorInvalidValue},
		"65 in an extension":    {`{"x":1,` + enterprise + `:{` + many(64) + `}}`, ErrorInvalidValue},
		"65 in a strange one":   {`{"x":1,"urn:x:y":{` + many(64) + `}}`, ErrorInvalidValue},
		"string":                {`{"x":{"y":["` + strings.Repeat("x", 4096) + `"]}}`, ""},
		"long string":           {`{"x":{"y":["` + strings.Repeat("x", 4097) + `"]}}`, ErrorInvalidValue},
		"long name below":       {`{"x":{"` + strings.Repeat("x", 4097) + `":1}}`, ErrorInvalidValue},
		"long name is not kept": {`{"` + strings.Repeat("x", 257) + `":1}`, ""},
	} {
		r, err := rt.Parse(decode(t, tc.body))
		if got := typeOf(t, err); got != tc.want {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if name == "long name is not kept" && len(r) > 0 {
			t.Errorf("%s: %v", name, r)
		}
	}
	full := parse(t, rt, `{"userName":"u",`+many(64)+`}`)
	if _, err := applyPatch(rt, full, patchOf("add", "b", 1)); typeOf(t, err) != ErrorInvalidValue {
		t.Errorf("PATCH to 65: %v", err)
	}
	if _, err := applyPatch(rt, full, patchOf("add", "A1", 2)); err != nil {
		t.Errorf("PATCH of one of 64: %v", err)
	}
}

// TestUnknownNowhereElse: what is kept has no meaning, so nothing can be asked about it.
func TestUnknownNowhereElse(t *testing.T) {
	for name, d := range map[string]Dialect{"drop": {}, "keep": {KeepUnknown: true}, "strict": {Strict: true}} {
		rt := declaredUser(t, d)
		for _, attribute := range []string{"Tier", strangeURN + ":Badge", EnterpriseUserURN + ":Shirt", "name.x", keyForms, "accounts.x"} {
			if _, err := ParseFilter(rt, attribute+" pr"); typeOf(t, err) != ErrorInvalidFilter {
				t.Errorf("%s: filter on %s: %v", name, attribute, err)
			}
			if _, err := ParseSort(rt, attribute, ""); typeOf(t, err) != ErrorInvalidValue {
				t.Errorf("%s: sort by %s: %v", name, attribute, err)
			}
		}
		if _, err := ParsePatch(rt, patchOf("remove", `emails[x eq "1"]`, nil)); typeOf(t, err) != ErrorInvalidFilter {
			t.Errorf("%s: filter in a path: %v", name, err)
		}
	}
	group, err := NewGroupType(Dialect{KeepUnknown: true})
	if err != nil {
		t.Fatal(err)
	}
	current := parse(t, group, `{"displayName":"G","active":true,"password":"p","description":"d"}`)
	diff(t, "kept on groups", Resource{"displayName": "G", "active": true, "description": "d"}, current)
	put, err := group.Replace(current, parse(t, group, `{"displayName":"G"}`))
	diff(t, "active means nothing on a group", Resource{"displayName": "G"}, put)
	if err != nil {
		t.Error(err)
	}
}

func TestUnknownErrors(t *testing.T) {
	rt := declaredUser(t, Dialect{Strict: true})
	for body, want := range map[string]string{
		`{"costCentre":"secret"}`:                    "costCentre is not in",
		`{"secret value":1}`:                         "a member is not in",
		`{"` + strings.Repeat("secret", 20) + `":1}`: "a member is not in",
		`{"urn:secret:x":{}}`:                        "a member is not in",
	} {
		_, err := rt.Parse(withSchemas(rt, decode(t, body)))
		if typeOf(t, err) != ErrorInvalidValue || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
