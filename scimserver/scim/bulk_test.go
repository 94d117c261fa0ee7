// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
)

func bulkOf(t testing.TB, body string) BulkRequest {
	t.Helper()
	request, err := ParseBulkRequest(Dialect{}, decode(t, body))
	if err != nil {
		t.Fatalf("ParseBulkRequest(%s): %v", body, err)
	}
	return request
}

// operations is a bulk request with these operations.
func operations(list ...string) string {
	return `{"schemas":["` + bulkRequestURN + `"],"Operations":[` + strings.Join(list, ",") + `]}`
}

func postGroup(bulkID string, members ...string) string {
	values := make([]string, 0, len(members))
	for _, m := range members {
		values = append(values, fmt.Sprintf(`{"value":%q}`, m))
	}
	return fmt.Sprintf(`{"method":"POST","path":"/Groups","bulkId":%q,"data":{"displayName":%q,"members":[%s]}}`, bulkID, bulkID, strings.Join(values, ","))
}

func TestParseBulkRequestRefuses(t *testing.T) {
	many := func(n int) string {
		return strings.TrimSuffix(strings.Repeat(`{"method":"DELETE","path":"/Users/1"},`, n), ",")
	}
	limit := DefaultLimits().BulkOperations
	for name, tc := range map[string]struct {
		body, reason string
		status       int
		typ          ErrorType
	}{
		"empty":           {`{}`, "Operations is required", 400, ErrorInvalidSyntax},
		"no list":         {`{"Operations":{}}`, "a list", 400, ErrorInvalidSyntax},
		"no operation":    {`{"Operations":[]}`, "nothing to do is a mistake, as in a PATCH", 400, ErrorInvalidSyntax},
		"text":            {`{"Operations":["x"]}`, "an operation is an object", 400, ErrorInvalidSyntax},
		"other message":   {`{"schemas":["` + patchURN + `"],"Operations":[` + many(1) + `]}`, "what it says it is", 400, ErrorInvalidSyntax},
		"limit":           {operations(many(limit)), "the limit itself is allowed", 0, ""},
		"limit + 1":       {operations(many(limit + 1)), "§3.7.4", 413, ""},
		"zero errors":     {`{"failOnErrors":0,"Operations":[` + many(1) + `]}`, "fails before it begins", 400, ErrorInvalidValue},
		"negative errors": {`{"failOnErrors":-1,"Operations":[` + many(1) + `]}`, "not a count", 400, ErrorInvalidValue},
		"half an error":   {`{"failOnErrors":1.5,"Operations":[` + many(1) + `]}`, "an integer", 400, ErrorInvalidValue},
		"error text":      {`{"failOnErrors":"1","Operations":[` + many(1) + `]}`, "an integer", 400, ErrorInvalidValue},
		"no failOnErrors": {`{"failOnErrors":null,"Operations":[` + many(1) + `]}`, "null is absent", 0, ""},
		"no schemas":      {`{"Operations":[` + many(1) + `]}`, "as everywhere", 0, ""},
		"same bulkId":     {operations(postGroup("a"), postGroup("a")), "which one would bulkId:a be?", 400, ErrorInvalidValue},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseBulkRequest(Dialect{}, decode(t, tc.body))
			var got *Error
			if errors.As(err, &got); got == nil {
				got = &Error{}
			}
			if got.Status != tc.status || got.Type != tc.typ {
				t.Errorf("%s: got %v, want %d %s", tc.reason, err, tc.status, tc.typ)
			}
			if tc.status == 413 && !strings.Contains(got.Detail, fmt.Sprint(limit)) {
				t.Errorf("§3.7.4 wants the limit in the error, got %q", got.Detail)
			}
		})
	}
}

