// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func listQuery(t *testing.T, text string) ListQuery {
	t.Helper()
	values, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	q, err := ParseListQuery(UserResourceType(), values, 50, 200)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func searchQuery(t *testing.T, body string) ListQuery {
	t.Helper()
	q, err := ParseSearchRequest(UserResourceType(), decode(t, body), 50, 200)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestParseSearchRequest: a body means what the query string beside it means.
func TestParseSearchRequest(t *testing.T) {
	for name, tc := range map[string]struct{ body, query string }{
		"nothing":       {`{}`, ""},
		"schema":        {`{"schemas":["URN:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":10}`, "count=10"},
		"RFC 7644":      {`{"attributes":["displayName","userName"],"filter":"displayName sw \"smith\"","startIndex":1,"count":10}`, "attributes=displayName,userName&filter=displayName+sw+%22smith%22&startIndex=1&count=10"},
		"RFC 9865":      {`{"cursor":"","count":10}`, "cursor&count=10"},
		"next page":     {`{"cursor":"abc"}`, "cursor=abc"},
		"null cursor":   {`{"cursor":null}`, ""},
		"sorted":        {`{"SORTBY":"userName","sortorder":"descending"}`, "sortBy=userName&sortOrder=descending"},
		"excluded":      {`{"excludedAttributes":["emails"," title"]}`, "excludedAttributes=emails,title"},
		"as in a URL":   {`{"attributes":"displayName,userName"}`, "attributes=displayName,userName"},
		"no attributes": {`{"attributes":[]}`, ""},
		"clamped":       {`{"startIndex":-3,"count":1000}`, "startIndex=1&count=200"},
		"totals":        {`{"count":-1}`, "count=0"},
		"others":        {`{"x":{"y":1}}`, "x=1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := searchQuery(t, tc.body), listQuery(t, tc.query)
			diff(t, "as the query string", outlineQuery(want), outlineQuery(got))
			if got.Hash() != want.Hash() {
				t.Error("the hashes differ")
			}
		})
	}
}

// outlineQuery is what of a query can be compared.
func outlineQuery(q ListQuery) map[string]any {
	rt := UserResourceType()
	return map[string]any{
		"filter": q.Filter != nil, "sort": q.Sort != nil && q.Sort.descending, "cursor": q.Cursor, "start": q.StartIndex, "count": q.Count,
		"displayName": q.Projection.Shows(rt, "displayName"), "emails": q.Projection.Shows(rt, "emails"), "title": q.Projection.Shows(rt, "title"),
	}
}

func TestParseSearchRequestRefuses(t *testing.T) {
	long := strings.Repeat(" ", DefaultLimits().SearchFilterBytes-len(`title pr`))
	for name, tc := range map[string]struct {
		body   string
		err    ErrorType
		reason string
	}{
		"other message":       {`{"schemas":["` + patchURN + `"]}`, ErrorInvalidSyntax, "not a search"},
		"filter is an object": {`{"filter":{}}`, ErrorInvalidValue, "not everything"},
		"empty filter":        {`{"filter":""}`, ErrorInvalidFilter, "not everything"},
		"bad filter":          {`{"filter":"x"}`, ErrorInvalidFilter, "as in a URL"},
		"longest filter":      {`{"filter":"title pr` + long + `"}`, "", "16 KiB (SEC-20)"},
		"longer filter":       {`{"filter":"title pr ` + long + `"}`, ErrorInvalidFilter, "16 KiB (SEC-20)"},
		"count is text":       {`{"count":"10"}`, ErrorInvalidValue, "RFC 7644 §3.4.3"},
		"count is a fraction": {`{"count":1.5}`, ErrorInvalidValue, "an integer"},
		"count with cursor":   {`{"cursor":"","count":1.5}`, ErrorInvalidCount, "RFC 9865"},
		"attributes of ints":  {`{"attributes":[1]}`, ErrorInvalidValue, "names"},
		"both projections":    {`{"attributes":["userName"],"excludedAttributes":["title"]}`, ErrorInvalidValue, "§3.9"},
		"both ways of paging": {`{"cursor":"","startIndex":1}`, ErrorInvalidValue, "which of them?"},
		"cursor is a number":  {`{"cursor":1}`, ErrorInvalidValue, "a string"},
		"sort by nobody":      {`{"sortBy":"nobody"}`, ErrorInvalidValue, "no order"},
	} {
		_, err := ParseSearchRequest(UserResourceType(), decode(t, tc.body), 50, 200)
		if typeOf(t, err) != tc.err {
			t.Errorf("%s: %v, want %q: %s", name, err, tc.err, tc.reason)
		}
	}
	if _, err := ParseSearchRequest(UserResourceType(), map[string]any{"count": nil, "COUNT": nil}, 50, 200); typeOf(t, err) != ErrorInvalidSyntax {
		t.Errorf("a name twice: %v", err)
	}
}

func TestListQueryCursor(t *testing.T) {
	for query, want := range map[string]*string{"": nil, "startIndex=3": nil, "cursor": new(""), "cursor=": new(""), "cursor=abc": new("abc")} {
		diff(t, query, want, listQuery(t, query).Cursor)
	}
	if q := listQuery(t, "sortBy=title"); q.Sort == nil || q.Sort.descending || !cmp.Equal(q.Sort.operand.attr.Name, "title") {
		t.Errorf("sort is %+v", q.Sort)
	}
}

// TestWidened: a query over users and groups means the same for both.
func TestWidened(t *testing.T) {
	strict := Dialect{Strict: true}
	user := declaredUser(t, strict)
	group, err := NewGroupType(strict)
	if err != nil {
		t.Fatal(err)
	}
	u, g := Resource{"userName": "x", "displayName": "D", "title": "t"}, Resource{"displayName": "D", "members": testMembers()}
	for filter, want := range map[string][2]bool{
		`displayName eq "d"`: {true, true}, `userName eq "x"`: {true, false}, `members.value eq "u1"`: {false, true},
		`not (userName pr)`: {false, true}, EnterpriseUserURN + `:department pr or meta.resourceType eq "Group"`: {false, true},
	} {
		for i, of := range []struct {
			wide *ResourceType
			r    Resource
		}{{user.Widened(user, group), u}, {group.Widened(user, group), g}} {
			f, err := ParseFilter(of.wide, filter)
			if err != nil || f.Match(of.r, Common{}) != want[i] {
				t.Errorf("%s of %s: want %v, %v", filter, of.wide.Name, want[i], err)
			}
		}
	}
	wide := user.Widened(user, group)
	for _, refused := range []string{"nobody pr", "department pr", "userName eq x"} {
		for _, rt := range []*ResourceType{wide, group.Widened(user)} {
			if _, err := ParseFilter(rt, refused); typeOf(t, err) != ErrorInvalidFilter {
				t.Errorf("%s of %s: %v", refused, rt.Name, err)
			}
		}
	}
	q, err := ParseSearchRequest(wide, map[string]any{"schemas": []any{searchURN}, "attributes": []any{"userName", "members"}}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "a projection fits the type", map[string]any{"schemas": []any{UserURN}, "userName": "x"}, user.Render(u, q.Projection, Common{}))
	if s, err := ParseSort(wide, "members.value", ""); err == nil {
		t.Errorf("sorted by members: %v", s)
	}
	if _, ok := user.resolve(GroupURN + ":displayName"); ok || len(user.extensions) != 2 {
		t.Error("widening changes the type itself")
	}
}
