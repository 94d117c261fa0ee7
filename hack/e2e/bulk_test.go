// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// bulkResult is the result of one operation of a bulk request.
type bulkResult struct {
	Method, BulkID, Location, Version, Status string
	Response                                  struct{ Status, ScimType, Detail string }
}

func (r bulkResult) id() string { return path.Base(r.Location) }

// bulkRequest is a bulk request with these operations.
func bulkRequest(operations ...idp.Object) idp.Request {
	return idp.Request{Method: http.MethodPost, Path: "/Bulk", Body: idp.Object{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": operations,
	}}
}

func bulkPost(endpoint, bulkID string, data idp.Object) idp.Object {
	return idp.Object{"method": "POST", "path": endpoint, "bulkId": bulkID, "data": data}
}

func bulkUser(bulkID string) idp.Object {
	return bulkPost("/Users", bulkID, idp.EntraUser(idp.Person{UserName: bulkID + "@acme.test"}))
}

// bulk sends a bulk request to one server and returns the results, which have these statuses.
func (tn *tenant) bulk(t *testing.T, server int, request idp.Request, statuses ...string) []bulkResult {
	t.Helper()
	answer, err := tn.idp[server].Do(t.Context(), request)
	expect(t, http.StatusOK, answer, err)
	var body struct{ Operations []bulkResult }
	if err := json.Unmarshal(answer.Raw, &body); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, result := range body.Operations {
		got = append(got, result.Status)
	}
	if diff := cmp.Diff(statuses, got); diff != "" && statuses != nil {
		t.Fatalf("statuses (-want +got):\n%s\n%s", diff, answer)
	}
	return body.Operations
}

// TestBulkCircle creates people and groups in one request whose groups come first and contain each other and the people, and
// looks at them over the other server.
func TestBulkCircle(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	manager := idp.EntraUser(idp.Person{UserName: "cid@acme.test"})
	manager[idp.EnterpriseSchema] = idp.Object{"manager": idp.Object{"value": "bulkId:ann"}}
	got := tn.bulk(t, 0, bulkRequest(
		bulkPost("/Groups", "one", idp.Group("One", "bulkId:two", "bulkId:ann", "bulkId:bob")),
		bulkPost("/Groups", "two", idp.Group("Two", "bulkId:one", "bulkId:cid")),
		bulkPost("/Users", "cid", manager), bulkUser("ann"), bulkUser("bob"),
		idp.Object{"method": "PATCH", "path": "/Groups/bulkId:two", "data": idp.Patch(idp.EntraAdd("bulkId:bob"))},
	), "201", "201", "201", "201", "201", "204")
	ids := map[string]string{}
	for _, result := range got {
		ids[result.BulkID] = result.id()
	}
	tn.checkMembers(t, ids["one"], ids["two"], ids["ann"], ids["bob"])
	tn.checkMembers(t, ids["two"], ids["one"], ids["cid"], ids["bob"])
	for _, result := range got[:5] {
		answer, err := tn.idp[1].Get(t.Context(), strings.TrimPrefix(result.Location, tn.Servers[0].BaseURL(tn.namespace, directoryName)))
		if expect(t, http.StatusOK, answer, err); answer.ID() != result.id() {
			t.Errorf("location %s: got %s", result.Location, answer)
		}
	}
	if tag := tn.etag(t, ids["one"]); tag != got[0].Version {
		t.Errorf("the group of the circle has the version %s, and its result says %s", tag, got[0].Version)
	}
	answer, err := tn.idp[1].Get(t.Context(), idp.UserPath(ids["cid"]))
	expect(t, http.StatusOK, answer, err)
	if !contains(answer.Body[idp.EnterpriseSchema], ids["ann"]) {
		t.Errorf("got %s, want the manager %s", answer, ids["ann"])
	}
	tn.waitGroups(t, ids["cid"], "Two direct", "One indirect")
}

// TestBulkErrors: an operation that fails is told in its place, and failOnErrors ends the processing.
func TestBulkErrors(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 2)
	answer, err := tn.idp[0].Get(t.Context(), idp.UserPath(people[0]))
	stale := expect(t, http.StatusOK, answer, err).Header.Get("ETag")
	answer, err = tn.idp[0].Patch(t.Context(), people[0], idp.Patch(idp.EntraReplace("title", "moved")))
	expect(t, http.StatusOK, answer, err)

	late := idp.Object{"method": "DELETE", "path": idp.UserPath(people[0]), "version": stale}
	gone := idp.Object{"method": "DELETE", "path": idp.UserPath(people[1])}
	request := bulkRequest(late, bulkUser("ann"), bulkUser("ann2"), bulkPost("/Users", "again", idp.EntraUser(idp.Person{UserName: "ANN@acme.test"})),
		bulkPost("/Groups", "g", idp.Group("G", "bulkId:again")), gone, gone, bulkUser("bob"))
	request.Body.(idp.Object)["failOnErrors"] = 4
	got := tn.bulk(t, 0, request, "412", "201", "201", "409", "409", "204", "404")
	for i, scimType := range map[int]string{0: "", 3: "uniqueness", 4: "invalidValue", 6: ""} {
		if r := got[i].Response; r.ScimType != scimType || r.Status != got[i].Status || r.Detail == "" {
			t.Errorf("operation %d: got %+v, want scimType %q", i, r, scimType)
		}
	}
	if got[0].Location == "" || got[3].Location != "" {
		t.Errorf("got %+v: everything but a POST that failed has a location", got)
	}
	for name, there := range map[string]bool{"ann@acme.test": true, "ann2@acme.test": true, "bob@acme.test": false} {
		answer, err := tn.idp[1].Find(t.Context(), name)
		if found := len(expect(t, http.StatusOK, answer, err).Resources()); (found == 1) != there {
			t.Errorf("%s: found %d, want that it is there: %t", name, found, there)
		}
	}
	answer, err = tn.idp[1].Get(t.Context(), idp.UserPath(people[0]))
	expect(t, http.StatusOK, answer, err)
}

