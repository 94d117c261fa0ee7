// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"strings"
	"testing"
)

// stored is r after a store has written it as JSON and read it, with whole numbers as integers.
func stored(t testing.TB, r Resource) Resource {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	v, err := decodeValue(text)
	if err != nil {
		t.Fatal(err)
	}
	object, _ := asStored(v).(map[string]any)
	return object
}

func asStored(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for key := range x {
			x[key] = asStored(x[key])
		}
	case []any:
		for i := range x {
			x[i] = asStored(x[i])
		}
	case json.Number:
		if n, err := x.Int64(); err == nil {
			return n
		}
		f, _ := x.Float64()
		return f
	}
	return v
}

// quoted is text as a JSON string.
func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

const twoAccounts = `[{"accountId":"a1","roles":["r1","r2"],"status":"on"},{"accountId":"a2","teams":["t<1>"]}]`

// accountForms are the forms of idp-behaviour §4.2, and what they are shown as.
func accountForms() map[string]struct{ sent, shown string } {
	one, two := `{"accountId":"a1","roles":["r1","r2"],"status":"on"}`, `{"accountId":"a2","teams":["t<1>"]}`
	return map[string]struct{ sent, shown string }{
		"text":          {quoted(twoAccounts), quoted(twoAccounts)},
		"spaced text":   {quoted(" [ " + one + " ,\n " + two + " ] "), quoted(twoAccounts)},
		"loose text":    {quoted(`[{"STATUS":"on","ROLES":["r1","r2"],"accountid":"a1","x":1},{},` + two + `]`), quoted(twoAccounts)},
		"texts":         {"[" + quoted(one) + "," + quoted(two) + "]", "[" + quoted(one) + "," + quoted(two) + "]"},
		"mixed":         {"[" + one + "," + quoted(two) + "]", "[" + quoted(one) + "," + quoted(two) + "]"},
		"empty between": {"[" + quoted(one) + `,"",` + quoted(two) + "]", "[" + quoted(one) + "," + quoted(two) + "]"},
		"objects":       {twoAccounts, twoAccounts},
	}
}

// TestJSONForms: whatever form the accounts come in, they are the same objects inside, and are shown as they came.
func TestJSONForms(t *testing.T) {
	rt := declaredUser(t, Dialect{})
	want := parse(t, rt, `{"userName":"u","accounts":`+twoAccounts+`}`)["accounts"]
	f, err := ParseFilter(rt, `accounts[accountId eq "a2" and teams eq "T<1>"]`)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range accountForms() {
		t.Run(name, func(t *testing.T) {
			posted := stored(t, parse(t, rt, `{"userName":"u","accounts":`+tc.sent+`}`))
			diff(t, "the values are objects", want, posted["accounts"])
			if !f.Match(posted, Common{}) {
				t.Error("a filter does not find it")
			}
			shown := rt.Render(posted, Projection{}, commonOf("1"))
			diff(t, "shown as it came", decode(t, `{"v":`+tc.shown+`}`)["v"], shown["accounts"])
			if _, ok := shown[keyForms]; ok {
				t.Error("the form itself is shown")
			}
			read, _ := json.Marshal(shown)
			put, err := rt.Replace(posted, parse(t, rt, string(read)))
			if err != nil || !Equal(put, posted) {
				t.Errorf("PUT of what was read changes it: %v, %v", put, err)
			}
			for _, op := range []string{`{"op":"replace","path":"accounts","value":` + tc.sent + `}`, `{"op":"add","value":{"accounts":` + tc.sent + `}}`} {
				got, err := applyPatch(rt, Resource{"userName": "u"}, message(decode(t, op)))
				if err != nil || !Equal(got, posted) {
					t.Errorf("%s: %v, %v", op, got, err)
				}
			}
		})
	}
}

