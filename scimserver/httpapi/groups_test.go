// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-operator/scim-operator/scimserver/directory"
)

const (
	oneGroup  = basePath + "/Groups/" + knownGroup
	someGroup = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"G","members":[{"value":"u1"},{"value":"u2"}]}`
	addMember = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Add","path":"members","value":[{"$ref":null,"value":"u9"}]}]}`
	rename    = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"id":"` + knownGroup + `","displayName":"New"}}]}`
)

func TestGroups(t *testing.T) {
	cases := map[string]struct {
		reason     string
		request    request
		want       int
		wantHeader map[string]string
		wantBody   []string
		wantNot    []string
		// wantMembers are those of the group afterwards.
		wantMembers memberSet
		// wantShown is what the store was asked to show at last.
		wantShown bool
	}{
		"Create": {
			reason: "RFC 7644 §3.3", request: request{method: "POST", target: basePath + "/Groups", body: someGroup}, want: 201,
			wantHeader: map[string]string{"Location": baseURL + "/Groups/new", "Etag": `W/"1"`},
			wantBody:   []string{`"id":"new"`, `"displayName":"G"`, `"value":"u1"`, `"value":"u2"`, `"resourceType":"Group"`, `"location":"` + baseURL + `/Groups/new"`},
			wantNot:    []string{"attacker.example"}, wantShown: true, wantMembers: memberSet{knownID},
		},
		"CreateWithoutShowing": {
			reason: "the answer to a large group need not repeat it", request: request{method: "POST", target: basePath + "/Groups?excludedAttributes=members", body: someGroup},
			want: 201, wantBody: []string{`"displayName":"G"`}, wantNot: []string{"members"}, wantMembers: memberSet{knownID},
		},
		"Get": {
			reason: "RFC 7644 §3.4.1", request: request{method: "GET", target: oneGroup}, want: 200, wantShown: true, wantMembers: memberSet{knownID},
			wantHeader: map[string]string{"Etag": `W/"7"`, "Location": baseURL + "/Groups/" + knownGroup},
			wantBody:   []string{`"displayName":"Old"`, `"value":"` + knownID + `"`, `"$ref":"` + baseURL + "/Users/" + knownID + `"`, `"type":"User"`},
		},
		"GetExcluded": {
			reason: "excludedAttributes=members reads none", request: request{method: "GET", target: oneGroup + "?excludedAttributes=members"}, want: 200,
			wantBody: []string{`"displayName":"Old"`}, wantNot: []string{"members"}, wantMembers: memberSet{knownID},
		},
		"GetOthers": {
			reason: "nor do attributes without members", request: request{method: "GET", target: oneGroup + "?attributes=displayName"}, want: 200,
			wantBody: []string{`"displayName":"Old"`}, wantNot: []string{"members", "externalId"}, wantMembers: memberSet{knownID},
		},
		"GetPart": {
			reason: "a part of members is members", request: request{method: "GET", target: oneGroup + "?attributes=members.value"}, want: 200, wantShown: true,
			wantBody: []string{`"members":[{"value":"` + knownID + `"}]`}, wantNot: []string{"displayName"}, wantMembers: memberSet{knownID},
		},
		"Head":        {reason: "HEAD is GET without the body", request: request{method: "HEAD", target: oneGroup}, want: 200, wantHeader: map[string]string{"Etag": `W/"7"`}, wantNot: []string{"{"}, wantShown: true, wantMembers: memberSet{knownID}},
		"NotModified": {reason: "If-None-Match", request: request{method: "GET", target: oneGroup, header: header("If-None-Match", `"7"`)}, want: 304, wantHeader: map[string]string{"Etag": `W/"7"`}, wantNot: []string{"{"}, wantShown: true, wantMembers: memberSet{knownID}},
		"Modified":    {reason: "another version", request: request{method: "GET", target: oneGroup, header: header("If-None-Match", `W/"6"`)}, want: 200, wantBody: []string{knownGroup}, wantShown: true, wantMembers: memberSet{knownID}},
		"Replace": {
			reason: "PUT answers with the group", request: request{method: "PUT", target: oneGroup, body: someGroup}, want: 200, wantShown: true,
			wantHeader: map[string]string{"Etag": `W/"8"`}, wantBody: []string{`"displayName":"G"`, `"value":"u2"`}, wantNot: []string{"externalId"}, wantMembers: memberSet{"u1", "u2"},
		},
		"ReplaceWithNone":    {reason: "empty is none", request: request{method: "PUT", target: oneGroup, body: `{"displayName":"G","members":[]}`}, want: 200, wantShown: true, wantNot: []string{knownID}},
		"ReplaceWithout":     {reason: "absent is not empty", request: request{method: "PUT", target: oneGroup, body: `{"displayName":"G"}`}, want: 200, wantShown: true, wantBody: []string{knownID}, wantMembers: memberSet{knownID}},
		"ReplaceWithNull":    {reason: "null is absent (RFC 7643 §2.5)", request: request{method: "PUT", target: oneGroup, body: `{"displayName":"G","members":null}`}, want: 200, wantShown: true, wantBody: []string{knownID}, wantMembers: memberSet{knownID}},
		"ReplaceNotShowing":  {reason: "PUT of a large group", request: request{method: "PUT", target: oneGroup + "?excludedAttributes=members", body: someGroup}, want: 200, wantNot: []string{"members"}, wantMembers: memberSet{"u1", "u2"}},
		"PatchMembers":       {reason: "Entra asks for 204", request: request{method: "PATCH", target: oneGroup, body: addMember}, want: 204, wantHeader: map[string]string{"Etag": `W/"8"`, "Content-Type": ""}, wantNot: []string{"{"}, wantMembers: memberSet{knownID, "u9"}},
		"PatchName":          {reason: "Okta takes 204 too", request: request{method: "PATCH", target: oneGroup, body: rename}, want: 204, wantHeader: map[string]string{"Etag": `W/"8"`}, wantNot: []string{"{"}, wantMembers: memberSet{knownID}},
		"PatchAttributes":    {reason: "attributes demand a body (RFC 7644 §3.5.2)", request: request{method: "PATCH", target: oneGroup + "?attributes=displayName", body: rename}, want: 200, wantBody: []string{`"displayName":"New"`}, wantNot: []string{"members"}, wantMembers: memberSet{knownID}},
		"PatchExcluded":      {reason: "so do excludedAttributes", request: request{method: "PATCH", target: oneGroup + "?excludedAttributes=members", body: addMember}, want: 200, wantBody: []string{`"displayName":"Old"`}, wantNot: []string{"members"}, wantMembers: memberSet{knownID, "u9"}},
		"PatchShowsMembers":  {reason: "who asks for members gets them", request: request{method: "PATCH", target: oneGroup + "?attributes=members", body: addMember}, want: 200, wantShown: true, wantBody: []string{`"value":"u9"`}, wantMembers: memberSet{knownID, "u9"}},
		"Delete":             {reason: "RFC 7644 §3.6", request: request{method: "DELETE", target: oneGroup}, want: 204, wantNot: []string{"{"}, wantMembers: memberSet{knownID}},
		"List":               {reason: "Okta's connection test", request: request{method: "GET", target: basePath + "/Groups?startIndex=1&count=100"}, want: 200, wantBody: []string{`"totalResults":1`, `"displayName":"Old"`}, wantMembers: memberSet{knownID}},
		"ListByName":         {reason: "Entra's lookup, hit", request: request{method: "GET", target: basePath + "/Groups?excludedAttributes=members&filter=displayName%20eq%20%22OLD%22"}, want: 200, wantBody: []string{`"totalResults":1`}, wantNot: []string{"members"}, wantMembers: memberSet{knownID}},
		"ListByNameMiss":     {reason: "Entra's lookup, miss", request: request{method: "GET", target: basePath + "/Groups?excludedAttributes=members&filter=displayName%20eq%20%22G%22"}, want: 200, wantBody: []string{`"totalResults":0`, `"Resources":[]`}, wantMembers: memberSet{knownID}},
		"ListByMember":       {reason: "Entra asks who is in", request: request{method: "GET", target: basePath + "/Groups?filter=id%20eq%20%22" + knownGroup + "%22%20and%20members%20eq%20%22" + knownID + "%22&attributes=id"}, want: 200, wantBody: []string{`"totalResults":1`}, wantNot: []string{"members"}, wantMembers: memberSet{knownID}},
		"ListByNoMember":     {reason: "and who is not", request: request{method: "GET", target: basePath + "/Groups?filter=members%5Bvalue%20eq%20%22u9%22%5D"}, want: 200, wantBody: []string{`"totalResults":0`}, wantMembers: memberSet{knownID}},
		"Options":            {reason: "asking for the methods", request: request{method: "OPTIONS", target: oneGroup}, want: 204, wantHeader: map[string]string{"Allow": "DELETE, GET, HEAD, PATCH, PUT, OPTIONS"}, wantMembers: memberSet{knownID}},
		"OptionsOfAll":       {reason: "asking for the methods", request: request{method: "OPTIONS", target: basePath + "/Groups"}, want: 204, wantHeader: map[string]string{"Allow": "GET, HEAD, POST, OPTIONS"}, wantMembers: memberSet{knownID}},
		"UnknownURN":         {reason: "Entra's group URN", request: request{method: "POST", target: basePath + "/Groups", body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"displayName":"G"}`}, want: 201, wantShown: true, wantNot: []string{"microsoft", "members"}, wantMembers: memberSet{knownID}},
		"TrailingSlash":      {reason: "base URLs are pasted with a slash", request: request{method: "PATCH", target: oneGroup + "/", body: addMember}, want: 204, wantMembers: memberSet{knownID, "u9"}},
		"UnknownParameter":   {reason: "RFC 7644 §3.4.2: Entra's flag may reach us", request: request{method: "PATCH", target: oneGroup + "?aadOptscim062020", body: addMember}, want: 204, wantMembers: memberSet{knownID, "u9"}},
		"RemoveOneWithValue": {reason: "a value narrows the removal (SEC-27)", request: request{method: "PATCH", target: oneGroup, body: `{"Operations":[{"op":"Remove","path":"members","value":[{"value":"u9"}]}]}`}, want: 204, wantMembers: memberSet{knownID}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			w := a.call(t, tc.request)
			if w.Code != tc.want {
				t.Fatalf("%s: status %d, want %d: %s", tc.reason, w.Code, tc.want, w.Body)
			}
			for name, want := range tc.wantHeader {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", tc.reason, name, got, want)
				}
			}
			checkText(t, tc.reason, w.Body.String(), tc.wantBody, tc.wantNot)
			if diff := cmp.Diff(tc.wantMembers, a.groups.members[knownGroup], cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: members (-want +got):\n%s", tc.reason, diff)
			}
			if n := len(a.groups.shown); n > 0 && a.groups.shown[n-1] != tc.wantShown {
				t.Errorf("%s: the store was asked to show members = %t", tc.reason, a.groups.shown[n-1])
			}
		})
	}
}