// TestBulkOperationRefuses: what is wrong with one operation is its result, and the others are done.
func TestBulkOperationRefuses(t *testing.T) {
	const fine = `{"method":"DELETE","path":"/Users/fine"}`
	for name, tc := range map[string]struct{ operation, reason string }{
		"no method":        {`{"path":"/Users/1"}`, "required"},
		"GET":              {`{"method":"GET","path":"/Users/1"}`, "changes only"},
		"no bulkId":        {`{"method":"POST","path":"/Users","data":{}}`, "required with POST"},
		"empty bulkId":     {`{"method":"POST","path":"/Users","bulkId":"","data":{}}`, "required with POST"},
		"bulkId no text":   {`{"method":"DELETE","path":"/Users/1","bulkId":7}`, "a string"},
		"no path":          {`{"method":"DELETE"}`, "required"},
		"POST to one":      {`{"method":"POST","path":"/Users/1","bulkId":"a","data":{}}`, "§3.7: an endpoint"},
		"POST to root":     {`{"method":"POST","path":"/","bulkId":"a","data":{}}`, "§3.7: an endpoint"},
		"DELETE all":       {`{"method":"DELETE","path":"/Users"}`, "§3.7: a resource"},
		"deeper":           {`{"method":"DELETE","path":"/Users/1/name"}`, "§3.7: a resource"},
		"absolute":         {`{"method":"DELETE","path":"https://other/scim/v2/Users/1"}`, "relative"},
		"query":            {`{"method":"DELETE","path":"/Users/1?x=y"}`, "no query"},
		"fragment":         {`{"method":"DELETE","path":"/Users/1#x"}`, "no fragment"},
		"dots":             {`{"method":"DELETE","path":"/Users/../Groups/1"}`, "no way around"},
		"encoded dots":     {`{"method":"DELETE","path":"/Users/%2e%2e"}`, "no way around"},
		"encoded slash":    {`{"method":"DELETE","path":"/Users/1%2f2"}`, "one reading only"},
		"backslash":        {`{"method":"DELETE","path":"\\Users\\1"}`, "one reading only"},
		"bad encoding":     {`{"method":"DELETE","path":"/Users/%zz"}`, "one reading only"},
		"no data":          {`{"method":"PUT","path":"/Users/1"}`, "required with PUT"},
		"data null":        {`{"method":"PATCH","path":"/Users/1","data":null}`, "required with PATCH"},
		"data list":        {`{"method":"PATCH","path":"/Users/1","data":[]}`, "a body is an object"},
		"version no text":  {`{"method":"DELETE","path":"/Users/1","version":3}`, "an If-Match that is ignored loses an update"},
		"version is empty": {`{"method":"DELETE","path":"/Users/1","version":" "}`, "an If-Match that is ignored loses an update"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []BulkCall
			results := bulkOf(t, operations(tc.operation, fine)).Execute(func(c BulkCall) BulkAnswer {
				calls = append(calls, c)
				return BulkAnswer{Status: 204}
			})
			if len(results) != 2 || results[0].Err == nil || results[0].Err.Status != 400 || results[1].Err != nil {
				t.Errorf("%s: got %+v", tc.reason, results)
			}
			diff(t, "only the other one is done", []BulkCall{{Method: "DELETE", Endpoint: "/Users", ID: "fine"}}, calls)
		})
	}
}

func TestBulkCalls(t *testing.T) {
	type object = map[string]any
	for name, tc := range map[string]struct {
		reason, operation string
		want              BulkCall
	}{
		"POST":      {"version means nothing", `{"method":"POST","path":"/Users","bulkId":"a","version":"W/\"1\"","data":{"userName":"x"}}`, BulkCall{Method: "POST", Endpoint: "/Users", Data: object{"userName": "x"}}},
		"PUT":       {"version is If-Match", `{"method":"put","path":"Users/1/","version":"W/\"1\"","data":{}}`, BulkCall{Method: "PUT", Endpoint: "/Users", ID: "1", Version: `W/"1"`, Data: object{}}},
		"PATCH":     {"names in any case", `{"METHOD":"Patch","Path":"//Groups//%31","Data":{"Operations":[]}}`, BulkCall{Method: "PATCH", Endpoint: "/Groups", ID: "1", Data: object{"Operations": []any{}}}},
		"DELETE":    {"data means nothing", `{"method":"DELETE","path":"/Users/1","data":{"a":1}}`, BulkCall{Method: "DELETE", Endpoint: "/Users", ID: "1"}},
		"bulkId":    {"a bulkId may stand with any method", `{"method":"DELETE","bulkId":"b","path":"/Users/1"}`, BulkCall{Method: "DELETE", Endpoint: "/Users", ID: "1"}},
		"elsewhere": {"whether there is such an endpoint is not decided here", `{"method":"DELETE","path":"/Users/.search"}`, BulkCall{Method: "DELETE", Endpoint: "/Users", ID: ".search"}},
	} {
		t.Run(name, func(t *testing.T) {
			bulkOf(t, operations(tc.operation)).Execute(func(c BulkCall) BulkAnswer {
				diff(t, tc.reason, tc.want, c)
				return BulkAnswer{Status: 200, ID: "id"}
			})
		})
	}
}