// TestJSONFormsElsewhere: in an extension, of one object, of a single-valued attribute, and with `value`, as Okta's path
// syntax makes it.
func TestJSONFormsElsewhere(t *testing.T) {
	typed := accountsAttribute()
	typed.SubAttributes = append(typed.SubAttributes, &Attribute{Name: "type"}, &Attribute{Name: "value"})
	rt, err := NewUserType(Dialect{}, Extension{Schema: &Schema{ID: "urn:example:2.0:Okta", Attributes: []*Attribute{
		typed, {Name: "home", Type: TypeComplex, SubAttributes: []*Attribute{{Name: "city"}, {Name: "floor", Type: TypeInteger}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ sent, want, shown string }{
		"text":           {`{"accounts":` + quoted(twoAccounts) + `}`, `{"accounts":` + twoAccounts + `}`, `{"accounts":` + quoted(twoAccounts) + `}`},
		"one object":     {`{"accounts":"{\"accountId\":\"a\"}"}`, `{"accounts":[{"accountId":"a"}]}`, `{"accounts":"{\"accountId\":\"a\"}"}`},
		"one in a list":  {`{"accounts":"[{\"accountId\":\"a\"}]"}`, `{"accounts":[{"accountId":"a"}]}`, `{"accounts":"[{\"accountId\":\"a\"}]"}`},
		"native object":  {`{"accounts":{"accountId":"a"}}`, `{"accounts":[{"accountId":"a"}]}`, `{"accounts":[{"accountId":"a"}]}`},
		"path syntax":    {`{"accounts":[{"type":"x","value":"{\"a\":1}"}]}`, `{"accounts":[{"type":"x","value":"{\"a\":1}"}]}`, `{"accounts":[{"type":"x","value":"{\"a\":1}"}]}`},
		"bare value":     {`{"accounts":["a"]}`, `{"accounts":[{"value":"a"}]}`, `{"accounts":[{"value":"a"}]}`},
		"single":         {`{"home":"{\"floor\":3,\"city\":\"c\"}"}`, `{"home":{"city":"c","floor":3}}`, `{"home":"{\"city\":\"c\",\"floor\":3}"}`},
		"single in list": {`{"home":["{\"floor\":3}"]}`, `{"home":{"floor":3}}`, `{"home":"{\"floor\":3}"}`},
		"single object":  {`{"home":{"floor":3}}`, `{"home":{"floor":3}}`, `{"home":{"floor":3}}`},
		"empty":          {`{"home":"","accounts":""}`, `{}`, `{}`},
		"empty json":     {`{"home":"{}","accounts":"[]"}`, `{}`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := stored(t, parse(t, rt, `{"urn:example:2.0:Okta":`+tc.sent+`}`))
			want, _ := asStored(decode(t, tc.want)).(map[string]any)
			diff(t, "values", want, r.part(rt.namespace("urn:example:2.0:Okta")), emptyIsNil()...)
			shown, _ := rt.Render(r, Projection{}, Common{})["urn:example:2.0:Okta"].(map[string]any)
			diff(t, "shown", asStored(decode(t, tc.shown)), any(shown), emptyIsNil()...)
		})
	}
}

func TestJSONFormsRefused(t *testing.T) {
	deep := strings.Repeat(`[`, 40) + strings.Repeat(`]`, 40)
	for name, tc := range map[string]struct{ value, reason string }{
		"not json":        {`"ADMIN"`, "no text of objects, and there is no value"},
		"broken":          {`"[{]"`, "JSON"},
		"list of texts":   {`"[\"a\"]"`, "no objects"},
		"list in list":    {`["[{}]"]`, "one text, one object"},
		"number":          {`5`, "no objects"},
		"duplicate names": {`"{\"status\":\"a\",\"STATUS\":\"b\"}"`, "as in a body"},
		"surrogate":       {`"{\"status\":\"\\ud800\"}"`, "as in a body"},
		"deep":            {quoted(`{"x":` + deep + `}`), "as in a body"},
		"two texts":       {`"{}{}"`, "one text"},
		"type":            {`"{\"status\":{}}"`, "the sub-attribute is text"},
		"long":            {quoted(`[{"roles":[` + strings.Repeat(" ", 32<<10) + `]}]`), "32 KiB"},
		"long when shown": {quoted(`[` + strings.Repeat(`{"status":"`+strings.Repeat("\u2028", 200)+`"},`, 40) + `{}]`), "what is shown must be fit to be sent back"},
		"string in text":  {quoted(`{"status":"` + strings.Repeat("x", 4097) + `"}`), "the limit on strings"},
	} {
		t.Run(name, func(t *testing.T) {
			rt := declaredUser(t, Dialect{})
			_, err := rt.Parse(decode(t, `{"accounts":`+tc.value+`}`))
			if typeOf(t, err) != ErrorInvalidValue || !strings.Contains(err.Error(), "accounts") {
				t.Errorf("%s: %v", tc.reason, err)
			}
			_, err = applyPatch(rt, Resource{"userName": "u"}, message(decode(t, `{"op":"replace","path":"accounts","value":`+tc.value+`}`)))
			if typeOf(t, err) != ErrorInvalidValue {
				t.Errorf("PATCH: %s: %v", tc.reason, err)
			}
		})
	}
	for _, body := range []string{`{"#forms":{"accounts":"text"},"accounts":` + twoAccounts + `}`, `{"x":{"#forms":1},"accounts":` + twoAccounts + `}`} {
		r := parse(t, declaredUser(t, Dialect{KeepUnknown: true}), body)
		if _, there := r[keyForms]; there {
			t.Errorf("a client sets a form: %v", r)
		}
	}
	if r := parse(t, UserResourceType(), `{"roles":"[{\"value\":\"a\"}]"}`); r[keyForms] != nil {
		t.Errorf("JSON text in an attribute that was not declared: %v", r)
	}
}

// TestJSONFormsPatch: who says the whole attribute says its form, who changes a part does not.
func TestJSONFormsPatch(t *testing.T) {
	rt := declaredUser(t, Dialect{})
	start := parse(t, rt, `{"userName":"u","accounts":["{\"accountId\":\"a\",\"status\":\"on\"}"]}`)
	for name, tc := range map[string]struct{ ops, want string }{
		"part":            {`{"op":"replace","path":"accounts[accountId eq \"a\"].status","value":"off"}`, `["{\"accountId\":\"a\",\"status\":\"off\"}"]`},
		"element":         {`{"op":"replace","path":"accounts[accountId eq \"a\"]","value":"{\"status\":\"off\"}"}`, `["{\"accountId\":\"a\",\"status\":\"off\"}"]`},
		"create":          {`{"op":"add","path":"accounts[accountId eq \"b\"].status","value":"off"}`, `["{\"accountId\":\"a\",\"status\":\"on\"}","{\"accountId\":\"b\",\"status\":\"off\"}"]`},
		"add object":      {`{"op":"add","path":"accounts","value":[{"accountId":"b"}]}`, `[{"accountId":"a","status":"on"},{"accountId":"b"}]`},
		"add text":        {`{"op":"add","path":"accounts","value":"{\"accountId\":\"b\"}"}`, `"[{\"accountId\":\"a\",\"status\":\"on\"},{\"accountId\":\"b\"}]"`},
		"add nothing":     {`{"op":"add","path":"accounts","value":null}`, `["{\"accountId\":\"a\",\"status\":\"on\"}"]`},
		"replace objects": {`{"op":"replace","path":"accounts","value":[{"accountId":"b"}]}`, `[{"accountId":"b"}]`},
		"only the form":   {`{"op":"replace","path":"accounts","value":[{"accountId":"a","status":"on"}]}`, `[{"accountId":"a","status":"on"}]`},
		"remove listed":   {`{"op":"remove","path":"accounts","value":["{\"accountId\":\"A\"}"]}`, `["{\"accountId\":\"a\",\"status\":\"on\"}"]`},
		"remove":          {`{"op":"remove","path":"accounts"}`, `null`},
		"remove and add":  {`{"op":"remove","path":"accounts"},{"op":"add","path":"accounts[accountId eq \"b\"].status","value":"x"}`, `[{"accountId":"b","status":"x"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := applyPatch(rt, start, decode(t, `{"Operations":[`+tc.ops+`]}`))
			if err != nil {
				t.Fatal(err)
			}
			shown := rt.Render(stored(t, got), Projection{}, Common{})["accounts"]
			diff(t, "shown", decode(t, `{"v":`+tc.want+`}`)["v"], shown)
			if tc.want == "null" && got[keyForms] != nil {
				t.Errorf("the form outlives the attribute: %v", got)
			}
			if name == "only the form" && Equal(got, start) {
				t.Error("another form is no change, so the client would read back what it did not send")
			}
		})
	}
	put, err := rt.Replace(start, parse(t, rt, `{"userName":"u"}`))
	diff(t, "PUT without accounts", Resource{"userName": "u"}, put)
	if err != nil {
		t.Error(err)
	}
}

// TestJSONFormsStayWithImmutables: a PUT that leaves out an immutable attribute leaves its form too.
func TestJSONFormsStayWithImmutables(t *testing.T) {
	fixed := accountsAttribute()
	fixed.Mutability = Immutable
	rt, err := NewUserType(Dialect{}, Extension{Schema: &Schema{ID: UserURN, Attributes: []*Attribute{fixed}}})
	if err != nil {
		t.Fatal(err)
	}
	start := parse(t, rt, `{"userName":"u","accounts":`+quoted(twoAccounts)+`}`)
	for _, body := range []string{`{"userName":"u"}`, `{"userName":"u","accounts":` + quoted(twoAccounts) + `}`} {
		put, err := rt.Replace(start, parse(t, rt, body))
		if err != nil || !Equal(put, start) {
			t.Errorf("PUT of %s: %v, %v", body, put, err)
		}
	}
}
