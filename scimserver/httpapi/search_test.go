// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// crowd is an API with users and groups and nobody else. Names in the order of ids: d, b and A are users, c and B groups.
func crowd(t *testing.T) *api {
	t.Helper()
	a := newAPI(t)
	a.store.users, a.groups.groups = map[string]directory.Stored{}, map[string]directory.Stored{}
	for i, name := range []string{"d", "b", "A"} {
		id := fmt.Sprintf("u%d", i+1)
		a.store.users[id] = directory.Stored{ID: id, Endpoint: "/Users", Resource: scim.Resource{"userName": name + "@x", "displayName": name, "active": true}}
	}
	for i, name := range []string{"c", "B"} {
		id := fmt.Sprintf("g%d", i+1)
		a.groups.groups[id] = directory.Stored{ID: id, Endpoint: "/Groups", Resource: scim.Resource{"displayName": name}}
	}
	a.groups.members = map[string]memberSet{"g1": {"u1"}}
	return a
}

// found is a ListResponse.
type found struct {
	Schemas                                []string
	TotalResults, StartIndex, ItemsPerPage int
	NextCursor                             string
	Resources                              []map[string]any
}

func (f found) ids() (ids []string) {
	for _, resource := range f.Resources {
		ids = append(ids, resource["id"].(string))
	}
	return ids
}

func (a *api) find(t *testing.T, q request) found {
	t.Helper()
	return decodeFound(t, a.call(t, q))
}

func decodeFound(t *testing.T, w *httptest.ResponseRecorder) found {
	t.Helper()
	var got found
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		t.Fatalf("%d: %s (%v)", w.Code, w.Body, err)
	}
	if got.ItemsPerPage != len(got.Resources) || !slices.Equal(got.Schemas, []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}) {
		t.Errorf("not a ListResponse: %s", w.Body)
	}
	return got
}

