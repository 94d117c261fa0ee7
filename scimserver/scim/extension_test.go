// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strings"
	"testing"
)

// badge has every type that an attribute can have.
const badge = `{"serial":"S1","vip":true,"level":3,"weight":1.5,"issued":"2026-01-01T00:00:00Z","chip":"AAAA",
	"photo":"https://x/p","doors":["north","south"],"holder":{"name":"N","floor":2},"keys":[{"value":"k1","type":"main","primary":true},{"value":"k2"}]}`

func TestDeclaredExtension(t *testing.T) {
	rt := declaredUser(t, Dialect{})
	r := parse(t, rt, `{"userName":"u","`+badgeURN+`":`+badge+`}`)
	for _, dialect := range []Dialect{{Strict: true}, {KeepUnknown: true}} {
		other := declaredUser(t, dialect)
		diff(t, "every dialect", r, parse(t, other, `{"schemas":["`+UserURN+`","`+badgeURN+`"],"userName":"u","`+badgeURN+`":`+badge+`}`))
	}
	if err := rt.CheckRequired(r); err != nil {
		t.Error(err)
	}
	if again := stored(t, r); !Equal(again, r) {
		t.Errorf("a store changes it: %v", again)
	}
	if typeOf(t, rt.CheckRequired(parse(t, rt, `{"userName":"u","`+badgeURN+`":{"vip":true}}`))) != ErrorInvalidValue {
		t.Error("serial is required where there is a badge")
	}
	for filter, want := range map[string]bool{
		`serial eq "S1"`: true, `serial eq "s1"`: false, `vip eq true`: true, `level gt 2`: true, `weight lt 1.5`: false,
		`issued le "2026-01-01T01:00:00+01:00"`: true, `chip eq "AAAA"`: true, `photo sw "https:"`: true, `doors eq "SOUTH"`: true,
		`doors co "est"`: false, `holder.floor ge 2`: true, `holder.name ew "n"`: true, `keys[type eq "main" and primary eq true]`: true,
		`keys eq "k2"`: true, `keys[value eq "k2" and primary eq true]`: false,
	} {
		f, err := ParseFilter(rt, badgeURN+":"+filter)
		if err != nil || f.Match(r, Common{}) != want {
			t.Errorf("%s: want %v, %v", filter, want, err)
		}
	}
	for _, name := range []string{"serial", "vip", "level", "weight", "issued", "chip", "photo", "doors", "holder.floor", "keys"} {
		s, err := ParseSort(rt, badgeURN+":"+name, "")
		if err != nil || s.Compare(r, Resource{"userName": "v"}, Common{}, Common{}) >= 0 {
			t.Errorf("sort by %s: %v", name, err)
		}
		p, err := ParseProjection(rt, badgeURN+":"+name, "")
		shown, _ := rt.Render(r, p, Common{})[badgeURN].(map[string]any)
		if err != nil || len(shown) != 1 {
			t.Errorf("attributes=%s: %v, %v", name, shown, err)
		}
	}
}

func TestDeclaredExtensionPatch(t *testing.T) {
	rt := declaredUser(t, Dialect{})
	start := parse(t, rt, `{"userName":"u","`+badgeURN+`":`+badge+`}`)
	for name, tc := range map[string]struct {
		op, want string
		err      ErrorType
	}{
		"by URN":          {`{"op":"replace","path":"` + badgeURN + `:level","value":4}`, `"level":4`, ""},
		"by bare name":    {`{"op":"replace","path":"level","value":4}`, `"level":4`, ""},
		"sub by URN":      {`{"op":"replace","path":"` + badgeURN + `:holder.floor","value":4}`, `"holder":{"name":"N","floor":4}`, ""},
		"value path":      {`{"op":"replace","path":"` + badgeURN + `:keys[type eq \"main\"].value","value":"k9"}`, `"keys":[{"value":"k9","type":"main","primary":true},{"value":"k2"}]`, ""},
		"primary moves":   {`{"op":"add","path":"` + badgeURN + `:keys","value":[{"value":"k3","primary":true}]}`, `"keys":[{"value":"k1","type":"main","primary":false},{"value":"k2"},{"value":"k3","primary":true}]`, ""},
		"nested":          {`{"op":"add","value":{"` + badgeURN + `":{"doors":["NORTH","west"]}}}`, `"doors":["north","south","west"]`, ""},
		"immutable":       {`{"op":"replace","path":"` + badgeURN + `:issued","value":"2027-01-01T00:00:00Z"}`, ``, ErrorMutability},
		"required":        {`{"op":"remove","path":"` + badgeURN + `:serial"}`, ``, ErrorMutability},
		"wrong type":      {`{"op":"replace","path":"` + badgeURN + `:level","value":1.5}`, ``, ErrorInvalidValue},
		"whole extension": {`{"op":"remove","path":"` + badgeURN + `"}`, ``, ErrorMutability},
	} {
		got, err := applyPatch(rt, start, message(decode(t, tc.op)))
		if typ := typeOf(t, err); typ != tc.err {
			t.Errorf("%s: %v, want %q", name, err, tc.err)
		}
		if tc.err == "" {
			body := decode(t, badge)
			for key, v := range decode(t, `{`+tc.want+`}`) {
				body[key] = v
			}
			want, err := rt.Parse(map[string]any{"userName": "u", badgeURN: body})
			if err != nil {
				t.Fatal(err)
			}
			diff(t, name, want, got)
		}
	}
}

