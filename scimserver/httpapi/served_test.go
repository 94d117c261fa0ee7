// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestServed: what is counted of a request has no word of the client's in it.
func TestServed(t *testing.T) {
	known := Served{Namespace: "team-a", Directory: "acme", Method: "GET"}
	on := func(path string, status int) Served {
		s := known
		s.Route, s.Status = path, status
		return s
	}
	for name, tc := range map[string]struct {
		request request
		token   func(a *api) string
		want    Served
	}{
		"Get":       {request: request{method: "GET", target: one + "?attributes=canary"}, want: on(directoryPath+"/Users/{id}", 200)},
		"Missing":   {request: request{method: "GET", target: basePath + "/Users/canary"}, want: on(directoryPath+"/Users/{id}", 404)},
		"NoPath":    {request: request{method: "GET", target: basePath + "/canary"}, want: on("", 404)},
		"Stranger":  {request: request{method: "GET", target: "/scim/v2/canary/canary/Users"}, token: func(*api) string { return "canary" }, want: Served{Method: "GET", Status: 401, Refused: RefusedUnknown}},
		"Anonymous": {request: request{method: "GET", target: basePath + "/Users"}, token: func(*api) string { return "" }, want: Served{Method: "GET", Status: 401, Refused: RefusedNothing}},
		"Elsewhere": {request: request{method: "GET", target: basePath + "/Users"}, token: func(a *api) string { return a.other }, want: Served{Method: "GET", Status: 401, Refused: RefusedToken}},
		"Method":    {request: request{method: "CANARY", target: one}, want: Served{Namespace: "team-a", Directory: "acme", Method: "other", Route: directoryPath + "/Users/{id}", Status: 405}},
	} {
		a := newAPI(t)
		token := a.token
		if tc.token != nil {
			token = tc.token(a)
		}
		a.serve(tc.request.with(t, token))
		if diff := cmp.Diff([]Served{tc.want}, a.served, cmpopts.IgnoreFields(Served{}, "Took", "Sent")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if len(a.served) == 1 && (a.served[0].Sent == 0) != (tc.request.method == "HEAD") {
			t.Errorf("%s: %d bytes were sent", name, a.served[0].Sent)
		}
		if strings.Contains(strings.ToLower(fmt.Sprint(a.served)), "canary") {
			t.Errorf("%s: %+v", name, a.served)
		}
	}
}

func TestFailuresAreServedToo(t *testing.T) {
	for name, before := range map[string]func(context.Context) error{
		"error": func(context.Context) error { return errors.New("x") },
		"panic": func(context.Context) error { panic("x") },
	} {
		a := newAPI(t)
		a.store.before = before
		a.call(t, request{method: "GET", target: one})
		if len(a.served) != 1 || a.served[0].Status != 503 || a.served[0].Took < 0 {
			t.Errorf("%s: %+v", name, a.served)
		}
	}
}
