// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// still is a clock that goes only when it is told to.
type still struct{ passed atomic.Int64 }

func (c *still) now() time.Time       { return time.Unix(1700000000, 0).Add(time.Duration(c.passed.Load())) }
func (c *still) pass(d time.Duration) { c.passed.Add(int64(d)) }

// newStillAPI is newAPI with a clock of its own.
func newStillAPI(t testing.TB, change ...func(*Options)) (*api, *still) {
	t.Helper()
	clock := &still{}
	return newAPI(t, append([]func(*Options){func(o *Options) { o.Now = clock.now }}, change...)...), clock
}

// from asks from an address, with what is said of it on the way.
func (a *api) from(t testing.TB, peer, forwarded, token string) *httptest.ResponseRecorder {
	t.Helper()
	r := request{method: "GET", target: one}.with(t, token)
	r.RemoteAddr = peer
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	return a.serve(r)
}

// lines are those of the log with that message.
func (a *api) lines(t testing.TB, msg string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(a.logs.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if fields["msg"] == msg {
			found = append(found, fields)
		}
	}
	return found
}

const (
	lineServed  = "Request served"
	lineSummary = "Requests without a log line of their own"
)

func TestAllowedNetworks(t *testing.T) {
	cases := map[string]struct {
		reason, peer, forwarded string
		want                    int
	}{
		"Inside":        {reason: "the identity provider", peer: "203.0.113.9:1", want: http.StatusOK},
		"InsideMapped":  {reason: "the same over a socket for both", peer: "[::ffff:203.0.113.9]:1", want: http.StatusOK},
		"InsideIPv6":    {reason: "and over IPv6", peer: "[2001:db8::1]:1", want: http.StatusOK},
		"Outside":       {reason: "anybody else", peer: "198.51.100.9:1", want: http.StatusForbidden},
		"Spoofed":       {reason: "anybody else who says otherwise", peer: "198.51.100.9:1", forwarded: "203.0.113.9", want: http.StatusForbidden},
		"Proxied":       {reason: "through our proxy", peer: "10.0.0.1:1", forwarded: "203.0.113.9", want: http.StatusOK},
		"ProxiedSpoof":  {reason: "anybody else who says otherwise, through our proxy", peer: "10.0.0.1:1", forwarded: "203.0.113.9, 198.51.100.9", want: http.StatusForbidden},
		"ProxyItself":   {reason: "the proxy itself is not allowed", peer: "10.0.0.1:1", want: http.StatusForbidden},
		"ProxyMalforms": {reason: "what cannot be read is nowhere", peer: "10.0.0.1:1", forwarded: "203.0.113.9, x", want: http.StatusForbidden},
		"NoAddress":     {reason: "a connection without an address is in no network", peer: "@", want: http.StatusForbidden},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, func(o *Options) { o.TrustedProxies = ourProxies(t) }).settle(func(s *v1alpha1.ScimDirectorySpec) {
				s.Authentication.AllowedCIDRs = []string{"203.0.113.0/24", "2001:db8::/32"}
			})
			w := a.from(t, tc.peer, tc.forwarded, a.token)
			if w.Code != tc.want {
				t.Fatalf("%s: %d, want %d", tc.reason, w.Code, tc.want)
			}
			if tc.want == http.StatusForbidden {
				checkError(t, w, tc.want)
			}
			if got := a.from(t, tc.peer, tc.forwarded, a.other); got.Code != http.StatusUnauthorized {
				t.Errorf("%s: a stranger got %d", tc.reason, got.Code)
			}
			if called := a.store.calls > 0; called != (tc.want == http.StatusOK) {
				t.Errorf("%s: store called %t", tc.reason, called)
			}
		})
	}
}

// TestElsewhereIsSuspendedToo: who may not ask does not learn that the directory is suspended.
func TestElsewhereIsSuspendedToo(t *testing.T) {
	a := newAPI(t).settle(func(s *v1alpha1.ScimDirectorySpec) {
		s.Authentication.AllowedCIDRs, s.Suspended = []string{"203.0.113.0/24"}, true
	})
	checkError(t, a.from(t, "198.51.100.9:1", "", a.token), http.StatusForbidden)
	checkError(t, a.from(t, "203.0.113.9:1", "", a.token), http.StatusServiceUnavailable)
}