func TestDeclaredExtensionDiscovery(t *testing.T) {
	rt := declaredUser(t, Dialect{})
	names := map[string]bool{}
	for _, schema := range Schemas("https://x", rt) {
		for _, a := range schema["attributes"].([]any) {
			names[schema["id"].(string)+":"+a.(map[string]any)["name"].(string)] = true
		}
	}
	for _, name := range []string{UserURN + ":accounts", badgeURN + ":serial", badgeURN + ":keys", EnterpriseUserURN + ":manager"} {
		if !names[name] {
			t.Errorf("/Schemas lacks %s", name)
		}
	}
	extensions := ResourceTypes("https://x", rt)[0]["schemaExtensions"]
	diff(t, "/ResourceTypes", []any{
		map[string]any{"schema": EnterpriseUserURN, "required": false}, map[string]any{"schema": badgeURN, "required": false},
	}, extensions)
}

func TestDeclarationsThatCollide(t *testing.T) {
	core := func(names ...string) []Extension {
		schema := &Schema{ID: strings.ToUpper(UserURN)}
		for _, name := range names {
			schema.Attributes = append(schema.Attributes, &Attribute{Name: name})
		}
		return []Extension{{Schema: schema}}
	}
	own := func(urn string, names ...string) Extension {
		e := core(names...)[0]
		e.Schema.ID = urn
		return e
	}
	for name, tc := range map[string]struct {
		extensions []Extension
		want       string
	}{
		"core attribute":     {core("a", "USERNAME"), "attribute USERNAME: name is taken"},
		"common attribute":   {core("Externalid"), "attribute Externalid: name is taken"},
		"id":                 {core("ID"), "attribute ID: name is taken"},
		"schemas":            {core("Schemas"), "attribute Schemas: name is taken"},
		"password":           {core("PassWord"), "attribute PassWord: name is taken"},
		"each other":         {core("accounts", "Accounts"), "attribute Accounts: name is taken"},
		"two declarations":   {append(core("accounts"), core("ACCOUNTS")...), "attribute ACCOUNTS: name is taken"},
		"in an extension":    {[]Extension{own("urn:x:y", "a", "A")}, "attribute A: name is taken"},
		"URN twice":          {[]Extension{own("urn:x:y", "a"), own("URN:X:y", "b")}, "declared twice"},
		"URN of the RFC":     {[]Extension{own(strings.ToLower(EnterpriseUserURN), "a")}, "declared twice"},
		"sub-attributes":     {[]Extension{{Schema: &Schema{ID: "urn:x:y", Attributes: []*Attribute{{Name: "a", Type: TypeComplex, SubAttributes: []*Attribute{{Name: "b"}, {Name: "B"}}}}}}}, "attribute B: name is taken"},
		"the reserved key":   {core(keyForms), "name is not one of"},
		"same name, own URN": {[]Extension{own("urn:x:y", "userName")}, ""},
	} {
		_, err := NewUserType(Dialect{}, tc.extensions...)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	declared := core("accounts")
	declared[0].Schema.Attributes[0].Type = TypeComplex
	declared[0].Schema.Attributes[0].SubAttributes = []*Attribute{{Name: "a"}}
	for range 2 {
		if _, err := NewUserType(Dialect{}, declared...); err != nil {
			t.Errorf("a declaration is used again: %v", err)
		}
	}
	if declared[0].Schema.Attributes[0].acceptText {
		t.Error("the caller's declaration is changed")
	}
}