func TestSearchOfAll(t *testing.T) {
	cases := map[string]struct {
		reason    string
		body      string
		want      []string
		wantTotal int
	}{
		"All":           {reason: "users first", body: `{}`, want: []string{"u1", "u2", "u3", "g1", "g2"}, wantTotal: 5},
		"Schema":        {reason: "RFC 7644 §3.4.3", body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":2}`, want: []string{"u1", "u2"}, wantTotal: 5},
		"Across":        {reason: "a page of both", body: `{"startIndex":3,"count":2}`, want: []string{"u3", "g1"}, wantTotal: 5},
		"Groups":        {reason: "a page beyond the users", body: `{"startIndex":5,"count":2}`, want: []string{"g2"}, wantTotal: 5},
		"Beyond":        {reason: "a page beyond all", body: `{"startIndex":6}`, wantTotal: 5},
		"Total":         {reason: "count 0", body: `{"count":0}`, wantTotal: 5},
		"Name":          {reason: "both types have it", body: `{"filter":"displayName eq \"b\""}`, want: []string{"u2", "g2"}, wantTotal: 2},
		"UserName":      {reason: "groups have none", body: `{"filter":"userName eq \"d@x\""}`, want: []string{"u1"}, wantTotal: 1},
		"Members":       {reason: "users have none", body: `{"filter":"members.value eq \"u1\""}`, want: []string{"g1"}, wantTotal: 1},
		"MembersIn":     {reason: "in brackets too", body: `{"filter":"members[value eq \"u1\"]"}`, want: []string{"g1"}, wantTotal: 1},
		"Either":        {reason: "what one type does not know does not spoil the rest (RFC 7644 §3.4.2.1)", body: `{"filter":"userName eq \"d@x\" or displayName eq \"c\""}`, want: []string{"u1", "g1"}, wantTotal: 2},
		"Both":          {reason: "nobody is both", body: `{"filter":"userName pr and members pr"}`, wantTotal: 0},
		"URN":           {reason: "qualified, it is of that type only", body: `{"filter":"urn:ietf:params:scim:schemas:core:2.0:Group:displayName pr"}`, want: []string{"g1", "g2"}, wantTotal: 2},
		"Enterprise":    {reason: "an extension of users", body: `{"filter":"not (urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department pr)"}`, want: []string{"u1", "u2", "u3", "g1", "g2"}, wantTotal: 5},
		"Type":          {reason: "meta knows", body: `{"filter":"meta.resourceType eq \"Group\""}`, want: []string{"g1", "g2"}, wantTotal: 2},
		"Schemas":       {reason: "and so do schemas", body: `{"filter":"schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\""}`, want: []string{"u1", "u2", "u3"}, wantTotal: 3},
		"Sorted":        {reason: "one order for all", body: `{"sortBy":"displayName"}`, want: []string{"u3", "u2", "g2", "g1", "u1"}, wantTotal: 5},
		"Descending":    {reason: "of equals the user comes first still", body: `{"sortBy":"displayName","sortOrder":"descending"}`, want: []string{"u1", "g1", "u2", "g2", "u3"}, wantTotal: 5},
		"SortedPage":    {reason: "pages of one order", body: `{"sortBy":"displayName","startIndex":2,"count":3}`, want: []string{"u2", "g2", "g1"}, wantTotal: 5},
		"SortedEnd":     {reason: "the last page", body: `{"sortBy":"displayName","startIndex":5,"count":3}`, want: []string{"u1"}, wantTotal: 5},
		"SortedBeyond":  {reason: "and beyond", body: `{"sortBy":"displayName","startIndex":9223372036854775807}`, wantTotal: 5},
		"SortedTotal":   {reason: "count 0", body: `{"sortBy":"displayName","count":0}`, wantTotal: 5},
		"NoValue":       {reason: "what has no value is last (RFC 7644 §3.4.2.3)", body: `{"sortBy":"userName"}`, want: []string{"u3", "u2", "u1", "g1", "g2"}, wantTotal: 5},
		"NoValueFirst":  {reason: "and first in descending order", body: `{"sortBy":"userName","sortOrder":"descending"}`, want: []string{"g1", "g2", "u1", "u2", "u3"}, wantTotal: 5},
		"SortedFilter":  {reason: "both at once", body: `{"sortBy":"id","filter":"displayName gt \"a\""}`, want: []string{"g1", "g2", "u1", "u2"}, wantTotal: 4},
		"AnyCaseOfKeys": {reason: "RFC 7643 §2.1", body: `{"SORTBY":"userName","COUNT":1,"EXCLUDEDATTRIBUTES":"members"}`, want: []string{"u3"}, wantTotal: 5},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := crowd(t).find(t, request{method: "POST", target: basePath + "/.search", body: tc.body})
			if diff := cmp.Diff(tc.want, got.ids(), cmpopts.EquateEmpty()); diff != "" || got.TotalResults != tc.wantTotal {
				t.Errorf("%s: %d in all, want %d (-want +got):\n%s", tc.reason, got.TotalResults, tc.wantTotal, diff)
			}
		})
	}
}

