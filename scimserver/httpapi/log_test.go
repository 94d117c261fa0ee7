// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLogHoldsNoCanary sends personal data and secrets in every part of a request and finds none of it in the log.
func TestLogHoldsNoCanary(t *testing.T) {
	a := newAPI(t)
	const person = `{"userName":"Zz9-Canary@example.com","name":{"familyName":"Zz9-Canary"},"password":"Zz9-Canary","emails":[{"value":"Zz9-Canary@example.com"}],"unknown":"Zz9-Canary"}`
	evil := "Zz9-Canary\n{\"level\":\"error\"}\x1b[31m"
	headers := header("User-Agent", evil, "X-Request-Id", evil, "X-Forwarded-For", evil, "If-None-Match", evil, "Accept", evil)
	requests := []request{
		{method: "POST", target: basePath + "/Users?x=Zz9-Canary", body: person},
		{method: "PUT", target: one, body: person},
		{method: "PATCH", target: one, body: `{"Operations":[{"op":"add","path":"emails[value eq \"Zz9-Canary\"]","value":"Zz9-Canary"}]}`},
		{method: "GET", target: basePath + "/Users?filter=userName%20eq%20%22Zz9-Canary%22&Zz9-Canary=%zz"},
		{method: "GET", target: basePath + "/Users/Zz9-Canary"},
		{method: "POST", target: basePath + "/Groups", body: `{"displayName":"Zz9-Canary","members":[{"value":"Zz9-Canary","display":"Zz9-Canary"}]}`},
		{method: "PUT", target: oneGroup, body: `{"displayName":"Zz9-Canary","members":[{"value":"Zz9-Canary"}]}`},
		{method: "PATCH", target: oneGroup, body: `{"Operations":[{"op":"add","path":"members[value eq \"Zz9-Canary\"]","value":{"value":"Zz9-Canary"}}]}`},
		{method: "GET", target: basePath + "/Groups?filter=members%20eq%20%22Zz9-Canary%22&sortBy=Zz9-Canary"},
		{method: "POST", target: basePath + "/.search", body: `{"filter":"displayName eq \"Zz9-Canary\"","sortBy":"displayName"}`},
		{method: "POST", target: basePath + "/Groups/.search", body: `{"filter":"Zz9-Canary eq 1"}`},
		{method: "GET", target: basePath + "/Zz9-Canary"},
		{method: "GET", target: "/scim/v2/Zz9-Canary/Zz9-Canary/Users"},
		{method: "POST", target: basePath + "/Users", body: "Zz9-Canary"},
		{method: "ZZ9-CANARY", target: one},
	}
	for _, q := range requests {
		q.header = headers
		for _, token := range []string{"", "Zz9-Canary", newToken(t, 50).Reveal(), a.token} {
			a.serve(q.with(t, token))
		}
	}
	logs := a.logs.String()
	for _, canary := range []string{"zz9-canary", "attacker.example", strings.ToLower(a.token), strings.ToLower(newToken(t, 50).Reveal()), "bob@", "canary-name"} {
		if at := strings.Index(strings.ToLower(logs), canary); at >= 0 {
			t.Errorf("%s is in the log: …%s…", canary, logs[max(0, at-200):min(len(logs), at+50)])
		}
	}
	lines := strings.Split(strings.TrimSpace(logs), "\n")
	if len(lines) != 4*len(requests) {
		t.Errorf("%d log lines for %d requests", len(lines), 4*len(requests))
	}
}

func TestLogLine(t *testing.T) {
	keyID, strange := newToken(t, 1).KeyID(), newToken(t, 50)
	cases := map[string]struct {
		reason string
		method string
		target string
		token  string
		want   map[string]any
	}{
		"Served": {reason: "who did what where", method: "GET", target: one, want: map[string]any{
			"level": "INFO", "msg": "Request served", "method": "GET", "route": directoryPath + "/Users/{id}", "status": 200.0,
			"namespace": "team-a", "directory": "acme", "tokenKeyID": keyID,
		}},
		"Stranger": {reason: "of a stranger only the key id of a well-formed token", method: "GET", target: one, token: strange.Reveal(), want: map[string]any{
			"level": "INFO", "msg": "Request served", "method": "GET", "route": "", "status": 401.0,
			"namespace": "", "directory": "", "tokenKeyID": strange.KeyID(),
		}},
		"NoPath": {reason: "a path that is no route has no name", method: "MKCOL", target: basePath + "/nope", want: map[string]any{
			"level": "INFO", "msg": "Request served", "method": "other", "route": "", "status": 404.0,
			"namespace": "team-a", "directory": "acme", "tokenKeyID": keyID,
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			if tc.token == "" {
				tc.token = a.token
			}
			w := a.serve(request{method: tc.method, target: tc.target}.with(t, tc.token))
			var got map[string]any
			if err := json.Unmarshal([]byte(a.logs.String()), &got); err != nil {
				t.Fatalf("not one JSON line: %v\n%s", err, a.logs)
			}
			if got["requestID"] != w.Header().Get("X-Request-Id") || got["requestID"] == "" || got["bytes"] != float64(w.Body.Len()) {
				t.Errorf("%s: requestID %v, bytes %v", tc.reason, got["requestID"], got["bytes"])
			}
			for _, varies := range []string{"time", "requestID", "bytes", "seconds"} {
				if _, ok := got[varies]; !ok {
					t.Errorf("%s: no %s", tc.reason, varies)
				}
				delete(got, varies)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestEveryAnswerIsSafeToKeep: the headers that every answer has, whatever it is.
func TestEveryAnswerIsSafeToKeep(t *testing.T) {
	a := newAPI(t)
	for _, method := range everyMethod {
		for _, target := range walk(a) {
			for _, token := range []string{"", a.token} {
				w := a.serve(request{method: method, target: target, body: minimal}.with(t, token))
				checkHeaders(t, w, method+" "+target)
			}
		}
	}
}

func checkHeaders(t *testing.T, w *httptest.ResponseRecorder, what string) {
	t.Helper()
	h := w.Header()
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("X-Request-Id") == "" || h.Get("Server") != "" {
		t.Errorf("%s: headers %v", what, h)
	}
	if w.Code >= 300 && w.Code < 400 && w.Code != http.StatusNotModified {
		t.Errorf("%s: redirected with %d", what, w.Code)
	}
	if strings.Contains(w.Body.String(), "attacker.example") || strings.Contains(strings.Join(slices.Concat(slices.Collect(maps.Values(h))...), " "), "attacker.example") {
		t.Errorf("%s: the Host header came back", what)
	}
}
