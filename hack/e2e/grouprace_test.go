// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// TestConcurrentMemberAdds adds members one by one, all at once and over both servers: to a new group, and to one whose slice is
// nearly full, so that it is split under everybody's hands.
func TestConcurrentMemberAdds(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 155)
	for name, c := range map[string]struct{ before, racers []string }{
		"Few":   {nil, people[:30]},
		"Split": {people[:95], people[95:]},
	} {
		t.Run(name, func(t *testing.T) {
			id := tn.group(t, name, c.before...)
			outcomes := tn.race(t.Context(), len(c.racers), func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
				return client.PatchGroup(ctx, id, idp.EntraAdd(c.racers[i]))
			})
			if diff := cmp.Diff(map[string]int{"204": len(c.racers)}, tally(t, outcomes)); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			tn.checkMembers(t, id, slices.Concat(c.before, c.racers)...)
			tn.checkUsed(t, id)
		})
	}
}

// checkUsed wants every slice of a group to be reached from its root: who lost a race has tidied up.
func (tn *tenant) checkUsed(t *testing.T, id string) {
	t.Helper()
	all := tn.slices(t, id)
	left := len(all)
	for names := []string{id}; len(names) > 0; left-- {
		names = append(names[1:], all[names[0]].Spec.Children...)
	}
	if left > 0 {
		t.Errorf("%d of %d slices are in no use", left, len(all))
	}
}

// TestConcurrentAddsAndRemoves has half of the members leave while others come.
func TestConcurrentAddsAndRemoves(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 60)
	id := tn.group(t, "Change", people[:30]...)
	outcomes := tn.race(t.Context(), len(people), func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
		if i < 30 {
			return client.PatchGroup(ctx, id, idp.RemoveSelected(people[i]))
		}
		return client.PatchGroup(ctx, id, idp.EntraAdd(people[i]))
	})
	if diff := cmp.Diff(map[string]int{"204": len(people)}, tally(t, outcomes)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	tn.checkMembers(t, id, people[30:]...)
}

// TestOneOfManyIfMatch: of those who demand the same version exactly one has its way, and leaves nothing of the others behind.
func TestOneOfManyIfMatch(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 10)
	id := tn.group(t, "Demanded")
	for range 3 {
		version, winner := tn.etag(t, id), ""
		outcomes := tn.race(t.Context(), len(people), func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
			patch := idp.Patch(idp.OktaReplaceMembers(people[i]), idp.EntraReplace("externalId", uuid.NewString()))
			return client.Do(ctx, idp.Request{Method: http.MethodPatch, Path: idp.GroupPath(id), Body: patch, IfMatch: version})
		})
		if diff := cmp.Diff(map[string]int{"204": 1, "412": len(people) - 1}, tally(t, outcomes)); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		for i, o := range outcomes {
			if o.answer.Status == http.StatusNoContent {
				winner = people[i]
			}
		}
		tn.checkMembers(t, id, winner)
	}
}

// TestConcurrentPuts replaces all members from both servers at once while others are added and removed, in slices that split and
// go. What matters is what the next PUT leaves.
func TestConcurrentPuts(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 275)
	id := tn.group(t, "Fought over", people[:150]...)
	for range 3 {
		outcomes := tn.race(t.Context(), 16, func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
			switch i % 4 {
			case 0:
				return client.PatchGroup(ctx, id, idp.EntraAdd(people[i*10:i*10+60]...))
			case 1:
				return client.PatchGroup(ctx, id, idp.EntraRemove(people[i*10:i*10+60]...))
			default:
				return client.PutGroup(ctx, id, idp.Group("Fought over", people[i*5:i*5+200]...))
			}
		})
		checkStorm(t, outcomes, "200", "204", "503")
	}
	answer, err := tn.idp[0].PutGroup(t.Context(), id, idp.Group("Fought over", people...))
	expect(t, http.StatusOK, answer, err)
	tn.checkMembers(t, id, people...)
	tn.checkUsed(t, id)
	tn.checkGone(t, id)
}

