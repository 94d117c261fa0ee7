// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/buffer"
	"github.com/scim-operator/scim-operator/scimserver/audit"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// ledger is what was recorded.
type ledger struct {
	mu      sync.Mutex
	records []audit.Record
}

func (l *ledger) add(r audit.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
}

func newAudited(t testing.TB) (*api, *ledger) {
	t.Helper()
	l := &ledger{}
	return newAPI(t, func(o *Options) { o.Audit = l.add }), l
}

// want wants exactly these records; the time and what is the same for all is checked and left out.
func (l *ledger) want(t *testing.T, reason, requestID string, want ...audit.Record) {
	t.Helper()
	keyID := newToken(t, 1).KeyID()
	for i, r := range l.records {
		if time.Since(r.Time) > time.Minute || r.Namespace != "team-a" || r.Directory != "acme" || r.TokenKeyID != keyID || r.RequestID != requestID || r.Source != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("%s: who did it is not in %+v", reason, r)
		}
		r.Time, r.Namespace, r.Directory, r.TokenKeyID, r.RequestID, r.Source = time.Time{}, "", "", "", "", netip.Addr{}
		l.records[i] = r
	}
	if diff := cmp.Diff(want, l.records, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", reason, diff)
	}
}

func TestChangesAreRecorded(t *testing.T) {
	const group = `{"displayName":"g"}`
	const rename = `{"Operations":[{"op":"replace","path":"displayName","value":"Rob"}]}`
	user, grp := audit.Record{Kind: "User", ID: knownID}, audit.Record{Kind: "Group", ID: knownGroup}
	with := func(r audit.Record, o audit.Operation, status int, scimType string, attributes ...string) []audit.Record {
		r.Operation, r.Status, r.SCIMType, r.Attributes = o, status, scimType, attributes
		return []audit.Record{r}
	}
	unknown := one[:len(one)-1] + "2"
	for name, tc := range map[string]struct {
		reason  string
		request request
		prepare func(*api)
		want    []audit.Record
	}{
		"Create":      {reason: "under the id that it got", request: request{method: "POST", target: basePath + "/Users", body: minimal}, want: with(audit.Record{Kind: "User", ID: "new"}, audit.Create, 201, "", "userName")},
		"Replace":     {reason: "what PUT leaves out differs too", request: request{method: "PUT", target: one, body: minimal}, want: with(user, audit.Replace, 200, "", "displayName", "userName")},
		"Patch":       {reason: "what differs", request: request{method: "PATCH", target: one, body: rename}, want: with(user, audit.Patch, 200, "", "displayName")},
		"Nothing":     {reason: "a change that changes nothing is one", request: request{method: "PATCH", target: one, body: strings.Replace(rename, "Rob", "Bob", 1)}, want: with(user, audit.Patch, 200, "")},
		"Delete":      {reason: "nothing is left to differ", request: request{method: "DELETE", target: one}, want: with(user, audit.Delete, 204, "")},
		"CreateGroup": {reason: "a group has no id in the store of this test", request: request{method: "POST", target: basePath + "/Groups", body: group}, want: with(audit.Record{Kind: "Group"}, audit.Create, 201, "")},
		"PatchGroup":  {reason: "204 is a success", request: request{method: "PATCH", target: oneGroup, body: rename}, want: with(grp, audit.Patch, 204, "")},
		"DeleteGroup": {reason: "a group", request: request{method: "DELETE", target: oneGroup}, want: with(grp, audit.Delete, 204, "")},
		"Slashes":     {reason: "the path as it is routed", request: request{method: "DELETE", target: strings.Replace(one, "/Users/", "//Users//", 1) + "/"}, want: with(user, audit.Delete, 204, "")},

		"NotFound":  {reason: "refused changes are recorded", request: request{method: "DELETE", target: unknown}, want: with(audit.Record{Kind: "User", ID: unknown[len(unknown)-36:]}, audit.Delete, 404, "")},
		"BadValue":  {reason: "with their scimType", request: request{method: "PUT", target: one, body: `{"userName":{}}`}, want: with(user, audit.Replace, 400, "invalidValue")},
		"NoJSON":    {reason: "refused before its route", request: request{method: "PUT", target: one, body: minimal, header: header("Content-Type", "text/plain")}, want: with(user, audit.Replace, 415, "")},
		"ClientsID": {reason: "what cannot be an id of ours may be a name", request: request{method: "DELETE", target: basePath + "/Users/ada@example.com"}, want: with(audit.Record{Kind: "User"}, audit.Delete, 404, "")},
		"Suspended": {reason: "refused for the directory", prepare: func(a *api) { a.settle(func(s *v1alpha1.ScimDirectorySpec) { s.Suspended = true }) }, request: request{method: "PATCH", target: one, body: rename}, want: with(user, audit.Patch, 503, "")},
		"Switched": {reason: "by a switch", prepare: func(a *api) {
			a.settle(func(s *v1alpha1.ScimDirectorySpec) { s.Operations.Deletes = v1alpha1.SwitchDisabled })
		}, request: request{method: "DELETE", target: one}, want: with(user, audit.Delete, 501, "")},
		"Failed":     {reason: "a failure of ours leaves open what was done", prepare: failing(errors.New("boom")), request: request{method: "PATCH", target: one, body: rename}, want: with(user, audit.Patch, 503, "")},
		"Taken":      {reason: "409", prepare: failing(scim.Errorf(409, scim.ErrorUniqueness, "taken")), request: request{method: "POST", target: basePath + "/Users", body: minimal}, want: with(audit.Record{Kind: "User"}, audit.Create, 409, "uniqueness")},
		"Panicked":   {reason: "a panic is answered, so it is recorded", prepare: func(a *api) { a.store.before = func(context.Context) error { panic("boom") } }, request: request{method: "DELETE", target: one}, want: with(user, audit.Delete, 503, "")},
		"BulkAsText": {reason: "a Bulk request that is refused as a whole", request: request{method: "POST", target: basePath + "/Bulk", body: `[]`}, want: with(audit.Record{}, audit.Bulk, 400, "invalidSyntax")},

		"Get":         {reason: "reads are not recorded", request: request{method: "GET", target: one}},
		"List":        {reason: "nor lists", request: request{method: "GET", target: basePath + "/Users"}},
		"Search":      {reason: "nor those by POST", request: request{method: "POST", target: basePath + "/Users/.search", body: `{}`}},
		"SearchAll":   {reason: "of all kinds", request: request{method: "POST", target: basePath + "/.search", body: `{}`}},
		"NoMethod":    {reason: "what no path takes changes nothing", request: request{method: "POST", target: one, body: minimal}},
		"NoPath":      {reason: "what is at no path is nothing", request: request{method: "DELETE", target: one + "/members"}},
		"OtherTenant": {reason: "nobody is authenticated for another directory: 401", request: request{method: "DELETE", target: strings.Replace(one, "acme", "other", 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			a, l := newAudited(t)
			if tc.prepare != nil {
				tc.prepare(a)
			}
			w := a.call(t, tc.request)
			if len(tc.want) > 0 && w.Code != tc.want[0].Status {
				t.Fatalf("%s: answered %d %s", tc.reason, w.Code, w.Body)
			}
			l.want(t, tc.reason, w.Header().Get("X-Request-Id"), tc.want...)
		})
	}
}

func failing(err error) func(*api) {
	return func(a *api) { a.store.before = func(context.Context) error { return err } }
}

// TestBulkIsRecordedOneByOne: each operation as it ended, those that nobody carried out too, and those that were not begun not at all.
func TestBulkIsRecordedOneByOne(t *testing.T) {
	a, l := newAudited(t)
	w := a.call(t, request{method: "POST", target: basePath + "/Bulk", body: `{"failOnErrors":4,"Operations":[
		{"method":"POST","path":"/Users","bulkId":"a","data":` + minimal + `},
		{"method":"PATCH","path":"/Users/` + knownID + `","data":{"Operations":[{"op":"replace","path":"active","value":false}]}},
		{"method":"DELETE","path":"/Users/nobody@example.com"},
		{"method":"PUT","path":"/Groups/` + knownGroup + `"},
		{"method":"POST","path":"/Groups","bulkId":"b","data":{"displayName":"g","members":[{"value":"bulkId:nobody"}]}},
		{"method":"GET","path":"/Users/` + knownID + `"},
		{"method":"DELETE","path":"/Groups/` + knownGroup + `"}]}`})
	if w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	l.want(t, "Bulk", w.Header().Get("X-Request-Id"),
		audit.Record{Operation: audit.Create, Kind: "User", ID: "new", Attributes: []string{"userName"}, Status: 201},
		audit.Record{Operation: audit.Patch, Kind: "User", ID: knownID, Attributes: []string{"active"}, Status: 200},
		audit.Record{Operation: audit.Delete, Kind: "User", Status: 404},
		audit.Record{Operation: audit.Replace, Kind: "Group", ID: knownGroup, Status: 400, SCIMType: "invalidSyntax"},
		audit.Record{Operation: audit.Create, Kind: "Group", Status: 409, SCIMType: "invalidValue"},
	)
}

// TestNoRouteChangesUnrecorded: whatever is mounted as a change is recorded, and nothing else is. A new route fails here.
func TestNoRouteChangesUnrecorded(t *testing.T) {
	a := newAPI(t)
	changing := 0
	for path, methods := range a.routes().methods {
		for _, method := range everyMethod {
			action, mounted := methods[method]
			verb := action.operation.verb
			is := mounted && (verb == creates || verb == changes || verb == deletes)
			target := strings.ReplaceAll(basePath+path, "{id}", knownID)
			if got := begin(method, target); (got != nil) != (is || path == "/Bulk" && method == http.MethodPost) {
				t.Errorf("%s %s: recorded is %t, a change %t", method, path, got != nil, is)
			}
			if is {
				changing++
			}
		}
	}
	if changing != 8 {
		t.Errorf("%d routes change something, want 8", changing)
	}
}

// TestRecordComesBeforeTheAnswer: whoever has the answer finds the record.
func TestRecordComesBeforeTheAnswer(t *testing.T) {
	answered, recorded := false, false
	a := newAPI(t, func(o *Options) {
		o.Audit = func(audit.Record) {
			recorded = true
			if answered {
				t.Error("the answer has begun")
			}
		}
	})
	w := &noticing{header: http.Header{}, notice: func() { answered = true }}
	a.handler.ServeHTTP(w, request{method: "DELETE", target: one}.with(t, a.token))
	if !recorded || !answered {
		t.Errorf("recorded is %t, answered %t", recorded, answered)
	}
}

// noticing tells when the answer begins.
type noticing struct {
	header http.Header
	notice func()
}

func (n *noticing) Header() http.Header         { return n.header }
func (n *noticing) Write(p []byte) (int, error) { n.notice(); return len(p), nil }
func (n *noticing) WriteHeader(int)             { n.notice() }

// TestRecordsHoldNoCanary sends personal data and secrets in every part of every change, to a directory that keeps what no schema has,
// and finds none of it in any line.
func TestRecordsHoldNoCanary(t *testing.T) {
	var out buffer.Locked
	log := audit.Open(audit.Options{Writer: &out, Log: slog.New(slog.DiscardHandler), Lost: func() { t.Error("lost") }, After: time.After, Now: time.Now})
	a := newAPI(t, func(o *Options) { o.Audit = log.Write })
	a.settle(func(s *v1alpha1.ScimDirectorySpec) { s.Protocol.UnknownAttributes = v1alpha1.UnknownKeep })
	evil := "Zz9-Canary\n{\"level\":\"error\"}\x1b[31m"
	headers := header("User-Agent", evil, "X-Request-Id", evil, "X-Forwarded-For", evil, "If-Match", evil)
	for i, body := range canaryBodies() {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			for _, path := range []string{"/Users", "/Groups", "/Users/" + knownID, "/Groups/" + knownGroup, "/Users/Zz9-Canary@example.com", "/Groups/Zz9-Canary", "/Bulk", "/Zz9-Canary"} {
				for _, h := range []http.Header{nil, headers} {
					a.serve(request{method: method, target: basePath + path + "?attributes=Zz9-Canary", body: body, header: h}.with(t, a.token))
					a.serve(request{method: method, target: basePath + path, body: body, header: h}.with(t, a.token))
					a.serve(request{method: method, target: basePath + path, body: body, header: h}.with(t, fmt.Sprint("Zz9-Canary", i)))
				}
			}
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, canary := range []string{"zz9-canary", "attacker.example", strings.ToLower(a.token), "bob@", "canary-name", "level"} {
		if at := strings.Index(strings.ToLower(text), canary); at >= 0 {
			t.Errorf("%s is recorded: …%s…", canary, text[max(0, at-200):min(len(text), at+50)])
		}
	}
	for _, want := range []string{`"attributes":["(unknown)","active","emails","name.familyName"`, `"status":201`, `"status":404`, `"operation":"bulk"`} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing is recorded with %s", want)
		}
	}
}

