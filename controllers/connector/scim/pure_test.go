// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

func TestKeeps(t *testing.T) {
	for name, want := range map[string]bool{
		"displayName": true, "email": true, "title": true, "TITLE": true, "nickName": true, "name.givenName": true, "name": false, "name.x": false,
		enterpriseDepartment: true, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value": true,
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:shoeSize": false, "urn:example:params:User:shoeSize": true, "urn:x": false,
		"urn:ietf:params:scim:schemas:core:2.0:User:active": false, "urn:ietf:params:scim:schemas:core:2.0:User:title": true,
		`phoneNumbers[type eq "work"].value`: true, `phoneNumbers[type eq "work"]`: false, `phoneNumbers[value eq "1"].value`: false,
		"phoneNumbers": false, "phoneNumbers.value": false, `title[type eq "work"].value`: false,
		"userName": false, "active": false, "externalId": false, "password": false, "groups": false, "roles": false, "emails": false, "id": false,
		"": false, ".": false, "a b": false, "title.": false, "scim-operator.dev/no-such-attribute": false,
	} {
		if got := keeps(name); got != want {
			t.Errorf("keeps(%q) = %v", name, got)
		}
	}
}

func TestPaths(t *testing.T) {
	const body = `{"title":"Boss","Name":{"GivenName":"Zoe"},"phoneNumbers":[{"type":"home","value":"1"},{"type":"Work","value":"2"}],
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales","manager":"7"}}`
	for name, want := range map[string]string{
		"title": "Boss", "name.givenName": "Zoe", `phoneNumbers[type eq "work"].value`: "2", enterpriseDepartment: "Sales", "nickName": "",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value": "7", "urn:example:User:a": "",
	} {
		r, _ := decode([]byte(body))
		p, ok := parsePath(name)
		if got := p.get(r); !ok || got != want {
			t.Errorf("%s is %q, %v, want %q", name, got, ok, want)
		}
		for _, value := range []string{"new", "", "again"} {
			p.set(r, value)
			if got := p.get(r); got != value {
				t.Errorf("%s: set %q, got %q", name, value, got)
			}
		}
	}
}

// TestEmails leaves other addresses alone, and none where there shall be none.
func TestEmails(t *testing.T) {
	for before, want := range map[string]string{
		`[]`: `[{"primary":true,"type":"work","value":"new"}]`,
		`[{"value":"a"},{"value":"b","primary":true}]`: `[{"value":"a"},{"primary":true,"value":"new"}]`,
		`[{"value":"a","type":"home"}]`:                `[{"primary":true,"type":"home","value":"new"}]`,
	} {
		r, _ := decode([]byte(`{"emails":` + before + `}`))
		got, err := json.Marshal(listOf(emailsWith(r.entries(attrEmails), "new")))
		if string(got) != want || err != nil {
			t.Errorf("%s became %s, want %s", before, got, want)
		}
		if left := emailsWith(r.entries(attrEmails), ""); len(left) > 0 {
			t.Errorf("%s without an address is %v", before, left)
		}
	}
}

func TestFeatures(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: "0 0 false false 100",
		`{"patch":{"supported":true},"filter":{"supported":false,"maxResults":50},"etag":{"supported":true}}`:                    "1 -1 true false 50",
		`{"Patch":{"Supported":false},"filter":{"supported":true,"maxResults":0},"pagination":{"cursor":true,"maxPageSize":20}}`: "-1 1 false true 20",
	} {
		r, _ := decode([]byte(body))
		f := featuresOf(r)
		got := strings.Join([]string{str(f.patch.Load()), str(f.filter.Load()), str(f.etag), str(f.cursor), str(f.pageSize)}, " ")
		if got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

func str(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func TestValidate(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no name":             {Roles: []Role{{}}},
		"a damaged name":      {Roles: []Role{{Name: connector.DamagedPrefix + "x"}}},
		"twice":               {Roles: []Role{{Name: "a"}, {Name: "a", Group: "b"}}},
		"the same group":      {Roles: []Role{{Name: "a"}, {Name: "b", Group: "a"}}},
		"the same value":      {RolesAs: RolesAttribute, Roles: []Role{{Name: "a"}, {Name: "b", Value: "a"}}},
		"unknown roles":       {RolesAs: "Something"},
		"unknown suspension":  {Suspension: "Something"},
		"an URL that is none": {Roles: []Role{{Name: "a"}}},
	} {
		if _, err := Open(t.Context(), cfg); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("%s: Open returned %v, want Invalid", name, err)
		}
	}
}