// trace executes body; every call succeeds but the POSTs of these bulkIds, and ids are bulkIds in upper case. It returns the
// calls as text, and the status of each result.
func trace(t testing.TB, body string, failing ...string) (calls, statuses []string) {
	t.Helper()
	results := bulkOf(t, body).Execute(func(c BulkCall) BulkAnswer {
		text, err := json.Marshal(c.Data)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, strings.TrimSuffix(strings.TrimSpace(fmt.Sprintf("%s %s/%s %s", c.Method, c.Endpoint, c.ID, text)), " null"))
		name, _ := c.Data["displayName"].(string)
		if slices.Contains(failing, name) {
			return BulkAnswer{Err: Errorf(409, ErrorUniqueness, "taken")}
		}
		if c.Method == "POST" {
			return BulkAnswer{Status: 201, ID: strings.ToUpper(name), Location: "at " + name, Version: "1"}
		}
		return BulkAnswer{Status: 200, Version: "2"}
	})
	for _, r := range results {
		status := fmt.Sprint(r.Status, r.Location, r.Version)
		if r.Err != nil {
			status = fmt.Sprint(r.Err.Status, r.Err.Type, r.Location, r.Version)
		}
		statuses = append(statuses, status)
	}
	return calls, statuses
}

func TestBulkReferences(t *testing.T) {
	const (
		enterprise  = EnterpriseUserURN
		addA        = `PATCH /Groups/B {"Operations":[{"op":"add","value":{"members":[{"value":"A"}]}}],"schemas":["` + patchURN + `"]}`
		postA       = `POST /Groups/ {"displayName":"a","members":[]}`
		postEmptyB  = `POST /Groups/ {"displayName":"b","members":[]}`
		postAWithB  = `POST /Groups/ {"displayName":"a","members":[{"value":"B"}]}`
		postBWithA  = `POST /Groups/ {"displayName":"b","members":[{"value":"A"}]}`
		partlyB     = "409invalidValueat b1"
		unresolved  = "409invalidValue"
		taken       = "409uniqueness"
		createdAtA  = "201at a1"
		createdAtB  = "201at b1"
		completedAt = "201at b2"
	)
	for name, tc := range map[string]struct {
		reason, body    string
		failing         []string
		calls, statuses []string
	}{
		"backward":  {"§3.7.2", operations(postGroup("a"), postGroup("b", "bulkId:a")), nil, []string{postA, postBWithA}, []string{createdAtA, createdAtB}},
		"forward":   {"what is referred to comes first, results stay in place", operations(postGroup("a", "bulkId:b"), postGroup("b")), nil, []string{postEmptyB, postAWithB}, []string{createdAtA, createdAtB}},
		"circle":    {"§3.7.1", operations(postGroup("a", "bulkId:b"), postGroup("b", "bulkId:a")), nil, []string{postEmptyB, postAWithB, addA}, []string{createdAtA, completedAt}},
		"unknown":   {"nothing has that bulkId", operations(postGroup("a", "bulkId:x"), postGroup("b")), nil, []string{postEmptyB}, []string{unresolved, createdAtB}},
		"no POST":   {"only what is created can be referred to", operations(`{"method":"DELETE","path":"/Groups/1","bulkId":"x"}`, postGroup("b", "bulkId:x")), nil, []string{"DELETE /Groups/1"}, []string{"2002", unresolved}},
		"failed":    {"and what failed is not there", operations(postGroup("a"), postGroup("b", "bulkId:a")), []string{"a"}, []string{postA}, []string{taken, unresolved}},
		"malformed": {"nor what is malformed", operations(`{"method":"POST","path":"/Groups","bulkId":"a"}`, postGroup("b", "bulkId:a")), nil, nil, []string{"400invalidSyntax", unresolved}},
		"failed circle": {"what was created says where it is", operations(postGroup("a", "bulkId:b"), postGroup("b", "bulkId:a")), []string{"a"},
			[]string{postEmptyB, postAWithB}, []string{taken, partlyB}},
		"broken circle": {"who refers to what failed is not created", operations(postGroup("a", "bulkId:b"), postGroup("b", "bulkId:a")), []string{"b"},
			[]string{postEmptyB}, []string{unresolved, taken}},
		"itself": {"the smallest circle", operations(postGroup("b", "bulkId:b", "m")), nil,
			[]string{`POST /Groups/ {"displayName":"b","members":[{"value":"m"}]}`, strings.ReplaceAll(addA, `"A"`, `"B"`)}, []string{completedAt}},
		"path": {"a change of what is created later", operations(`{"method":"DELETE","path":"/Groups/bulkId:a"}`, postGroup("a")), nil,
			[]string{postA, "DELETE /Groups/A"}, []string{"2002", createdAtA}},
		"path of what failed": {"is nowhere", operations(`{"method":"DELETE","path":"/Groups/bulkId:a"}`, postGroup("a")), []string{"a"}, []string{postA}, []string{unresolved, taken}},
		"patch": {"in values and in filters", operations(postGroup("a"),
			`{"method":"PATCH","path":"/Groups/g","data":{"Operations":[{"op":"remove","path":"members[value eq \"bulkId:a\" or value eq \"b\"]"},{"op":"add","path":"members","value":[{"value":"bulkId:a"}]}]}}`), nil,
			[]string{postA, `PATCH /Groups/g {"Operations":[{"op":"remove","path":"members[value eq \"A\" or value eq \"b\"]"},{"op":"add","path":"members","value":[{"value":"A"}]}]}`},
			[]string{createdAtA, "2002"}},
		"patch before the circle is closed": {"a change finds the whole resource", operations(
			`{"method":"PATCH","path":"/Groups/bulkId:b","data":{"Operations":[{"op":"remove","path":"members"}]}}`, postGroup("a", "bulkId:b"), postGroup("b", "bulkId:a")), nil,
			[]string{postAWithout("a"), postBWithA, strings.Replace(strings.Replace(addA, "/B", "/A", 1), `"A"`, `"B"`, 1), `PATCH /Groups/B {"Operations":[{"op":"remove","path":"members"}]}`},
			[]string{"2002", "201at a2", createdAtB}},
		"extension": {"§3.7.2: handled in the same way; the rest of the extension is kept", operations(
			`{"method":"POST","path":"/Users","bulkId":"a","data":{"displayName":"a","`+enterprise+`":{"department":"d","manager":{"value":"bulkId:b"}}}}`,
			`{"method":"POST","path":"/Users","bulkId":"b","data":{"displayName":"b","title":"bulkId:a","x":1,"`+enterprise+`":{"department":"d","manager":{"value":"bulkId:a"}}}}`), nil,
			[]string{
				`POST /Users/ {"displayName":"b","` + enterprise + `":{"department":"d"},"x":1}`,
				`POST /Users/ {"displayName":"a","` + enterprise + `":{"department":"d","manager":{"value":"B"}}}`,
				`PATCH /Users/B {"Operations":[{"op":"add","value":{"title":"A","` + enterprise + `":{"manager":{"value":"A"}}}}],"schemas":["` + patchURN + `"]}`,
			}, []string{createdAtA, completedAt}},
		"prefix inside": {"only a whole text is a reference", operations(postGroup("a"), `{"method":"PUT","path":"/Groups/1","data":{"displayName":"x bulkId:a","title":"BULKID:a"}}`), nil,
			[]string{postA, `PUT /Groups/1 {"displayName":"x bulkId:a","title":"BULKID:a"}`}, []string{createdAtA, "2002"}},
	} {
		t.Run(name, func(t *testing.T) {
			calls, statuses := trace(t, tc.body, tc.failing...)
			diff(t, tc.reason+": calls", tc.calls, calls)
			diff(t, tc.reason+": results", tc.statuses, statuses)
		})
	}
}

