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

func TestInFlightCap(t *testing.T) {
	const slots = 3
	a := newAPI(t, func(o *Options) { o.Limits.InFlight = slots })
	entered, leave, done := make(chan struct{}), make(chan struct{}), make(chan int)
	a.store.before = func(context.Context) error {
		entered <- struct{}{}
		<-leave
		return nil
	}
	for range slots {
		r := request{method: "GET", target: one}.with(t, a.token)
		go func() { done <- a.serve(r).Code }()
		<-entered
	}
	for name, token := range map[string]string{"known": a.token, "stranger": ""} {
		w := a.serve(request{method: "GET", target: one}.with(t, token))
		if w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: no Retry-After", name)
		}
		checkError(t, w, http.StatusServiceUnavailable)
	}
	close(leave)
	for range slots {
		if code := <-done; code != http.StatusOK {
			t.Errorf("a request within the cap got %d", code)
		}
	}
	a.store.before = nil
	if w := a.call(t, request{method: "GET", target: one}); w.Code != http.StatusOK {
		t.Errorf("a slot was not given back: %d", w.Code)
	}
}

// TestPanicGivesItsSlotBack: a panic that kept its slot would stop the server after a while.
// TestLargeBodiesAreFew: while one large body is being read another one is refused, and a small one is not.
func TestLargeBodiesAreFew(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Limits.Large = 1 })
	large := func(body io.Reader) *http.Request {
		r := request{method: "PUT", target: oneGroup, body: "x"}.with(t, a.token)
		r.Body, r.ContentLength = io.NopCloser(body), -1
		return r
	}
	read, write := io.Pipe()
	done := make(chan int)
	go func() { done <- a.serve(large(read)).Code }()
	if _, err := write.Write([]byte(`{"displayName":"G"`)); err != nil { // returns when it was read
		t.Fatal(err)
	}
	checkError(t, a.serve(large(strings.NewReader(`{"displayName":"G"}`))), http.StatusServiceUnavailable)
	if w := a.call(t, request{method: "PUT", target: oneGroup, body: `{"displayName":"G"}`}); w.Code != http.StatusOK {
		t.Errorf("a small body waits for a large one: %d", w.Code)
	}
	if _, err := write.Write([]byte(`}`)); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	if code := <-done; code != http.StatusOK {
		t.Errorf("the large body got %d", code)
	}
	if w := a.serve(large(strings.NewReader(`{"displayName":"G"}`))); w.Code != http.StatusOK {
		t.Errorf("the slot was not given back: %d", w.Code)
	}
}

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
