// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// bulkResult is the result of one operation as a client reads it.
type bulkResult struct {
	Method, BulkID, Location, Version, Status string
	Response                                  map[string]any
}

// bulkOf is a bulk request with these operations.
func bulkOf(operations ...string) request {
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(operations, ",") + `]}`
	return request{method: "POST", target: basePath + "/Bulk", body: body}
}

func bulkOperation(method, path, data string) string {
	return fmt.Sprintf(`{"method":%q,"path":%q,"bulkId":"b%p","data":%s}`, method, path, &data, data)
}

// bulk sends the operations and returns the results.
func (a *api) bulk(t testing.TB, operations ...string) []bulkResult {
	t.Helper()
	return resultsOf(t, a.call(t, bulkOf(operations...)))
}

func resultsOf(t testing.TB, w *httptest.ResponseRecorder) []bulkResult {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	var got struct {
		Schemas    []string
		Operations []bulkResult
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Schemas) != 1 || got.Schemas[0] != "urn:ietf:params:scim:api:messages:2.0:BulkResponse" {
		t.Errorf("schemas %q", got.Schemas)
	}
	return got.Operations
}

func statusesOf(results []bulkResult) string {
	var all []string
	for _, result := range results {
		all = append(all, result.Status)
	}
	return strings.Join(all, " ")
}

const deleteOne = `{"method":"DELETE","path":"/Users/` + knownID + `","version":"W/\"3\""}`

