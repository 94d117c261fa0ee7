// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/httpapi"
)

func scrape(t *testing.T, m *Metrics, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w
}

func TestMetrics(t *testing.T) {
	m := New()
	m.RuleUsed("team-a", "acme", "patch-op-case")
	m.RuleUsed("team-a", "acme", "patch-op-case")
	m.RuleUsed("team-a", "other", "patch-op-case")
	get := httpapi.Served{Namespace: "team-a", Directory: "acme", Method: "GET", Route: "/scim/v2/{namespace}/{directory}/Users/{id}", Status: 200, Took: 30 * time.Millisecond}
	m.RequestServed(get)
	get.Status = 404
	m.RequestServed(get)
	m.RequestServed(httpapi.Served{Method: "other", Status: 401, Took: time.Microsecond})
	m.AuditDropped()
	got := scrape(t, m, http.MethodGet, "/metrics").Body.String()
	const route = `route="/scim/v2/{namespace}/{directory}/Users/{id}"`
	for _, want := range []string{
		`scim_operator_dialect_rules_total{directory="acme",namespace="team-a",rule="patch-op-case"} 2`,
		`scim_operator_dialect_rules_total{directory="other",namespace="team-a",rule="patch-op-case"} 1`,
		`scim_operator_requests_total{code="200",directory="acme",method="GET",namespace="team-a",` + route + `} 1`,
		`scim_operator_requests_total{code="404",directory="acme",method="GET",namespace="team-a",` + route + `} 1`,
		`scim_operator_requests_total{code="401",directory="",method="other",namespace="",route=""} 1`,
		`scim_operator_request_duration_seconds_bucket{class="2xx",method="GET",` + route + `,le="0.025"} 0`,
		`scim_operator_request_duration_seconds_bucket{class="2xx",method="GET",` + route + `,le="0.05"} 1`,
		`scim_operator_request_duration_seconds_count{class="4xx",method="other",route=""} 1`,
		"scim_operator_audit_dropped_total 1",
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(got, want+"\n") && !strings.Contains(got, "\n"+want) {
			t.Errorf("without %s:\n%s", want, got)
		}
	}
}

// TestRegistriesAreApart: two in one process, as in tests, neither collide nor share.
func TestRegistriesAreApart(t *testing.T) {
	a, b := New(), New()
	a.RuleUsed("n", "d", "r")
	if got := scrape(t, b, http.MethodGet, "/metrics").Body.String(); strings.Contains(got, `rule="r"`) {
		t.Error("counted by another")
	}
}

func TestNothingElseIsServed(t *testing.T) {
	for path, want := range map[string]int{"/metrics": 405, "/": 404, "/debug/pprof/": 404} {
		if got := scrape(t, New(), http.MethodPost, path).Code; got != want {
			t.Errorf("POST %s: %d, want %d", path, got, want)
		}
	}
}