// checkText fails the test unless text has all of want and none of not.
func checkText(t *testing.T, reason, text string, want, not []string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(text, part) {
			t.Errorf("%s: body without %s:\n%s", reason, part, text)
		}
	}
	for _, part := range not {
		if strings.Contains(text, part) {
			t.Errorf("%s: body with %s:\n%s", reason, part, text)
		}
	}
}

func TestGroupRefusals(t *testing.T) {
	cases := map[string]struct {
		reason    string
		request   request
		want      int
		wantType  string
		wantCalls int
	}{
		"Unknown":          {reason: "RFC 7644 §3.4.1", request: request{method: "GET", target: basePath + "/Groups/nobody"}, want: 404, wantCalls: 1},
		"PutUnknown":       {reason: "PUT creates nothing", request: request{method: "PUT", target: basePath + "/Groups/nobody", body: someGroup}, want: 404, wantCalls: 1},
		"PatchUnknown":     {reason: "nor does PATCH", request: request{method: "PATCH", target: basePath + "/Groups/nobody", body: addMember}, want: 404, wantCalls: 1},
		"DeleteUnknown":    {reason: "gone is gone", request: request{method: "DELETE", target: basePath + "/Groups/nobody"}, want: 404, wantCalls: 1},
		"NoName":           {reason: "displayName is required", request: request{method: "POST", target: basePath + "/Groups", body: `{"members":[]}`}, want: 400, wantType: "invalidValue"},
		"PutNoName":        {reason: "also in a PUT", request: request{method: "PUT", target: oneGroup, body: `{"members":[]}`}, want: 400, wantType: "invalidValue"},
		"PatchNoName":      {reason: "also after a PATCH", request: request{method: "PATCH", target: oneGroup, body: `{"Operations":[{"op":"remove","path":"displayName"}]}`}, want: 400, wantType: "mutability", wantCalls: -1},
		"NoBody":           {reason: "a PATCH needs a body", request: request{method: "PATCH", target: oneGroup}, want: 400, wantType: "invalidSyntax"},
		"PatchPath":        {reason: "not a path", request: request{method: "PATCH", target: oneGroup, body: `{"Operations":[{"op":"add","path":"members[","value":"x"}]}`}, want: 400, wantType: "invalidPath"},
		"PatchMember":      {reason: "members cannot change", request: request{method: "PATCH", target: oneGroup, body: `{"Operations":[{"op":"replace","path":"members[value eq \"u1\"].value","value":"u2"}]}`}, want: 400, wantType: "mutability"},
		"BadFilter":        {reason: "groups have no userName", request: request{method: "GET", target: basePath + "/Groups?filter=userName%20eq%20%22x%22"}, want: 400, wantType: "invalidFilter"},
		"SortByMembers":    {reason: "no group has more of it", request: request{method: "GET", target: basePath + "/Groups?sortBy=members"}, want: 400, wantType: "invalidValue"},
		"BothProjections":  {reason: "before anything is stored", request: request{method: "PATCH", target: oneGroup + "?attributes=id&excludedAttributes=members", body: addMember}, want: 400, wantType: "invalidValue"},
		"BadIfMatch":       {reason: "an If-Match that is none must not be ignored", request: request{method: "PATCH", target: oneGroup, body: addMember, header: header("If-Match", "7")}, want: 400, wantType: "invalidSyntax"},
		"PatchBadEncoding": {reason: "attributes that cannot be read", request: request{method: "PATCH", target: oneGroup + "?attributes=%zz", body: addMember}, want: 400, wantType: "invalidValue"},
		"WrongMethod":      {reason: "no PATCH of all", request: request{method: "PATCH", target: basePath + "/Groups", body: addMember}, want: 405},
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
			if tc.wantCalls >= 0 && a.store.calls != tc.wantCalls {
				t.Errorf("%s: %d store calls, want %d", tc.reason, a.store.calls, tc.wantCalls)
			}
			if diff := cmp.Diff(memberSet{knownID}, a.groups.members[knownGroup]); diff != "" {
				t.Errorf("%s: members changed (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestGroupIfMatchReachesTheStore(t *testing.T) {
	for method, body := range map[string]string{"PUT": someGroup, "PATCH": addMember, "DELETE": ""} {
		a := newAPI(t)
		if w := a.call(t, request{method: method, target: oneGroup, body: body, header: header("If-Match", `"1"`, "If-Match", `W/"7"`)}); w.Code >= 300 {
			t.Fatalf("%s: status %d: %s", method, w.Code, w.Body)
		}
		want, err := directory.ParseIfMatch(`"1",W/"7"`)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]directory.Precondition{want}, a.store.preconditions, cmp.AllowUnexported(directory.Precondition{})); diff != "" {
			t.Errorf("%s: precondition (-want +got):\n%s", method, diff)
		}
	}
}

// idpGroup is a case of scim/testdata/groups: what an identity provider sends, literally, and what becomes of the group "Old".
type idpGroup struct {
	Name, Method         string
	Body                 json.RawMessage
	Members, WantMembers []string
	Want                 map[string]any
	NeedsCurrent         bool
}

// TestIdPGroups sends every request about a group that we know of an identity provider (SEC-27).
func TestIdPGroups(t *testing.T) {
	files, err := filepath.Glob("../scim/testdata/groups/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var cases []idpGroup
		if err := json.Unmarshal(text, &cases); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, tc := range cases {
			if !tc.NeedsCurrent { // what a filter on members selects is the store's to find
				t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+"/"+tc.Name, tc.test)
			}
		}
	}
}

