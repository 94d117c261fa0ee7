// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/stack/stranger"
)

// trustLoopback lets the tests say where their requests come from.
const trustLoopback = "--trusted-proxies=127.0.0.0/8"

// testFlood: ten thousand wrong tokens from as many addresses ask the API server for nothing, keep nobody out, and leave less
// in the log than one line each (SEC-17, TOK-10).
func testFlood(t *testing.T, s *stack.Stack, tn tenant) {
	const requests = 10_000
	at, err := url.Parse(tn.base)
	if err != nil {
		t.Fatal(err)
	}
	user := tn.post(t, "/Users", `{"userName":"valid@example.com"}`)
	flood := stranger.Flood{Host: at.Host, Path: at.Path + "/Users", Tokens: wrongTokens(t, tn.token), Connections: 16, Requests: requests}
	before := asked(t, s)
	answers, err := flood.Run(t.Context())
	if err != nil || answers[http.StatusUnauthorized]+answers[http.StatusTooManyRequests] != requests {
		t.Errorf("strangers got %v: %v", answers, err)
	}
	if answers[http.StatusTooManyRequests] == 0 {
		t.Error("none of them were too many")
	}
	// What the server looks after by itself goes on meanwhile. That no request of a stranger asks for anything is exact in scimserver/auth.
	if after := asked(t, s); after-before > requests/100 {
		t.Errorf("strangers made the server ask the API server %d times", after-before)
	}
	group, ctx := errgroup.WithContext(t.Context())
	flooding, stop := context.WithCancel(ctx)
	flood.Requests = 0
	group.Go(func() error { _, err := flood.Run(flooding); return err })
	for i := range 200 {
		if got := tn.send(t, http.MethodGet, tn.base+"/Users/"+user, ""); got.status != http.StatusOK {
			t.Errorf("request %d of who is known: %d %s", i, got.status, got.body)
		}
	}
	stop()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	checkFloodLog(t, s.Servers[0].LogFile, func() { tn.send(t, http.MethodGet, tn.base+"/Users/"+user, "") })
}

// wrongTokens are of every kind that there is.
func wrongTokens(t *testing.T, right string) []string {
	t.Helper()
	other, err := token.New(rand.NewChaCha8([32]byte{99}))
	if err != nil {
		t.Fatal(err)
	}
	return []string{other.Reveal(), "garbage", right[:len(right)-1] + "_", "", "eyJhbGciOiJub25lIn0.e30."}
}

// asked is how often the server asked the API server for something, without the lists of ScimTokens and ScimDirectories that it asks for every two
// seconds whoever comes.
func asked(t *testing.T, s *stack.Stack) (requests int) {
	t.Helper()
	answer, err := (&http.Client{Timeout: time.Minute}).Get(s.Servers[0].MetricsURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		series, count, _ := strings.Cut(strings.TrimSpace(line), " ")
		confirming := strings.Contains(series, `resource="scimtokens"`) || strings.Contains(series, `resource="scimdirectories"`)
		if !strings.HasPrefix(series, "scim_operator_apiserver_requests_total{") || confirming {
			continue
		}
		n, err := strconv.Atoi(count)
		if err != nil {
			t.Fatal(err)
		}
		requests += n
	}
	if requests == 0 {
		t.Fatal("the server does not count what it asks the API server for")
	}
	return requests
}

// checkFloodLog: the log tells of the flood in sum, with the first request after a while.
func checkFloodLog(t *testing.T, path string, ask func()) {
	t.Helper()
	log := ""
	for deadline := time.Now().Add(time.Minute); !strings.Contains(log, lineSummary); ask() {
		text, err := os.ReadFile(path)
		if log = string(text); err != nil || time.Now().After(deadline) {
			t.Fatalf("the log does not say that lines were left out: %v", err)
		}
		<-time.After(50 * time.Millisecond) // until it may
	}
	if got := strings.Count(log, `"status":429,`); got > 0 {
		t.Errorf("%d answers with 429 have a line of their own", got)
	}
}

// testLoris: 500 connections with half a request, in its headers or in a body that nobody authenticated, keep nobody waiting (SEC-23).
func testLoris(t *testing.T, tn tenant) {
	at, err := url.Parse(tn.base)
	if err != nil {
		t.Fatal(err)
	}
	beginnings := []string{
		"POST " + at.Path + "/Users HTTP/1.1\r\nHost: scim\r\nX-",
		"POST " + at.Path + "/Users HTTP/1.1\r\nHost: scim\r\nAuthorization: Bearer garbage\r\nContent-Length: 1000\r\n\r\n{",
		"",
	}
	ctx, stop := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	var open []*stranger.Loris
	for i, n := range []int{200, 200, 100} {
		l := &stranger.Loris{Host: at.Host, Connections: n, Beginning: beginnings[i]}
		open = append(open, l)
		group.Go(func() error { return l.Run(ctx) })
	}
	for deadline := time.Now().Add(time.Minute); open[0].Open() < 200 || open[2].Open() < 100; {
		if time.Now().After(deadline) {
			t.Fatal("the connections do not open")
		}
		<-time.After(10 * time.Millisecond) // until looked at again
	}
	for i := range 50 {
		if got := tn.send(t, http.MethodGet, tn.base+"/Users", ""); got.status != http.StatusOK {
			t.Errorf("request %d: %d %s", i, got.status, got.body)
		}
	}
	if open[0].Open() == 0 {
		t.Error("the connections did not stay open")
	}
	stop()
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// testNetworks: the program takes the address of a client from its proxies, and from nobody else.
func testNetworks(t *testing.T, s *stack.Stack, tn tenant) {
	ask := func(forwarded string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tn.base+"/Users", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+tn.token)
		request.Header.Set("X-Forwarded-For", forwarded)
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	allow(t, s, "networks", "203.0.113.0/24")
	for deadline := time.Now().Add(time.Minute); ask("198.51.100.9") != http.StatusForbidden; {
		if time.Now().After(deadline) {
			t.Fatal("the server did not learn of the networks")
		}
	}
	for forwarded, want := range map[string]int{"203.0.113.9": http.StatusOK, "203.0.113.9, 198.51.100.9": http.StatusForbidden, "198.51.100.9, 203.0.113.9": http.StatusOK, "": http.StatusForbidden} {
		if got := ask(forwarded); got != want {
			t.Errorf("%q: %d, want %d", forwarded, got, want)
		}
	}
}

// allow makes a directory take requests from one network only.
func allow(t *testing.T, s *stack.Stack, name, network string) {
	t.Helper()
	dir := &v1alpha1.ScimDirectory{}
	if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: programNamespace, Name: name}, dir); err != nil {
		t.Fatal(err)
	}
	before := client.MergeFrom(dir.DeepCopy())
	dir.Spec.Authentication.AllowedCIDRs = []string{network}
	if err := s.Client.Patch(t.Context(), dir, before); err != nil {
		t.Fatal(err)
	}
}
