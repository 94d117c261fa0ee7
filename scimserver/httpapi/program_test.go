// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// programNamespace is where the tests against the program have their directories.
const programNamespace = "team"

// tenant is a directory of the running program, and who speaks for it.
type tenant struct{ base, token string }

// TestProgram is what is asked of the program as it is shipped, with a real API server behind it.
func TestProgram(t *testing.T) {
	s, err := stack.Start(t.Context(), stack.Options{Namespaces: []string{programNamespace}, ServerArgs: []string{trustLoopback}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.Stop(), s.RemoveLogs() })
	t.Run("Tenants", func(t *testing.T) { testTenants(t, newTenant(t, s, "acme"), newTenant(t, s, "other")) })
	t.Run("Walks", func(t *testing.T) { testWalks(t, newTenant(t, s, "walks")) })
	t.Run("RequestIDs", func(t *testing.T) { testRequestIDs(t, s.Client, newTenant(t, s, "requests")) })
	t.Run("Audit", func(t *testing.T) { testAudit(t, s) })
	t.Run("Protected", func(t *testing.T) { testProtected(t, s, newTenant(t, s, "protected")) })
	t.Run("Limits", func(t *testing.T) { testStoredLimits(t, newTenant(t, s, "limits")) })
	t.Run("Networks", func(t *testing.T) { testNetworks(t, s, newTenant(t, s, "networks")) })
	t.Run("Loris", func(t *testing.T) { testLoris(t, newTenant(t, s, "loris")) })
	t.Run("Flood", func(t *testing.T) { testFlood(t, s, newTenant(t, s, "flood")) })
	t.Run("Hostile", func(t *testing.T) { testHostile(t, s.Servers[0].Pid(), newTenant(t, s, "hostile")) })
}

