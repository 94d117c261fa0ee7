// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

func lessonsOnParsing() []lesson {
	return []lesson{
		{"Keycloak 50472", "a nested filter overflowed the stack, which no recover catches (SEC-20)", nestingIsBounded},
		{"Keycloak 50475", "operations, pages and values had limits that were advertised and not kept (SEC-21)", limitsAreKept},
		{"encoding/json", "duplicate names, half characters and what follows the body were read in silence (SEC-22)", oneReadingOfABody},
		{"WSO2 26148", "errors were plain text, or 500, where a client needs SCIM (SEC-30)", errorsAreSCIM},
	}
}

func lessonsOnMeaning() []lesson {
	return []lesson{
		{"agent-bom 3687", "remove of some members emptied the group, and the order of operations was not kept (SEC-27)", removalsAreExact},
		{"Fleet 52600", "one unknown member refused the whole push, without saying which (SEC-28)", unknownMembersAreNamed},
		{"Sentry 117860", "two of the same at once gave 500, or both (SEC-30)", losersGetConflict},
		{"Entra quarantine", "404 to a list, or 401 for a failure of the server's own, stops the identity provider (SEC-31)", nothingFoundIsAnEmptyList},
		{"homographs", "names that look or compare alike were different people (SEC-39)", namesThatCountAsOne},
	}
}

func nestingIsBounded(t *testing.T, v *victim) {
	for _, filter := range []string{strings.Repeat("(", 500_000), strings.Repeat("not (", 100_000), strings.Repeat("emails[", 100_000)} {
		refused(t, "a filter", v.raw(t, attempt{method: http.MethodPost, path: "/.search", body: `{"filter":"` + filter + `"}`}), http.StatusBadRequest)
	}
	id, _ := v.somebody(t)
	v.unchanged(t, id, func() {
		body := patchText("replace", strings.Repeat("emails[", 100_000), `"x"`)
		refused(t, "a path", v.raw(t, attempt{method: http.MethodPatch, path: "/Users/" + id, body: body}), http.StatusBadRequest)
	})
	if !v.Servers[0].Running() {
		t.Error("the server did not survive")
	}
}

func limitsAreKept(t *testing.T, v *victim) {
	id, _ := v.somebody(t)
	v.unchanged(t, id, func() {
		one := `{"op":"replace","path":"displayName","value":"x"}`
		many := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + strings.Repeat(one+",", 5000) + one + `]}`
		refused(t, "operations", v.raw(t, attempt{method: http.MethodPatch, path: "/Users/" + id, body: many}), http.StatusBadRequest)
		refused(t, "a body", v.raw(t, attempt{method: http.MethodPut, path: "/Users/" + id, body: `{"userName":"` + strings.Repeat("x", 2<<20) + `"}`}), http.StatusRequestEntityTooLarge)
	})
	answer, err := v.idp[0].Get(t.Context(), "/Users?count=1000000")
	if found := expect(t, http.StatusOK, answer, err).Resources(); len(found) > 200 {
		t.Errorf("a page has %d users, want at most 200", len(found))
	}
}

func oneReadingOfABody(t *testing.T, v *victim) {
	id, userName := v.somebody(t)
	v.unchanged(t, id, func() {
		for reason, body := range map[string]string{
			"two names":             `{"userName":"` + userName + `","userName":"canary"}`,
			"two names but in case": `{"userName":"` + userName + `","USERNAME":"canary"}`,
			"folded by Unicode":     `{"userName":"` + userName + `","uſerName":"canary","active":false,"ACTIVE":true}`,
			"invalid UTF-8":         "{\"userName\":\"canary\xff\"}",
			"half a surrogate":      `{"userName":"canary\ud800"}`,
			"NUL":                   `{"userName":"canary\u0000"}`,
			"something behind":      `{"userName":"` + userName + `"}{"active":false}`,
			"not an object":         `["canary"]`,
			"too deep":              strings.Repeat(`{"name":`, 100) + `1` + strings.Repeat(`}`, 100),
		} {
			answer := v.raw(t, attempt{method: http.MethodPut, path: "/Users/" + id, body: body})
			refused(t, reason, answer, http.StatusBadRequest)
		}
	})
}

func errorsAreSCIM(t *testing.T, v *victim) {
	id, userName := v.somebody(t)
	for reason, c := range map[string]struct {
		attempt
		status int
	}{
		"no such path":   {attempt{method: "GET", path: "/canary"}, 404},
		"no such user":   {attempt{method: "GET", path: "/Users/canary"}, 404},
		"no such method": {attempt{method: "DELETE", path: "/Users"}, 405},
		"media type":     {attempt{method: "POST", path: "/Users", body: "x=canary", header: http.Header{"Content-Type": {"text/plain"}}}, 415},
		"not JSON":       {attempt{method: "POST", path: "/Users", body: "canary"}, 400},
		"no userName":    {attempt{method: "POST", path: "/Users", body: "{}"}, 400},
		"a duplicate":    {attempt{method: "POST", path: "/Users", body: `{"userName":"` + userName + `"}`}, 409},
		"a stale tag":    {attempt{method: "DELETE", path: "/Users/" + id, header: http.Header{"If-Match": {`W/"999"`}}}, 412},
		"not offered":    {attempt{method: "GET", path: "/Me"}, 501},
	} {
		answer := v.raw(t, c.attempt)
		refused(t, reason, answer, c.status)
		if got := answer.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/scim+json") {
			t.Errorf("%s: the error is %q", reason, got)
		}
	}
}