func TestBulk(t *testing.T) {
	a := newAPI(t)
	got := a.bulk(t,
		`{"method":"POST","path":"/Users","bulkId":"u","data":`+minimal+`}`,
		`{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"G","members":[{"value":"bulkId:u"}]}}`,
		`{"method":"PUT","path":"/Users/`+knownID+`","data":`+minimal+`}`,
		`{"method":"PATCH","path":"/Groups/`+knownGroup+`","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:u"}]}]}}`,
		deleteOne,
		`{"method":"DELETE","path":"/Users/nobody%20there"}`,
		`{"method":"PUT","path":"/Users/bulkId:nobody","data":{}}`,
	)
	want := []bulkResult{
		{Method: "POST", BulkID: "u", Location: baseURL + "/Users/new", Version: `W/"1"`, Status: "201"},
		{Method: "POST", BulkID: "g", Location: baseURL + "/Groups/new", Version: `W/"1"`, Status: "201"},
		{Method: "PUT", Location: baseURL + "/Users/" + knownID, Version: `W/"4"`, Status: "200"},
		{Method: "PATCH", Location: baseURL + "/Groups/" + knownGroup, Version: `W/"8"`, Status: "204"},
		{Method: "DELETE", Location: baseURL + "/Users/" + knownID, Status: "204"},
		{Method: "DELETE", Location: baseURL + "/Users/nobody%20there", Status: "404"},
		{Method: "PUT", Status: "409"},
	}
	for i := range got {
		if failed := got[i].Status >= "400"; failed != (got[i].Response["status"] == got[i].Status) {
			t.Errorf("operation %d: status %s with the response %v", i, got[i].Status, got[i].Response)
		}
		got[i].Response = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(memberSet{knownID, "new"}, a.groups.members[knownGroup]); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	demanded, err := directory.ParseIfMatch(`W/"3"`)
	if err != nil {
		t.Fatal(err)
	}
	free, allow := directory.Precondition{}, cmp.AllowUnexported(directory.Precondition{})
	if diff := cmp.Diff([]directory.Precondition{free, free, demanded, free}, a.store.preconditions, allow); diff != "" {
		t.Errorf("preconditions (-want +got):\n%s", diff)
	}
	for _, shown := range a.groups.shown {
		if shown {
			t.Error("members were read for an answer that nobody sees")
		}
	}
}

// TestBulkIsAsSingle: the status and the error of an operation are those of a request of its own (RFC 7644 §3.7.3).
func TestBulkIsAsSingle(t *testing.T) {
	for name, tc := range map[string]struct{ method, path, data, version string }{
		"Create":        {"POST", "/Users", minimal, ""},
		"CreateNobody":  {"POST", "/Users", `{}`, ""},
		"CreateWrong":   {"POST", "/Groups", `{"displayName":7,"members":"x"}`, ""},
		"NoMember":      {"POST", "/Groups", `{"displayName":"G","members":[{"value":""}]}`, ""},
		"Replace":       {"PUT", "/Groups/" + knownGroup, someGroup, `"7"`},
		"ReplaceNobody": {"PUT", "/Users/nobody", minimal, ""},
		"BadVersion":    {"PUT", "/Users/" + knownID, minimal, "7"},
		"AnyVersion":    {"PUT", "/Users/" + knownID, minimal, "*"},
		"Patch":         {"PATCH", "/Users/" + knownID, `{"Operations":[{"op":"replace","path":"active","value":"False"}]}`, ""},
		"PatchGroup":    {"PATCH", "/Groups/" + knownGroup, addMember, ""},
		"PatchNothing":  {"PATCH", "/Users/" + knownID, `{"Operations":[]}`, ""},
		"PatchReadOnly": {"PATCH", "/Users/" + knownID, `{"Operations":[{"op":"replace","path":"id","value":"x"}]}`, ""},
		"BadPath":       {"PATCH", "/Users/" + knownID, `{"Operations":[{"op":"add","path":"emails[","value":"x"}]}`, ""},
		"Delete":        {"DELETE", "/Groups/" + knownGroup, `{}`, `W/"7"`},
		"DeleteNobody":  {"DELETE", "/Groups/nobody", `{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			q := request{method: tc.method, target: basePath + tc.path, body: tc.data}
			if tc.version != "" {
				q.header = header("If-Match", tc.version)
			}
			single := newAPI(t).call(t, q)
			op := strings.TrimSuffix(bulkOperation(tc.method, tc.path, tc.data), "}")
			if tc.version != "" {
				op += fmt.Sprintf(`,"version":%q`, tc.version)
			}
			got := newAPI(t).bulk(t, op+"}")
			if len(got) != 1 || got[0].Status != fmt.Sprint(single.Code) || got[0].Version != single.Header().Get("ETag") {
				t.Fatalf("got %+v, want status %d and version %q", got, single.Code, single.Header().Get("ETag"))
			}
			var want map[string]any
			if single.Code >= http.StatusBadRequest && json.Unmarshal(single.Body.Bytes(), &want) != nil {
				t.Fatalf("body %s", single.Body)
			}
			if diff := cmp.Diff(want, got[0].Response); diff != "" {
				t.Errorf("error (-single +bulk):\n%s", diff)
			}
		})
	}
}

// TestBulkReachesResourcesOnly: an operation is a change of a resource of this directory and nothing else.
func TestBulkReachesResourcesOnly(t *testing.T) {
	for name, op := range map[string]string{
		"Bulk":        bulkOperation("POST", "/Bulk", `{"Operations":[`+deleteOne+`]}`),
		"Search":      bulkOperation("POST", "/.search", `{}`),
		"SearchUsers": bulkOperation("POST", "/Users/.search", `{}`),
		"Me":          bulkOperation("POST", "/Me", `{}`),
		"Discovery":   bulkOperation("PUT", "/Schemas/x", `{}`),
		"Config":      bulkOperation("POST", "/ServiceProviderConfig", `{}`),
		"GET":         bulkOperation("GET", "/Users/"+knownID, `{}`),
		"Other":       bulkOperation("DELETE", "/scim/v2/team-a/other/Users/"+knownID, `{}`),
		"Up":          bulkOperation("DELETE", "/../other/Users/"+knownID, `{}`),
		"EncodedUp":   bulkOperation("DELETE", "/Users/..%2f..%2fother%2fUsers%2f"+knownID, `{}`),
		"Absolute":    bulkOperation("DELETE", baseURL+"/Users/"+knownID, `{}`),
		"Elsewhere":   bulkOperation("POST", "//attacker.example", `{}`),
		"Query":       bulkOperation("DELETE", "/Users/"+knownID+"?attributes=id", `{}`),
		"Case":        bulkOperation("DELETE", "/users/"+knownID, `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			got := a.bulk(t, op, deleteOne)
			if statuses := statusesOf(got); statuses != "400 204" && statuses != "404 204" || a.store.calls != 1 {
				t.Errorf("got %q with %d calls, want that only the other operation is done", statuses, a.store.calls)
			}
		})
	}
}

