// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const (
	// hostileRounds is how often each hostile request is sent.
	hostileRounds = 8
	// hostileGrowth is how much the peak memory of the program may grow once it has seen each of them.
	hostileGrowth = 64 << 20
	// hostilePeak is the most memory that the program may ever have, with nobody stored.
	hostilePeak = 256 << 20
)

// hostile are requests that cost their sender little. Each is to be refused as SCIM says.
func hostile() map[string]struct {
	method, path, body string
	want               int
} {
	const mega = 1 << 20
	filter := func(text string) string { return `{"filter":"` + text + `"}` }
	operations := strings.Repeat(`{"op":"replace","path":"displayName","value":"x"},`, 4999) + `{"op":"replace","path":"displayName","value":"x"}`
	return map[string]struct {
		method, path, body string
		want               int
	}{
		"LongFilter":         {"POST", "/Users/.search", filter(`userName eq \"` + strings.Repeat("a", mega-100) + `\"`), 400},
		"LongFilterOfAll":    {"POST", "/.search", filter(`userName eq \"` + strings.Repeat("a", mega-100) + `\"`), 400},
		"Parentheses":        {"POST", "/Users/.search", filter(strings.Repeat("(", 1e6)), 400},
		"ClosedParentheses":  {"POST", "/Groups/.search", filter(strings.Repeat("(", 5e5) + "id pr" + strings.Repeat(")", 5e5)), 400},
		"Brackets":           {"POST", "/.search", filter(strings.Repeat("emails[", 1e5)), 400},
		"Nots":               {"POST", "/Users/.search", filter(strings.Repeat("not (", 2e5)), 400},
		"Terms":              {"POST", "/Users/.search", filter("id pr" + strings.Repeat(" or id pr", 1e5)), 400},
		"ManyTerms":          {"GET", "/Users?filter=id+pr" + strings.Repeat("+or+id+pr", 400), "", 400},
		"Operations":         {"PATCH", "/Users/x", `{"Operations":[` + operations + `]}`, 400},
		"GroupOperations":    {"PATCH", "/Groups/x", `{"Operations":[` + operations + `]}`, 400},
		"LongPath":           {"PATCH", "/Users/x", `{"Operations":[{"op":"remove","path":"` + strings.Repeat("(", mega-100) + `"}]}`, 400},
		"Duplicate":          {"POST", "/Users", `{"userName":"a","userName":"b"}`, 400},
		"DuplicateCase":      {"POST", "/Users", `{"userName":"a","USERNAME":"b"}`, 400},
		"Duplicates":         {"POST", "/Users", `{` + strings.Repeat(`"a":1,`, 1e5) + `"userName":"a"}`, 400},
		"Nested":             {"POST", "/Users", strings.Repeat(`{"name":`, 1e5), 400},
		"NestedLists":        {"POST", "/Users", `{"emails":` + strings.Repeat(`[`, 1e6), 400},
		"NestedGroup":        {"PUT", "/Groups/x", `{"members":` + strings.Repeat(`[`, 4e6), 400},
		"InvalidUTF8":        {"POST", "/Users", "{\"userName\":\"a\xff\xfe\"}", 400},
		"InvalidUTF8Filter":  {"GET", "/Users?filter=userName+eq+%22%ff%22", "", 400},
		"Surrogate":          {"POST", "/Users", `{"userName":"a\ud800"}`, 400},
		"NUL":                {"POST", "/Users", `{"userName":"a\u0000b"}`, 400},
		"RawNUL":             {"POST", "/Users", "{\"userName\":\"a\x00b\"}", 400},
		"NULInFilter":        {"POST", "/Users/.search", filter("userName\x00 eq 1"), 400},
		"NULInPath":          {"GET", "/Users/a%00b", "", 404},
		"Cursor":             {"POST", "/.search", `{"cursor":"` + strings.Repeat("A", mega-100) + `"}`, 400},
		"Number":             {"POST", "/Users/.search", `{"count":` + strings.Repeat("9", mega-100) + `}`, 400},
		"Elements":           {"POST", "/Users", `{"userName":"a","emails":[` + strings.Repeat(`{"value":"a"},`, 7e4) + `{}]}`, 400},
		"Attributes":         {"PUT", "/Users/x", manyAttributes(5e4), 404},
		"Truncated":          {"POST", "/Users", `{"userName":"a`, 400},
		"NotJSON":            {"POST", "/Users", strings.Repeat("\x00", 1e6), 400},
		"LongSortBy":         {"POST", "/Users/.search", `{"sortBy":"` + strings.Repeat("a.", 5e5) + `"}`, 400},
		"LongUserNameFilter": {"GET", "/Users?filter=userName+eq+%22" + strings.Repeat("a", 8000) + "%22", "", 400},
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"a%d":1,`, i)
	}
	return `{` + b.String() + `"userName":"many@example.com"}`
}

// testHostile sends everything of hostile again and again, and looks at what that costs the process (SEC-20). The first round is the
// measure of the others: what one request needs for a moment is bounded, and what many leave behind is nothing.
func testHostile(t *testing.T, pid int, tn tenant) {
	tn.sendHostile(t)
	before := peakMemory(t, pid)
	for range hostileRounds {
		tn.sendHostile(t)
	}
	after := peakMemory(t, pid)
	t.Logf("%d rounds of %d requests: peak memory %d MiB after the first, %d MiB at the end", hostileRounds, len(hostile()), before>>20, after>>20)
	if after-before > hostileGrowth || after > hostilePeak {
		t.Errorf("the peak memory of the program grew from %d to %d MiB", before>>20, after>>20)
	}
	if got := tn.send(t, http.MethodGet, tn.base+"/Users?count=1", ""); got.status != http.StatusOK {
		t.Errorf("after all of it: %d %s", got.status, got.body)
	}
}

func (tn tenant) sendHostile(t *testing.T) {
	t.Helper()
	for name, h := range hostile() {
		got := tn.send(t, h.method, tn.base+h.path, h.body)
		if got.status != h.want || !strings.Contains(got.body, "urn:ietf:params:scim:api:messages:2.0:Error") {
			t.Errorf("%s: %d, want %d: %.300s", name, got.status, h.want, got.body)
		}
	}
}

// peakMemory is the most that a process ever had in memory, in bytes.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("process %d has no VmHWM", pid)
	return 0
}

// testStoredLimits: as TestAdvertisedLimits, of what the store looks at. A displayName may have as many characters as have room
// if each takes four bytes.
func testStoredLimits(t *testing.T, tn tenant) {
	for path, tc := range map[string]struct {
		name  string
		limit int
	}{"/Users": {"userName", scim.DefaultLimits().UserNameBytes}, "/Groups": {"displayName", scim.DefaultLimits().DisplayNameBytes / 4}} {
		for n, want := range map[int]int{tc.limit: 201, tc.limit + 1: 400} {
			got := tn.send(t, http.MethodPost, tn.base+path, `{"`+tc.name+`":"`+strings.Repeat("a", n)+`"}`)
			if got.status != want || want == 400 && !strings.Contains(got.body, `"scimType":"invalidValue"`) {
				t.Errorf("%s of %d bytes: %d, want %d: %.300s", tc.name, n, got.status, want, got.body)
			}
		}
	}
}

// TestAdvertisedLimits: what is at a limit works, and one more gets the error that says so.
func TestAdvertisedLimits(t *testing.T) {
	limits := scim.DefaultLimits()
	text := func(n int) string { return strings.Repeat("a", n) }
	for name, tc := range map[string]struct {
		limit  int
		ask    func(n int) request
		status int
		typ    scim.ErrorType
	}{
		"PatchOperations": {limits.PatchOperations, func(n int) request {
			op := `{"op":"replace","path":"displayName","value":"x"}`
			return request{method: "PATCH", target: one, body: `{"Operations":[` + op + strings.Repeat(","+op, n-1) + `]}`}
		}, 400, scim.ErrorInvalidValue},
		"Filter": {limits.FilterBytes, func(n int) request {
			return request{method: "GET", target: basePath + "/Users?filter=nickName+eq+%22" + text(n-len(`nickName eq ""`)) + "%22"}
		}, 400, scim.ErrorInvalidFilter},
		"SearchFilter": {limits.SearchFilterBytes, func(n int) request {
			return request{method: "POST", target: basePath + "/Users/.search", body: `{"filter":"nickName eq \"` + text(n-len(`nickName eq ""`)) + `\""}`}
		}, 400, scim.ErrorInvalidFilter},
		"SearchFilterOfAll": {limits.SearchFilterBytes, func(n int) request {
			return request{method: "POST", target: basePath + "/.search", body: `{"filter":"nickName eq \"` + text(n-len(`nickName eq ""`)) + `\""}`}
		}, 400, scim.ErrorInvalidFilter},
		"FilterDepth": {limits.FilterDepth, func(n int) request {
			return request{method: "POST", target: basePath + "/Users/.search", body: `{"filter":"` + strings.Repeat("(", n) + "id pr" + strings.Repeat(")", n) + `"}`}
		}, 400, scim.ErrorInvalidFilter},
		"Text": {limits.StringBytes, func(n int) request {
			return request{method: "POST", target: basePath + "/Users", body: `{"userName":"a","nickName":"` + text(n) + `"}`}
		}, 400, scim.ErrorInvalidValue},
		"Values": {limits.Elements, func(n int) request {
			value := `{"value":"a@example.com"}`
			return request{method: "POST", target: basePath + "/Users", body: `{"userName":"a","emails":[` + value + strings.Repeat(","+value, n-1) + `]}`}
		}, 400, scim.ErrorInvalidValue},
	} {
		a := newAPI(t)
		if w := a.call(t, tc.ask(tc.limit)); w.Code >= 300 {
			t.Errorf("%s: %d at the limit: %.300s", name, w.Code, w.Body)
		}
		w := a.call(t, tc.ask(tc.limit+1))
		if w.Code != tc.status || !strings.Contains(w.Body.String(), `"scimType":"`+string(tc.typ)+`"`) {
			t.Errorf("%s: %d one above the limit, want %d %s: %.300s", name, w.Code, tc.status, tc.typ, w.Body)
		}
	}
}
