// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// site is where a list can be asked for, and how.
type site struct {
	endpoint string
	post     bool
}

func everySite() []site {
	return []site{{"/Users", false}, {"/Users", true}, {"/Groups", false}, {"/Groups", true}, {"", true}}
}

// ask is the request for a list with these parameters, of which count and startIndex are numbers.
func (p site) ask(parameters map[string]any) request {
	if p.post {
		body, err := json.Marshal(parameters)
		if err != nil {
			panic(err)
		}
		return request{method: http.MethodPost, target: basePath + p.endpoint + searchPath, body: string(body)}
	}
	values := url.Values{}
	for name, value := range parameters {
		values.Set(name, fmt.Sprint(value))
	}
	return request{method: http.MethodGet, target: basePath + p.endpoint + "?" + values.Encode()}
}

// throng is an API with many users and groups, of whom several have the same name, were created in the same second, or have
// no name.
func throng(t *testing.T, random *rand.Rand, users, groups int) *api {
	t.Helper()
	a := newAPI(t)
	a.store.users, a.groups.groups = map[string]directory.Stored{}, map[string]directory.Stored{}
	someone := func(id, endpoint string) directory.Stored {
		r := scim.Resource{"userName": id + "@x", "active": true}
		if name := random.IntN(6); name > 0 {
			r["displayName"] = strings.Repeat(string(rune('a'+name/2)), 1+name%2)
		}
		return directory.Stored{ID: id, Endpoint: endpoint, Created: time.Unix(1700000000+random.Int64N(4), 0).UTC(), Resource: r}
	}
	for range users {
		id := fmt.Sprintf("u%06d", random.IntN(1e6))
		a.store.users[id] = someone(id, "/Users")
	}
	for range groups {
		id := fmt.Sprintf("g%06d", random.IntN(1e6))
		st := someone(id, "/Groups")
		delete(st.Resource, "userName")
		delete(st.Resource, "active")
		a.groups.groups[id] = st
	}
	return a
}

// TestWalks: a walk by cursor meets each resource once, in the order of one page of all; who is deleted on the way is missing,
// and nobody else.
func TestWalks(t *testing.T) {
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 1))
		a := throng(t, random, random.IntN(25), random.IntN(25))
		p := everySite()[random.IntN(len(everySite()))]
		query := map[string]any{"count": 1000}
		if sortBy := []string{"", "displayName", "userName", "meta.created", "id"}[random.IntN(5)]; sortBy != "" && (sortBy != "userName" || p.endpoint != "/Groups") {
			query["sortBy"], query["sortOrder"] = sortBy, []string{"ascending", "descending"}[random.IntN(2)]
		}
		if random.IntN(3) == 0 {
			query["filter"] = `not (displayName eq "b")`
		}
		a.settle(func(s *v1alpha1.ScimDirectorySpec) { s.Paging.MaxPageSize = 1000 })
		all := a.find(t, p.ask(query)).ids()
		query["count"] = 1 + random.IntN(8)
		got, gone := a.walkAll(t, p, query, random)
		if diff := cmp.Diff(without(all, gone, got), got); diff != "" {
			t.Fatalf("seed %d, %+v %v, %v deleted on the way (-one page +walk):\n%s", seed, p, query, gone, diff)
		}
	}
}

// walkAll walks to the end, and sometimes deletes somebody on the way. It returns whom it met, and who is gone.
func (a *api) walkAll(t *testing.T, p site, query map[string]any, random *rand.Rand) (met, gone []string) {
	t.Helper()
	query["cursor"] = ""
	for pages := 0; ; pages++ {
		if pages > 100 {
			t.Fatalf("%+v %v: a walk without an end", p, query)
		}
		page := a.find(t, p.ask(query))
		if page.StartIndex != 0 || len(page.Resources) > query["count"].(int) || page.TotalResults < len(page.Resources) {
			t.Errorf("%+v: startIndex %d, %d resources of %d", query, page.StartIndex, len(page.Resources), page.TotalResults)
		}
		met = append(met, page.ids()...)
		if page.NextCursor == "" {
			return met, gone
		}
		if len(page.Resources) == 0 {
			t.Errorf("%+v: an empty page that is not the last", query)
		}
		query["cursor"] = page.NextCursor
		gone = append(gone, a.deleteSome(random, page.ids())...)
	}
}