// TestOneDisplayName races 40 creations of one displayName in different case, each with a member of its own: one group is made,
// and its member is that of the one who was told so.
func TestOneDisplayName(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	const rounds, racers = 5, 40
	people := tn.people(t, racers)
	for round := range rounds {
		name := fmt.Sprintf("round %c", 'a'+round)
		outcomes := tn.race(t.Context(), racers, func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
			return client.PostGroup(ctx, idp.Group(inCase(name, i), people[i]))
		})
		want := map[string]int{"201": 1, "409 uniqueness": racers - 1}
		if diff := cmp.Diff(want, tally(t, outcomes)); diff != "" {
			t.Errorf("round %d: answers (-want +got):\n%s", round, diff)
		}
		for i, o := range outcomes {
			if o.answer.Status == http.StatusCreated {
				tn.checkFound(t, idp.OktaFindGroup(strings.ToUpper(name)), o.answer.ID())
				tn.checkMembers(t, o.answer.ID(), people[i])
			}
		}
	}
	groups, err := list(t.Context(), tn, &v1alpha1.ScimGroupList{})
	if err != nil || len(groups.Items) != rounds {
		t.Errorf("got %d ScimGroups, %v, want %d", len(groups.Items), err, rounds)
	}
}

// TestFrozenCreation freezes a server after the first slice of a group that it creates, and creates the group through the other
// one. The members are those of the one who was told that the group is made, also after the first server has gone on.
func TestFrozenCreation(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 251)
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) { tn.freezeCreation(t, name, people[1:], people[0]) })
	}
}

// freezeCreation creates a group with many members through the server that is frozen, and with one through the other.
func (tn *tenant) freezeCreation(t *testing.T, name string, many []string, one string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	slice := tn.nextSlice(ctx, t)
	frozen := make(chan outcome, 1)
	go func() {
		answer, err := tn.idp[0].PostGroup(ctx, idp.Group(name, many...))
		frozen <- outcome{answer, err}
	}()
	<-slice
	answer, err := tn.meanwhile(ctx, t, idp.Group(name, one))
	first, second := <-frozen, outcome{answer, err}
	if diff := cmp.Diff(map[string]int{"201": 1, "409 uniqueness": 1}, tally(t, []outcome{first, second})); diff != "" {
		t.Fatalf("answers (-want +got):\n%s", diff)
	}
	if second.answer.Status == http.StatusCreated {
		tn.checkMembers(t, second.answer.ID(), one)
	} else {
		tn.checkMembers(t, first.answer.ID(), many...)
	}
}

// nextSlice tells of the next slice that is written in the namespace.
func (tn *tenant) nextSlice(ctx context.Context, t *testing.T) <-chan watch.Event {
	t.Helper()
	watcher, err := tn.Client.Watch(ctx, &v1alpha1.ScimMemberSliceList{}, client.InNamespace(tn.namespace))
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan watch.Event, 1)
	known := tn.allSlices(t)
	go func() {
		defer watcher.Stop()
		for event := range watcher.ResultChan() {
			if slice, ok := event.Object.(*v1alpha1.ScimMemberSlice); ok && !known[slice.Name] {
				next <- event
				return
			}
		}
		close(next)
	}()
	return next
}

// allSlices are the names of the slices of all groups.
func (tn *tenant) allSlices(t *testing.T) map[string]bool {
	t.Helper()
	list, err := list(t.Context(), tn, &v1alpha1.ScimMemberSliceList{})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, slice := range list.Items {
		names[slice.Name] = true
	}
	return names
}

// meanwhile posts a group to the second server while the first one is frozen.
func (tn *tenant) meanwhile(ctx context.Context, t *testing.T, group idp.Object) (idp.Response, error) {
	t.Helper()
	if err := tn.Servers[0].Freeze(); err != nil {
		t.Fatal(err)
	}
	answer, err := tn.idp[1].PostGroup(ctx, group)
	if err := tn.Servers[0].Resume(); err != nil {
		t.Fatal(err)
	}
	return answer, err
}

// TestGroupFoundAtOnce creates groups on one server and finds each on the other.
func TestGroupFoundAtOnce(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	member := tn.people(t, 1)[0]
	for i := range 30 {
		writer, reader := tn.idp[i%2], tn.idp[(i+1)%2]
		name := fmt.Sprintf("new group %d", i)
		answer, err := writer.PostGroup(t.Context(), idp.Group(name, member))
		id := expect(t, http.StatusCreated, answer, err).ID()
		answer, err = reader.Get(t.Context(), idp.GroupPath(id))
		if got := membersOf(expect(t, http.StatusOK, answer, err).Body); len(got) != 1 {
			t.Fatalf("group %d: got members %v, want one", i, got)
		}
		for _, filter := range []string{`displayName eq "` + inCase(name, i) + `"`, `id eq "` + id + `" and members[value eq "` + member + `"]`} {
			answer, err = reader.Get(t.Context(), "/Groups?filter="+url.QueryEscape(filter))
			if found := expect(t, http.StatusOK, answer, err).Resources(); len(found) != 1 || found[0]["id"] != id {
				t.Fatalf("group %d: found %v by %s, want id %s", i, found, filter, id)
			}
		}
	}
}

