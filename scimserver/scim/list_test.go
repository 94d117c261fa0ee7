// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"net/url"
	"testing"
)

func TestParseListQuery(t *testing.T) {
	for name, tc := range map[string]struct {
		query        string
		start, count int
		filter       bool
		err          ErrorType
		reason       string
	}{
		"nothing":            {"", 1, 50, false, "", "defaults"},
		"Okta probe":         {"startIndex=1&count=2", 1, 2, false, "", "as sent"},
		"Okta match":         {"filter=userName%20eq%20%22x%22&startIndex=1&count=100", 1, 100, true, "", "as sent"},
		"plus":               {"filter=userName+eq+%22x%22", 1, 50, true, "", "decoded once"},
		"startIndex 0":       {"startIndex=0", 1, 50, false, "", "§3.4.2.4"},
		"startIndex below":   {"startIndex=-5", 1, 50, false, "", "§3.4.2.4"},
		"startIndex far":     {"startIndex=99999999999999999999", 9223372036854775807, 50, false, "", "past the end of anything"},
		"count 0":            {"count=0", 1, 0, false, "", "totals only"},
		"count below":        {"count=-1", 1, 0, false, "", "§3.4.2.4"},
		"count far below":    {"count=-99999999999999999999", 1, 0, false, "", "§3.4.2.4"},
		"count above":        {"count=1000", 1, 200, false, "", "never more than the maximum"},
		"count at max":       {"count=200", 1, 200, false, "", "the advertised number"},
		"unknown parameters": {"aadOptscim062020&sortBy=userName&cursor&x=1&x=2", 1, 50, false, "", "§3.4.2"},
		"not a number":       {"count=ten", 0, 0, false, ErrorInvalidValue, "400"},
		"fraction":           {"startIndex=1.5", 0, 0, false, ErrorInvalidValue, "400"},
		"empty number":       {"count=", 0, 0, false, ErrorInvalidValue, "400"},
		"empty filter":       {"filter=", 0, 0, false, ErrorInvalidFilter, "not everything"},
		"bad filter":         {"filter=x", 0, 0, false, ErrorInvalidFilter, "400"},
		"two filters":        {"filter=userName+pr&filter=title+pr", 0, 0, false, ErrorInvalidValue, "which of them?"},
		"two cursors":        {"cursor&cursor=x", 0, 0, false, ErrorInvalidValue, "which of them?"},
		"two ways of paging": {"cursor&startIndex=1", 0, 0, false, ErrorInvalidValue, "which of them?"},
		"count with cursor":  {"cursor&count=ten", 0, 0, false, ErrorInvalidCount, "RFC 9865 §2.1"},
		"sort by a secret":   {"sortBy=password", 0, 0, false, ErrorInvalidValue, "an oracle"},
		"sort order":         {"sortBy=title&sortOrder=up", 0, 0, false, ErrorInvalidValue, "§3.4.2.3"},
		"order of nothing":   {"sortOrder=up", 1, 50, false, "", "without sortBy it says nothing"},
		"both projections":   {"attributes=userName&excludedAttributes=title", 0, 0, false, ErrorInvalidValue, "§3.9"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := url.ParseQuery(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseListQuery(UserResourceType(), q, 50, 200)
			if typ := typeOf(t, err); typ != tc.err {
				t.Fatalf("%s: error %v, want %q", tc.reason, err, tc.err)
			}
			if err == nil && (got.StartIndex != tc.start || got.Count != tc.count || (got.Filter != nil) != tc.filter) {
				t.Errorf("%s: got %+v", tc.reason, got)
			}
		})
	}
}

func TestListResponse(t *testing.T) {
	for name, tc := range map[string]struct {
		response map[string]any
		want     string
	}{
		"page":  {ListResponse(12, 11, []map[string]any{{"id": "1"}}), `{"Resources":[{"id":"1"}],"itemsPerPage":1,"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"startIndex":11,"totalResults":12}`},
		"next":  {CursorListResponse(12, "abc", []map[string]any{{"id": "1"}}), `{"Resources":[{"id":"1"}],"itemsPerPage":1,"nextCursor":"abc","schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":12}`},
		"last":  {CursorListResponse(12, "", nil), `{"Resources":[],"itemsPerPage":0,"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":12}`},
		"empty": {ListResponse(0, 1, nil), `{"Resources":[],"itemsPerPage":0,"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"startIndex":1,"totalResults":0}`},
	} {
		got, err := json.Marshal(tc.response)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, name, tc.want, string(got))
	}
}
