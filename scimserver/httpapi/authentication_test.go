// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// routes are those of a, without the chain in front.
func (a *api) routes() *router {
	return (&server{Options: Options{Users: a.store, Groups: a.groups, Limits: DefaultLimits()}}).routes()
}

// walk returns every route, and what a scanner tries beside them.
func walk(a *api) []string {
	var targets []string
	for _, path := range a.routes().paths {
		targets = append(targets, basePath+strings.Replace(path, "{id}", knownID, 1))
	}
	return append(targets,
		"/", "/scim", "/scim/v2", "/scim/v2/", "/scim/v2/team-a", basePath, basePath+"/",
		"/scim/v2/team-a/nope/Users", "/scim/v2/nope/acme/Users", "/scim/v2/team-a/other/Users",
		basePath+"/Unknown", basePath+"//Users//", basePath+"/Users/", "//scim/v2/team-a/acme/Users",
		basePath+"%2fUsers", basePath+"/Users%2f"+knownID, basePath+"/Users/../Users", basePath+"/%2e%2e/other/Users",
		basePath+"/Users/"+knownID+"/extra", basePath+"/Groups/"+knownGroup+"/members", basePath+"/Groups/", basePath+"//.search/", "/healthz", "/readyz", "/metrics", "/debug/pprof/", basePath+"/Users?filter=%zz",
	)
}

var everyMethod = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get"}

// outward is all of a response that the other side can see, but for the ids and dates that always differ.
func outward(w *httptest.ResponseRecorder) map[string]any {
	header := w.Header().Clone()
	header.Del("X-Request-Id")
	return map[string]any{"status": w.Code, "header": header, "body": w.Body.String()}
}

func TestEveryPathRefusesEveryStranger(t *testing.T) {
	a := newAPI(t)
	unknown := newToken(t, 99).Reveal()
	strangers := map[string][]string{
		"none":        nil,
		"garbage":     {"Bearer garbage"},
		"empty":       {"Bearer "},
		"basic":       {"Basic c2NpbTpzY2lt"},
		"basicToken":  {basicOf("acme", a.token)},
		"basicOther":  {basicOf("acme", unknown)},
		"digest":      {`Digest username="acme"`},
		"negotiate":   {"Negotiate " + a.token},
		"two":         {"Bearer " + a.token, "Bearer " + a.token},
		"twoInOne":    {"Bearer " + a.token + ", Bearer " + a.token},
		"tooLong":     {"Bearer " + strings.Repeat("x", auth.MaxAuthorizationBytes)},
		"other":       {"Bearer " + unknown},
		"raw":         {unknown},
		"foreign":     {"Token 0123456789abcdef0123456789abcdef"},
		"jwt":         {"Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0."},
		"dots":        {"Bearer " + strings.Repeat(".", 4000)},
		"badChecksum": {"Bearer " + a.token[:len(a.token)-1] + "_"},
	}
	for name, values := range strangers {
		for _, method := range everyMethod {
			var first map[string]any
			for _, target := range walk(a) {
				got := a.refused(t, method, target, values)
				if first == nil {
					first = got
				}
				if diff := cmp.Diff(first, got); diff != "" {
					t.Errorf("%s %s with %s tells more than the path before (-first +this):\n%s", method, target, name, diff)
				}
			}
		}
	}
	if a.store.calls != 0 {
		t.Errorf("%d store calls before authentication", a.store.calls)
	}
}

// refused asks as a stranger and returns what the stranger sees.
func (a *api) refused(t *testing.T, method, target string, values []string) map[string]any {
	t.Helper()
	q := request{method: method, target: target}
	if method == http.MethodPost {
		q.body, q.header = strings.Repeat("x", 2<<20), http.Header{"Content-Type": {"text/plain"}}
	}
	r := q.with(t, "")
	if values != nil {
		r.Header["Authorization"] = values
	}
	w := a.serve(r)
	status, want := refusalOf(values)
	if diff := cmp.Diff(want, w.Header().Values("WWW-Authenticate")); diff != "" || w.Code != status {
		t.Fatalf("%s %s: %d, want %d; WWW-Authenticate (-want +got):\n%s", method, target, w.Code, status, diff)
	}
	if method != http.MethodHead {
		checkErrorBody(t, strings.NewReader(w.Body.String()), status)
	}
	return outward(w)
}

// refusalOf is how a stranger is refused, which depends on nothing but the headers (RFC 6750 §3.1).
func refusalOf(values []string) (status int, challenges []string) {
	const basic = `Basic realm="scim", charset="UTF-8"`
	switch {
	case values == nil:
		return http.StatusUnauthorized, []string{`Bearer realm="scim"`, basic}
	case len(values) > 1 || len(values[0]) > auth.MaxAuthorizationBytes || strings.Contains(values[0], ", Bearer"):
		return http.StatusBadRequest, []string{`Bearer realm="scim", error="invalid_request"`}
	}
	return http.StatusUnauthorized, []string{`Bearer realm="scim", error="invalid_token"`, basic}
}