// TestElsewhereIsLoggedSeldom: one line a minute, with the address that an administrator has to allow, or to look for; then
// how many there were.
func TestElsewhereIsLoggedSeldom(t *testing.T) {
	a, clock := newStillAPI(t)
	a.settle(func(s *v1alpha1.ScimDirectorySpec) { s.Authentication.AllowedCIDRs = []string{"203.0.113.0/24"} })
	for range 6 {
		for range 100 {
			a.from(t, "198.51.100.9:1", "", a.token)
		}
		clock.pass(10 * time.Second)
	}
	a.from(t, "198.51.100.9:1", "", a.token)
	served, left := a.lines(t, lineServed), 0.
	for _, line := range a.lines(t, lineSummary) {
		left += line["addressNotAllowed"].(float64)
	}
	if len(served) != 2 || served[0]["source"] != "198.51.100.9" || served[0]["status"] != 403. || served[0]["directory"] != "acme" {
		t.Errorf("%d lines: %v", len(served), served)
	}
	if left != 599 {
		t.Errorf("%v requests are told in sum, want 599", left)
	}
}

func TestWorkOf(t *testing.T) {
	for request, want := range map[string]work{
		"GET /Users": reading, "HEAD /Users": reading, "OPTIONS /Users": reading, "TRACE /": reading, "PROPFIND /": reading, "POST /.search": reading,
		"POST /Users/.search": reading, "POST /Bulk": reading, "POST /Users": creating, "POST /Groups": creating, "POST ": creating,
		"PUT /Users/x": changing, "PATCH /Groups/x": changing, "DELETE /Users/x": changing, "DELETE ": changing,
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := workOf(method, path); got != want {
			t.Errorf("%s is %d, want %d", request, got, want)
		}
	}
}

// limited is an API whose directory lets a credential ask three times at once and once a second.
func limited(t *testing.T) (*api, *still) {
	t.Helper()
	a, clock := newStillAPI(t)
	a.settle(func(s *v1alpha1.ScimDirectorySpec) {
		s.Limits = v1alpha1.DirectoryLimits{RequestsPerSecond: 1, Burst: 3}
	})
	return a, clock
}

// TestRates: each kind of request has its own rate, so that joiners do not keep leavers waiting; and each credential.
func TestRates(t *testing.T) {
	a, clock := limited(t)
	kinds := map[string]struct {
		q       request
		success int
	}{
		"read":   {request{method: "GET", target: one}, http.StatusOK},
		"create": {request{method: "POST", target: basePath + "/Users", body: minimal}, http.StatusCreated},
		"change": {request{method: "PATCH", target: one, body: `{"Operations":[{"op":"replace","path":"active","value":false}]}`}, http.StatusOK},
	}
	for name, kind := range kinds {
		for range 3 {
			if w := a.call(t, kind.q); w.Code != kind.success {
				t.Errorf("%s within the burst: %d %s", name, w.Code, w.Body)
			}
		}
	}
	calls := a.store.calls
	for name, kind := range kinds {
		w := a.call(t, kind.q)
		if w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: Retry-After %q", name, w.Header().Get("Retry-After"))
		}
		checkError(t, w, http.StatusTooManyRequests)
	}
	if a.store.calls != calls {
		t.Error("a request that came too fast reached the store")
	}
	if w := a.serve(request{method: "GET", target: strings.Replace(one, "acme", "other", 1)}.with(t, a.other)); w.Code != http.StatusOK {
		t.Errorf("another credential got %d", w.Code)
	}
	clock.pass(time.Second)
	for name, kind := range kinds {
		if w := a.call(t, kind.q); w.Code != kind.success {
			t.Errorf("%s after a second: %d", name, w.Code)
		}
	}
}

// TestRateChanges: a directory that lets in more does so at once.
func TestRateChanges(t *testing.T) {
	a, _ := limited(t)
	for range 4 {
		a.call(t, request{method: "GET", target: one})
	}
	a.settle(func(s *v1alpha1.ScimDirectorySpec) { s.Limits.Burst = 5 })
	if w := a.call(t, request{method: "GET", target: one}); w.Code != http.StatusOK {
		t.Errorf("with a greater burst: %d", w.Code)
	}
}

