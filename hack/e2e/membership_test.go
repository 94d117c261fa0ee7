// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// waitGroups waits until both servers show the user in exactly these groups, given as "displayName type".
func (tn *tenant) waitGroups(t *testing.T, user string, want ...string) {
	t.Helper()
	for _, client := range tn.idp {
		eventually(t, func(ctx context.Context) error {
			answer, err := client.Get(ctx, idp.UserPath(user))
			if err != nil {
				return err
			}
			var got []string
			list, _ := answer.Body["groups"].([]any)
			for _, entry := range list {
				group, _ := entry.(idp.Object)
				got = append(got, fmt.Sprint(group["display"], " ", group["type"]))
				if ref, _ := group["$ref"].(string); !strings.HasSuffix(ref, idp.GroupPath(fmt.Sprint(group["value"]))) {
					t.Errorf("got $ref %q in %v", ref, group)
				}
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
				return fmt.Errorf("groups of the user (-want +got):\n%s", diff)
			}
			return nil
		})
	}
}

// TestNestedGroups puts a group into a group, and in the end into itself.
func TestNestedGroups(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 2)
	inner := tn.group(t, "inner", people[0])
	middle := tn.group(t, "middle", inner)
	outer := tn.group(t, "outer", middle, people[1])
	tn.checkMembers(t, outer, middle, people[1])
	tn.waitGroups(t, people[0], "inner direct", "middle indirect", "outer indirect")
	tn.waitGroups(t, people[1], "outer direct")
	tn.checkTypes(t, outer, map[string]string{middle: "Group middle /Groups/" + middle, people[1]: "User " + tn.userName(t, people[1]) + " /Users/" + people[1]})

	tn.patch(t, 0, outer, idp.EntraAdd(people[0]))
	tn.waitGroups(t, people[0], "inner direct", "middle indirect", "outer direct")
	tn.patch(t, 1, inner, idp.EntraAdd(outer))
	tn.waitGroups(t, people[0], "inner direct", "middle indirect", "outer direct")
	tn.waitGroups(t, people[1], "outer direct", "inner indirect", "middle indirect")
	tn.patch(t, 0, middle, idp.EntraReplace("displayName", "between"))
	tn.waitGroups(t, people[1], "outer direct", "inner indirect", "between indirect")
	tn.patch(t, 0, outer, idp.RemoveSelected(middle), idp.EntraRemove(people[0]))
	tn.waitGroups(t, people[0], "inner direct", "between indirect")
	tn.waitGroups(t, people[1], "outer direct", "inner indirect", "between indirect")
	tn.checkGone(t, inner)
	tn.checkMembers(t, middle)
	tn.waitGroups(t, people[0])
	tn.waitGroups(t, people[1], "outer direct")
}

func (tn *tenant) userName(t *testing.T, id string) string {
	t.Helper()
	return tn.specs(t)[id].UserName
}

// checkTypes waits until the members say what they are, as "type display path": names come out of a cache.
func (tn *tenant) checkTypes(t *testing.T, group string, want map[string]string) {
	t.Helper()
	base := tn.Servers[0].BaseURL(tn.namespace, directoryName)
	eventually(t, func(ctx context.Context) error {
		answer, err := tn.idp[1].Get(ctx, idp.GroupPath(group))
		if err != nil {
			return err
		}
		got := map[string]string{}
		list, _ := answer.Body["members"].([]any)
		for _, entry := range list {
			member, _ := entry.(idp.Object)
			ref := strings.TrimPrefix(fmt.Sprint(member["$ref"]), base)
			got[fmt.Sprint(member["value"])] = fmt.Sprint(member["type"], " ", member["display"], " ", ref)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return fmt.Errorf("members (-want +got):\n%s", diff)
		}
		return nil
	})
}

// TestInactiveMember: who is deactivated keeps the memberships, as Entra does not send them again.
func TestInactiveMember(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 2)
	id := tn.group(t, "Staff", people...)
	before := tn.etag(t, id)
	for _, active := range []bool{false, true} {
		answer, err := tn.idp[0].Patch(t.Context(), people[0], idp.EntraPatch("active", active))
		expect(t, http.StatusOK, answer, err)
		tn.checkMembers(t, id, people...)
		tn.waitGroups(t, people[0], "Staff direct")
	}
	if after := tn.etag(t, id); after != before {
		t.Errorf("the ETag went from %s to %s", before, after)
	}
	answer, err := tn.idp[0].Patch(t.Context(), people[0], idp.EntraPatch("active", false))
	expect(t, http.StatusOK, answer, err)
	tn.patch(t, 1, id, idp.EntraRemove(people[0]))
	tn.patch(t, 1, id, idp.EntraAdd(people[0]))
	tn.checkMembers(t, id, people...)
}

