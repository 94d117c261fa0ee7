// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// padded is a body of exactly n bytes.
func padded(n int) string { return minimal + strings.Repeat(" ", n-len(minimal)) }

func TestBodyLimit(t *testing.T) {
	limit := int(DefaultLimits().BodyBytes)
	cases := map[string]struct {
		reason string
		size   int
		stream bool
		want   int
	}{
		"N":               {reason: "the limit itself is allowed", size: limit, want: http.StatusCreated},
		"NPlus1":          {reason: "one more is not", size: limit + 1, want: http.StatusRequestEntityTooLarge},
		"StreamedN":       {reason: "the same without a Content-Length", size: limit, stream: true, want: http.StatusCreated},
		"StreamedNPlus1":  {reason: "the same without a Content-Length", size: limit + 1, stream: true, want: http.StatusRequestEntityTooLarge},
		"StreamedForever": {reason: "what is over is not read", size: 64 * limit, stream: true, want: http.StatusRequestEntityTooLarge},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			r := request{method: "POST", target: basePath + "/Users", body: padded(tc.size)}.with(t, a.token)
			body := strings.NewReader(padded(tc.size))
			if tc.stream {
				r.ContentLength = -1
			}
			r.Body = io.NopCloser(body)
			w := a.serve(r)
			if tc.want != http.StatusCreated {
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
