// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// padded is body in exactly n bytes.
func padded(body string, n int) string { return body + strings.Repeat(" ", n-len(body)) }

func TestBodyLimit(t *testing.T) {
	const patchUser = `{"Operations":[{"op":"replace","path":"active","value":false}]}`
	users, groups := int(DefaultLimits().BodyBytes), int(DefaultLimits().GroupBytes)
	for name, tc := range map[string]struct {
		method, target, body string
		limit, want          int
	}{
		"CreateUser":   {"POST", basePath + "/Users", minimal, users, http.StatusCreated},
		"PatchUser":    {"PATCH", one, patchUser, users, http.StatusOK},
		"SearchUsers":  {"POST", basePath + "/Users/.search", `{}`, users, http.StatusOK},
		"CreateGroup":  {"POST", basePath + "/Groups", someGroup, groups, http.StatusCreated},
		"ReplaceGroup": {"PUT", oneGroup, someGroup, groups, http.StatusOK},
		"PatchGroup":   {"PATCH", oneGroup, addMember, groups, http.StatusNoContent},
		"SearchGroups": {"POST", basePath + "/Groups//.search/", `{}`, users, http.StatusOK},
		"SearchAll":    {"POST", basePath + "/.search", `{}`, users, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) { testBodyLimit(t, tc.method, tc.target, tc.body, tc.limit, tc.want) })
	}
}

func testBodyLimit(t *testing.T, method, target, text string, limit, success int) {
	t.Helper()
	cases := map[string]struct {
		reason string
		size   int
		stream bool
		want   int
	}{
		"N":               {reason: "the limit itself is allowed", size: limit, want: success},
		"NPlus1":          {reason: "one more is not", size: limit + 1, want: http.StatusRequestEntityTooLarge},
		"StreamedN":       {reason: "the same without a Content-Length", size: limit, stream: true, want: success},
		"StreamedNPlus1":  {reason: "the same without a Content-Length", size: limit + 1, stream: true, want: http.StatusRequestEntityTooLarge},
		"StreamedForever": {reason: "what is over is not read", size: 4 * limit, stream: true, want: http.StatusRequestEntityTooLarge},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			sent := padded(text, tc.size)
			r := request{method: method, target: target, body: sent}.with(t, a.token)
			body := strings.NewReader(sent)
			if tc.stream {
				r.ContentLength = -1
			}
			r.Body = io.NopCloser(body)
			w := a.serve(r)
			if tc.want != success {
				checkError(t, w, tc.want)
				if w.Header().Get("Connection") != "close" || a.store.calls != 0 {
					t.Errorf("%s: headers %v, %d store calls", tc.reason, w.Header(), a.store.calls)
				}
			} else if w.Code != tc.want {
				t.Errorf("%s: %d, want %d: %s", tc.reason, w.Code, tc.want, w.Body)
			}
			if read := tc.size - body.Len(); read > limit+1 {
				t.Errorf("%s: read %d bytes of a body that may have %d", tc.reason, read, limit)
			}
		})
	}
}

// stuckStore makes each call of the store wait until leave is closed; entered gets one value for each.
func (a *api) stuckStore() (entered, leave chan struct{}) {
	entered, leave = make(chan struct{}), make(chan struct{})
	a.store.before = func(context.Context) error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	return entered, leave
}

// TestInFlightCap: one credential gets half of the places, the next one the rest, a stranger takes none and is told nothing.
func TestInFlightCap(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Limits.InFlight = 4 })
	other := basePath[:len(basePath)-len("acme")] + "other/Users/" + knownID
	entered, leave := a.stuckStore()
	done := make(chan int)
	begin := func(target, token string) {
		r := request{method: "GET", target: target}.with(t, token)
		go func() { done <- a.serve(r).Code }()
		<-entered
	}
	refused := func(target, token string, want int) {
		t.Helper()
		w := a.serve(request{method: "GET", target: target}.with(t, token))
		if w.Header().Get("Retry-After") != "1" {
			t.Error("no Retry-After")
		}
		checkError(t, w, want)
	}
	begin(one, a.token)
	begin(one, a.token)
	refused(one, a.token, http.StatusTooManyRequests)
	begin(other, a.other)
	begin(other, a.other)
	refused(other, a.other, http.StatusTooManyRequests)
	checkError(t, a.serve(request{method: "GET", target: one}.with(t, "")), http.StatusUnauthorized)
	close(leave)
	for range 4 {
		if code := <-done; code != http.StatusOK {
			t.Errorf("a request within the cap got %d", code)
		}
	}
	a.store.before = nil
	if w := a.call(t, request{method: "GET", target: one}); w.Code != http.StatusOK {
		t.Errorf("a place was not given back: %d", w.Code)
	}
}

// TestAllInFlight: when every place is taken, who is next hears at once that it is for a reason of ours.
func TestAllInFlight(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Limits.InFlight = 1 })
	entered, leave := a.stuckStore()
	done := make(chan int)
	r := request{method: "GET", target: one}.with(t, a.token)
	go func() { done <- a.serve(r).Code }()
	<-entered
	w := a.serve(request{method: "GET", target: strings.Replace(basePath, "acme", "other", 1) + "/Users"}.with(t, a.other))
	checkError(t, w, http.StatusServiceUnavailable)
	close(leave)
	if code := <-done; code != http.StatusOK || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d; headers of the other %v", code, w.Header())
	}
}

