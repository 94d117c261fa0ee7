// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

func busy(retry time.Duration, cause error) error {
	e := scim.Errorf(http.StatusServiceUnavailable, "", "busy").WithCause(cause)
	e.RetryAfter = retry
	return e
}

// TestFailuresOfOurs: whatever breaks behind the API is 503 with whole seconds of Retry-After, and a cause that is ours in
// the log only.
func TestFailuresOfOurs(t *testing.T) {
	users := schema.GroupResource{Group: "scim-operator.dev", Resource: "scimusers"}
	cases := map[string]struct {
		reason     string
		err        error
		want       int
		wantRetry  string
		wantReason string
	}{
		"Known":    {reason: "the store knows how long", err: busy(1500*time.Millisecond, nil), want: 503, wantRetry: "2", wantReason: "busy"},
		"Unknown":  {reason: "an error that nobody thought of", err: errors.New("boom canary-cause"), want: 503, wantRetry: "1", wantReason: "*errors.errorString"},
		"Internal": {reason: "no 500 leaves", err: scim.Errorf(500, "", "broken"), want: 503, wantRetry: "1", wantReason: "broken"},
		"Deadline": {reason: "time ran out", err: busy(time.Second, context.DeadlineExceeded), want: 503, wantRetry: "1", wantReason: "deadline exceeded"},
		"Canceled": {reason: "the client left", err: busy(time.Second, context.Canceled), want: 503, wantRetry: "1", wantReason: "canceled"},
		"Forbidden": {reason: "the API server repeats names", err: busy(time.Second, apierrors.NewForbidden(users, "canary-name", errors.New("canary-cause"))),
			want: 503, wantRetry: "1", wantReason: "API server: Forbidden"},
		"Refused": {reason: "URLs hold filters", err: busy(time.Second, &url.Error{Op: "Get", URL: "https://canary-url", Err: syscall.ECONNREFUSED}),
			want: 503, wantRetry: "1", wantReason: "connection refused"},
		"Auth":       {reason: "not a 401", err: fmt.Errorf("%w: gone", auth.ErrUnavailable), want: 503, wantRetry: "1", wantReason: "authentication unavailable: gone"},
		"Uniqueness": {reason: "a 409 is no failure of ours", err: scim.Errorf(409, scim.ErrorUniqueness, "taken"), want: 409},
		"Stale":      {reason: "a 412 is no failure of ours", err: scim.Errorf(412, "", "changed"), want: 412},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.store.before = func(context.Context) error { return tc.err }
			w := a.call(t, request{method: "POST", target: basePath + "/Users", body: minimal})
			if got := w.Header().Get("Retry-After"); got != tc.wantRetry {
				t.Errorf("%s: Retry-After %q, want %q", tc.reason, got, tc.wantRetry)
			}
			if strings.Contains(w.Body.String()+a.logs.String(), "canary") {
				t.Errorf("%s: the cause got out:\n%s\n%s", tc.reason, w.Body, a.logs)
			}
			if tc.wantReason != "" && !strings.Contains(a.logs.String(), `"reason":"`+tc.wantReason) {
				t.Errorf("%s: log without the reason %q: %s", tc.reason, tc.wantReason, a.logs)
			}
			checkError(t, w, tc.want)
		})
	}
}

func TestUnsyncedCacheIsNotA401(t *testing.T) {
	a := newAPI(t, func(o *Options) {
		o.Auth = auth.New(auth.Options{Table: auth.NewTable([]string{""}, time.Now), Now: time.Now})
	})
	for _, token := range []string{"", "garbage", a.token} {
		w := a.serve(request{method: "GET", target: basePath + "/Users"}.with(t, token))
		if w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("headers %v", w.Header())
		}
		checkError(t, w, http.StatusServiceUnavailable)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	a := newAPI(t)
	a.store.before = func(context.Context) error { panic("canary-panic " + a.token) }
	w := a.call(t, request{method: "GET", target: one})
	checkError(t, w, http.StatusServiceUnavailable)
	logs := a.logs.String()
	if strings.Contains(logs, "canary-panic") || strings.Contains(logs, a.token) {
		t.Errorf("the panic's value is in the log: %s", logs)
	}
	for _, want := range []string{`"msg":"Handler panicked"`, `"status":503`, "failure_test.go"} {
		if !strings.Contains(logs, want) {
			t.Errorf("log without %s: %s", want, logs)
		}
	}
	a.store.before = nil
	if w := a.call(t, request{method: "GET", target: one}); w.Code != http.StatusOK {
		t.Errorf("the request after the panic: %d", w.Code)
	}
}

// TestPanicAfterTheHeader: half an answer must not look like a whole one.
func TestPanicAfterTheHeader(t *testing.T) {
	for name, cause := range map[string]any{"Own": "boom", "Abort": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			s := &server{Options: Options{Log: discard()}}
			h := s.survive(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusOK)
				panic(cause)
			}))
			defer func() {
				if got := recover(); got != http.ErrAbortHandler { //nolint:errorlint // net/http compares it like that
					t.Errorf("recovered %v, want http.ErrAbortHandler", got)
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), request{method: "GET", target: one}.with(t, a.token))
		})
	}
}