// canaryBodies have the canary in every place that a body has, values and names.
func canaryBodies() []string {
	person := `{"userName":"Zz9-Canary@example.com","name":{"familyName":"Zz9-Canary","Zz9-Canary":1},"password":"Zz9-Canary","active":true,
		"emails":[{"value":"Zz9-Canary@example.com"}],"Zz9-Canary":"Zz9-Canary","urn:Zz9-Canary:x":{"Zz9-Canary":"Zz9-Canary"},
		"` + scim.EnterpriseUserURN + `":{"department":"Zz9-Canary","Zz9-Canary":"x"}}`
	patch := `{"Operations":[{"op":"add","path":"Zz9-Canary","value":"Zz9-Canary"},{"op":"add","value":{"Zz9-Canary":1,"title":"Zz9-Canary"}},{"op":"add","path":"emails[type eq \"Zz9-Canary\"].value","value":"Zz9-Canary"}]}`
	group := `{"displayName":"Zz9-Canary","externalId":"Zz9-Canary","members":[{"value":"Zz9-Canary","display":"Zz9-Canary"}],"Zz9-Canary":"x"}`
	members := `{"Operations":[{"op":"add","path":"members","value":[{"value":"Zz9-Canary"}]},{"op":"remove","path":"members[value eq \"Zz9-Canary\"]"}]}`
	bulk := `{"Operations":[{"method":"POST","path":"/Users","bulkId":"Zz9-Canary","data":` + person + `},{"method":"PATCH","path":"/Users/` + knownID + `","data":` + patch + `},
		{"method":"DELETE","path":"/Users/Zz9-Canary@example.com","version":"Zz9-Canary"},{"method":"PUT","path":"/Zz9-Canary/Zz9-Canary","data":{}},
		{"method":"Zz9-Canary","path":"Zz9-Canary","data":"Zz9-Canary"},{"method":"PUT","path":"/Groups/bulkId:Zz9-Canary","data":` + group + `}]}`
	return []string{person, patch, group, members, bulk, "Zz9-Canary", `{"Zz9-Canary":1}`}
}

// BenchmarkRecorded is a PATCH of one attribute with and without a record of it, apart from the writer.
func BenchmarkRecorded(b *testing.B) {
	for name, record := range map[string]func(audit.Record){"off": nil, "on": func(audit.Record) {}} {
		b.Run(name, func(b *testing.B) {
			a := newAPI(b, func(o *Options) {
				o.Audit, o.Log, o.Served = record, slog.New(slog.DiscardHandler), func(Served) {}
			})
			values := []string{"true", "false"}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w := a.call(b, request{method: "PATCH", target: one, body: `{"Operations":[{"op":"replace","path":"active","value":` + values[i%2] + `}]}`})
				if w.Code != http.StatusOK {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
