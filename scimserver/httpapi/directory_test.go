// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const badgeURN = "urn:example:params:scim:schemas:badge:1.0"

// badges declares one schema for both types, with an attribute in common and one that each has alone, and an attribute of the
// core User.
func badges(s *v1alpha1.ScimDirectorySpec) {
	text := func(names ...string) (out []v1alpha1.SchemaAttribute) {
		for _, name := range names {
			a := v1alpha1.SchemaAttribute{Type: "string"}
			a.Name, a.Mutability, a.Returned = name, "readWrite", "default"
			out = append(out, a)
		}
		return out
	}
	s.Extensions = []v1alpha1.SchemaExtension{
		{ResourceType: v1alpha1.ResourceTypeUser, URN: badgeURN, Name: "Badge", Attributes: text("level", "desk")},
		{ResourceType: v1alpha1.ResourceTypeGroup, URN: badgeURN, Name: "Badge", Attributes: text("level", "floor")},
		{ResourceType: v1alpha1.ResourceTypeUser, Attributes: text("shoeSize")},
	}
}

// TestDirectoriesHaveTheirOwnTypes: what a directory declares is parsed, found, sorted by, shown and described there, and
// nowhere else.
func TestDirectoriesHaveTheirOwnTypes(t *testing.T) {
	a := newAPI(t).settle(badges)
	wide := `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","` + badgeURN + `"],"userName":"ann","shoeSize":"44","` + badgeURN + `":{"level":"1","desk":"D"}}`
	w := a.call(t, request{method: "PUT", target: one, body: wide})
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"shoeSize":"44"`) || !strings.Contains(w.Body.String(), `"desk":"D"`) {
		t.Fatalf("PUT: %d %s", w.Code, w.Body)
	}
	w = a.call(t, request{method: "PATCH", target: one + "?attributes=" + badgeURN + ":desk", body: `{"Operations":[{"op":"replace","path":"` + badgeURN + `:desk","value":"E"}]}`})
	if w.Code != 200 || !strings.Contains(w.Body.String(), `{"desk":"E"}`) || strings.Contains(w.Body.String(), "level") {
		t.Errorf("PATCH: %d %s", w.Code, w.Body)
	}
	a.groups.groups[knownGroup].Resource[badgeURN] = map[string]any{"level": "2", "floor": "F"}
	for name, tc := range map[string]struct {
		target, query string
		want          []string
	}{
		"Core":       {"/Users", `shoeSize eq "44"`, []string{knownID}},
		"URN":        {"/Users", badgeURN + `:desk eq "E"`, []string{knownID}},
		"Group":      {"/Groups", badgeURN + `:floor eq "F"`, []string{knownGroup}},
		"All":        {"", badgeURN + `:level pr`, []string{knownID, knownGroup}},
		"AllUsers":   {"", badgeURN + `:desk pr`, []string{knownID}},
		"AllGroups":  {"", badgeURN + `:floor pr`, []string{knownGroup}},
		"AllCore":    {"", `shoeSize pr`, []string{knownID}},
		"AllOrder":   {"", `id pr`, []string{knownID, knownGroup}},
		"AllNothing": {"", badgeURN + `:desk pr and ` + badgeURN + `:floor pr`, nil},
	} {
		body, _ := json.Marshal(map[string]any{"filter": tc.query, "sortBy": badgeURN + ":level"})
		got := a.find(t, request{method: "POST", target: basePath + tc.target + "/.search", body: string(body)})
		if diff := cmp.Diff(tc.want, got.ids()); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
	}
	if got := a.find(t, request{method: "GET", target: basePath + "/Schemas"}); !slices.Contains(got.ids(), badgeURN) {
		t.Errorf("schemas %v", got.ids())
	}
	w = a.call(t, request{method: "GET", target: basePath + "/ResourceTypes/User"})
	if !strings.Contains(w.Body.String(), `{"required":false,"schema":"`+badgeURN+`"}`) {
		t.Errorf("the resource type lacks the extension: %s", w.Body)
	}
	other := a.serve(request{method: "GET", target: "/scim/v2/team-a/other/Users?filter=" + url.QueryEscape(`shoeSize pr`)}.with(t, a.other))
	if other.Code != http.StatusBadRequest {
		t.Errorf("another directory knows shoeSize: %d", other.Code)
	}
	if w := a.call(t, request{method: "GET", target: one}); !strings.Contains(w.Body.String(), "shoeSize") {
		t.Errorf("not kept: %s", w.Body)
	}
}

// TestStrictSearchOfAll: what one type does not have is no form outside the RFCs.
func TestStrictSearchOfAll(t *testing.T) {
	a := crowd(t).settle(func(s *v1alpha1.ScimDirectorySpec) { s.Protocol.Mode = v1alpha1.ModeStrict })
	got := a.find(t, request{method: "POST", target: basePath + "/.search", body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"d@x\" or members.value eq \"u1\""}`})
	if diff := cmp.Diff([]string{"u1", "g1"}, got.ids()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRulesAreCountedOnce: a search over all types parses its filter for each of them.
func TestRulesAreCountedOnce(t *testing.T) {
	used := map[scim.Rule]int{}
	profile, err := directory.NewProfile(&v1alpha1.ScimDirectorySpec{}, func(rule scim.Rule) { used[rule]++ })
	if err != nil {
		t.Fatal(err)
	}
	all := search{{kind: userKind}, {kind: groupKind}}
	body := map[string]any{"filter": "displayName eq x", "schemas": []any{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}}
	if _, err := all.parse(directory.Directory{Profile: profile}, body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[scim.Rule]int{"filterUnquotedValue": 1}, used); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// TestPageSizes: the sizes of the directory hold in every list, and are what ServiceProviderConfig says.
func TestPageSizes(t *testing.T) {
	a := crowd(t)
	for i := range 5 {
		id := fmt.Sprintf("g1%d", i)
		a.groups.groups[id] = directory.Stored{ID: id, Endpoint: "/Groups", Resource: scim.Resource{"displayName": id}}
	}
	a.store.users["u4"], a.store.users["u5"] = a.store.users["u1"], a.store.users["u1"]
	a.settle(func(s *v1alpha1.ScimDirectorySpec) {
		s.Paging = v1alpha1.DirectoryPaging{DefaultPageSize: 2, MaxPageSize: 3}
	})
	for _, p := range everySite() {
		for count, want := range map[int]int{-1: 2, 3: 3, 4: 3, 1 << 40: 3} {
			query := map[string]any{"count": count}
			if count < 0 {
				clear(query)
			}
			if got := a.find(t, p.ask(query)); len(got.Resources) != want || got.ItemsPerPage != want {
				t.Errorf("%+v, count %d: %d resources, want %d", p, count, len(got.Resources), want)
			}
		}
	}
	w := a.call(t, request{method: "GET", target: basePath + "/ServiceProviderConfig"})
	for _, want := range []string{`"maxResults":3`, `"defaultPageSize":2`, `"maxPageSize":3`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("ServiceProviderConfig without %s: %s", want, w.Body)
		}
	}
}

// TestDiscovery: RFC 7644 §4 on every discovery path.
func TestDiscovery(t *testing.T) {
	for _, path := range []string{
		"/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/" + scim.GroupURN, "/Schemas/urn%3Aietf%3Aparams%3Ascim%3Aschemas%3Acore%3A2.0%3AUser",
	} {
		a, target := newAPI(t), basePath+path
		plain := a.call(t, request{method: "GET", target: target})
		if plain.Code != 200 {
			t.Errorf("%s: %d", path, plain.Code)
		}
		for _, same := range []string{target + "/", basePath + "/" + path, target + "?attributes=id&sortBy=nobody&count=x&filters=1"} {
			if w := a.call(t, request{method: "GET", target: same}); w.Body.String() != plain.Body.String() {
				t.Errorf("%s differs: %d %s", same, w.Code, w.Body)
			}
		}
		head := a.call(t, request{method: "HEAD", target: target})
		if head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") != plain.Header().Get("Content-Length") {
			t.Errorf("HEAD %s: %d %s", path, head.Code, head.Header())
		}
		for _, query := range []string{"?filter=id+pr", "?filter", "?filter=%zz", "?%66ilter=x", "?a=b&filter=x"} {
			checkError(t, a.call(t, request{method: "GET", target: target + query}), http.StatusForbidden)
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			w := a.call(t, request{method: method, target: target, body: `{}`})
			if got := w.Header().Get("Allow"); got != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s: Allow %q", method, path, got)
			}
			checkError(t, w, http.StatusMethodNotAllowed)
		}
	}
}