// TestDeletionLeavesNoEdge deletes users and groups right after they became members through the other server.
func TestDeletionLeavesNoEdge(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	const rounds = 6
	stayer := tn.people(t, 1)[0]
	groups := []string{tn.group(t, "first", stayer), tn.group(t, "second", stayer)}
	leavers := tn.people(t, rounds)
	for round, user := range leavers {
		group := tn.group(t, fmt.Sprintf("leaver %d", round), user)
		for _, id := range groups {
			tn.patch(t, round%2, id, idp.EntraAdd(user, group))
		}
		before := tn.etag(t, groups[0])
		other := tn.idp[(round+1)%2]
		answer, err := other.Delete(t.Context(), user)
		expect(t, http.StatusNoContent, answer, err)
		answer, err = other.DeleteGroup(t.Context(), group)
		expect(t, http.StatusNoContent, answer, err)
		if tn.etag(t, groups[0]) == before {
			t.Errorf("round %d: the ETag of the group stayed %s although members are gone", round, before)
		}
		leavers = append(leavers, group)
	}
	for _, id := range groups {
		tn.checkMembers(t, id, stayer)
	}
	tn.checkNoEdges(t, leavers...)
}

// checkNoEdges wants none of these ids in any slice, in use or not.
func (tn *tenant) checkNoEdges(t *testing.T, gone ...string) {
	t.Helper()
	slicesList, err := list(t.Context(), tn, &v1alpha1.ScimMemberSliceList{})
	if err != nil {
		t.Fatal(err)
	}
	for _, slice := range slicesList.Items {
		for _, id := range slices.Concat(slice.Spec.Users, slice.Spec.Groups) {
			if slices.Contains(gone, id) {
				t.Errorf("slice %s still has %s, who is gone", slice.Name, id)
			}
		}
		if slices.Contains(gone, slice.Spec.GroupRef.Name) {
			t.Errorf("slice %s is of the group %s, which is gone", slice.Name, slice.Spec.GroupRef.Name)
		}
	}
}

// TestAddWhileDeleted adds users to a group through one server while the other deletes them.
func TestAddWhileDeleted(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	const users = 20
	people, id := tn.people(t, users), tn.group(t, "Going")
	outcomes := tn.race(t.Context(), 2*users, func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
		if i%2 == 0 {
			return client.Delete(ctx, people[i/2])
		}
		return client.PatchGroup(ctx, id, idp.EntraAdd(people[i/2]))
	})
	checkStorm(t, outcomes, "204", "400 invalidValue", "503")
	for _, user := range people {
		answer, err := tn.idp[0].Get(t.Context(), idp.UserPath(user))
		expect(t, http.StatusNotFound, answer, err)
	}
	for _, client := range tn.idp {
		eventually(t, func(ctx context.Context) error {
			answer, err := client.Get(ctx, idp.GroupPath(id))
			if left := membersOf(answer.Body); err == nil && len(left) > 0 {
				err = fmt.Errorf("the group still shows %v, who are gone", left)
			}
			return err
		})
	}
	eventually(t, func(context.Context) error {
		if left := tn.stored(t, id); len(left) > 0 {
			return fmt.Errorf("the group still has %d members, who are gone", len(left))
		}
		return nil
	})
}

// TestUnknownMember: a request that names somebody unknown changes nothing at all.
func TestUnknownMember(t *testing.T) {
	s := shared.get(t)
	tn, stranger := newDirectory(t, s), newDirectory(t, s)
	people := tn.people(t, 2)
	id := tn.group(t, "Known", people[0])
	before, revisions := tn.etag(t, id), tn.revisions(t)
	for name, unknown := range map[string]string{
		"NoSuchUser":     uuid.NewString(),
		"OtherDirectory": stranger.people(t, 1)[0],
		"OtherGroup":     stranger.group(t, "Foreign"),
		"NoID":           "system:masters",
		"Slash":          "../" + people[1],
	} {
		for what, request := range map[string]idp.Request{
			"Post":  {Method: http.MethodPost, Path: "/Groups", Body: idp.Group("New", people[1], unknown)},
			"Put":   {Method: http.MethodPut, Path: idp.GroupPath(id), Body: idp.Group("Other", people[1], unknown)},
			"Patch": {Method: http.MethodPatch, Path: idp.GroupPath(id), Body: idp.Patch(idp.EntraReplace("displayName", "Other"), idp.EntraAdd(people[1], unknown))},
		} {
			t.Run(name+what, func(t *testing.T) {
				answer, err := tn.idp[0].Do(t.Context(), request)
				if expect(t, http.StatusBadRequest, answer, err); answer.ScimType() != "invalidValue" {
					t.Errorf("got %s, want scimType invalidValue", answer)
				}
			})
		}
	}
	if after := tn.etag(t, id); after != before {
		t.Errorf("the ETag went from %s to %s", before, after)
	}
	if diff := cmp.Diff(revisions, tn.revisions(t)); diff != "" {
		t.Errorf("objects changed (-before +after):\n%s", diff)
	}
	tn.checkMembers(t, id, people[0])
	tn.patch(t, 0, id, idp.EntraRemove(uuid.NewString()), idp.RemoveSelected(uuid.NewString())) // removing who is not there is done already
}