// TestBulkRate: a bulk request counts as what it does, as a whole or not at all.
func TestBulkRate(t *testing.T) {
	a, clock := limited(t)
	bulk := func(patches int) int {
		var operations []string
		for range patches {
			operations = append(operations, bulkOperation("PATCH", "/Users/"+knownID, `{"Operations":[{"op":"replace","path":"active","value":false}]}`))
		}
		w := a.call(t, bulkOf(operations...))
		if w.Code == http.StatusTooManyRequests {
			checkError(t, w, w.Code)
		}
		return w.Code
	}
	if got := bulk(2); got != http.StatusOK {
		t.Fatalf("within the burst: %d", got)
	}
	calls := a.store.calls
	if got := bulk(2); got != http.StatusTooManyRequests || a.store.calls != calls {
		t.Errorf("more than the burst: %d, %d calls of the store", got, a.store.calls-calls)
	}
	if w := a.call(t, request{method: "PATCH", target: one, body: `{"Operations":[{"op":"replace","path":"active","value":true}]}`}); w.Code != http.StatusOK {
		t.Errorf("what a refused bulk request would have done counts: %d", w.Code)
	}
	clock.pass(10 * time.Second)
	if got := bulk(5); got != http.StatusOK {
		t.Errorf("more operations than the burst, with nothing before: %d", got)
	}
	clock.pass(time.Second) // the requests themselves are reads
	if got := bulk(1); got != http.StatusTooManyRequests {
		t.Errorf("they are to be paid for: %d", got)
	}
}

// TestTooFastIsLoggedSeldom: a client that does not stop fills no log.
func TestTooFastIsLoggedSeldom(t *testing.T) {
	a, clock := limited(t)
	for range 1000 {
		a.call(t, request{method: "GET", target: one})
	}
	clock.pass(10 * time.Second)
	a.call(t, request{method: "GET", target: one})
	if served := a.lines(t, lineServed); len(served) != 3+1+1 {
		t.Errorf("%d lines", len(served))
	}
	if summary := a.lines(t, lineSummary); len(summary) != 1 || summary[0]["tooFast"] != 996. {
		t.Errorf("in sum: %v", summary)
	}
	if len(a.served) != 1001 {
		t.Errorf("%d of 1001 requests are counted", len(a.served))
	}
}

// withFailures lets each source fail three times at once, and all of them ten times.
func withFailures(o *Options) {
	o.Limits.SourceFailures, o.Limits.Failures = directory.Rate{PerSecond: 1, Burst: 3}, directory.Rate{PerSecond: 1, Burst: 10}
	o.TrustedProxies = nil
}

// TestManyFailuresAreAnsweredAlike: above the limits, the answer does not depend on what was wrong, nor on what there is.
func TestManyFailuresAreAnsweredAlike(t *testing.T) {
	a, _ := newStillAPI(t, withFailures)
	seen := map[string]bool{}
	for i := range 50 {
		target := []string{one, basePath + "/Nope", "/scim/v2/no/such/Users", "/"}[i%4]
		token := []string{"", "garbage", a.other, newToken(t, 60).Reveal()}[i/4%4]
		if token == a.other && !strings.HasPrefix(target, basePath) {
			token = ""
		}
		w := a.serve(request{method: "GET", target: target}.with(t, token))
		if i < 3 {
			checkError(t, w, http.StatusUnauthorized)
			continue
		}
		if w.Header().Get("Retry-After") != "10" || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("headers %v", w.Header())
		}
		seen[fmt.Sprint(outward(w))] = true
		checkError(t, w, http.StatusTooManyRequests)
	}
	if len(seen) != 1 {
		t.Errorf("%d different answers: %v", len(seen), seen)
	}
}