// TestBulkRefusals: a request that is wrong as a whole does nothing.
func TestBulkRefusals(t *testing.T) {
	many := make([]string, scim.DefaultLimits().BulkOperations+1)
	for i := range many {
		many[i] = deleteOne
	}
	same := `{"method":"POST","path":"/Users","bulkId":"u","data":` + minimal + `}`
	for name, tc := range map[string]struct {
		reason  string
		request request
		want    int
	}{
		"TooMany":  {"RFC 7644 §3.7.4", bulkOf(many...), http.StatusRequestEntityTooLarge},
		"Twice":    {"one bulkId names one resource", bulkOf(same, same), http.StatusBadRequest},
		"Nothing":  {"Operations is required", request{method: "POST", target: basePath + "/Bulk", body: `{}`}, http.StatusBadRequest},
		"NoJSON":   {"as everywhere", request{method: "POST", target: basePath + "/Bulk", body: `{`}, http.StatusBadRequest},
		"Text":     {"as everywhere", request{method: "POST", target: basePath + "/Bulk", body: `{}`, header: header("Content-Type", "text/plain")}, http.StatusUnsupportedMediaType},
		"GET":      {"POST only", request{method: "GET", target: basePath + "/Bulk"}, http.StatusMethodNotAllowed},
		"PUT":      {"POST only", request{method: "PUT", target: basePath + "/Bulk", body: `{}`}, http.StatusMethodNotAllowed},
		"BelowIt":  {"no such path", request{method: "POST", target: basePath + "/Bulk/1", body: `{}`}, http.StatusNotFound},
		"OfOthers": {"not for other directories", request{method: "POST", target: "/scim/v2/team-a/other/Bulk", body: `{}`}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			w := a.call(t, tc.request)
			if allow := w.Header().Get("Allow"); tc.want == http.StatusMethodNotAllowed && allow != "POST, OPTIONS" {
				t.Errorf("Allow is %q", allow)
			}
			if checkError(t, w, tc.want); a.store.calls != 0 {
				t.Errorf("%s: %d store calls", tc.reason, a.store.calls)
			}
		})
	}
	a := newAPI(t)
	if got := a.bulk(t, many[1:]...); len(got) != scim.DefaultLimits().BulkOperations {
		t.Errorf("at the limit: got %d results", len(got))
	}
}

func TestBulkBodyLimit(t *testing.T) {
	testBodyLimit(t, "POST", basePath+"/Bulk", bulkOf(deleteOne).body, int(DefaultLimits().BodyBytes), http.StatusOK)
}

// TestBulkOperationLimit: an operation that grew after the limit of the whole was checked is checked again.
func TestBulkOperationLimit(t *testing.T) {
	a := newAPI(t)
	grows := strings.Repeat("\u2028", int(DefaultLimits().BodyBytes)/4) // three bytes each, six when they are written again
	got := a.bulk(t, bulkOperation("POST", "/Users", `{"userName":"x","unknown":"`+grows+`"}`), deleteOne)
	if statuses := statusesOf(got); statuses != "413 204" || a.store.calls != 1 {
		t.Errorf("got %q with %d calls, want that only the other operation is done", statuses, a.store.calls)
	}
}

// TestBulkAdvertised: what the configuration says is what holds.
func TestBulkAdvertised(t *testing.T) {
	w := newAPI(t).call(t, request{method: "GET", target: basePath + "/ServiceProviderConfig"})
	var got struct{ Bulk map[string]any }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"supported": true, "maxOperations": float64(scim.DefaultLimits().BulkOperations), "maxPayloadSize": float64(DefaultLimits().BodyBytes),
	}
	if diff := cmp.Diff(want, got.Bulk); diff != "" {
		t.Errorf("bulk (-want +got):\n%s", diff)
	}
}

// TestBulkPanic: what breaks in one operation is told in its place.
func TestBulkPanic(t *testing.T) {
	a := newAPI(t)
	a.store.before = func(context.Context) error {
		if a.store.calls == 1 {
			panic("canary-panic")
		}
		return nil
	}
	got := a.bulk(t, deleteOne, deleteOne)
	if statuses := statusesOf(got); statuses != "503 204" {
		t.Errorf("got %q", statuses)
	}
	if logs := a.logs.String(); strings.Contains(logs, "canary") || !strings.Contains(logs, "Handler panicked") || !strings.Contains(logs, "bulk_test.go") {
		t.Errorf("logs %s", logs)
	}
	a.store.before = func(context.Context) error { panic(http.ErrAbortHandler) }
	defer func() {
		if got, _ := recover().(error); !errors.Is(got, http.ErrAbortHandler) {
			t.Errorf("recovered %v, want http.ErrAbortHandler", got)
		}
	}()
	a.call(t, bulkOf(deleteOne))
}

