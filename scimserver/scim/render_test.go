// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strings"
	"testing"
	"time"
)

const rendered = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
	"id":"1","externalId":"e","userName":"u","name":{"givenName":"g","familyName":"f"},
	"emails":[{"value":"a","type":"work"},{"value":"b"}],` + enterprise + `:{"department":"d","manager":{"value":"m"}},
	"meta":{"resourceType":"User","created":"2026-01-02T03:04:05Z","lastModified":"2026-02-03T04:05:06Z",
	"location":"https://scim.example.com/v2/Users/1","version":"W/\"3\""}}`

func TestRender(t *testing.T) {
	for name, tc := range map[string]struct{ attributes, excluded, want, reason string }{
		"default":             {"", "", rendered, "RFC 7643 §3.1"},
		"attributes":          {"userName", "", `{"schemas":0,"id":0,"userName":0}`, "§3.9: schemas and id always"},
		"attributes case":     {" USERNAME , title ", "", `{"schemas":0,"id":0,"userName":0}`, "names ignore case; absent is absent"},
		"attributes unknown":  {"x,urn:x:y,password", "", `{"schemas":0,"id":0}`, "unknown and hidden names show nothing"},
		"sub-attributes":      {"name.givenName,emails.type", "", `{"schemas":0,"id":0,"name":{"givenName":"g"},"emails":[{"type":"work"}]}`, "§3.9; a value without any is left out"},
		"sub and whole":       {"name.givenName,name", "", `{"schemas":0,"id":0,"name":0}`, "the whole wins"},
		"extension":           {EnterpriseUserURN, "", `{"schemas":0,"id":0,` + enterprise + `:0}`, "a URN"},
		"extension attribute": {EnterpriseUserURN + ":Department", "", `{"schemas":0,"id":0,` + enterprise + `:{"department":"d"}}`, "§3.10"},
		"extension sub":       {EnterpriseUserURN + ":manager.value", "", `{"schemas":0,"id":0,` + enterprise + `:{"manager":{"value":"m"}}}`, "§3.10"},
		"core urn":            {UserURN + ":userName", "", `{"schemas":0,"id":0,"userName":0}`, "§3.10"},
		"meta":                {"meta.version", "", `{"schemas":0,"id":0,"meta":{"version":"W/\"3\""}}`, "common"},
		"excluded":            {"", "name,emails,meta," + EnterpriseUserURN, `{"schemas":0,"id":0,"externalId":0,"userName":0}`, "§3.9"},
		"excluded sub":        {"", "name.givenName,emails.value,meta,manager.value", `{"schemas":0,"id":0,"externalId":0,"userName":0,"name":{"familyName":"f"},"emails":[{"type":"work"}],` + enterprise + `:{"department":"d"}}`, "what becomes empty is left out"},
		"excluded always":     {"", "id,schemas,userName,name,emails,externalId,meta," + EnterpriseUserURN, `{"schemas":0,"id":0}`, "returned always"},
	} {
		t.Run(name, func(t *testing.T) {
			rt := UserResourceType()
			all := decode(t, rendered)
			p, err := ParseProjection(rt, tc.attributes, tc.excluded)
			if err != nil {
				t.Fatal(err)
			}
			want := decode(t, tc.want)
			for key, v := range want { // 0 stands for "as in full"
				if _, isNumber := asNumber(v); isNumber {
					want[key] = all[key]
				}
			}
			r := parse(t, rt, rendered)
			r["password"], r["unknown"] = "secret", "x"
			diff(t, tc.reason, want, rt.Render(r, p, commonOf("1")))
		})
	}
	if _, err := ParseProjection(UserResourceType(), "userName", "title"); typeOf(t, err) != ErrorInvalidValue {
		t.Errorf("both parameters: got %v, want invalidValue", err)
	}
}

func TestRenderReturned(t *testing.T) {
	rt, err := NewResourceType(ResourceType{Name: "X", Schema: &Schema{ID: "urn:x:y", Attributes: []*Attribute{
		{Name: "never", Returned: ReturnedNever}, {Name: "always", Returned: ReturnedAlways},
		{Name: "asked", Returned: ReturnedRequest}, {Name: "usual"},
		{Name: "box", Type: TypeComplex, SubAttributes: []*Attribute{
			{Name: "never", Returned: ReturnedNever}, {Name: "always", Returned: ReturnedAlways}, {Name: "asked", Returned: ReturnedRequest}, {Name: "usual"},
		}},
		{Name: "hidden", Type: TypeComplex, Returned: ReturnedNever, SubAttributes: []*Attribute{{Name: "always", Returned: ReturnedAlways}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	box := map[string]any{"never": "1", "always": "1", "asked": "1", "usual": "1"}
	r := Resource{"never": "1", "always": "1", "asked": "1", "usual": "1", "box": box, "hidden": map[string]any{"always": "1"}}
	for name, tc := range map[string]struct{ attributes, excluded, want string }{
		"default":       {"", "", "always box.always box.usual usual"},
		"request":       {"asked", "", "always asked"},
		"request sub":   {"box.asked", "", "always box.always box.asked"},
		"whole box":     {"box", "", "always box.always box.usual"},
		"never":         {"never,hidden,hidden.always,box.never", "", "always box.always"},
		"excluded":      {"", "always,box.always,usual,box.usual", "always box.always"},
		"excluded all":  {"", "box,usual", "always"},
		"excluded asks": {"", "never", "always box.always box.usual usual"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ParseProjection(rt, tc.attributes, tc.excluded)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			out := rt.Render(r, p, Common{})
			for _, a := range []string{"always", "asked"} {
				if out[a] != nil {
					got = append(got, a)
				}
			}
			inBox, _ := out["box"].(map[string]any)
			for _, a := range []string{"always", "asked", "never", "usual"} {
				if inBox[a] != nil {
					got = append(got, "box."+a)
				}
			}
			for _, a := range []string{"hidden", "never", "usual"} {
				if out[a] != nil {
					got = append(got, a)
				}
			}
			diff(t, name, tc.want, strings.Join(got, " "))
		})
	}
}

func TestRenderSharesNothing(t *testing.T) {
	rt := UserResourceType()
	r := parse(t, rt, rendered)
	before := clone(r)
	out := rt.Render(r, Projection{}, commonOf("1"))
	out["name"].(map[string]any)["givenName"] = "changed"
	out["emails"].([]any)[0].(map[string]any)["value"] = "changed"
	diff(t, "the resource is not changed through its rendering", before, r)
}

func TestRenderCommon(t *testing.T) {
	zone := time.FixedZone("x", 3600)
	out := UserResourceType().Render(Resource{}, Projection{}, Common{Created: time.Date(2026, 1, 1, 0, 30, 0, 5e8, zone)})
	diff(t, "UTC; what is not set is left out", map[string]any{
		"schemas": []any{UserURN},
		"meta":    map[string]any{"resourceType": "User", "created": "2025-12-31T23:30:00.5Z"},
	}, out)
}