// group makes a group of new users and returns its id and theirs.
func (v *victim) group(t *testing.T, size int) (id string, members []string) {
	t.Helper()
	for range size {
		member, _ := v.somebody(t)
		members = append(members, member)
	}
	answer, err := v.idp[0].PostGroup(t.Context(), idp.Group("g-"+uuid.NewString(), members...))
	return expect(t, http.StatusCreated, answer, err).ID(), members
}

// members are those of a group as they are served.
func (v *victim) members(t *testing.T, group string) map[string]bool {
	t.Helper()
	answer, err := v.idp[0].Get(t.Context(), idp.GroupPath(group))
	found := map[string]bool{}
	list, _ := expect(t, http.StatusOK, answer, err).Body["members"].([]any)
	for _, m := range list {
		if member, ok := m.(idp.Object); ok {
			found[fmt.Sprint(member["value"])] = true
		}
	}
	return found
}

func removalsAreExact(t *testing.T, v *victim) {
	group, members := v.group(t, 4)
	send := func(operations ...idp.Object) {
		t.Helper()
		answer, err := v.idp[0].PatchGroup(t.Context(), group, operations...)
		if err != nil || answer.Status >= http.StatusBadRequest {
			t.Fatalf("got %s, %v", answer, err)
		}
	}
	value := func(ids ...string) (values []idp.Object) {
		for _, id := range ids {
			values = append(values, idp.Object{"$ref": nil, "value": id})
		}
		return values
	}
	want := func(reason string, ids ...string) {
		t.Helper()
		got := v.members(t, group)
		for _, id := range ids {
			if !got[id] {
				t.Errorf("%s: %s is missing", reason, id)
			}
		}
		if len(got) != len(ids) {
			t.Errorf("%s: %d members, want %d", reason, len(got), len(ids))
		}
	}
	send(idp.Object{"op": "Remove", "path": "members", "value": value(members[0])})
	want("Entra's removal of one", members[1:]...)
	send(idp.Object{"op": "remove", "path": "members", "value": []idp.Object{}})
	want("a removal of none", members[1:]...)
	send(idp.Object{"op": "Add", "path": "members", "value": value(members[0])})
	want("an addition removes nobody", members...)
	send(idp.Object{"op": "add", "value": idp.Object{"members": value(members[0])}})
	want("an addition without a path removes nobody", members...)
	send(idp.Object{"op": "add", "path": "members", "value": value(members[1])}, idp.Object{"op": "remove", "path": "members", "value": value(members[1])})
	want("add and then remove", members[0], members[2], members[3])
	send(idp.Object{"op": "remove", "path": `members[value eq "` + members[2] + `"]`}, idp.Object{"op": "add", "path": "members", "value": value(members[2])})
	want("remove and then add", members[0], members[2], members[3])
}

func unknownMembersAreNamed(t *testing.T, v *victim) {
	group, members := v.group(t, 1)
	known, _ := v.somebody(t)
	unknown := uuid.NewString()
	answer, err := v.idp[0].PatchGroup(t.Context(), group, idp.EntraAdd(known, unknown))
	detail := fmt.Sprint(expect(t, http.StatusBadRequest, answer, err).Body["detail"])
	if !strings.Contains(detail, unknown) || strings.Contains(detail, known) {
		t.Errorf("got %q, want the unknown member named and no other", detail)
	}
	if got := v.members(t, group); len(got) != 1 || !got[members[0]] {
		t.Errorf("members %v after a push that was refused, want those of before", got)
	}
}

func losersGetConflict(t *testing.T, v *victim) {
	body := fmt.Sprintf(`{"userName":"race-%s"}`, uuid.NewString())
	answers := make([]idp.Response, 16)
	var racers sync.WaitGroup
	for i := range answers {
		racers.Go(func() { answers[i] = v.raw(t, attempt{method: http.MethodPost, path: "/Users", body: body}) })
	}
	racers.Wait()
	won := 0
	for _, answer := range answers {
		switch {
		case answer.Status == http.StatusCreated:
			won++
		case answer.Status != http.StatusConflict || answer.ScimType() != "uniqueness":
			t.Errorf("a loser got %s, want 409 uniqueness", answer)
		}
	}
	if won != 1 {
		t.Errorf("%d won, want one", won)
	}
}

func nothingFoundIsAnEmptyList(t *testing.T, v *victim) {
	for _, path := range []string{idp.EntraTest(uuid.NewString()), idp.OktaFindGroup(uuid.NewString()), "/Users?startIndex=100000", "/Users?count=0"} {
		answer, err := v.idp[0].Get(t.Context(), path)
		expect(t, http.StatusOK, answer, err)
		if list, is := answer.Body["Resources"].([]any); !is || len(list) > 0 {
			t.Errorf("%s: got %s, want an empty list that is there", path, answer)
		}
	}
}

func namesThatCountAsOne(t *testing.T, v *victim) {
	unique := uuid.NewString()[:8]
	answer := v.raw(t, attempt{method: http.MethodPost, path: "/Users", body: `{"userName":"Straße-` + unique + `@acme.test"}`})
	if answer.Status != http.StatusCreated || answer.Body["userName"] != "Straße-"+unique+"@acme.test" {
		t.Fatalf("got %s, want the name as it was sent", answer)
	}
	for _, same := range []string{"STRASSE-", "straße-", "ｓｔｒａｓｓｅ-"} {
		body := `{"userName":"` + same + unique + `@acme.test"}`
		refused(t, same, v.raw(t, attempt{method: http.MethodPost, path: "/Users", body: body}), http.StatusConflict)
	}
}
