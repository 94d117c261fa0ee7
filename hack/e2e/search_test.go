// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// waitListed waits until both servers answer a request for a list with these values of an attribute, in this order. Lists come
// out of a cache.
func (tn *tenant) waitListed(t *testing.T, request idp.Request, attribute string, want ...string) {
	t.Helper()
	for _, client := range tn.idp {
		eventually(t, func(ctx context.Context) error {
			answer, err := client.Do(ctx, request)
			if err != nil {
				return err
			}
			var got []string
			for _, resource := range answer.Resources() {
				value, _ := resource[attribute].(string)
				got = append(got, value)
			}
			if diff := cmp.Diff(want, got); diff != "" || answer.Status != http.StatusOK {
				return errors.New(answer.String() + "\n(-want +got):\n" + diff)
			}
			return nil
		})
	}
}

// TestSort lists users and groups in every order that a client may ask for.
func TestSort(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	for name, title := range map[string]string{"bob": "Clerk", "Alice": "", "carol": "actor", "DAVE": ""} {
		user := idp.EntraUser(idp.Person{UserName: name, FamilyName: "F-" + strings.ToLower(name)})
		if title != "" {
			user["title"] = title
		}
		answer, err := tn.idp[0].Post(t.Context(), user)
		expect(t, http.StatusCreated, answer, err)
	}
	for _, name := range []string{"beta", "Alpha", "gamma"} {
		tn.group(t, name)
	}
	for name, c := range map[string]struct {
		reason, query string
		want          []string
	}{
		"Ascending":   {"the default, whatever the case", "sortBy=userName", []string{"Alice", "bob", "carol", "DAVE"}},
		"Descending":  {"the other way round", "sortBy=username&sortOrder=descending", []string{"DAVE", "carol", "bob", "Alice"}},
		"Missing":     {"who has none comes last", "sortBy=title", []string{"carol", "bob", "", ""}},
		"MissingDesc": {"who has none comes first", "sortBy=title&sortOrder=descending", []string{"", "", "bob", "carol"}},
		"Sub":         {"a part of an attribute", "sortBy=name.familyName&sortOrder=Descending", []string{"DAVE", "carol", "bob", "Alice"}},
		"Page":        {"the order is that of all", "sortBy=userName&startIndex=2&count=2", []string{"bob", "carol"}},
		"Filtered":    {"or of those that match", "sortBy=userName&filter=" + url.QueryEscape("title pr"), []string{"bob", "carol"}},
	} {
		t.Run(name, func(t *testing.T) {
			attribute, request := "userName", idp.Request{Method: http.MethodGet, Path: "/Users?" + c.query}
			tn.waitListed(t, idp.Request{Method: http.MethodGet, Path: "/Users?sortBy=userName"}, attribute, "Alice", "bob", "carol", "DAVE")
			answer, err := tn.idp[0].Do(t.Context(), request)
			var got []string
			for _, user := range expect(t, http.StatusOK, answer, err).Resources() {
				value, _ := user[attribute].(string)
				if user["title"] == nil && slices.Contains(c.want, "") {
					value = ""
				}
				got = append(got, value)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
	tn.waitListed(t, idp.Request{Method: http.MethodGet, Path: "/Groups?sortBy=displayName"}, "displayName", "Alpha", "beta", "gamma")
	tn.waitListed(t, idp.Request{Method: http.MethodGet, Path: "/Groups?sortBy=displayName&sortOrder=descending"}, "displayName", "gamma", "beta", "Alpha")
	answer, err := tn.idp[0].Get(t.Context(), "/Groups?sortBy=members")
	expect(t, http.StatusBadRequest, answer, err)
}

// TestSearch posts searches at every level (RFC 7644 §3.4.3).
func TestSearch(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	user := idp.EntraUser(idp.Person{UserName: "twin@acme.test"})
	user["displayName"] = "Twin"
	answer, err := tn.idp[0].Post(t.Context(), user)
	userID := expect(t, http.StatusCreated, answer, err).ID()
	groupID := tn.group(t, "Twin", userID)
	tn.group(t, "Alone")
	search := func(path, filter string, more idp.Object) idp.Request {
		body := idp.Search(filter)
		for key, value := range more {
			body[key] = value
		}
		return idp.Request{Method: http.MethodPost, Path: path, Body: body}
	}
	both := slices.Sorted(slices.Values([]string{userID, groupID}))
	for name, c := range map[string]struct {
		reason  string
		request idp.Request
		want    []string
		total   float64
	}{
		"Users":      {"users only", search("/Users/.search", `displayName eq "twin"`, nil), []string{userID}, 1},
		"Groups":     {"groups only", search("/Groups/.search", `displayName eq "twin"`, nil), []string{groupID}, 1},
		"Members":    {"groups of a member", search("/Groups/.search", `members.value eq "`+userID+`"`, nil), []string{groupID}, 1},
		"Root":       {"both", search("/.search", `displayName eq "twin"`, nil), both, 2},
		"RootUser":   {"an attribute of users alone", search("/.search", `userName eq "twin@acme.test"`, nil), []string{userID}, 1},
		"RootSecond": {"one page over both", search("/.search", `displayName eq "twin"`, idp.Object{"startIndex": 1, "count": 0}), nil, 2},
		"None":       {"an empty list", search("/.search", `displayName eq "nobody"`, nil), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, client := range tn.idp {
				eventually(t, func(ctx context.Context) error {
					answer, err := client.Do(ctx, c.request)
					var got []string
					for _, resource := range answer.Resources() {
						id, _ := resource["id"].(string)
						got = append(got, id)
					}
					slices.Sort(got)
					if err == nil && (answer.Status != http.StatusOK || answer.Body["totalResults"] != c.total || !slices.Equal(got, c.want)) {
						err = errors.New(c.reason + ": got " + answer.String())
					}
					return err
				})
			}
		})
	}
	page := search("/.search", `displayName eq "twin"`, idp.Object{"attributes": []string{"displayName"}, "sortBy": "id", "startIndex": 2, "count": 1})
	tn.waitListed(t, page, "id", both[1])
	answer, err = tn.idp[0].Do(t.Context(), page)
	if resources := expect(t, http.StatusOK, answer, err).Resources(); resources[0]["displayName"] != "Twin" || resources[0]["userName"] != nil || resources[0]["members"] != nil {
		t.Errorf("got %s, want the displayName and little else", answer)
	}
	for _, path := range []string{"/.search", "/Users/.search", "/Groups/.search"} {
		answer, err := tn.idp[0].Get(t.Context(), path)
		expect(t, http.StatusMethodNotAllowed, answer, err)
		answer, err = tn.idp[0].Do(t.Context(), search(path, `displayName eq`, nil))
		if expect(t, http.StatusBadRequest, answer, err); answer.ScimType() != "invalidFilter" {
			t.Errorf("%s: got %s, want scimType invalidFilter", path, answer)
		}
	}
}