// TestBulkForeign: an operation reaches nothing of another directory.
func TestBulkForeign(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	other := newDirectory(t, shared.get(t))
	person := other.people(t, 1)[0]
	random := "7d5b4c1e-0000-4000-8000-000000000000"
	about := func(id string) []idp.Object {
		return []idp.Object{
			{"method": "DELETE", "path": idp.UserPath(id)},
			{"method": "PUT", "path": idp.UserPath(id), "data": idp.EntraUser(idp.Person{UserName: "x@acme.test"})},
			{"method": "PATCH", "path": idp.UserPath(id), "data": idp.Patch(idp.EntraReplace("active", false))},
			{"method": "DELETE", "path": "/scim/v2/" + other.namespace + "/" + directoryName + idp.UserPath(id)},
			{"method": "DELETE", "path": other.Servers[0].BaseURL(other.namespace, directoryName) + idp.UserPath(id)},
		}
	}
	foreign, unknown := tn.bulk(t, 0, bulkRequest(about(person)...), "404", "404", "404", "400", "400"), tn.bulk(t, 0, bulkRequest(about(random)...))
	for i := range foreign {
		foreign[i].Location = strings.ReplaceAll(foreign[i].Location, person, random)
	}
	if diff := cmp.Diff(unknown, foreign); diff != "" {
		t.Errorf("another directory's id is not answered as a random one (-random +foreign):\n%s", diff)
	}
	answer, err := other.idp[0].Get(t.Context(), idp.UserPath(person))
	expect(t, http.StatusOK, answer, err)
}

// TestBulkCrash kills the server in the middle of a bulk request. The same request again creates what is missing and says of
// the rest that it is there, so the client can go on with what it finds.
func TestBulkCrash(t *testing.T) {
	s := ownStack(t, stack.Options{})
	tn := newDirectory(t, s)
	const people = 90
	var operations []idp.Object
	for i := range people {
		operations = append(operations, bulkUser(fmt.Sprintf("person-%d", i)))
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		answer, err := tn.idp[0].Do(t.Context(), bulkRequest(operations...))
		if err == nil {
			t.Errorf("the request was over before the crash: %s", answer)
		}
	}()
	eventually(t, func(ctx context.Context) error {
		users, err := list(ctx, tn, &v1alpha1.ScimUserList{})
		if err == nil && len(users.Items) < 5 {
			err = fmt.Errorf("%d users", len(users.Items))
		}
		return err
	})
	if err := s.Servers[0].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-over

	operations = append(operations, bulkPost("/Groups", "all", idp.Group("All", "bulkId:person-0", "bulkId:more")), bulkPost("/Groups", "more", idp.Group("More", "bulkId:all")))
	got := tn.bulk(t, 0, bulkRequest(operations...))
	ids, counts := tn.found(t, got[:people])
	if counts["201"] == 0 || counts["409"] < 5 || counts["201"]+counts["409"] != people {
		t.Errorf("got %v, want 409 for what was there and 201 for the rest", counts)
	}
	if got[people].Status != "409" || got[people].Response.ScimType != "invalidValue" || got[people+1].Status != "409" {
		t.Errorf("got %+v: a group that refers to who was not created now is not created", got[people:])
	}
	groups := tn.bulk(t, 0, bulkRequest(
		bulkPost("/Groups", "all", idp.Group("All", append(slices.Clone(ids), "bulkId:more")...)), bulkPost("/Groups", "more", idp.Group("More", "bulkId:all")),
	), "201", "201")
	tn.checkMembers(t, groups[0].id(), append(ids, groups[1].id())...)
	tn.checkMembers(t, groups[1].id(), groups[0].id())
}

// found are the ids of users that were created, or looked for because they were there, and how often each status came.
func (tn *tenant) found(t *testing.T, results []bulkResult) (ids []string, counts map[string]int) {
	t.Helper()
	counts = map[string]int{}
	for _, result := range results {
		counts[result.Status]++
		if result.Status == "201" {
			ids = append(ids, result.id())
			continue
		}
		answer, err := tn.idp[0].Get(t.Context(), "/Users?filter="+url.QueryEscape(`userName eq "`+result.BulkID+`@acme.test"`))
		found := expect(t, http.StatusOK, answer, err).Resources()
		if len(found) != 1 || result.Response.ScimType != "uniqueness" {
			t.Fatalf("%s: got %+v, found %d", result.BulkID, result, len(found))
		}
		id, _ := found[0]["id"].(string)
		ids = append(ids, id)
	}
	return ids, counts
}
