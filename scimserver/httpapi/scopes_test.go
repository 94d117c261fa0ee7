// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// needed is what each route takes for each method that it has. It is written out once more here: a route that is mounted without a scope, or
// with that of another, is in no way different from the others until somebody is let in.
var needed = map[string]map[string]string{
	"/Users":                 {"GET": "users:read", "HEAD": "users:read", "POST": "users:write"},
	"/Users/.search":         {"POST": "users:read"},
	"/Users/{id}":            {"GET": "users:read", "HEAD": "users:read", "PUT": "users:write", "PATCH": "users:write", "DELETE": "users:write"},
	"/Groups":                {"GET": "groups:read", "HEAD": "groups:read", "POST": "groups:write"},
	"/Groups/.search":        {"POST": "groups:read"},
	"/Groups/{id}":           {"GET": "groups:read", "HEAD": "groups:read", "PUT": "groups:write", "PATCH": "groups:write", "DELETE": "groups:write"},
	"/.search":               {"POST": "users:read groups:read"},
	"/Bulk":                  {"POST": ""}, // each operation by itself
	"/ServiceProviderConfig": {"GET": "", "HEAD": ""},
	"/ResourceTypes":         {"GET": "", "HEAD": ""},
	"/ResourceTypes/{id}":    {"GET": "", "HEAD": ""},
	"/Schemas":               {"GET": "", "HEAD": ""},
	"/Schemas/{id}":          {"GET": "", "HEAD": ""},
}

var everyScope = []v1alpha1.TokenScope{v1alpha1.ScopeUsersRead, v1alpha1.ScopeUsersWrite, v1alpha1.ScopeGroupsRead, v1alpha1.ScopeGroupsWrite}

// scopeSets are all sets of scopes, of which the empty one is all.
func scopeSets() (sets [][]v1alpha1.TokenScope) {
	for bits := range 1 << len(everyScope) {
		var set []v1alpha1.TokenScope
		for i, scope := range everyScope {
			if bits&(1<<i) != 0 {
				set = append(set, scope)
			}
		}
		sets = append(sets, set)
	}
	return sets
}

func covers(set []v1alpha1.TokenScope, needs string) bool {
	return len(set) == 0 || !slices.ContainsFunc(strings.Fields(needs), func(need string) bool {
		return !slices.Contains(set, v1alpha1.TokenScope(need))
	})
}

// scoped returns a handler whose credential has these scopes.
func scoped(t *testing.T, set []v1alpha1.TokenScope) *api {
	t.Helper()
	a := newAPI(t)
	a.cache.tokens[0].Spec.Scopes = set
	return a
}

// TestScopes is every route with every method and every set of scopes.
func TestScopes(t *testing.T) {
	for _, set := range scopeSets() {
		a := scoped(t, set)
		for _, path := range a.routes().paths {
			for _, method := range everyMethod {
				needs, mounted := needed[path][method]
				calls := a.store.calls
				w := a.call(t, request{method: method, target: basePath + strings.Replace(path, "{id}", knownID, 1), body: "{}"})
				name := fmt.Sprintf("%s %s with %q: %d", method, path, set, w.Code)
				switch {
				case !mounted && w.Code == http.StatusForbidden:
					t.Errorf("%s, where there is nothing to forbid", name)
				case mounted && covers(set, needs) && (w.Code == http.StatusForbidden || w.Code == http.StatusMethodNotAllowed):
					t.Errorf("%s, although the credential has the scope", name)
				case mounted && !covers(set, needs):
					want := []string{`Bearer realm="scim", error="insufficient_scope", scope="` + needs + `"`}
					if diff := cmp.Diff(want, w.Header().Values("WWW-Authenticate")); diff != "" || w.Code != http.StatusForbidden || a.store.calls != calls {
						t.Errorf("%s, store calls %d (-want +got):\n%s", name, a.store.calls-calls, diff)
					}
					if method != http.MethodHead {
						checkErrorBody(t, w.Body, http.StatusForbidden)
					}
				}
			}
		}
	}
}

// TestScopesNameEveryRoute: what is mounted and not in the table above would not be tested there.
func TestScopesNameEveryRoute(t *testing.T) {
	rt := newAPI(t).routes()
	got := map[string][]string{}
	for path, methods := range rt.methods {
		got[path] = slices.Sorted(maps.Keys(methods))
	}
	want := map[string][]string{}
	for path, methods := range needed {
		want[path] = slices.Sorted(maps.Keys(methods))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes with their methods (-here +mounted):\n%s", diff)
	}
	for _, path := range rt.paths {
		if needed[path] == nil && path != "/Me" {
			t.Errorf("%s answers all methods without asking for a scope", path)
		}
	}
}

// TestScopesInBulk: an operation is refused as the request of its own would be, and the others are not.
func TestScopesInBulk(t *testing.T) {
	for _, set := range scopeSets() {
		a := scoped(t, set)
		for path, methods := range needed {
			for method, needs := range methods {
				if method == http.MethodGet || method == http.MethodHead || !strings.HasSuffix(needs, "write") {
					continue
				}
				calls := a.store.calls
				got := statusesOf(a.bulk(t, bulkOperation(method, strings.Replace(path, "{id}", knownID, 1), `{}`)))
				if refused := got == "403"; refused == covers(set, needs) || refused && a.store.calls != calls {
					t.Errorf("%s %s with %q: %s, %d store calls", method, path, set, got, a.store.calls-calls)
				}
			}
		}
	}
}
