// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	type object = map[string]any
	for name, tc := range map[string]struct {
		body, reason string
		want         Resource
	}{
		"names":               {`{"USERNAME":"a","Name":{"GIVENNAME":"b"}}`, "RFC 7643 §2.1", Resource{"userName": "a", "name": object{"givenName": "b"}}},
		"null and empty":      {`{"title":null,"emails":[],"name":{},"phoneNumbers":null,"roles":[null,{}]}`, "§2.5", Resource{}},
		"empty string":        {`{"title":""}`, "is a value", Resource{"title": ""}},
		"unknown":             {`{"x":1,"urn:x:y":{"a":1},"name":{"x":1},"emails":[{"value":"a","y":[1]}]}`, "dropped", Resource{"emails": []any{object{"value": "a"}}}},
		"readOnly":            {`{"id":"1","meta":{"version":"x"},"schemas":["a"],"groups":[{"value":"g"}]}`, "RFC 7644 §3.3: ignored", Resource{}},
		"readOnly malformed":  {`{"id":{},"meta":"x","schemas":1,"groups":"g"}`, "ignored means not looked at", Resource{}},
		"password":            {`{"password":"s"}`, "accepted and dropped", Resource{}},
		"password malformed":  {`{"password":{"s":[1]}}`, "never looked at", Resource{}},
		"externalId":          {`{"externalID":"00uX"}`, "kept as sent", Resource{"externalId": "00uX"}},
		"boolean text":        {`{"active":"False"}`, "Entra", Resource{"active": false}},
		"boolean text true":   {`{"active":"TRUE"}`, "OneLogin", Resource{"active": true}},
		"primary text":        {`{"emails":[{"value":"a","primary":"true"}]}`, "MS validator", Resource{"emails": []any{object{"value": "a", "primary": true}}}},
		"text stays text":     {`{"title":"True"}`, "only for booleans", Resource{"title": "True"}},
		"number for text":     {`{"title":12345678901234567890}`, "digit for digit", Resource{"title": "12345678901234567890"}},
		"object for list":     {`{"emails":{"value":"a"}}`, "OneLogin", Resource{"emails": []any{object{"value": "a"}}}},
		"text for complex":    {`{"roles":"ADMIN"}`, "Okta", Resource{"roles": []any{object{"value": "ADMIN"}}}},
		"texts for complex":   {`{"roles":["A","B"]}`, "Okta", Resource{"roles": []any{object{"value": "A"}, object{"value": "B"}}}},
		"empty text for list": {`{"roles":""}`, "no role", Resource{}},
		"json in text":        {`{"roles":[{"value":"{\"id\":1}"}]}`, "Entra: text is text", Resource{"roles": []any{object{"value": `{"id":1}`}}}},
		"enterprise": {
			`{"URN:IETF:params:scim:schemas:extension:enterprise:2.0:user":{"Department":"d"}}`, "URNs ignore case",
			Resource{EnterpriseUserURN: object{"department": "d"}},
		},
		"enterprise empty": {`{"` + EnterpriseUserURN + `":{"department":null,"x":1}}`, "absent", Resource{}},
		"enterprise null":  {`{"` + EnterpriseUserURN + `":null}`, "absent", Resource{}},
		"manager":          {manager(`{"value":"m","$ref":"../Users/m","displayName":"M"}`), "$ref and displayName are the server's", withManager("m")},
		"manager text":     {manager(`"m"`), "Entra", withManager("m")},
		"manager list":     {manager(`[{"$ref":null,"value":"m"}]`), "Entra", withManager("m")},
		"managerId":        {manager(`{"managerId":"m","displayName":"M"}`), "OneLogin", withManager("m")},
		"manager empty":    {manager(`""`), "Entra clears so", Resource{}},
		"manager value":    {manager(`{"value":""}`), "Entra clears so", Resource{}},
		"manager no list":  {manager(`[]`), "absent", Resource{}},
		"line breaks":      {`{"addresses":[{"formatted":"a\nb"}]}`, "RFC 7643 §4.1.2", Resource{"addresses": []any{object{"formatted": "a\nb"}}}},
		"certificate":      {`{"x509Certificates":[{"value":"MIIB-_8"}]}`, "base64url without padding", Resource{"x509Certificates": []any{object{"value": "MIIB-_8"}}}},
		"binary length":    {`{"x509Certificates":"` + strings.Repeat("A", 16<<10) + `"}`, "limit", Resource{"x509Certificates": []any{object{"value": strings.Repeat("A", 16<<10)}}}},
		"text length":      {`{"title":"` + strings.Repeat("a", 4096) + `"}`, "limit", Resource{"title": strings.Repeat("a", 4096)}},
	} {
		t.Run(name, func(t *testing.T) {
			diff(t, tc.reason, tc.want, parse(t, UserResourceType(), tc.body))
		})
	}
}

func manager(value string) string {
	return fmt.Sprintf(`{%q:{"manager":%s}}`, EnterpriseUserURN, value)
}

func withManager(id string) Resource {
	return Resource{EnterpriseUserURN: map[string]any{"manager": map[string]any{"value": id}}}
}

