// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

const credential = "Bearer canary"

// app is a server that says what it was asked, as JSON.
type app struct {
	changes atomic.Int64
	uri     atomic.Value
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.uri.Store(r.RequestURI)
	if r.Method != http.MethodGet {
		a.changes.Add(1)
	}
	if r.Method == http.MethodDelete {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"asked":%q,"host":%q}`, r.URL.EscapedPath(), r.Host)
}

func startHTTP(t *testing.T) (*HTTP, *app) {
	t.Helper()
	a := &app{}
	server := httptest.NewUnstartedServer(a)
	server.Listener = cluster.Listen(t)
	server.Start()
	t.Cleanup(server.Close)
	h, err := ListenHTTP(cluster.FreeAddress(t), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h, a
}

type heard struct {
	status int
	header http.Header
	body   string
	err    error
}

func (h *HTTP) send(t *testing.T, method, path string) heard {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, h.URL()+path, strings.NewReader("the body"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", credential)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return heard{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return heard{response.StatusCode, response.Header, string(body), err}
}

func TestHTTPPassesThrough(t *testing.T) {
	h, a := startHTTP(t)
	got := h.send(t, "GET", "/a%2fb/..%2f?x=%26")
	want := fmt.Sprintf(`{"asked":"/a%%2fb/..%%2f","host":%q}`, h.Address())
	if got.status != 200 || got.body != want || a.uri.Load() != "/a%2fb/..%2f?x=%26" || h.Requests() != 1 {
		t.Errorf("%+v of %s, want %s", got, a.uri.Load(), want)
	}
	if got := h.send(t, "DELETE", "/x"); got.status != 204 || got.body != "" {
		t.Errorf("%+v", got)
	}
}

func TestHTTPAnswersWrongly(t *testing.T) {
	for name, tc := range map[string]struct {
		status  int
		body    string
		changes int64
		broken  bool
	}{
		"only 429":                            {429, credential, 0, false},
		"only 500":                            {500, "the body", 0, false},
		"502 before it is done":               {502, "/accounts/2", 0, false},
		"503 after it is done":                {503, "POST", 1, false},
		"a page for people, after it is done": {200, "<html>", 1, false},
		"200 and nothing, before it is done":  {200, "", 0, false},
		"200 and {}, before it is done":       {200, "{}", 0, false},
		"200 and null, after it is done":      {200, "null", 1, false},
		"another's answer, before it is done": {200, `"/accounts/1"`, 0, false},
		"another's answer, after it is done":  {200, `"/accounts/1"`, 1, false},
		"half of the JSON":                    {200, `{"asked":"/acc`, 1, false},
		"half of the body":                    {200, `{"asked":"/acc`, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			h, a := startHTTP(t)
			h.send(t, "POST", "/accounts/1")
			fault := h.Faults(nil)[name]
			lift := fault.Inject(1)
			h.send(t, "POST", "/accounts/1")
			before := a.changes.Load()
			got := h.send(t, "POST", "/accounts/2")
			if got.status != tc.status || !strings.Contains(got.body, tc.body) || (got.err != nil) != tc.broken {
				t.Errorf("%+v, want %+v", got, tc)
			}
			if did := a.changes.Load() - before; did != tc.changes {
				t.Errorf("the server was asked %d times, want %d", did, tc.changes)
			}
			if again := h.send(t, "POST", "/accounts/2"); fault.Once != (again.status == 200 && strings.HasSuffix(again.body, "}")) {
				t.Errorf("once: %v, and then %+v", fault.Once, again)
			}
			lift()
			if after := h.send(t, "POST", "/accounts/2"); after.status != 200 {
				t.Errorf("after it was lifted: %+v", after)
			}
		})
	}
}

func TestHTTPSaysWhenToComeAgain(t *testing.T) {
	h, _ := startHTTP(t)
	defer h.Faults(nil)["only 429"].Inject(0)()
	if got := h.send(t, "GET", "/"); got.header.Get("Retry-After") != "1" {
		t.Errorf("%+v", got)
	}
}

// TestHTTPChoosesRequests strikes those that match, and breaks off an answer without a body.
func TestHTTPChoosesRequests(t *testing.T) {
	h, _ := startHTTP(t)
	lift := h.Fault(HalfBody(), func(r *http.Request) bool { return r.Method == http.MethodDelete }, false, true).Inject(0)
	if got := h.send(t, "GET", "/"); got.err != nil || got.status != 200 {
		t.Errorf("%+v", got)
	}
	if got := h.send(t, "DELETE", "/"); got.err == nil {
		t.Errorf("%+v", got)
	}
	if struck := lift(); struck != 1 {
		t.Errorf("struck %d times", struck)
	}
}