func newTenant(t *testing.T, s *stack.Stack, name string) tenant {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	meta := metav1.ObjectMeta{Namespace: programNamespace, Name: name}
	tok := &v1alpha1.ScimToken{ObjectMeta: meta}
	tok.Spec.DirectoryRef.Name = name
	dir := &v1alpha1.ScimDirectory{ObjectMeta: meta}
	dir.Spec.Limits = stack.Unlimited() // probes come by the thousand
	for _, err := range []error{
		s.Client.Create(ctx, dir), s.Client.Create(ctx, tok),
		s.WaitReady(ctx, &v1alpha1.ScimDirectory{ObjectMeta: meta}), s.WaitReady(ctx, &v1alpha1.ScimToken{ObjectMeta: meta}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	token, err := s.Token(ctx, programNamespace, name)
	if err == nil {
		err = s.WaitServed(ctx, programNamespace, name, token)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tenant{base: s.Servers[0].BaseURL(programNamespace, name), token: token}
}

// answered is what a client sees of a response.
type answered struct {
	status int
	header http.Header
	body   string
}

// clientsID is what a client says that the id of its request is.
const clientsID = "11111111-1111-4111-8111-111111111111"

// send sends a request with the token of tn to any URL, and returns of the answer what is the same every time. A body that is not
// valid in any way is sent all the same.
func (tn tenant) send(t *testing.T, method, url, body string) answered {
	t.Helper()
	got := tn.sendOnce(t, method, url, body)
	got.header.Del("X-Request-Id")
	got.header.Del("Date")
	return got
}

// sendOnce returns all of the answer.
func (tn tenant) sendOnce(t *testing.T, method, url, body string) answered {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+tn.token)
	request.Header.Set("X-Request-Id", clientsID)
	if body != "" {
		request.Header.Set("Content-Type", "application/scim+json")
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	if _, err := io.Copy(&text, response.Body); err != nil {
		t.Fatal(err)
	}
	return answered{response.StatusCode, response.Header, text.String()}
}

// post creates something and returns its id.
func (tn tenant) post(t *testing.T, path, body string) string {
	t.Helper()
	got := tn.send(t, http.MethodPost, tn.base+path, body)
	location := got.header.Get("Location")
	if got.status != http.StatusCreated {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	return location[strings.LastIndex(location, "/")+1:]
}

// testTenants walks over every route with every method and every kind of body, with an id of another tenant in it, and with a
// random one: nobody learns from the answers that the first one is there.
func testTenants(t *testing.T, victim, prober tenant) {
	user := victim.post(t, "/Users", `{"userName":"vic@example.com","displayName":"Vic"}`)
	group := victim.post(t, "/Groups", `{"displayName":"Victims","members":[{"value":"`+user+`"}]}`)
	before := []answered{victim.send(t, "GET", victim.base+"/Users/"+user, ""), victim.send(t, "GET", victim.base+"/Groups/"+group, "")}
	if before[0].status != 200 || before[1].status != 200 || !strings.Contains(before[1].body, user) {
		t.Fatalf("the victims are not there: %v", before)
	}
	for _, path := range newAPI(t).routes().paths {
		for _, base := range []string{prober.base, victim.base} {
			for _, id := range []string{user, group} {
				probe(t, prober, base+path, id)
			}
		}
	}
	after := []answered{victim.send(t, "GET", victim.base+"/Users/"+user, ""), victim.send(t, "GET", victim.base+"/Groups/"+group, "")}
	if diff := cmp.Diff(before, after, cmp.AllowUnexported(answered{})); diff != "" {
		t.Errorf("another tenant has changed something (-before +after):\n%s", diff)
	}
	for _, path := range []string{"/Users", "/Groups"} {
		if got := prober.send(t, "GET", prober.base+path+"?count=200", ""); strings.Contains(got.body, group) || strings.Contains(got.body, "Vic") {
			t.Errorf("%s of another tenant shows the victims: %s", path, got.body)
		}
	}
}

// testWalks: with the real store, a walk by cursor meets each once, in the order of one page of all.
func testWalks(t *testing.T, tn tenant) {
	for i := range 25 {
		tn.post(t, "/Users", fmt.Sprintf(`{"userName":"u%d","displayName":"%c"}`, i, 'a'+i%4))
		if i < 15 {
			tn.post(t, "/Groups", fmt.Sprintf(`{"displayName":"%c%d"}`, 'a'+i%4, i))
		}
	}
	ids := func(endpoint string, query map[string]any) (met []string, next string) {
		body, err := json.Marshal(query)
		if err != nil {
			t.Fatal(err)
		}
		got := tn.send(t, http.MethodPost, tn.base+endpoint+searchPath, string(body))
		var page found
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", endpoint, body, got.status, got.body)
		}
		return page.ids(), page.NextCursor
	}
	for _, endpoint := range []string{"/Users", "/Groups", ""} {
		for _, sortBy := range []string{"", "displayName", "meta.created", "meta.resourceType"} {
			for _, order := range []string{"ascending", "descending"} {
				query := map[string]any{"count": 100}
				if sortBy != "" {
					query["sortBy"], query["sortOrder"] = sortBy, order
				}
				want, _ := ids(endpoint, query)
				for _, count := range []int{1, 7, 25, 40} {
					query["count"], query["cursor"] = count, ""
					var met []string
					for next := "begin"; next != ""; query["cursor"] = next {
						var page []string
						page, next = ids(endpoint, query)
						met = append(met, page...)
					}
					if diff := cmp.Diff(want, met); diff != "" {
						t.Errorf("%q by %q in pages of %d (-one page +walk):\n%s", endpoint, sortBy, count, diff)
					}
				}
			}
		}
	}
}

// probes are bodies and queries with ID for an id, and NAME for a new name. Each goes to every route.
func probes() []struct{ query, body string } {
	bulk := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` +
		`{"method":"PATCH","path":"/Users/ID","data":{"Operations":[{"op":"replace","path":"active","value":false}]}},` +
		`{"method":"PUT","path":"/Groups/ID","data":{"displayName":"NAME"}},{"method":"DELETE","path":"/Users/ID"},{"method":"DELETE","path":"/Groups/ID"},` +
		`{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"NAME","members":[{"value":"ID"}]}}]}`
	return []struct{ query, body string }{
		{}, {query: "?filter=id+eq+%22ID%22"}, {query: "?filter=members.value+eq+%22ID%22"}, {query: "?filter=id+eq+%22ID%22+and+members+eq+%22ID%22"},
		{query: "?filter=externalId+eq+%22ID%22+or+id+co+%22ID%22"}, {query: "?cursor=ID"}, {query: "?sortBy=id&attributes=id"},
		{body: `{}`}, {body: `{"filter":"id eq \"ID\""}`}, {body: `{"filter":"members[value eq \"ID\"]","cursor":""}`},
		{body: `{"id":"ID","userName":"NAME","externalId":"x","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"ID"}}}`},
		{body: `{"id":"ID","displayName":"NAME","members":[{"value":"ID"}]}`},
		{body: `{"Operations":[{"op":"add","path":"members","value":[{"value":"ID"}]}]}`},
		{body: `{"Operations":[{"op":"remove","path":"members[value eq \"ID\"]"}]}`},
		{body: `{"Operations":[{"op":"replace","path":"manager","value":"ID"},{"op":"replace","path":"displayName","value":"NAME"}]}`},
		{body: bulk},
	}
}