// TestWalker reads lists that change or lie while they are read.
func TestWalker(t *testing.T) {
	ids := func(list string) (all []resource) {
		for _, id := range strings.Fields(list) {
			all = append(all, resource{attrID: id})
		}
		return all
	}
	for name, c := range map[string]struct {
		pages []page
		want  string
	}{
		"two pages":              {[]page{{ids("a b"), 3, ""}, {ids("c"), 3, ""}}, "done"},
		"pages overlap":          {[]page{{ids("a b"), 3, ""}, {ids("b c"), 3, ""}}, "done"},
		"always the first":       {[]page{{ids("a b"), 3, ""}, {ids("a b"), 3, ""}}, "truncated"},
		"ends early":             {[]page{{ids("a b"), 3, ""}, {nil, 3, ""}}, "truncated"},
		"nothing":                {[]page{{nil, 0, ""}}, "done"},
		"grows":                  {[]page{{ids("a b"), 3, ""}, {ids("c"), 4, ""}, {ids("d"), 4, ""}}, "done"},
		"shrinks by one seen":    {[]page{{ids("a b"), 4, ""}, {ids("c d"), 3, ""}}, "done"},
		"cursors":                {[]page{{ids("a b"), -1, "x"}, {ids("c"), -1, ""}}, "done"},
		"cursors end early":      {[]page{{ids("a b"), 4, "x"}, {ids("c"), 4, ""}}, "truncated"},
		"a cursor that repeats":  {[]page{{ids("a b"), 4, "x"}, {ids("c"), 4, "x"}}, "truncated"},
		"no total and no cursor": {[]page{{ids("a b"), -1, ""}, {nil, -1, ""}}, "truncated"},
	} {
		w := &walker{seen: map[string]bool{}, start: 1}
		got := "more"
		for _, p := range c.pages {
			fresh := 0
			for _, r := range p.resources {
				if id := r.text(attrID); !w.seen[id] {
					w.seen[id] = true
					fresh++
				}
			}
			if err := w.advance(p, fresh); err != nil {
				got = "truncated"
				break
			}
			if w.done {
				got = "done"
			}
			w.start = w.startIndex()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestBatch keeps the changes of one group together.
func TestBatch(t *testing.T) {
	got := idsOf([]membership{{"a", true}, {"b", false}, {"a", true}, {"c", true}}, true)
	if diff := cmp.Diff([]string{"a", "c"}, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzEquals has a filter say exactly the value, whatever that is.
func FuzzEquals(f *testing.F) {
	for _, seed := range []string{"jane@example.com", `a" or userName pr`, `\`, "O'Brien", "王小明", "a\x00b", "<&>", "] eq "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		filter, err := equals(attrExternalID, value)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := scim.ParseFilter(scim.UserResourceType(), filter)
		if err != nil {
			return // refused is not misunderstood
		}
		if got, ok := parsed.Equality(attrExternalID); !ok || got != strings.ToValidUTF8(value, "\uFFFD") && got != value {
			if strings.ToValidUTF8(value, "") == value {
				t.Errorf("%q became the filter %s, which is for %q", value, filter, got)
			}
		}
	})
}

// FuzzDecode survives whatever an application answers.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":7,"emails":"a","groups":[1,"2",{"value":null}],"urn:x:y":{"a":[{}]},"name":[]}`))
	f.Fuzz(func(_ *testing.T, body []byte) {
		r, ok := decode(body)
		if !ok {
			return
		}
		u := user{resource: r, id: r.text(attrID)}
		c := Connector{config: Config{Roles: []Role{{Name: "a"}}}}
		want := connector.Account{UserName: "x", Profile: map[string]string{"email": "a", "name.givenName": "b", `phoneNumbers[type eq "work"].value`: "c", enterpriseDepartment: "d"}}
		_ = c.difference(u, want)
	})
}