// deleteSome deletes the last one of the page, where the walk stands, or anybody.
func (a *api) deleteSome(random *rand.Rand, page []string) (gone []string) {
	var id string
	switch random.IntN(3) {
	case 0:
		return nil
	case 1:
		id = page[len(page)-1]
	default:
		for other := range a.store.users {
			id = max(id, other) // whoever, but the same in every run
		}
	}
	delete(a.store.users, id)
	delete(a.groups.groups, id)
	return []string{id}
}

// without is all but those of gone who were not met before they went.
func without(all, gone, met []string) []string {
	out := []string(nil)
	for _, id := range all {
		if !slices.Contains(gone, id) || slices.Contains(met, id) {
			out = append(out, id)
		}
	}
	return out
}

func TestCursorEdges(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, target string
		want           int
		next           bool
	}{
		"Valueless": {reason: "RFC 9865 §2: no value is the first page", target: "/Users?cursor&count=2", want: 2, next: true},
		"Empty":     {reason: "and so is an empty one", target: "/Users?cursor=&count=2", want: 2, next: true},
		"Exact":     {reason: "a full page with nothing behind it is the last", target: "/Users?cursor&count=3", want: 3},
		"Short":     {reason: "one page of all", target: "/Users?cursor", want: 3},
		"Total":     {reason: "a page without length would be asked for forever", target: "/Users?cursor&count=0"},
		"Negative":  {reason: "it counts as 0 (RFC 7644 §3.4.2.4)", target: "/Users?cursor&count=-1"},
		"Nobody":    {reason: "an empty list", target: "/Users?cursor&filter=id+eq+%22x%22"},
		"ByIndex":   {reason: "who asks for no cursor gets none", target: "/Users?count=2", want: 2},
	} {
		w := crowd(t).call(t, request{method: "GET", target: basePath + tc.target})
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		_, next := got["nextCursor"]
		_, start := got["startIndex"]
		resources, _ := got["Resources"].([]any)
		if len(resources) != tc.want || next != tc.next || start != (name == "ByIndex") || resources == nil {
			t.Errorf("%s: %s: %s", name, tc.reason, w.Body)
		}
	}
}

// TestSearchOfAllEndsAtABorder: a page that ends with the last user goes on with the groups, or ends where there are none.
func TestSearchOfAllEndsAtABorder(t *testing.T) {
	for _, sortBy := range []string{"", "meta.resourceType"} {
		for groups, want := range map[int]bool{0: false, 2: true} {
			a := crowd(t)
			if groups == 0 {
				clear(a.groups.groups)
			}
			query := map[string]any{"cursor": "", "count": 3}
			if sortBy != "" {
				query["sortBy"], query["sortOrder"] = sortBy, "descending"
			}
			page := a.find(t, site{"", true}.ask(query))
			if diff := cmp.Diff([]string{"u1", "u2", "u3"}, page.ids()); diff != "" || (page.NextCursor != "") != want {
				t.Errorf("%d groups: next %q (-want +got):\n%s", groups, page.NextCursor, diff)
			}
		}
	}
}