// revisions tells which objects of groups there are and whether any was written: its UID and generation by kind and name.
// Statuses, which are the controller's, do not count.
func (tn *tenant) revisions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	groups, err := list(t.Context(), tn, &v1alpha1.ScimGroupList{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range groups.Items {
		all["group "+o.Name] = fmt.Sprint(o.UID, " ", o.Generation)
	}
	slicesList, err := list(t.Context(), tn, &v1alpha1.ScimMemberSliceList{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range slicesList.Items {
		all["slice "+o.Name] = fmt.Sprint(o.UID, " ", o.ResourceVersion)
	}
	names, err := list(t.Context(), tn, &v1alpha1.ScimNameList{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range names.Items {
		all["name "+o.Name] = fmt.Sprint(o.UID, " ", o.ResourceVersion)
	}
	return all
}

// groupWrites counts the writes of scim-server that concern groups in the whole cluster, those that changed nothing among
// them. It reads until two readings agree, since a write is counted a moment after its answer.
func (tn *tenant) groupWrites(t *testing.T) map[string]int {
	t.Helper()
	var last map[string]int
	eventually(t, func(ctx context.Context) error {
		all, err := tn.Cluster.Writes(ctx)
		if err != nil {
			return err
		}
		maps.DeleteFunc(all, func(resource string, _ int) bool {
			group, kind, _ := strings.Cut(resource, "/")
			return group != v1alpha1.Group || kind != "scimgroups" && kind != "scimmemberslices" && kind != "scimnames"
		})
		if diff := cmp.Diff(last, all); diff != "" {
			last = all
			return fmt.Errorf("writes are not settled:\n%s", diff)
		}
		return nil
	})
	return last
}

// TestReaddChangesNothing says again what is so already, in every way.
func TestReaddChangesNothing(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 150)
	small, large := tn.group(t, "Small", people[:3]...), tn.group(t, "Large", people...)
	for id, c := range map[string]struct {
		name    string
		members []string
	}{small: {"Small", people[:3]}, large: {"Large", people}} {
		etag, revisions, writes := tn.etag(t, id), tn.revisions(t), tn.groupWrites(t)
		tn.patch(t, 0, id, idp.EntraAdd(c.members[0]))
		tn.patch(t, 1, id, idp.EntraAdd(c.members...))
		tn.patch(t, 0, id, idp.OktaReplaceMembers(c.members...))
		tn.patch(t, 1, id, idp.OktaRename(id, c.name), idp.EntraRemove(uuid.NewString()))
		tn.patch(t, 0, id, idp.RemoveSelected(uuid.NewString()), idp.EntraRemove(c.members[1]), idp.EntraAdd(c.members[1]))
		answer, err := tn.idp[1].PutGroup(t.Context(), id, idp.Group(c.name, c.members...))
		expect(t, http.StatusOK, answer, err)
		if diff := cmp.Diff(revisions, tn.revisions(t)); diff != "" {
			t.Errorf("%s: objects changed (-before +after):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(writes, tn.groupWrites(t)); diff != "" {
			t.Errorf("%s: writes (-before +after):\n%s", c.name, diff)
		}
		if after := tn.etag(t, id); after != etag {
			t.Errorf("%s: the ETag went from %s to %s", c.name, etag, after)
		}
		tn.checkMembers(t, id, c.members...)
	}
}

// TestOneMemberChanged: the PUT of a group with one member in another's place writes two slices.
func TestOneMemberChanged(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 301)
	id := tn.group(t, "Large", people[:300]...)
	before, group := tn.revisions(t), tn.slices(t, id)
	answer, err := tn.idp[1].PutGroup(t.Context(), id, idp.Group("Large", people[1:]...))
	expect(t, http.StatusOK, answer, err)
	var written []string
	for name, revision := range tn.revisions(t) {
		if strings.HasPrefix(name, "slice ") && before[name] != revision {
			written = append(written, name)
		}
	}
	if len(written) > 2 || len(group) < 5 {
		t.Errorf("wrote %v of %d slices, want two of many", written, len(group))
	}
	tn.checkMembers(t, id, people[1:]...)
	tn.patch(t, 0, id, idp.EntraAdd(people[0]))
	tn.checkMembers(t, id, people...)
}