// TestSearchOfAllPages: whatever the size of the pages, they are those of one list.
func TestSearchOfAllPages(t *testing.T) {
	a := crowd(t)
	for _, sortBy := range []string{"", `,"sortBy":"displayName"`, `,"sortBy":"userName","sortOrder":"descending"`} {
		want := a.find(t, request{method: "POST", target: basePath + "/.search", body: `{"count":100` + sortBy + `}`}).ids()
		for size := 1; size <= 6; size++ {
			var got []string
			for start := 1; start <= 5; start += size {
				page := a.find(t, request{method: "POST", target: basePath + "/.search", body: fmt.Sprintf(`{"startIndex":%d,"count":%d%s}`, start, size, sortBy)})
				if page.StartIndex != start || page.TotalResults != 5 {
					t.Errorf("startIndex %d, totalResults %d", page.StartIndex, page.TotalResults)
				}
				got = append(got, page.ids()...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s in pages of %d (-want +got):\n%s", sortBy, size, diff)
			}
		}
	}
}

func TestSearchOfAllShows(t *testing.T) {
	cases := map[string]struct {
		reason, body string
		user, group  []string // names beside schemas and id
	}{
		"Default":  {reason: "each as at its own endpoint", body: `{}`, user: []string{"active", "displayName", "meta", "userName"}, group: []string{"displayName", "members", "meta"}},
		"Named":    {reason: "each shows what it has", body: `{"attributes":["userName","members.value"]}`, user: []string{"userName"}, group: []string{"members"}},
		"Excluded": {reason: "as a list or as text", body: `{"sortBy":"id","excludedAttributes":"meta,members"}`, user: []string{"active", "displayName", "userName"}, group: []string{"displayName"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := crowd(t).find(t, request{method: "POST", target: basePath + "/.search", body: tc.body})
			for _, resource := range got.Resources {
				want, id := tc.user, resource["id"]
				delete(resource, "id")
				if id == "g1" {
					want = tc.group
				} else if id != "u1" {
					continue
				}
				if len(resource["schemas"].([]any)) != 1 {
					t.Errorf("%s: schemas %v", tc.reason, resource["schemas"])
				}
				delete(resource, "schemas")
				if diff := cmp.Diff(want, slices.Sorted(keysOf(resource))); diff != "" {
					t.Errorf("%s: %s shows (-want +got):\n%s", tc.reason, id, diff)
				}
			}
		})
	}
}

func keysOf(m map[string]any) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

// TestSearchRanksWithoutMembers: to find the order of a page, no group shows its members.
func TestSearchRanksWithoutMembers(t *testing.T) {
	a := crowd(t)
	var asked []scim.ListQuery
	group := resources{kind: groupKind, now: time.Now, find: func(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error) {
		asked = append(asked, q)
		return a.groups.List(ctx, dir, q)
	}}
	s := search{resources{kind: userKind, now: time.Now, find: a.store.List}, group}
	r := request{method: "POST", target: basePath + "/.search", body: `{"sortBy":"displayName","startIndex":2,"count":1}`}.with(t, a.token)
	if _, err := s.serve(directory.Directory{}, r); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 1 || asked[0].Projection.Shows(group.typeIn(directory.Directory{}), "members") || asked[0].StartIndex != 1 || asked[0].Count != 2 {
		t.Errorf("asked for groups: %+v", asked)
	}
	asked = nil
	r = request{method: "POST", target: basePath + "/.search", body: `{"sortBy":"displayName","startIndex":3,"count":2}`}.with(t, a.token)
	if _, err := s.serve(directory.Directory{}, r); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || !asked[1].Projection.Shows(group.typeIn(directory.Directory{}), "members") || asked[1].StartIndex != 1 || asked[1].Count != 2 {
		t.Errorf("asked for groups: %+v", asked)
	}
}

// TestSearchWalksWithoutMembers: while a walk is among the users, no group is read.
func TestSearchWalksWithoutMembers(t *testing.T) {
	a := crowd(t)
	var counts []int
	find := func(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error) {
		counts = append(counts, q.Count)
		return a.groups.List(ctx, dir, q)
	}
	s := search{resources{kind: userKind, now: time.Now, find: a.store.List}, resources{kind: groupKind, now: time.Now, find: find}}
	for _, count := range []int{2, 4} {
		r := request{method: "POST", target: basePath + "/.search", body: fmt.Sprintf(`{"cursor":"","count":%d}`, count)}.with(t, a.token)
		if _, err := s.serve(directory.Directory{}, r); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]int{0, 1}, counts); diff != "" {
		t.Errorf("groups asked for (-want +got):\n%s", diff)
	}
}