func postAWithout(name string) string {
	return fmt.Sprintf(`POST /Groups/ {"displayName":%q,"members":[]}`, name)
}

// TestBulkCircleFails: a resource that cannot be created without what it refers to is the 409 of RFC 7644 §3.7.1,
// and the failure of the second half is told with what there is.
func TestBulkCircleFails(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, failing string
		err             *Error
		want            BulkResult
	}{
		"Required": {"cannot be without it", "POST", badRequest(ErrorInvalidValue, "manager: is required"),
			BulkResult{BulkAnswer: BulkAnswer{Err: bulkConflict("cannot be created before what it refers to in a circle: manager: is required")}, Method: "POST", BulkID: "a"}},
		"Taken": {"any other error is its own", "POST", Errorf(409, ErrorUniqueness, "taken"),
			BulkResult{BulkAnswer: BulkAnswer{Err: Errorf(409, ErrorUniqueness, "taken")}, Method: "POST", BulkID: "a"}},
		"Half": {"it is there", "PATCH", Errorf(503, "", "busy"),
			BulkResult{BulkAnswer: BulkAnswer{Status: 201, ID: "1", Location: "at", Version: "1", Err: Errorf(503, "", "was created, but not its references in a circle: busy")}, Method: "POST", BulkID: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := bulkOf(t, operations(postGroup("a", "bulkId:a"))).Execute(func(c BulkCall) BulkAnswer {
				if c.Method == tc.failing {
					return BulkAnswer{Err: tc.err}
				}
				return BulkAnswer{Status: 201, ID: "1", Location: "at", Version: "1"}
			})
			diff(t, tc.reason, []BulkResult{tc.want}, got, cmpopts.IgnoreUnexported(Error{}))
		})
	}
}

