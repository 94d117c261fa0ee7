// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// APIServer returns a transport that counts what goes to the API server through next; it is for rest.Config.Wrap.
func (m *Metrics) APIServer(next http.RoundTripper) http.RoundTripper { return &apiServer{m, next} }

type apiServer struct {
	metrics *Metrics
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a *apiServer) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	answer, err := a.next.RoundTrip(r)
	code := "none"
	if err == nil {
		code = strconv.Itoa(answer.StatusCode)
	}
	method := methodOf(r)
	a.metrics.apiRequests.WithLabelValues(method, resourceOf(r.URL.Path), code).Inc()
	if method != methodWatch {
		a.metrics.apiSeconds.WithLabelValues(method).Observe(time.Since(start).Seconds())
	}
	return answer, err
}

// WrappedRoundTripper lets client-go look through.
func (a *apiServer) WrappedRoundTripper() http.RoundTripper { return a.next }

// methodWatch is a GET that goes on.
const methodWatch = "WATCH"

func methodOf(r *http.Request) string {
	if r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "watch=true") {
		return methodWatch
	}
	return r.Method // client-go sends no others than HTTP has
}

// resourceOf is the resource that a path of the API server is about, "other" for one that scim-server has no business with.
//
//	/apis/scim-operator.dev/v1alpha1/scimusers
//	/apis/scim-operator.dev/v1alpha1/namespaces/team-a/scimusers/…
func resourceOf(path string) string {
	parts := strings.SplitN(path, "/", 8)
	at := 4
	if len(parts) > at && parts[at] == "namespaces" {
		at = 6
	}
	if len(parts) <= at {
		return "other"
	}
	switch parts[at] {
	case "scimusers", "scimgroups", "scimmemberslices", "scimnames", "scimtokens", "scimdirectories", "scimtokenuses":
		return parts[at]
	default:
		return "other"
	}
}