func basicOf(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

// TestTokenInTheQuery: it is refused wherever it is sent to and whatever it is, also beside a good one (RFC 6750 §2.3, TOK-07).
func TestTokenInTheQuery(t *testing.T) {
	a := newAPI(t)
	var first map[string]any
	for _, target := range walk(a) {
		for _, query := range []string{"access_token=" + a.token, "access_token", "x=%zz&access%5Ftoken=" + a.token} {
			for _, token := range []string{"", a.token, a.other} {
				path, _, _ := strings.Cut(target, "?")
				w := a.serve(request{method: http.MethodGet, target: path + "?" + query}.with(t, token))
				checkErrorBody(t, strings.NewReader(w.Body.String()), http.StatusBadRequest)
				if first == nil {
					first = outward(w)
				}
				if diff := cmp.Diff(first, outward(w)); diff != "" {
					t.Errorf("%s?%s (-first +this):\n%s", path, query, diff)
				}
			}
		}
	}
	if a.store.calls != 0 {
		t.Errorf("%d store calls", a.store.calls)
	}
}

// TestOneBodyForEveryRefusal compares strangers with each other where the test above compares paths.
func TestOneBodyForEveryRefusal(t *testing.T) {
	a := newAPI(t)
	seen := map[string]bool{}
	for _, values := range [][]string{nil, {"Bearer x"}, {"Basic eA=="}, {"Bearer " + a.other}, {a.other}, {basicOf("acme", a.token)}, {"Bearer " + newToken(t, 98).Reveal()}} {
		got := a.refused(t, http.MethodGet, basePath+"/Users", values)
		seen[got["body"].(string)] = true
	}
	if len(seen) != 1 {
		t.Errorf("got %d different bodies: %v", len(seen), slices.Collect(maps.Keys(seen)))
	}
}

func TestOtherDirectorysTokenIsAStrangers(t *testing.T) {
	a := newAPI(t)
	for _, method := range everyMethod {
		for _, target := range walk(a) {
			if !strings.HasPrefix(target, basePath+"/") || strings.Contains(target, "%2") || strings.Contains(target, "..") {
				continue
			}
			w := a.serve(request{method: method, target: target}.with(t, a.other))
			unknown := a.serve(request{method: method, target: target}.with(t, newToken(t, 97).Reveal()))
			if diff := cmp.Diff(outward(unknown), outward(w)); diff != "" || w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s: %d, differs from an unknown token (-unknown +other):\n%s", method, target, w.Code, diff)
			}
		}
	}
	if a.store.calls != 0 {
		t.Errorf("%d store calls with the token of another directory", a.store.calls)
	}
}

func TestStrangersNeverReachTheStore(t *testing.T) {
	a := newAPI(t)
	for i := range 1000 {
		q := request{method: everyMethod[i%6], target: basePath + "/Users/" + knownID, body: minimal}
		if w := a.serve(q.with(t, "")); w.Code != http.StatusUnauthorized {
			t.Fatalf("request %d: %d", i, w.Code)
		}
	}
	if a.store.calls != 0 {
		t.Errorf("%d store calls", a.store.calls)
	}
}

// TestWalkHasEveryRoute: a route that is mounted and not walked would not be tested above.
func TestWalkHasEveryRoute(t *testing.T) {
	want := []string{
		"/.search", "/Bulk", "/Groups", "/Groups/.search", "/Groups/{id}", "/Me", "/ResourceTypes", "/ResourceTypes/{id}",
		"/Schemas", "/Schemas/{id}", "/ServiceProviderConfig", "/Users", "/Users/.search", "/Users/{id}",
	}
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(newAPI(t).routes().paths))); diff != "" {
		t.Errorf("routes (-want +got):\n%s", diff)
	}
}

// TestUnknownPaths: who is known learns that a path is wrong.
func TestUnknownPaths(t *testing.T) {
	a := newAPI(t)
	for _, target := range []string{
		"/", "/scim/v2", "/scim/v2/team-a", basePath, basePath + "/Unknown", basePath + "/users", "/healthz",
		basePath + "/Users%2f" + knownID, basePath + "%2fUsers", basePath + "/Users/../Users", basePath + "/Users/" + knownID + "/name",
		basePath + "/Users/%2e%2e", basePath + "/Schemas/urn:nope", basePath + "/ResourceTypes/Device", basePath + "/Groups/" + knownID + "/members",
	} {
		w := a.call(t, request{method: http.MethodGet, target: target})
		checkError(t, w, http.StatusNotFound)
		if w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: a 404 has a challenge", target)
		}
	}
}

func TestRouteFailsClosed(t *testing.T) {
	a := newAPI(t)
	r := request{method: http.MethodGet, target: basePath + "/Users"}.with(t, a.token)
	w := httptest.NewRecorder()
	x := &exchange{ResponseWriter: w}
	a.routes().ServeHTTP(x, x.attach(r))
	checkError(t, w, http.StatusUnauthorized)
	if a.store.calls != 0 {
		t.Error("a route without authentication in front of it reached the store")
	}
}

func FuzzPath(f *testing.F) {
	a := newAPI(f)
	for _, seed := range walk(a) {
		f.Add(seed)
	}
	f.Add(basePath + "/Users/%00%0a")
	f.Add("/scim/v2/%2e/acme/Users")
	f.Fuzz(func(t *testing.T, path string) {
		cleaned := clean(path)
		if cleaned != noPath && (strings.HasSuffix(cleaned, "/") || strings.Contains(cleaned, "//") || !strings.HasPrefix(cleaned, "/")) {
			t.Errorf("clean(%q) = %q", path, cleaned)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://scim.example.com/", nil)
		r.URL.Path, r.URL.RawPath = path, path
		if w := a.serve(r); w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d without a token", path, w.Code)
		}
		r.Header.Set("Authorization", "Bearer "+a.other)
		w := a.serve(r)
		if strings.HasPrefix(cleaned, basePath+"/") && w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d with the token of another directory", path, w.Code)
		}
		if w.Code >= 300 && w.Code < 400 || w.Code != http.StatusOK && w.Header().Get("Content-Type") != scim.MediaType {
			t.Errorf("%q: %d %s", path, w.Code, w.Header())
		}
	})
}