func TestSearchRefuses(t *testing.T) {
	cases := map[string]struct {
		reason, path, body string
		want               int
		wantType           string
	}{
		"Nobody":        {reason: "no type has it", path: "/.search", body: `{"filter":"nobody pr"}`, want: 400, wantType: "invalidFilter"},
		"Syntax":        {reason: "no filter", path: "/.search", body: `{"filter":"userName eq"}`, want: 400, wantType: "invalidFilter"},
		"Hidden":        {reason: "no oracle (SEC-11)", path: "/.search", body: `{"filter":"password sw \"a\""}`, want: 400, wantType: "invalidFilter"},
		"Sort":          {reason: "no type has it", path: "/.search", body: `{"sortBy":"nobody"}`, want: 400, wantType: "invalidValue"},
		"Twice":         {reason: "which of them?", path: "/.search", body: `{"attributes":["id"],"excludedAttributes":["meta"]}`, want: 400, wantType: "invalidValue"},
		"TwiceNamed":    {reason: "which of them?", path: "/.search", body: `{"attributes":["id"],"ATTRIBUTES":["meta"]}`, want: 400, wantType: "invalidSyntax"},
		"NoBody":        {reason: "a search has a body", path: "/.search", want: 400, wantType: "invalidSyntax"},
		"OtherMessage":  {reason: "not a search", path: "/.search", body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, want: 400, wantType: "invalidSyntax"},
		"UsersMembers":  {reason: "at /Users a group's attribute is unknown", path: "/Users/.search", body: `{"filter":"members pr"}`, want: 400, wantType: "invalidFilter"},
		"GroupUserName": {reason: "at /Groups a user's attribute is unknown", path: "/Groups/.search", body: `{"filter":"userName pr"}`, want: 400, wantType: "invalidFilter"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := crowd(t)
			w := a.call(t, request{method: "POST", target: basePath + tc.path, body: tc.body})
			var got struct{ ScimType string }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.ScimType != tc.wantType {
				t.Errorf("%s: scimType %q, want %q (%v)", tc.reason, got.ScimType, tc.wantType, err)
			}
			checkError(t, w, tc.want)
			if a.store.calls != 0 {
				t.Errorf("%s: %d store calls", tc.reason, a.store.calls)
			}
		})
	}
}

// TestSearchOfOneType: the same answer as GET (RFC 7644 §3.4.3).
func TestSearchOfOneType(t *testing.T) {
	for name, tc := range map[string]struct{ path, query, body string }{
		"Users":  {"/Users", "?filter=displayName%20gt%20%22a%22&sortBy=userName&sortOrder=descending&startIndex=1&count=1&attributes=userName", `{"filter":"displayName gt \"a\"","sortBy":"userName","sortOrder":"descending","startIndex":1,"count":1,"attributes":["userName"]}`},
		"Groups": {"/Groups", "?sortBy=displayName&excludedAttributes=members", `{"sortBy":"displayName","excludedAttributes":["members"]}`},
		"Total":  {"/Groups", "?count=0", `{"count":0}`},
		"All":    {"/Users", "", `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := crowd(t)
			want := a.find(t, request{method: "GET", target: basePath + tc.path + tc.query})
			got := a.find(t, request{method: "POST", target: basePath + tc.path + "/.search?count=ten", body: tc.body})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("differs from GET (-GET +POST):\n%s", diff)
			}
		})
	}
}

// TestSearchOfShrinking: a user who is deleted in between is missing, and nothing else happens.
func TestSearchOfShrinking(t *testing.T) {
	a := crowd(t)
	a.store.before = func(context.Context) error {
		if a.store.calls == 3 { // both types are ranked
			delete(a.store.users, "u3")
		}
		return nil
	}
	got := a.find(t, request{method: "POST", target: basePath + "/.search", body: `{"sortBy":"displayName"}`})
	if diff := cmp.Diff([]string{"u2", "u1", "g2", "g1"}, got.ids(), cmpopts.SortSlices(func(x, y string) bool { return x < y })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWindowNeverOverflows(t *testing.T) {
	a := crowd(t)
	for _, sortBy := range []string{"", `,"sortBy":"id"`} {
		got := a.find(t, request{method: "POST", target: basePath + "/.search", body: fmt.Sprintf(`{"startIndex":%d,"count":200%s}`, math.MaxInt, sortBy)})
		if got.TotalResults != 5 || len(got.Resources) != 0 {
			t.Errorf("%d of %d", len(got.Resources), got.TotalResults)
		}
	}
}
