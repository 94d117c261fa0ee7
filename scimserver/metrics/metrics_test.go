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
	m.AuditDropped()
	m.RequestServed(httpapi.Served{Method: "other", Status: 401, Took: time.Microsecond, Refused: httpapi.RefusedUnknown, Received: 7, Sent: 9})
	m.RequestBegan()
	m.Tell(func() bool { return true }, 512)
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
		`scim_operator_authentication_failures_total{reason="unknown"} 1`,
		`scim_operator_authentication_failures_total{reason="missing"} 0`,
		`scim_operator_body_bytes_total{direction="received"} 7`,
		`scim_operator_body_bytes_total{direction="sent"} 9`,
		"scim_operator_requests_in_flight -2", // three were served, and one of them is counted as begun
		"scim_operator_requests_in_flight_limit 512", "scim_operator_server_ready 1",
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

func TestAPIServer(t *testing.T) {
	m := New()
	answer := func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodDelete {
			return nil, http.ErrHandlerTimeout
		}
		return &http.Response{StatusCode: http.StatusConflict, Body: http.NoBody}, nil
	}
	for _, request := range []string{
		"GET /apis/scim-operator.dev/v1alpha1/scimusers?limit=1", "GET /apis/scim-operator.dev/v1alpha1/scimusers?watch=true&resourceVersion=1",
		"PUT /apis/scim-operator.dev/v1alpha1/namespaces/team-a/scimgroups/canary", "DELETE /apis/scim-operator.dev/v1alpha1/namespaces/team-a/canary/x", "GET /api",
	} {
		method, path, _ := strings.Cut(request, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		if response, err := m.APIServer(transport(answer)).RoundTrip(r); err == nil {
			_ = response.Body.Close()
		}
	}
	got := scrape(t, m, http.MethodGet, "/metrics").Body.String()
	for _, want := range []string{
		`scim_operator_apiserver_requests_total{code="409",method="GET",resource="scimusers"} 1`,
		`scim_operator_apiserver_requests_total{code="409",method="WATCH",resource="scimusers"} 1`,
		`scim_operator_apiserver_requests_total{code="409",method="PUT",resource="scimgroups"} 1`,
		`scim_operator_apiserver_requests_total{code="none",method="DELETE",resource="other"} 1`,
		`scim_operator_apiserver_requests_total{code="409",method="GET",resource="other"} 1`,
		`scim_operator_apiserver_request_duration_seconds_count{method="GET"} 2`,
	} {
		if !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("without %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "canary") {
		t.Error("a name is in a label")
	}
}

// transport is a function as http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