// TestMemoryOfBodies: a long body is held as long as its request lasts. Meanwhile another one finds no memory, whether it says how
// long it is or not, and a short one is read all the same.
func TestMemoryOfBodies(t *testing.T) {
	const long = 3 * freeBody
	a := newAPI(t, func(o *Options) { o.Limits.BodyMemory = 4 * freeBody })
	put := func(token, dir string, body io.Reader, length int64) *http.Request {
		r := request{method: "PUT", target: strings.Replace(oneGroup, "acme", dir, 1), body: "x"}.with(t, token)
		r.Body, r.ContentLength = io.NopCloser(body), length
		return r
	}
	text := padded(`{"displayName":"G"}`, long)
	longOf := func(token, dir string, length int64) int {
		return a.serve(put(token, dir, strings.NewReader(text), length)).Code
	}
	read, write := io.Pipe()
	done := make(chan int)
	go func() { done <- a.serve(put(a.token, "acme", read, -1)).Code }()
	if _, err := io.WriteString(write, text[:len(text)-1]); err != nil { // returns when it was read
		t.Fatal(err)
	}
	for name, length := range map[string]int64{"Declared": long, "Streamed": -1} {
		if got := longOf(a.token, "acme", length); got != http.StatusServiceUnavailable {
			t.Errorf("%s: a second long body of the credential got %d", name, got)
		}
	}
	if got := longOf(a.other, "other", long); got != http.StatusOK {
		t.Errorf("the share of another credential: %d", got)
	}
	if w := a.serve(put(a.token, "acme", strings.NewReader(padded(`{"displayName":"G"}`, freeBody)), freeBody)); w.Code != http.StatusOK {
		t.Errorf("a short body waits for a long one: %d", w.Code)
	}
	if _, err := io.WriteString(write, text[len(text)-1:]); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	if code := <-done; code != http.StatusOK {
		t.Errorf("the long body got %d", code)
	}
	for name, length := range map[string]int64{"Declared": long, "Streamed": -1} {
		if got := longOf(a.token, "acme", length); got != http.StatusOK {
			t.Errorf("%s: the memory was not given back: %d", name, got)
		}
	}
}

// TestMemoryOfAllBodies: what several credentials hold together is bounded too.
func TestMemoryOfAllBodies(t *testing.T) {
	s := &server{Options: Options{Now: time.Now, Limits: Limits{BodyMemory: 2 * freeBody}}, bodies: semaphore.NewWeighted(freeBody), credentials: newCredentials()}
	first, second := &heldBody{server: s, key: credentialKey{keyID: "a"}}, &heldBody{server: s, key: credentialKey{keyID: "b"}}
	if first.reach(2*freeBody) != nil || second.reach(freeBody+1) == nil {
		t.Error("two credentials hold more than there is")
	}
	first.release()
	if err := second.reach(freeBody + 1); err != nil {
		t.Errorf("released memory is not free: %v", err)
	}
	second.release()
	if !s.bodies.TryAcquire(freeBody) || s.credentials.usages[second.key].bytes != 0 {
		t.Error("something was kept")
	}
}

// TestPanicGivesItsSlotBack: a panic that kept its slot would stop the server after a while.
func TestPanicGivesItsSlotBack(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Limits.InFlight = 1 })
	a.store.before = func(context.Context) error { panic("boom") }
	for range 3 {
		a.call(t, request{method: "GET", target: one})
	}
	a.store.before = nil
	if w := a.call(t, request{method: "GET", target: one}); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}

// TestMemberLimit: as many members as a group may have fit into a body, even with what Okta says beside the id; one more is
// refused for what it is.
func TestMemberLimit(t *testing.T) {
	limits := scim.DefaultLimits()
	cases := map[string]struct {
		reason, method, target, body string
		members, want                int
	}{
		"PutN":        {reason: "100,000 members", method: "PUT", target: oneGroup + "?excludedAttributes=members", body: `{"displayName":"G","members":[%s]}`, members: limits.Members, want: http.StatusOK},
		"PutNPlus1":   {reason: "one more", method: "PUT", target: oneGroup, body: `{"displayName":"G","members":[%s]}`, members: limits.Members + 1, want: http.StatusBadRequest},
		"PatchN":      {reason: "5,000 members", method: "PATCH", target: oneGroup, body: `{"Operations":[{"op":"replace","path":"members","value":[%s]}]}`, members: limits.PatchMembers, want: http.StatusNoContent},
		"PatchNPlus1": {reason: "one more", method: "PATCH", target: oneGroup, body: `{"Operations":[{"op":"replace","path":"members","value":[%s]}]}`, members: limits.PatchMembers + 1, want: http.StatusBadRequest},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			members := make([]string, tc.members)
			for i := range members {
				members[i] = fmt.Sprintf(`{"value":"%08d-5555-4555-8555-555555555555","display":"u%06d@x.example"}`, i, i)
			}
			a := newAPI(t)
			w := a.call(t, request{method: tc.method, target: tc.target, body: fmt.Sprintf(tc.body, strings.Join(members, ","))})
			if w.Code != tc.want {
				t.Fatalf("%s: status %d, want %d: %.200s", tc.reason, w.Code, tc.want, w.Body)
			}
			if want := map[bool]int{true: tc.members, false: 1}[tc.want < 300]; len(a.groups.members[knownGroup]) != want {
				t.Errorf("%s: %d members, want %d", tc.reason, len(a.groups.members[knownGroup]), want)
			}
		})
	}
}