// TestForeignGroupID: a group of another tenant looks like one that never was, whatever is done with its id.
func TestForeignGroupID(t *testing.T) {
	s := shared.get(t)
	tn, stranger := newDirectory(t, s), newDirectory(t, s)
	const other = "other"
	sibling := idp.New(s.Servers[0].BaseURL(tn.namespace, other), tn.addDirectory(t, other, "other-idp"))
	member := tn.people(t, 1)[0]
	foreign := tn.group(t, "Mine", member)
	before, revisions := tn.etag(t, foreign), tn.revisions(t)
	filter := "?filter=" + url.QueryEscape(`id eq "ID"`)
	requests := map[string]idp.Request{
		"GETFound":   {Method: http.MethodGet, Path: "/Groups" + filter},
		"GETMember":  {Method: http.MethodGet, Path: "/Groups?filter=" + url.QueryEscape(`members[value eq "ID"]`)},
		"POSTSearch": {Method: http.MethodPost, Path: "/.search", Body: idp.Search(`id eq "ID"`)},
	}
	for verb, request := range onGroup() {
		request.Path = "/Groups/ID"
		requests[verb] = request
		request.Path = "/Users/ID" // the right id at the wrong endpoint
		requests[verb+"User"] = request
	}
	requests["GETWithoutMembers"] = idp.Request{Method: http.MethodGet, Path: "/Groups/ID?excludedAttributes=members"}
	requests["GETETag"] = idp.Request{Method: http.MethodGet, Path: "/Groups/ID", IfNoneMatch: before}
	requests["PATCHETag"] = idp.Request{Method: http.MethodPatch, Path: "/Groups/ID", Body: idp.Patch(idp.EntraAdd(member)), IfMatch: before}
	requests["DELETEETag"] = idp.Request{Method: http.MethodDelete, Path: "/Groups/ID", IfMatch: `"0"`}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			for who, client := range map[string]*idp.Client{"another namespace": stranger.idp[0], "another directory": sibling} {
				got := sameAnswer(t, client, request, foreign)
				if diff := cmp.Diff(sameAnswer(t, client, request, uuid.NewString()), got); diff != "" {
					t.Errorf("answers to %s differ (-random id +foreign id):\n%s", who, diff)
				}
			}
		})
	}
	t.Run("AsMember", func(t *testing.T) {
		mine := stranger.group(t, "Theirs")
		request := idp.Request{Method: http.MethodPatch, Path: idp.GroupPath(mine), Body: idp.Patch(idp.EntraAdd("ID"))}
		for _, id := range []string{foreign, member} {
			if diff := cmp.Diff(sameAnswer(t, stranger.idp[0], request, uuid.NewString()), sameAnswer(t, stranger.idp[0], request, id)); diff != "" {
				t.Errorf("answers differ (-random id +foreign id):\n%s", diff)
			}
		}
	})
	if diff := cmp.Diff(revisions, tn.revisions(t)); diff != "" || tn.etag(t, foreign) != before {
		t.Errorf("objects changed (-before +after):\n%s", diff)
	}
}

// sameAnswer sends a request with an id in place of every ID in it, and returns all of the answer with ID in its place again.
func sameAnswer(t *testing.T, client *idp.Client, request idp.Request, id string) string {
	t.Helper()
	request.Path = strings.ReplaceAll(request.Path, "ID", id)
	request.Body = withID(request.Body, id)
	answer, err := client.Do(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for _, changing := range []string{"Date", "X-Request-Id"} {
		answer.Header.Del(changing)
	}
	return strings.ReplaceAll(fmt.Sprintln(answer, answer.Header), id, "ID")
}

func withID(value any, id string) any {
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "ID", id)
	case idp.Object:
		next := idp.Object{}
		for key, entry := range v {
			next[key] = withID(entry, id)
		}
		return next
	case []idp.Object:
		next := make([]idp.Object, len(v))
		for i, entry := range v {
			next[i], _ = withID(entry, id).(idp.Object)
		}
		return next
	}
	return value
}