// TestFailuresLockNobodyOut: TOK-10. Strangers fail from everywhere, also from where the identity provider asks: it never notices.
func TestFailuresLockNobodyOut(t *testing.T) {
	a, clock := newStillAPI(t, withFailures, func(o *Options) { o.TrustedProxies = ourProxies(t) })
	bad := []string{"", "garbage", newToken(t, 61).Reveal(), a.token[:len(a.token)-1] + "_"}
	statuses := map[int]int{}
	for i := range 10_000 {
		source := "203.0.113.9" // the identity provider's own
		if i%2 == 0 {
			source = v4(uint32(i)).String()
		}
		statuses[a.from(t, "10.0.0.1:1", source, bad[i%len(bad)]).Code]++
		if i%10 == 0 {
			clock.pass(time.Millisecond)
			if w := a.from(t, "10.0.0.1:1", "203.0.113.9", a.token); w.Code != http.StatusOK {
				t.Fatalf("after %d failures a valid token got %d", i, w.Code)
			}
		}
	}
	if diff := cmp.Diff(map[int]int{http.StatusUnauthorized: 10, http.StatusTooManyRequests: 9990}, statuses); diff != "" {
		t.Errorf("strangers got (-want +got):\n%s", diff)
	}
	if a.store.calls != 1000 {
		t.Errorf("%d calls of the store for 1000 requests", a.store.calls)
	}
	clock.pass(summaryEvery)
	a.from(t, "10.0.0.1:1", "203.0.113.9", a.token)
	if served := len(a.lines(t, lineServed)); served != 1001+10 {
		t.Errorf("%d lines of the log", served)
	}
	if summary := a.lines(t, lineSummary); len(summary) != 1 || summary[0]["failedAuthentication"] != 9990. {
		t.Errorf("in sum: %v", summary)
	}
	if len(a.served) != 11_001 {
		t.Errorf("%d requests are counted", len(a.served))
	}
}

// TestManyFailuresAreNotRead: who fails too often does not get a body read.
func TestManyFailuresAreNotRead(t *testing.T) {
	a, _ := newStillAPI(t, withFailures)
	for i := range 5 {
		w := a.serve(request{method: "POST", target: basePath + "/Users", body: minimal}.with(t, "garbage"))
		if closes := w.Header().Get("Connection") == "close"; closes != (i >= 3) {
			t.Errorf("failure %d: %d closes %t", i, w.Code, closes)
		}
	}
	if w := a.serve(request{method: "GET", target: one}.with(t, "garbage")); w.Header().Get("Connection") != "" {
		t.Error("without a body the connection may stay: a new one costs more")
	}
}

// TestManyFailuresAreCountedAsWhatTheyAre: also of those that are answered alike the exchange says at the end what was wrong.
func TestManyFailuresAreCountedAsWhatTheyAre(t *testing.T) {
	o := Options{Now: time.Now}
	withFailures(&o)
	s := &server{Options: o, failures: newFailures(o.Limits)}
	for i := range 5 {
		x := &exchange{ResponseWriter: httptest.NewRecorder()}
		r := x.attach(request{method: "GET", target: one}.with(t, ""))
		s.turnAway(x, r, &auth.Refusal{Presented: true})
		var refusal *auth.Refusal
		if !errors.As(x.err, &refusal) || (x.status == http.StatusTooManyRequests) != (i >= 3) {
			t.Errorf("failure %d: %d, %v", i, x.status, x.err)
		}
	}
}

// TestUnavailableIsNoFailure: while nobody can be authenticated, nobody is held to have failed.
func TestUnavailableIsNoFailure(t *testing.T) {
	a, _ := newStillAPI(t, withFailures)
	directories := a.cache.directories
	a.cache.directories = nil
	for range 100 {
		checkError(t, a.call(t, request{method: "GET", target: one}), http.StatusServiceUnavailable)
	}
	a.cache.directories = directories
	checkError(t, a.serve(request{method: "GET", target: one}.with(t, "garbage")), http.StatusUnauthorized)
}

func TestQuiet(t *testing.T) {
	q := &quiet{}
	if q.summary(time.Hour) != nil {
		t.Error("there is something to say of nothing")
	}
	said := 0
	for i := range 10 * maxSaid {
		if q.say(fmt.Sprint(i), time.Duration(i), time.Hour) && !q.say(fmt.Sprint(i), time.Duration(i), time.Hour) {
			said++
		}
		if len(q.said) > maxSaid {
			t.Fatalf("%d things are remembered", len(q.said))
		}
	}
	if said != 10*maxSaid {
		t.Errorf("%d things were said once", said)
	}
}

// BenchmarkStranger is what a request with a bad token costs beside HTTP itself.
func BenchmarkStranger(b *testing.B) {
	for name, limits := range map[string]func(*Options){"Within": func(*Options) {}, "Above": withFailures} {
		b.Run(name, func(b *testing.B) {
			a := newAPI(b, limits, func(o *Options) { o.Served = func(Served) {}; o.Log = discard() })
			r := request{method: "GET", target: one}.with(b, newToken(b, 70).Reveal())
			b.ReportAllocs()
			for b.Loop() {
				a.handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
