// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const one = basePath + "/Users/" + knownID

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestSuccess(t *testing.T) {
	cases := map[string]struct {
		reason     string
		request    request
		want       int
		wantHeader map[string]string
		wantBody   []string
		wantNot    []string
	}{
		"Create": {
			reason: "RFC 7644 §3.3", request: request{method: "POST", target: basePath + "/Users", body: minimal}, want: 201,
			wantHeader: map[string]string{"Location": baseURL + "/Users/new", "Etag": `W/"1"`, "Content-Type": scim.MediaType, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
			wantBody:   []string{`"id":"new"`, `"userName":"ann@example.com"`, `"location":"` + baseURL + `/Users/new"`, `"version":"W/\"1\""`},
			wantNot:    []string{"attacker.example"},
		},
		"CreateProjected": {
			reason: "attributes apply to every answer with a resource", want: 201, wantBody: []string{`"id"`, `"schemas"`}, wantNot: []string{"userName"},
			request: request{method: "POST", target: basePath + "/Users?attributes=displayName", body: minimal},
		},
		"Get": {
			reason: "RFC 7644 §3.4.1", request: request{method: "GET", target: one}, want: 200,
			wantHeader: map[string]string{"Etag": `W/"3"`, "Location": baseURL + "/Users/" + knownID},
			wantBody:   []string{`"id":"` + knownID + `"`, `"active":true`, `"displayName":"Bob"`},
		},
		"GetExcluded": {
			reason: "excludedAttributes", request: request{method: "GET", target: one + "?excludedAttributes=displayName"}, want: 200,
			wantBody: []string{`"userName"`}, wantNot: []string{"displayName"},
		},
		"Head": {reason: "HEAD is GET without the body", request: request{method: "HEAD", target: one}, want: 200, wantHeader: map[string]string{"Etag": `W/"3"`}, wantNot: []string{"{"}},
		"NotModified": {
			reason: "If-None-Match compares weakly", request: request{method: "GET", target: one, header: header("If-None-Match", `"1", W/"3"`)}, want: 304,
			wantHeader: map[string]string{"Etag": `W/"3"`, "Content-Type": ""}, wantNot: []string{"{"},
		},
		"NotModifiedAny": {reason: "* is any version", request: request{method: "GET", target: one, header: header("If-None-Match", "*")}, want: 304, wantNot: []string{"{"}},
		"Modified":       {reason: "another version", request: request{method: "GET", target: one, header: header("If-None-Match", `W/"2"`)}, want: 200, wantBody: []string{knownID}},
		"Replace": {
			reason: "PUT answers with the resource", request: request{method: "PUT", target: one, body: minimal}, want: 200,
			wantHeader: map[string]string{"Etag": `W/"4"`}, wantBody: []string{`"userName":"ann@example.com"`, `"active":true`}, wantNot: []string{"displayName"},
		},
		"Patch": {
			reason: "PATCH of a user answers with the resource", want: 200, wantHeader: map[string]string{"Etag": `W/"4"`}, wantBody: []string{`"active":false`, `"displayName":"Bob"`},
			request: request{method: "PATCH", target: one, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"False"}]}`},
		},
		"PatchProjected": {
			reason: "attributes apply to PATCH", want: 200, wantNot: []string{"displayName"}, wantBody: []string{`"active":false`},
			request: request{method: "PATCH", target: one + "?attributes=active", body: `{"Operations":[{"op":"replace","value":{"active":false}}]}`},
		},
		"Delete": {reason: "RFC 7644 §3.6", request: request{method: "DELETE", target: one}, want: 204, wantHeader: map[string]string{"Content-Type": "", "Cache-Control": "no-store"}, wantNot: []string{"{"}},
		"List": {
			reason: "Okta's connection test", request: request{method: "GET", target: basePath + "/Users?startIndex=1&count=2"}, want: 200,
			wantBody: []string{`"totalResults":1`, `"itemsPerPage":1`, `"startIndex":1`, `"Resources":[{`, knownID},
		},
		"ListFiltered":  {reason: "a match query", request: request{method: "GET", target: basePath + "/Users?filter=userName%20eq%20%22x%22&startIndex=1&count=100"}, want: 200, wantBody: []string{`"Resources"`}},
		"ListSemicolon": {reason: "a raw semicolon is data", request: request{method: "GET", target: basePath + "/Users?filter=userName%20eq%20%22a;b%22"}, want: 200, wantBody: []string{`"Resources"`}},
		"Config": {
			reason: "RFC 7643 §5", request: request{method: "GET", target: basePath + "/ServiceProviderConfig?ignored=1"}, want: 200,
			wantBody: []string{`"maxResults":200`, `"maxPayloadSize":1048576`, `"sort":{"supported":true}`, `"cursor":true`, `"cursorTimeout":3600`, `"defaultPaginationMethod":"index"`, `"defaultPageSize":100`, baseURL + "/ServiceProviderConfig"},
		},
		"ResourceTypes": {reason: "RFC 7644 §4", request: request{method: "GET", target: basePath + "/ResourceTypes"}, want: 200, wantBody: []string{`"totalResults":2`, baseURL + "/ResourceTypes/User", baseURL + "/ResourceTypes/Group"}},
		"GroupType":     {reason: "one by id", request: request{method: "GET", target: basePath + "/ResourceTypes/Group"}, want: 200, wantBody: []string{`"endpoint":"/Groups"`}},
		"ResourceType":  {reason: "one by id", request: request{method: "GET", target: basePath + "/ResourceTypes/User"}, want: 200, wantBody: []string{`"endpoint":"/Users"`}},
		"Schemas":       {reason: "RFC 7644 §4", request: request{method: "GET", target: basePath + "/Schemas"}, want: 200, wantBody: []string{`"totalResults":3`, baseURL + "/Schemas/" + scim.GroupURN}},
		"Schema": {
			reason: "one by URN, whatever its case", request: request{method: "GET", target: basePath + "/Schemas/urn:ietf:params:scim:schemas:core:2.0:USER"}, want: 200,
			wantBody: []string{`"id":"urn:ietf:params:scim:schemas:core:2.0:User"`},
		},
		"Options":       {reason: "asking for the methods", request: request{method: "OPTIONS", target: one}, want: 204, wantHeader: map[string]string{"Allow": "DELETE, GET, HEAD, PATCH, PUT, OPTIONS"}},
		"TrailingSlash": {reason: "base URLs are pasted with a slash", request: request{method: "GET", target: one + "/"}, want: 200, wantBody: []string{knownID}},
		"DoubleSlash":   {reason: "and joined with another", request: request{method: "POST", target: basePath + "//Users", body: minimal}, want: 201},
		"PlainJSON":     {reason: "OneLogin", request: request{method: "GET", target: one, header: header("Accept", "application/json")}, want: 200, wantHeader: map[string]string{"Content-Type": mediaTypeJSON}},
		"BothTypes":     {reason: "scim+json wins where both are named", request: request{method: "GET", target: one, header: header("Accept", "application/json, Application/SCIM+json;q=0.5")}, want: 200, wantHeader: map[string]string{"Content-Type": scim.MediaType}},
		"AnyType":       {reason: "there is no 406", request: request{method: "GET", target: one, header: header("Accept", "text/html")}, want: 200, wantHeader: map[string]string{"Content-Type": scim.MediaType}},
		"TypeWithParameters": {
			reason: "Okta sends a charset", want: 201,
			request: request{method: "POST", target: basePath + "/Users", body: minimal, header: header("Content-Type", "Application/JSON; charset=utf-8; x=y")},
		},
		"TypeWithoutBody": {reason: "Entra declares a type on every GET", request: request{method: "GET", target: one, header: header("Content-Type", "text/plain")}, want: 200},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newAPI(t).call(t, tc.request)
			if w.Code != tc.want {
				t.Fatalf("%s: status %d, want %d: %s", tc.reason, w.Code, tc.want, w.Body)
			}
			for name, want := range tc.wantHeader {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", tc.reason, name, got, want)
				}
			}
			for _, want := range tc.wantBody {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s: body without %s:\n%s", tc.reason, want, w.Body)
				}
			}
			for _, not := range tc.wantNot {
				if strings.Contains(w.Body.String(), not) {
					t.Errorf("%s: body with %s:\n%s", tc.reason, not, w.Body)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		reason     string
		request    request
		want       int
		wantType   string
		wantHeader map[string]string
		wantCalls  int
	}{
		"UnknownUser":     {reason: "RFC 7644 §3.4.1", request: request{method: "GET", target: basePath + "/Users/nobody"}, want: 404, wantCalls: 1},
		"PutUnknown":      {reason: "PUT creates nothing", request: request{method: "PUT", target: basePath + "/Users/nobody", body: minimal}, want: 404, wantCalls: 1},
		"NoBody":          {reason: "a POST needs a body", request: request{method: "POST", target: basePath + "/Users"}, want: 400, wantType: "invalidSyntax"},
		"TrailingData":    {reason: "one object only", request: request{method: "POST", target: basePath + "/Users", body: minimal + "{}"}, want: 400, wantType: "invalidSyntax"},
		"NoUserName":      {reason: "userName is required", request: request{method: "POST", target: basePath + "/Users", body: `{"displayName":"x"}`}, want: 400, wantType: "invalidValue"},
		"PutNoUserName":   {reason: "also in a PUT", request: request{method: "PUT", target: one, body: `{"displayName":"x"}`}, want: 400, wantType: "invalidValue"},
		"PatchNoOps":      {reason: "RFC 7644 §3.5.2", request: request{method: "PATCH", target: one, body: `{"Operations":[]}`}, want: 400, wantType: "invalidSyntax"},
		"PatchPath":       {reason: "not a path", request: request{method: "PATCH", target: one, body: `{"Operations":[{"op":"add","path":"emails[","value":"x"}]}`}, want: 400, wantType: "invalidPath"},
		"BadFilter":       {reason: "not a filter", request: request{method: "GET", target: basePath + "/Users?filter=userName"}, want: 400, wantType: "invalidFilter"},
		"BadCount":        {reason: "not a number", request: request{method: "GET", target: basePath + "/Users?count=ten"}, want: 400, wantType: "invalidValue"},
		"BadEncoding":     {reason: "a filter that cannot be decoded must not become none", request: request{method: "GET", target: basePath + "/Users?filter=%zz"}, want: 400, wantType: "invalidValue"},
		"BothProjections": {reason: "RFC 7644 §3.9, and before anything is stored", request: request{method: "POST", target: basePath + "/Users?attributes=id&excludedAttributes=name", body: minimal}, want: 400, wantType: "invalidValue"},
		"BadIfMatch":      {reason: "an If-Match that is none must not be ignored", request: request{method: "DELETE", target: one, header: header("If-Match", "3")}, want: 400, wantType: "invalidSyntax"},
		"TextBody":        {reason: "not JSON", request: request{method: "POST", target: basePath + "/Users", body: minimal, header: header("Content-Type", "text/plain")}, want: 415},
		"TwoTypes":        {reason: "two readers might pick different ones", request: request{method: "POST", target: basePath + "/Users", body: minimal, header: header("Content-Type", "application/json", "Content-Type", "text/plain")}, want: 415},
		"Compressed":      {reason: "no decompression, no bombs", request: request{method: "POST", target: basePath + "/Users", body: minimal, header: header("Content-Encoding", "gzip")}, want: 415},
		"WrongMethod":     {reason: "405 names the right ones", request: request{method: "PATCH", target: basePath + "/Users", body: minimal}, want: 405, wantHeader: map[string]string{"Allow": "GET, HEAD, POST, OPTIONS"}},
		"PostToOne":       {reason: "405 names the right ones", request: request{method: "POST", target: one, body: minimal}, want: 405, wantHeader: map[string]string{"Allow": "DELETE, GET, HEAD, PATCH, PUT, OPTIONS"}},
		"Trace":           {reason: "TRACE would echo the token", request: request{method: "TRACE", target: one}, want: 405},
		"DiscoveryFilter": {reason: "RFC 7644 §4", request: request{method: "GET", target: basePath + "/Schemas?filter=id%20pr"}, want: 403},
		"ConfigFilter":    {reason: "RFC 7644 §4", request: request{method: "GET", target: basePath + "/ServiceProviderConfig?filter=x"}, want: 403},
		"UnknownSchema":   {reason: "by URN", request: request{method: "GET", target: basePath + "/Schemas/urn:x"}, want: 404},
		"GetSearch":       {reason: "not the user of that id", request: request{method: "GET", target: basePath + "/Users/.search"}, want: 405, wantHeader: map[string]string{"Allow": "POST, OPTIONS"}},
		"DeleteSearch":    {reason: "not the group of that id", request: request{method: "DELETE", target: basePath + "/Groups/.search"}, want: 405, wantHeader: map[string]string{"Allow": "POST, OPTIONS"}},
		"GetSearchAll":    {reason: "POST only", request: request{method: "GET", target: basePath + "/.search"}, want: 405, wantHeader: map[string]string{"Allow": "POST, OPTIONS"}},
		"Root":            {reason: "there is no list of everything but by .search", request: request{method: "GET", target: basePath}, want: 404},
		"Me":              {reason: "RFC 7644 §3.11", request: request{method: "GET", target: basePath + "/Me"}, want: 501},
		"CursorAndStart":  {reason: "which of them?", request: request{method: "GET", target: basePath + "/Users?cursor&startIndex=1"}, want: 400, wantType: "invalidValue"},
		"NextCursor":      {reason: "RFC 9865 §2.1", request: request{method: "GET", target: basePath + "/Groups?cursor=abc&count=10"}, want: 400, wantType: "invalidCursor"},
		"SearchCursor":    {reason: "in a body too", request: request{method: "POST", target: basePath + "/Users/.search", body: `{"cursor":"x"}`}, want: 400, wantType: "invalidCursor"},
		"SearchAllCursor": {reason: "and for all", request: request{method: "POST", target: basePath + "/.search", body: `{"cursor":"abc"}`}, want: 400, wantType: "invalidCursor"},
		"BadSort":         {reason: "no order", request: request{method: "GET", target: basePath + "/Users?sortBy=nobody"}, want: 400, wantType: "invalidValue"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			w := a.call(t, tc.request)
			var got struct{ ScimType string }
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.ScimType != tc.wantType {
				t.Errorf("%s: scimType %q, want %q (%v)", tc.reason, got.ScimType, tc.wantType, err)
			}
			checkError(t, w, tc.want)
			for name, want := range tc.wantHeader {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", tc.reason, name, got, want)
				}
			}
			if a.store.calls != tc.wantCalls {
				t.Errorf("%s: %d store calls, want %d", tc.reason, a.store.calls, tc.wantCalls)
			}
		})
	}
}

func TestIfMatchReachesTheStore(t *testing.T) {
	cases := map[string]struct {
		reason string
		header http.Header
		want   string
	}{
		"None":  {reason: "no demand"},
		"One":   {reason: "one tag", header: header("If-Match", `W/"3"`), want: `W/"3"`},
		"Any":   {reason: "any version", header: header("If-Match", "*"), want: "*"},
		"Lines": {reason: "several headers are one list", header: header("If-Match", `"1"`, "If-Match", `W/"2"`), want: `"1",W/"2"`},
	}
	bodies := map[string]string{"PUT": minimal, "PATCH": `{"Operations":[{"op":"replace","path":"active","value":false}]}`, "DELETE": ""}
	for name, tc := range cases {
		for method, body := range bodies {
			t.Run(name+method, func(t *testing.T) {
				a := newAPI(t)
				if w := a.call(t, request{method: method, target: one, body: body, header: tc.header}); w.Code >= 300 {
					t.Fatalf("%s: status %d: %s", tc.reason, w.Code, w.Body)
				}
				want, err := directory.ParseIfMatch(tc.want)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([]directory.Precondition{want}, a.store.preconditions, cmp.AllowUnexported(directory.Precondition{})); diff != "" {
					t.Errorf("%s: precondition (-want +got):\n%s", tc.reason, diff)
				}
			})
		}
	}
}