func TestParseRefuses(t *testing.T) {
	list := func(n int) string { return `[` + strings.TrimSuffix(strings.Repeat(`"x",`, n), ",") + `]` }
	for name, tc := range map[string]struct{ body, detail, reason string }{
		"boolean for text":  {`{"title":true}`, "title: must be a string", "§2.3.1"},
		"object for text":   {`{"title":{"a":"secret"}}`, "title: must be a string", "§2.3.1"},
		"list for text":     {`{"userName":["a"]}`, "userName: must be a string", "§2.3.1"},
		"text for boolean":  {`{"active":"yes"}`, "active: must be a boolean", "§2.3.2"},
		"number boolean":    {`{"active":0}`, "active: must be a boolean", "§2.3.2"},
		"empty boolean":     {`{"active":""}`, "active: must be a boolean", "absent is null, not empty"},
		"text for name":     {`{"name":"secret"}`, "name: must be an object", "name has no value"},
		"two managers":      {manager(`["a","b"]`), "manager: must be an object", "single-valued"},
		"extension text":    {`{"` + EnterpriseUserURN + `":"x"}`, EnterpriseUserURN + ": must be an object", "§3.3"},
		"sub":               {`{"emails":[{"value":["secret"]}]}`, "emails.value: must be a string", "names the attribute"},
		"two primaries":     {`{"emails":[{"value":"a","primary":true},{"value":"b","primary":"True"}]}`, "emails: more than one value is primary", "§2.4"},
		"bad base64":        {`{"x509Certificates":["?"]}`, "x509Certificates.value: must be base64", "§2.3.6"},
		"101 values":        {`{"roles":` + list(101) + `}`, "roles: must not have more than 100 values", "limit + 1"},
		"4097 bytes":        {`{"title":"` + strings.Repeat("a", 4097) + `"}`, "title: must not be longer than 4096 bytes", "limit + 1"},
		"binary 16385":      {`{"x509Certificates":"` + strings.Repeat("A", 16<<10+1) + `"}`, "x509Certificates.value: must not be longer than 16384 bytes", "limit + 1"},
		"4097 digits":       {`{"title":1` + strings.Repeat("0", 200) + `.` + strings.Repeat("0", 4000) + `}`, "title: must not be longer than 4096 bytes", "limit + 1"},
		"boolean for email": {`{"emails":true}`, "emails: must be an object", "not a value of any kind"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := UserResourceType().Parse(decode(t, tc.body))
			if typeOf(t, err) != ErrorInvalidValue {
				t.Fatalf("%s: got %v, want invalidValue", tc.reason, err)
			}
			if want := "scim 400 invalidValue: " + tc.detail; err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
	_, err := UserResourceType().Parse(map[string]any{"title": "a", "TITLE": "b"})
	if typeOf(t, err) != ErrorInvalidSyntax {
		t.Errorf("two spellings of one name from a program: got %v, want invalidSyntax", err)
	}
}

func TestParseNumbersAndTimes(t *testing.T) {
	rt := zooType(t)
	for body, want := range map[string]any{
		`{"integer-readWrite":9223372036854775807}`:            int64(9223372036854775807),
		`{"decimal-readWrite":1.5e1}`:                          15.0,
		`{"decimal-readWrite":2}`:                              2.0,
		`{"dateTime-readWrite":"2008-01-23T04:56:22Z"}`:        "2008-01-23T04:56:22Z",
		`{"dateTime-readWrite":"2008-01-23T04:56:22.1"}`:       "2008-01-23T04:56:22.1",
		`{"dateTime-readWrite":"2008-01-23T04:56:22.1+02:00"}`: "2008-01-23T04:56:22.1+02:00",
	} {
		for _, got := range parse(t, rt, body) {
			diff(t, body, want, got)
		}
	}
	for _, body := range []string{
		`{"integer-readWrite":1.0}`, `{"integer-readWrite":1e2}`, `{"integer-readWrite":9223372036854775808}`, `{"integer-readWrite":"1"}`,
		`{"decimal-readWrite":"1"}`, `{"decimal-readWrite":true}`,
		`{"dateTime-readWrite":"2008-01-23"}`, `{"dateTime-readWrite":1}`, `{"dateTime-readWrite":"x"}`,
	} {
		if _, err := rt.Parse(decode(t, body)); typeOf(t, err) != ErrorInvalidValue {
			t.Errorf("%s: got %v, want invalidValue", body, err)
		}
	}
}

func TestCheckRequired(t *testing.T) {
	rt, err := NewResourceType(ResourceType{
		Name:   "X",
		Schema: &Schema{ID: "urn:x:core", Attributes: []*Attribute{{Name: "name", Required: true}, {Name: "list", Type: TypeComplex, MultiValued: true, SubAttributes: []*Attribute{{Name: "value", Required: true}, {Name: "b"}}}}},
		Extensions: []Extension{
			{Schema: &Schema{ID: "urn:x:must", Attributes: []*Attribute{{Name: "a"}}}, Required: true},
			{Schema: &Schema{ID: "urn:x:may", Attributes: []*Attribute{{Name: "a", Required: true}, {Name: "b"}}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]ErrorType{
		`{"name":"n","urn:x:must":{"a":"1"}}`:                                      "",
		`{"urn:x:must":{"a":"1"}}`:                                                 ErrorInvalidValue,
		`{"name":"","urn:x:must":{"a":"1"}}`:                                       ErrorInvalidValue,
		`{"name":"n"}`:                                                             ErrorInvalidValue,
		`{"name":"n","urn:x:must":{"a":"1"},"urn:x:may":{"b":"1"}}`:                ErrorInvalidValue,
		`{"name":"n","urn:x:must":{"a":"1"},"urn:x:may":{"a":"1"}}`:                "",
		`{"name":"n","urn:x:must":{"a":"1"},"list":[{"value":"1"},{"b":"1"}]}`:     ErrorInvalidValue,
		`{"name":"n","urn:x:must":{"a":"1"},"list":[{"value":"1"},{"value":"2"}]}`: "",
	} {
		if got := typeOf(t, rt.CheckRequired(parse(t, rt, body))); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
	if got := typeOf(t, UserResourceType().CheckRequired(Resource{"title": "x"})); got != ErrorInvalidValue {
		t.Errorf("User without userName: got %q", got)
	}
}
