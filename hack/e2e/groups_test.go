// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// newDirectory is a tenant without an application: nothing but what its identity provider makes.
func newDirectory(t *testing.T, s *stack.Stack) *tenant {
	t.Helper()
	tn := &tenant{Stack: s, namespace: "e2e-" + uuid.NewString()[:8]}
	if err := s.CreateNamespace(t.Context(), tn.namespace); err != nil {
		t.Fatal(err)
	}
	tn.token = tn.addDirectory(t, directoryName, tokenName)
	for _, server := range s.Servers {
		tn.idp = append(tn.idp, idp.New(server.BaseURL(tn.namespace, directoryName), tn.token))
	}
	return tn
}

// people posts n users and returns their ids.
func (tn *tenant) people(t *testing.T, n int) []string {
	t.Helper()
	outcomes := tn.race(t.Context(), n, func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
		return client.Post(ctx, idp.EntraUser(idp.Person{UserName: fmt.Sprintf("person-%d-%s@acme.test", i, uuid.NewString()[:8])}))
	})
	ids := make([]string, n)
	for i, o := range outcomes {
		ids[i] = expect(t, http.StatusCreated, o.answer, o.err).ID()
	}
	return ids
}

// group posts a group and returns its id.
func (tn *tenant) group(t *testing.T, displayName string, members ...string) (id string) {
	t.Helper()
	answer, err := tn.idp[0].PostGroup(t.Context(), idp.Group(displayName, members...))
	return expect(t, http.StatusCreated, answer, err).ID()
}

// patch sends a PATCH to one server that must be done without a body in the answer.
func (tn *tenant) patch(t *testing.T, server int, id string, operations ...idp.Object) {
	t.Helper()
	answer, err := tn.idp[server].PatchGroup(t.Context(), id, operations...)
	if expect(t, http.StatusNoContent, answer, err); len(answer.Raw) > 0 {
		t.Errorf("a PATCH of a group: got %s, want no body", answer)
	}
}

// etag is the version of a group, read without its members.
func (tn *tenant) etag(t *testing.T, id string) string {
	t.Helper()
	answer, err := tn.idp[0].Get(t.Context(), idp.WithoutMembers(id))
	tag := expect(t, http.StatusOK, answer, err).Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	return tag
}

// membersOf are the ids of the members in a group as a client gets it, sorted.
func membersOf(group idp.Object) []string {
	var ids []string
	list, _ := group["members"].([]any)
	for _, entry := range list {
		member, _ := entry.(idp.Object)
		id, _ := member["value"].(string)
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// checkMembers wants exactly these members, whichever server is asked, and nobody else in the slices that are in use.
func (tn *tenant) checkMembers(t *testing.T, group string, want ...string) {
	t.Helper()
	for server, client := range tn.idp {
		answer, err := client.Get(t.Context(), idp.GroupPath(group))
		checkSame(t, fmt.Sprintf("members at server %d", server), want, membersOf(expect(t, http.StatusOK, answer, err).Body))
	}
	checkSame(t, "members in the slices of the group", want, slices.Collect(maps.Keys(tn.stored(t, group))))
}

// checkSame compares ids in any order. Of many that are wrong it names one of each kind.
func checkSame(t *testing.T, what string, want, got []string) {
	t.Helper()
	missing, extra := without(want, got), without(got, want)
	if len(missing) > 0 || len(extra) > 0 || len(got) != len(want) {
		t.Errorf("%s: got %d, want %d; %d are missing, such as %q, and %d are too many, such as %q",
			what, len(got), len(want), len(missing), missing[:min(1, len(missing))], len(extra), extra[:min(1, len(extra))])
	}
}

// without are those of a that are not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(id string) bool { return slices.Contains(b, id) })
}

// stored reads the members of a group as an administrator finds them: from its root, slice by slice. The slice of each is the
// value.
func (tn *tenant) stored(t *testing.T, group string) map[string]string {
	t.Helper()
	all := tn.slices(t, group)
	members := map[string]string{}
	for names := []string{group}; len(names) > 0; {
		slice := all[names[0]]
		names = append(names[1:], slice.Spec.Children...)
		for _, id := range slices.Concat(slice.Spec.Users, slice.Spec.Groups) {
			if other, twice := members[id]; twice {
				t.Errorf("member %s is in the slices %s and %s", id, other, slice.Name)
			}
			members[id] = slice.Name
		}
	}
	return members
}

// slices are those of a group, in use or not, by name.
func (tn *tenant) slices(t *testing.T, group string) map[string]v1alpha1.ScimMemberSlice {
	t.Helper()
	list, err := list(t.Context(), tn, &v1alpha1.ScimMemberSliceList{})
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]v1alpha1.ScimMemberSlice{}
	for _, slice := range list.Items {
		if slice.Spec.GroupRef.Name == group {
			named[slice.Name] = slice
		}
	}
	return named
}