func probe(t *testing.T, prober tenant, url, id string) {
	t.Helper()
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
		for _, p := range probes() {
			if p.body != "" && method == "TRACE" {
				continue // the client of net/http sends none
			}
			ask := func(id, name string) answered {
				fill := strings.NewReplacer("{id}", id, "ID", id, "NAME", name)
				got := prober.send(t, method, fill.Replace(url+p.query), fill.Replace(p.body))
				if got.status == http.StatusCreated {
					prober.send(t, http.MethodDelete, got.header.Get("Location"), "")
				}
				return got.without(id, name).turnedAway()
			}
			theirs, random := ask(id, uuid.NewString()), ask(uuid.NewString(), uuid.NewString())
			if diff := cmp.Diff(random, theirs, cmp.AllowUnexported(answered{})); diff != "" {
				t.Errorf("%s %s%s %s: another tenant's id differs from a random one (-random +theirs):\n%s", method, url, p.query, p.body, diff)
			}
		}
	}
}

// without is the answer with a word in the place of the id and the name that were asked about. In one about something new, what
// the server has made up itself is left out too.
func (a answered) without(id, name string) answered {
	clean := func(text string) string {
		text = strings.NewReplacer(id, "ID", name, "NAME").Replace(text)
		if a.status < 300 {
			text = withoutMade(text)
		}
		return text
	}
	out := answered{status: a.status, header: http.Header{}, body: clean(a.body)}
	for key, values := range a.header {
		if key == "Content-Length" && a.status < 300 {
			continue // with the fractions of a second
		}
		out.header[key] = []string{clean(fmt.Sprint(values))}
	}
	return out
}

// turnedAway is the answer without what differs between strangers by how many have come before them, and by nothing else.
func (a answered) turnedAway() answered {
	if a.status == http.StatusUnauthorized || a.status == http.StatusTooManyRequests && strings.Contains(a.body, "credentials are refused") || a.status == http.StatusTooManyRequests && a.body == "" {
		return answered{status: http.StatusUnauthorized}
	}
	return a
}

// withoutMade is text without the ids and times in it.
func withoutMade(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefTZ-:.", r) })
	for _, word := range words {
		_, notID := uuid.Parse(word)
		if _, notTime := time.Parse(time.RFC3339Nano, word); notID == nil || notTime == nil {
			text = strings.ReplaceAll(text, word, "MADE")
		}
	}
	return text
}