func (tc idpGroup) test(t *testing.T) {
	a, id, target := newAPI(t), knownGroup, oneGroup
	want := map[string]int{"POST": 201, "PUT": 200, "PATCH": 204}[tc.Method]
	if tc.Method == http.MethodPost {
		id, target = "new", basePath+"/Groups"
	} else {
		a.groups.members[knownGroup] = tc.Members
	}
	w := a.call(t, request{method: tc.Method, target: target, body: string(tc.Body)})
	if w.Code != want {
		t.Fatalf("status %d, want %d: %s", w.Code, want, w.Body)
	}
	if w.Code != http.StatusNoContent {
		checkShown(t, w, tc.Want["displayName"], tc.WantMembers)
	}
	if diff := cmp.Diff(tc.Want, map[string]any(a.groups.groups[id].Resource)); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	got, wantMembers := slices.Sorted(slices.Values(a.groups.members[id])), slices.Sorted(slices.Values(tc.WantMembers))
	if diff := cmp.Diff(wantMembers, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// checkShown fails the test unless the answer is the group of that name with these members.
func checkShown(t *testing.T, w *httptest.ResponseRecorder, name any, members []string) {
	t.Helper()
	var got struct {
		DisplayName any
		Members     []struct{ Value string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range got.Members {
		ids = append(ids, m.Value)
	}
	if got.DisplayName != name || !cmp.Equal(ids, members, cmpopts.EquateEmpty()) {
		t.Errorf("shown: %v with %v", got.DisplayName, ids)
	}
}

// step is one request of a sequence, and what its sender needs to see.
type step struct {
	request request
	want    int
	has     string
}

// TestIdPGroupSequences are whole pushes of a group (idp-behaviour §1.1, §1.2).
func TestIdPGroupSequences(t *testing.T) {
	lookup := request{method: "GET", target: basePath + "/Groups?excludedAttributes=members&filter=displayName%20eq%20%22G%22"}
	find := request{method: "GET", target: basePath + "/Groups?filter=displayName%20eq%20%22G%22&startIndex=1&count=100"}
	created := basePath + "/Groups/new"
	cases := map[string][]step{
		"Okta": {
			{find, 200, `"totalResults":0`},
			{request{method: "POST", target: basePath + "/Groups", body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"G","members":[]}`}, 201, `"id":"new"`},
			{request{method: "GET", target: created}, 200, `"displayName":"G"`},
			{request{method: "PATCH", target: created, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"id":"new","displayName":"G"}},{"op":"remove","path":"members[value eq \"u1\"]"},{"op":"add","path":"members","value":[{"value":"u2","display":"b@x"}]}]}`}, 204, ""},
			{request{method: "GET", target: created}, 200, `"value":"u2"`},
			{request{method: "PUT", target: created, body: `{"id":"new","displayName":"G","members":[{"value":"u3","display":"c@x"}],"meta":{"resourceType":"Group"}}`}, 200, `"value":"u3"`},
			{find, 200, `"totalResults":1`},
			{request{method: "DELETE", target: created}, 204, ""},
		},
		"Entra": {
			{lookup, 200, `"totalResults":0`},
			{request{method: "POST", target: basePath + "/Groups", body: `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"8aa1a0c0","displayName":"G","meta":{"resourceType":"Group"}}`}, 201, `"externalId":"8aa1a0c0"`},
			{request{method: "GET", target: created + "?excludedAttributes=members"}, 200, `"id":"new"`},
			{request{method: "PATCH", target: created, body: addMember}, 204, ""},
			{request{method: "GET", target: basePath + "/Groups?filter=id%20eq%20%22new%22%20and%20members%20eq%20%22u9%22&attributes=id"}, 200, `"totalResults":1`},
			{request{method: "PATCH", target: created, body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u9"}]}]}`}, 204, ""},
			{request{method: "GET", target: basePath + "/Groups?filter=id%20eq%20%22new%22%20and%20members%20eq%20%22u9%22&attributes=id"}, 200, `"totalResults":0`},
			{lookup, 200, `"totalResults":1`},
		},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			for i, s := range steps {
				w := a.call(t, s.request)
				if w.Code != s.want || !strings.Contains(w.Body.String(), s.has) {
					t.Fatalf("step %d: %d, want %d and %s: %s", i+1, w.Code, s.want, s.has, w.Body)
				}
			}
		})
	}
}