// TestGroupStatuses goes through the life of a group and the answers to what is wrong with it.
func TestGroupStatuses(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	client, people := tn.idp[0], tn.people(t, 2)
	answer, err := client.PostGroup(t.Context(), idp.Group("Staff", people...))
	expect(t, http.StatusCreated, answer, err)
	id := answer.ID()
	if answer.Header.Get("ETag") == "" || answer.Header.Get("Location") != tn.Servers[0].BaseURL(tn.namespace, directoryName)+idp.GroupPath(id) {
		t.Errorf("POST: got headers %v, want the ETag and the Location of group %s", answer.Header, id)
	}
	if got := membersOf(answer.Body); !slices.Equal(got, slices.Sorted(slices.Values(people))) {
		t.Errorf("POST: got members %v in the answer, want %v", got, people)
	}
	for name, c := range map[string]struct {
		reason  string
		request idp.Request
		status  int
		kind    string
	}{
		"SameName":    {"names differ in more than case", idp.Request{Method: http.MethodPost, Body: idp.Group("sTAFF")}, http.StatusConflict, "uniqueness"},
		"NoName":      {"a group has a displayName", idp.Request{Method: http.MethodPost, Body: idp.Object{"schemas": []string{idp.GroupSchema}}}, http.StatusBadRequest, "invalidValue"},
		"Put":         {"a PUT answers with the group", idp.Request{Method: http.MethodPut, Path: idp.GroupPath(id), Body: idp.Group("Staff", people...)}, http.StatusOK, ""},
		"PatchShown":  {"who asks for attributes gets them", idp.Request{Method: http.MethodPatch, Path: idp.GroupPath(id) + "?attributes=displayName", Body: idp.Patch(idp.EntraReplace("displayName", "Staff"))}, http.StatusOK, ""},
		"Patch":       {"nobody else does", idp.Request{Method: http.MethodPatch, Path: idp.GroupPath(id), Body: idp.Patch(idp.EntraReplace("displayName", "Staff"))}, http.StatusNoContent, ""},
		"WrongMember": {"a member cannot change in place", idp.Request{Method: http.MethodPatch, Path: idp.GroupPath(id), Body: idp.Patch(idp.Object{"op": "replace", "path": `members[value eq "` + people[0] + `"].value`, "value": people[1]})}, http.StatusBadRequest, "mutability"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.request.Path == "" {
				c.request.Path = "/Groups"
			}
			answer, err := client.Do(t.Context(), c.request)
			if expect(t, c.status, answer, err); answer.ScimType() != c.kind {
				t.Errorf("%s: got %s, want scimType %q", c.reason, answer, c.kind)
			}
			if _, shown := answer.Body["members"]; shown && c.request.Method == http.MethodPatch {
				t.Errorf("%s: got %s, want no members", c.reason, answer)
			}
		})
	}
	tn.checkMembers(t, id, people...)
	tn.checkGone(t, id)
}

// checkGone deletes a group, and wants it to be gone for every verb and its slices to be gone too.
func (tn *tenant) checkGone(t *testing.T, id string) {
	t.Helper()
	answer, err := tn.idp[0].DeleteGroup(t.Context(), id)
	expect(t, http.StatusNoContent, answer, err)
	for _, request := range onGroup() {
		request.Path = idp.GroupPath(id)
		answer, err := tn.idp[1].Do(t.Context(), request)
		expect(t, http.StatusNotFound, answer, err)
	}
	if left := tn.slices(t, id); len(left) > 0 {
		t.Errorf("got %d slices of a deleted group, want none", len(left))
	}
}