func TestBulkFailOnErrors(t *testing.T) {
	limited := func(n int, list ...string) string {
		return strings.Replace(operations(list...), `"Operations"`, fmt.Sprintf(`"failOnErrors":%d,"Operations"`, n), 1)
	}
	const gone = `{"method":"DELETE","path":"/Users"}`
	for name, tc := range map[string]struct {
		reason, body string
		failing      []string
		calls        int
		statuses     []string
	}{
		"first":    {"§3.7.3: the error and nothing after it", limited(1, gone, postGroup("a")), nil, 0, []string{"400invalidValue"}},
		"second":   {"one error is accepted of two", limited(2, gone, postGroup("a"), gone, postGroup("b")), nil, 1, []string{"400invalidValue", "201at a1", "400invalidValue"}},
		"last":     {"as many as there are", limited(3, gone, gone), nil, 0, []string{"400invalidValue", "400invalidValue"}},
		"forward":  {"who waits for what failed is not processed", limited(1, postGroup("a", "bulkId:b"), postGroup("c"), postGroup("b")), []string{"b"}, 1, []string{"409uniqueness"}},
		"circular": {"what was begun is told", limited(1, postGroup("a", "bulkId:b", "bulkId:c"), postGroup("b", "bulkId:a"), postGroup("c"), postGroup("d")), []string{"c"}, 2, []string{"409invalidValueat b1", "409uniqueness"}},
	} {
		t.Run(name, func(t *testing.T) {
			calls, statuses := trace(t, tc.body, tc.failing...)
			diff(t, tc.reason, tc.statuses, statuses)
			if len(calls) != tc.calls {
				t.Errorf("%s: calls %q, want %d", tc.reason, calls, tc.calls)
			}
		})
	}
}

func TestBulkResponse(t *testing.T) {
	got := BulkResponse("https://x/v2", []BulkResult{
		{BulkAnswer: BulkAnswer{Status: 201, ID: "1", Location: "https://x/v2/Users/1", Version: `W/"1"`}, Method: "POST", BulkID: "q"},
		{BulkAnswer: BulkAnswer{Status: 204}, Method: "DELETE", Path: "/Users/2"},
		{BulkAnswer: BulkAnswer{Err: badRequest(ErrorInvalidSyntax, "d")}, Method: "POST", BulkID: "r"},
		{BulkAnswer: BulkAnswer{Err: Errorf(412, "", "d")}, Method: "PUT", Path: "/Users/%2F"},
	})
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "RFC 7644 §3.7.3", decode(t, `{"schemas":["`+bulkResponseURN+`"],"Operations":[
		{"location":"https://x/v2/Users/1","method":"POST","bulkId":"q","version":"W/\"1\"","status":"201"},
		{"location":"https://x/v2/Users/2","method":"DELETE","status":"204"},
		{"method":"POST","bulkId":"r","status":"400","response":{"schemas":["`+errorURN+`"],"scimType":"invalidSyntax","detail":"d","status":"400"}},
		{"location":"https://x/v2/Users/%2F","method":"PUT","status":"412","response":{"schemas":["`+errorURN+`"],"detail":"d","status":"412"}}
	]}`), decode(t, string(text)))
}