// TestCursorsAreBound: a cursor goes on with the walk that it was given out for, and with no other.
func TestCursorsAreBound(t *testing.T) {
	now := time.Unix(1700000000, 0)
	at := func(o *Options) { o.Now = func() time.Time { return now } }
	query := map[string]any{"cursor": "", "count": 1, "filter": "id pr", "sortBy": "id"}
	change := func(name string, value any) func(map[string]any, *api) {
		return func(q map[string]any, _ *api) { q[name] = value }
	}
	for name, tc := range map[string]struct {
		change func(map[string]any, *api)
		late   time.Duration
		want   string
	}{
		"Same":       {},
		"AtTheEnd":   {late: cursorTimeout},
		"Late":       {late: cursorTimeout + time.Second, want: "expiredCursor"},
		"Filter":     {change: change("filter", "meta.created pr or id pr"), want: "invalidCursor"},
		"Sort":       {change: change("sortBy", "meta.created"), want: "invalidCursor"},
		"Order":      {change: change("sortOrder", "descending"), want: "invalidCursor"},
		"Count":      {change: change("count", 2), want: "invalidCount"},
		"Shown":      {change: change("attributes", "id")},
		"Garbage":    {change: change("cursor", "garbage"), want: "invalidCursor"},
		"Long":       {change: change("cursor", strings.Repeat("A", 1<<20-200)), want: "invalidCursor"},
		"NotText":    {change: change("cursor", 7), want: "invalidValue"},
		"Directory":  {change: func(_ map[string]any, a *api) { a.cache.directories[0].UID = "another" }, want: "invalidCursor"},
		"Credential": {change: func(_ map[string]any, a *api) { a.addToken(t, 77) }, want: "invalidCursor"},
	} {
		for _, p := range []site{{"/Users", true}, {"/Groups", true}, {"", true}} {
			a, q := newCrowdAt(t, at), cloned(query)
			q["cursor"] = a.find(t, p.ask(q)).NextCursor
			if q["cursor"] == "" {
				t.Fatalf("%+v: no cursor", p)
			}
			if tc.change != nil {
				tc.change(q, a)
			}
			now = now.Add(tc.late)
			w := a.call(t, p.ask(q))
			var got struct{ ScimType string }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.ScimType != tc.want || (w.Code == 200) != (tc.want == "") {
				t.Errorf("%s at %q: %d %.300s, want %q", name, p.endpoint, w.Code, w.Body, tc.want)
			}
		}
	}
	a := newCrowdAt(t, at)
	for _, from := range everySite() {
		for _, to := range everySite() {
			q := cloned(query)
			q["cursor"] = a.find(t, from.ask(q)).NextCursor
			if w := a.call(t, to.ask(q)); (w.Code == 200) != (from.endpoint == to.endpoint) {
				t.Errorf("a cursor of %q at %q: %d", from.endpoint, to.endpoint, w.Code)
			}
		}
	}
}

func cloned(query map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range query {
		out[k] = v
	}
	return out
}

func newCrowdAt(t *testing.T, at func(*Options)) *api {
	a, crowd := newAPI(t, at), crowd(t)
	a.store.users, a.groups.groups, a.groups.members = crowd.store.users, crowd.groups.groups, crowd.groups.members
	return a
}

// addToken gives team-a/acme another credential, and presents it from now on.
func (a *api) addToken(t *testing.T, number byte) {
	tok := newToken(t, number)
	for i := range a.cache.tokens {
		if s := &a.cache.tokens[i]; s.Name == "acme" {
			s.Status.Credentials = append(s.Status.Credentials, v1alpha1.TokenCredential{KeyID: tok.KeyID(), SHA256: tok.SHA256()})
		}
	}
	a.token = tok.Reveal()
}

// TestCursorTellsNothing: what is in a cursor was on the page, and it has no place for more.
func TestCursorTellsNothing(t *testing.T) {
	a := crowd(t)
	next := a.find(t, request{method: "GET", target: basePath + "/Users?cursor&count=1"}).NextCursor
	if len(next) > 300 || strings.Contains(next, "uid of") {
		t.Errorf("%d characters: %s", len(next), next)
	}
}

// TestDiscoveryIgnoresCursors: RFC 9865 §2 is about queries for resources.
func TestDiscoveryIgnoresCursors(t *testing.T) {
	for _, path := range []string{"/Schemas", "/ResourceTypes", "/ServiceProviderConfig"} {
		plain := newAPI(t).call(t, request{method: "GET", target: basePath + path})
		w := newAPI(t).call(t, request{method: "GET", target: basePath + path + "?cursor=garbage&count=1&startIndex=9&attributes=x&%zz"})
		if diff := cmp.Diff(plain.Body.String(), w.Body.String()); diff != "" || w.Code != 200 {
			t.Errorf("%s: %d, differs (-plain +with parameters):\n%s", path, w.Code, diff)
		}
	}
}