// TestBulkLog: one line says how much was done and why something of ours failed, and nothing of the people in it.
func TestBulkLog(t *testing.T) {
	a := newAPI(t)
	a.store.before = func(context.Context) error {
		if a.store.calls == 2 {
			return errors.New("boom Zz9-Canary")
		}
		return nil
	}
	const canary = `{"userName":"Zz9-Canary@example.com","name":{"familyName":"Zz9-Canary"}}`
	got := a.bulk(t, bulkOperation("POST", "/Users", canary), bulkOperation("PUT", "/Users/Zz9-Canary", canary), bulkOperation("Zz9-Canary", "/Zz9-Canary", canary))
	if statuses := statusesOf(got); statuses != "201 503 400" {
		t.Errorf("got %q", statuses)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(a.logs.String()), &line); err != nil {
		t.Fatalf("not one JSON line: %v\n%s", err, a.logs)
	}
	if strings.Contains(a.logs.String(), "Zz9") {
		t.Errorf("personal data in the log: %s", a.logs)
	}
	want := map[string]any{"route": directoryPath + "/Bulk", "status": 200.0, "operations": 3.0, "failed": 2.0, "reason": "*errors.errorString"}
	for name, value := range want {
		if line[name] != value {
			t.Errorf("%s is %v, want %v", name, line[name], value)
		}
	}
}

// TestBulkDeadline: the answer comes in time, and tells what was done, what may have been, and what was not.
func TestBulkDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.store.before = func(ctx context.Context) error {
			// Each takes seven seconds: the third ends after 21 s, and 4 s before the end of the request none is begun.
			select {
			case <-time.After(7 * time.Second):
				return nil
			case <-ctx.Done():
				return busy(time.Second, ctx.Err())
			}
		}
		r := a.start(t, Server{Drain: time.Second})
		start := time.Now()
		conn := r.dial(t)
		body := bulkOf(deleteOne, deleteOne, deleteOne, deleteOne, deleteOne).body
		send(t, conn, a.head("POST", basePath+"/Bulk", fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body)))+body)
		response, text := answer(t, conn)
		if took := time.Since(start); response.StatusCode != http.StatusOK || took > DefaultLimits().Request {
			t.Errorf("%d after %s", response.StatusCode, took)
		}
		var got struct{ Operations []bulkResult }
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if statuses := statusesOf(got.Operations); statuses != "204 204 204 503 503" || a.store.calls != 3 {
			t.Errorf("got %q with %d calls", statuses, a.store.calls)
		}
		if detail := fmt.Sprint(got.Operations[4].Response["detail"]); !strings.Contains(detail, "not begun") {
			t.Errorf("got %q of an operation that was not begun", detail)
		}
		r.end(t)
	})
}

// TestBulkStuck: an operation whose store never answers takes no more than the time of the request.
func TestBulkStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.store.before = func(ctx context.Context) error {
			<-ctx.Done()
			return busy(time.Second, ctx.Err())
		}
		r := a.start(t, Server{Drain: time.Second})
		start := time.Now()
		conn := r.dial(t)
		body := bulkOf(deleteOne, deleteOne).body
		send(t, conn, a.head("POST", basePath+"/Bulk", fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body)))+body)
		response, text := answer(t, conn)
		if took := time.Since(start); response.StatusCode != http.StatusOK || took > DefaultLimits().Request || strings.Count(text, `"status":"503"`) != 4 {
			t.Errorf("%d after %s: %s", response.StatusCode, took, text)
		}
		r.end(t)
	})
}

// TestBulkWithoutClient: nothing more is begun for who has left.
func TestBulkWithoutClient(t *testing.T) {
	a := newAPI(t)
	ctx, leave := context.WithCancel(t.Context())
	a.store.before = func(context.Context) error {
		leave()
		return nil
	}
	a.serve(bulkOf(deleteOne, deleteOne, deleteOne).with(t, a.token).WithContext(ctx))
	if a.store.calls != 1 {
		t.Errorf("%d calls", a.store.calls)
	}
}