// onGroup is one request of every verb, without its path.
func onGroup() map[string]idp.Request {
	return map[string]idp.Request{
		"GET":    {Method: http.MethodGet},
		"PUT":    {Method: http.MethodPut, Body: idp.Group("Anything")},
		"PATCH":  {Method: http.MethodPatch, Body: idp.Patch(idp.EntraReplace("displayName", "Anything"))},
		"DELETE": {Method: http.MethodDelete},
	}
}

// TestGroupETag: the version moves with the members and with nothing else, and holds off who comes too late.
func TestGroupETag(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 3)
	id := tn.group(t, "Versions", people[0])
	seen := map[string]string{}
	for _, step := range []struct {
		what      string
		operation idp.Object
		moves     bool
	}{
		{"adding a member", idp.EntraAdd(people[1]), true},
		{"adding it again", idp.EntraAdd(people[1]), false},
		{"removing it", idp.EntraRemove(people[1]), true},
		{"removing it again", idp.EntraRemove(people[1]), false},
		{"a rename", idp.EntraReplace("displayName", "Renamed"), true},
		{"the same members", idp.OktaReplaceMembers(people[0]), false},
		{"other members", idp.OktaReplaceMembers(people[2]), true},
	} {
		before := tn.etag(t, id)
		seen[before] = step.what
		tn.patch(t, 1, id, step.operation)
		after := tn.etag(t, id)
		if moved := after != before; moved != step.moves {
			t.Errorf("%s: the ETag went from %s to %s, want that it moves: %t", step.what, before, after, step.moves)
		}
		if was, again := seen[after]; again && step.moves {
			t.Errorf("%s: the ETag %s was that before %s", step.what, after, was)
		}
		answer, err := tn.idp[0].Do(t.Context(), idp.Request{Method: http.MethodGet, Path: idp.GroupPath(id), IfNoneMatch: before})
		want := http.StatusNotModified
		if step.moves {
			want = http.StatusOK
		}
		expect(t, want, answer, err)
	}
	tn.waitCounted(t, id, 1) // a status was written, which must not move the version
	for stale := range seen {
		if stale != tn.etag(t, id) {
			tn.checkStale(t, id, stale)
		}
	}
	tn.checkMembers(t, id, people[2])
}

// waitCounted waits until the controller has counted the members.
func (tn *tenant) waitCounted(t *testing.T, id string, want int64) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		groups, err := list(ctx, tn, &v1alpha1.ScimGroupList{})
		if err != nil {
			return err
		}
		for _, group := range groups.Items {
			if group.Name == id && group.Status.Members == want && group.Status.ObservedGeneration == group.Generation {
				return nil
			}
		}
		return fmt.Errorf("group %s is not said to have %d members", id, want)
	})
}

func (tn *tenant) checkStale(t *testing.T, id, stale string) {
	t.Helper()
	for verb, request := range onGroup() {
		if verb == "GET" {
			continue
		}
		request.Path, request.IfMatch = idp.GroupPath(id), stale
		answer, err := tn.idp[0].Do(t.Context(), request)
		expect(t, http.StatusPreconditionFailed, answer, err)
	}
}

// TestWithoutMembers: who does not want the members does not get them, wherever they would be.
func TestWithoutMembers(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 2)
	id := tn.group(t, "Quiet", people...)
	for name, request := range map[string]idp.Request{
		"Get":    {Method: http.MethodGet, Path: idp.WithoutMembers(id)},
		"List":   {Method: http.MethodGet, Path: "/Groups?excludedAttributes=members"},
		"Find":   {Method: http.MethodGet, Path: idp.EntraFindGroup("Quiet")},
		"Put":    {Method: http.MethodPut, Path: idp.WithoutMembers(id), Body: idp.Group("Quiet", people...)},
		"Post":   {Method: http.MethodPost, Path: "/Groups?excludedAttributes=members", Body: idp.Group("Quiet too", people...)},
		"Search": {Method: http.MethodPost, Path: "/Groups/.search", Body: idp.Object{"schemas": []string{idp.SearchSchema}, "excludedAttributes": []string{"members"}}},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := tn.idp[0].Do(t.Context(), request)
			if err != nil || answer.Status >= http.StatusBadRequest || !contains(answer.Body, "Quiet") && !contains(answer.Body, "Quiet too") {
				t.Fatalf("got %s, %v, want the group", answer, err)
			}
			if contains(answer.Body, people[0]) {
				t.Errorf("got %s, want no members", answer)
			}
		})
	}
	tn.checkMembers(t, id, people...)
}
