// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// people makes users straight through the API server and returns their ids.
func people(t testing.TB, c client.Client, dir Directory, n int) []string {
	t.Helper()
	ids := make([]string, n)
	var all sync.WaitGroup
	limit := make(chan struct{}, 16)
	for i := range ids {
		ids[i] = uuid.NewString()
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			u := &v1alpha1.ScimUser{Spec: v1alpha1.ScimUserSpec{DirectoryRef: v1alpha1.LocalReference{Name: dir.Name}, UserName: fmt.Sprint("p", i), State: v1alpha1.StateActive}}
			u.Namespace, u.Name = dir.Namespace, ids[i]
			if err := c.Create(t.Context(), u); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return ids
}

func membersAttribute(ids ...string) []any {
	list := make([]any, 0, len(ids))
	for _, id := range ids {
		list = append(list, map[string]any{"value": id})
	}
	return list
}

func patchOf(t *testing.T, operations ...map[string]any) scim.MemberChange {
	t.Helper()
	list := make([]any, 0, len(operations))
	for _, o := range operations {
		list = append(list, any(o))
	}
	p, err := scim.ParsePatch(scim.GroupResourceType(), map[string]any{
		"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": list,
	})
	if err != nil {
		t.Fatal(err)
	}
	change, _, err := p.Members()
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func add(ids ...string) map[string]any {
	return map[string]any{"op": "add", "path": "members", "value": membersAttribute(ids...)}
}

func remove(ids ...string) map[string]any {
	return map[string]any{"op": "remove", "path": "members", "value": membersAttribute(ids...)}
}

// membersOfGroup reads the members as a client sees them.
func membersOfGroup(t *testing.T, g *Groups, dir Directory, id string) []string {
	t.Helper()
	st, err := g.Get(t.Context(), dir, id, true)
	wantStatus(t, "Get", err, http.StatusOK)
	ids := []string{}
	for _, m := range st.Members.Members() {
		ids = append(ids, m.(map[string]any)["value"].(string))
	}
	return ids
}

func wantMembers(t *testing.T, g *Groups, dir Directory, id string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, slices.Sorted(slices.Values(want))...), membersOfGroup(t, g, dir, id)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestLifeOfAGroup(t *testing.T) {
	c := admin(t, 0)
	g, users, dir := newGroups(t, c, c), newUsers(t, c, c), inNamespace(t, c)
	p := people(t, c, dir, 3)
	created, err := g.Create(t.Context(), dir, scim.Resource{"displayName": "Engineers", "externalId": "e1", "members": membersAttribute(p[0])}, true)
	wantStatus(t, "Create", err, http.StatusOK)
	wantMembers(t, g, dir, created.ID, p[0])
	_, err = g.Create(t.Context(), dir, scim.Resource{"displayName": "ENGINEERS"}, false)
	wantStatus(t, "Create of the same name", err, http.StatusConflict)

	changed, err := g.Change(t.Context(), dir, created.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(p[1], p[2]), remove(p[0]))}, false)
	wantStatus(t, "Change", err, http.StatusOK)
	wantMembers(t, g, dir, created.ID, p[1], p[2])
	if changed.Version() == created.Version() {
		t.Error("the ETag did not move with the members")
	}
	same, err := g.Change(t.Context(), dir, created.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(p[1]))}, false)
	wantStatus(t, "Change", err, http.StatusOK)
	if same.Version() != changed.Version() {
		t.Error("adding who is a member already moved the ETag")
	}
	_, err = g.Change(t.Context(), dir, created.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(p[0], uuid.NewString()))}, false)
	wantStatus(t, "Change with an unknown member", err, http.StatusBadRequest)
	wantMembers(t, g, dir, created.ID, p[1], p[2])
	stale := only(created.Generation)
	_, err = g.Change(t.Context(), dir, created.ID, stale, GroupChange{Patch: patchOf(t, add(p[0]))}, false)
	wantStatus(t, "Change of a stale version", err, http.StatusPreconditionFailed)
	_, err = g.Change(t.Context(), dir, created.ID, only(same.Generation), GroupChange{Patch: patchOf(t, add(p[0]))}, false)
	wantStatus(t, "Change of the right version", err, http.StatusOK)
	wantMembers(t, g, dir, created.ID, p...)

	wantStatus(t, "Delete of a member", users.Delete(t.Context(), dir, p[1], Precondition{}), http.StatusOK)
	wantMembers(t, g, dir, created.ID, p[0], p[2])
	wantStatus(t, "Delete", g.Delete(t.Context(), dir, created.ID, Precondition{}), http.StatusOK)
	var left v1alpha1.ScimMemberSliceList
	if err := c.List(t.Context(), &left, client.InNamespace(dir.Namespace)); err != nil || len(left.Items) != 0 {
		t.Errorf("%d slices are left of a deleted group (%v)", len(left.Items), err)
	}
	again, err := g.Create(t.Context(), dir, scim.Resource{"displayName": "engineers"}, false)
	wantStatus(t, "Create again", err, http.StatusOK)
	if again.ID == created.ID {
		t.Error("an id was used twice")
	}
}

func TestNestedGroups(t *testing.T) {
	c := admin(t, 0)
	g, users, dir := newGroups(t, c, c), newUsers(t, c, c), inNamespace(t, c)
	p := people(t, c, dir, 1)
	create := func(name string, members ...string) string {
		st, err := g.Create(t.Context(), dir, scim.Resource{"displayName": name, "members": membersAttribute(members...)}, false)
		wantStatus(t, "Create", err, http.StatusOK)
		return st.ID
	}
	inner := create("inner", p[0])
	outer := create("outer", inner)
	if _, err := g.Change(t.Context(), dir, inner, Precondition{}, GroupChange{Patch: patchOf(t, add(outer))}, false); err != nil {
		t.Fatal(err) // a circle, which must not hang anybody
	}
	user, err := users.Get(t.Context(), dir, p[0])
	wantStatus(t, "Get", err, http.StatusOK)
	got := map[string]any{}
	for _, entry := range user.Resource["groups"].([]any) {
		got[valueOfEntry(entry)] = entry.(map[string]any)["type"]
	}
	if diff := cmp.Diff(map[string]any{inner: "direct", outer: "indirect"}, got); diff != "" {
		t.Errorf("groups of the user (-want +got):\n%s", diff)
	}
	if _, err := users.Modify(t.Context(), dir, p[0], Precondition{}, func(r scim.Resource) (scim.Resource, error) { r["title"] = "x"; return r, nil }); err != nil {
		t.Fatal(err)
	}
	if spec := look(t, c, dir.Namespace).users[p[0]].Spec; string(spec.Attributes.Raw) != `{"title":"x"}` {
		t.Errorf("what is derived was stored: %s", spec.Attributes.Raw)
	}
}

func TestConcurrentMembersAllSurvive(t *testing.T) {
	groups := []*Groups{newGroups(t, admin(t, 0), admin(t, 0)), newGroups(t, admin(t, 1), admin(t, 1))}
	dir := inNamespace(t, admin(t, 0))
	p := people(t, admin(t, 0), dir, 30)
	st, err := groups[0].Create(t.Context(), dir, scim.Resource{"displayName": "g"}, false)
	wantStatus(t, "Create", err, http.StatusOK)
	var all sync.WaitGroup
	for i, id := range p {
		all.Go(func() {
			if _, err := groups[i%2].Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(id))}, false); err != nil {
				t.Errorf("add: %v", err)
			}
		})
	}
	all.Wait()
	wantMembers(t, groups[0], dir, st.ID, p...)
}

// TestLargeGroup grows a group past many splits, by one and by many, and counts what a change writes.
func TestLargeGroup(t *testing.T) {
	c := admin(t, 0)
	writes := 0
	var mu sync.Mutex
	count := func() { mu.Lock(); writes++; mu.Unlock() }
	counting := interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			count()
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			count()
			return c.Update(ctx, o, opts...)
		},
	})
	g, dir := newGroups(t, counting, c), inNamespace(t, c)
	p := people(t, c, dir, 900)
	st, err := g.Create(t.Context(), dir, scim.Resource{"displayName": "g", "members": membersAttribute(p[:600]...)}, false)
	wantStatus(t, "Create", err, http.StatusOK)
	wantMembers(t, g, dir, st.ID, p[:600]...)
	_, err = g.Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(p[600:]...))}, false)
	wantStatus(t, "add 300", err, http.StatusOK)
	wantMembers(t, g, dir, st.ID, p...)

	writes = 0
	_, err = g.Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Patch: patchOf(t, remove(p[0]))}, false)
	wantStatus(t, "remove one", err, http.StatusOK)
	if writes != 2 {
		t.Errorf("one member less cost %d writes, want 2: its slice and the counter", writes)
	}
	writes = 0
	var replace []scim.Member
	for _, id := range append(p[2:], p[0]) {
		replace = append(replace, scim.Member{Value: id})
	}
	_, err = g.Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Replace: true, Members: replace}, false)
	wantStatus(t, "PUT", err, http.StatusOK)
	if writes > 3 {
		t.Errorf("a PUT with one member exchanged cost %d writes, want at most 3: two slices and the counter", writes)
	}
	wantMembers(t, g, dir, st.ID, append(p[2:], p[0])...)
}

// TestOneOfManyCreatorsOfAGroupWins: and the members are its own, whoever tried beside it.
func TestOneOfManyCreatorsOfAGroupWins(t *testing.T) {
	groups := []*Groups{newGroups(t, admin(t, 0), admin(t, 0)), newGroups(t, admin(t, 1), admin(t, 1))}
	dir := inNamespace(t, admin(t, 0))
	p := people(t, admin(t, 0), dir, 8*30)
	var mu sync.Mutex
	var won []int
	var id string
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			st, err := groups[i%2].Create(t.Context(), dir, scim.Resource{"displayName": "g", "members": membersAttribute(p[i*30 : i*30+30]...)}, false)
			switch statusOf(err) {
			case http.StatusOK:
				mu.Lock()
				won, id = append(won, i), st.ID
				mu.Unlock()
			case http.StatusConflict:
			default:
				t.Errorf("Create = %v", err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Fatalf("%v won, want one", won)
	}
	wantMembers(t, groups[0], dir, id, p[won[0]*30:won[0]*30+30]...)
}

// TestConcurrentPutsOfALargeGroup: parts of each PUT lose races against the other one, side by side. Run with -race.
func TestConcurrentPutsOfALargeGroup(t *testing.T) {
	c := admin(t, 0)
	g, dir := newGroups(t, c, c), inNamespace(t, c)
	p := people(t, c, dir, 400)
	st, err := g.Create(t.Context(), dir, scim.Resource{"displayName": "g", "members": membersAttribute(p[:300]...)}, false)
	wantStatus(t, "Create", err, http.StatusOK)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			var members []scim.Member
			for _, id := range slices.Concat(p[i*20:i*20+20], p[150:]) {
				members = append(members, scim.Member{Value: id})
			}
			if _, err := g.Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Replace: true, Members: members}, false); err != nil {
				t.Errorf("PUT: %v", err)
			}
		})
	}
	all.Wait()
	got := membersOfGroup(t, g, dir, st.ID)
	for _, id := range p[150:] {
		if !slices.Contains(got, id) {
			t.Fatalf("%s was in every PUT and is no member", id)
		}
	}
}

// TestMembersUnderFaults lets writers of one group crash at random writes; what was acknowledged must be so in the end.
func TestMembersUnderFaults(t *testing.T) {
	seed := uint64(time.Now().UnixNano()) //nolint:forbidigo // the seed is printed
	t.Logf("seed %d", seed)
	c := admin(t, 0)
	healthy, dir := newGroups(t, c, c), inNamespace(t, c)
	p := people(t, c, dir, 400)
	changes := 15
	if testing.Short() {
		changes = 6
	}
	st, err := healthy.Create(t.Context(), dir, scim.Resource{"displayName": "g"}, false)
	wantStatus(t, "Create", err, http.StatusOK)
	var mu sync.Mutex
	sure := map[string]bool{} // by member: what the last acknowledged change said; absent when unknown
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			mine := p[worker*50 : worker*50+50]
			for range changes {
				batch := mine[random.IntN(25) : 25+random.IntN(25)]
				in := random.IntN(3) > 0
				op := add(batch...)
				if !in {
					op = remove(batch...)
				}
				var fault sync.Mutex
				g := newGroups(t, faulty(admin(t, worker%2), func() (bool, bool) {
					fault.Lock()
					defer fault.Unlock()
					n := random.IntN(12)
					return n == 0, n == 1
				}), admin(t, worker%2))
				_, err := g.Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Patch: patchOf(t, op)}, false)
				mu.Lock()
				for _, id := range batch {
					if err == nil {
						sure[id] = in
					} else {
						delete(sure, id)
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	got := map[string]bool{}
	for _, id := range membersOfGroup(t, healthy, dir, st.ID) {
		got[id] = true
	}
	for id, in := range sure {
		if got[id] != in {
			t.Errorf("member %s: acknowledged %v, is %v", id, in, got[id])
		}
	}
}

// TestLostAnswerOfASplit: the write that splits a full slice happens and its answer is lost, once as an error and once as the
// conflict that a retried write ends in. Nobody may get lost, and what was acknowledged moves the ETag.
func TestLostAnswerOfASplit(t *testing.T) {
	for name, lost := range map[string]error{
		"error":    errCrash,
		"conflict": apierrors.NewConflict(schema.GroupResource{Resource: "scimmemberslices"}, "x", nil),
	} {
		t.Run(name, func(t *testing.T) {
			c := admin(t, 0)
			dir, healthy := inNamespace(t, c), newGroups(t, c, c)
			p := people(t, c, dir, sliceMax+1)
			st, err := healthy.Create(t.Context(), dir, scim.Resource{"displayName": "g", "members": membersAttribute(p[:sliceMax/2]...)}, false)
			wantStatus(t, "Create", err, http.StatusOK)
			_, err = healthy.Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(p[sliceMax/2:sliceMax]...))}, false)
			wantStatus(t, "Change", err, http.StatusOK)
			before, err := healthy.Get(t.Context(), dir, st.ID, false)
			wantStatus(t, "Get", err, http.StatusOK)
			var once sync.Once
			g := newGroups(t, interceptor.NewClient(c, interceptor.Funcs{
				Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
					err := c.Update(ctx, o, opts...)
					if slice, ok := o.(*v1alpha1.ScimMemberSlice); ok && len(slice.Spec.Children) > 0 {
						once.Do(func() { err = lost })
					}
					return err
				},
			}), c)
			after, err := g.Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(p[sliceMax]))}, false)
			if err == nil && after.Version() == before.Version() {
				t.Error("a member came and the ETag stayed")
			}
			if got := len(membersOfGroup(t, healthy, dir, st.ID)); got < sliceMax {
				t.Fatalf("%d members are left of %d", got, sliceMax)
			}
			again, err := g.Change(t.Context(), dir, st.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(p[sliceMax]))}, false)
			wantStatus(t, "Change again", err, http.StatusOK)
			if again.Version() == before.Version() {
				t.Error("the change was made up for and the ETag stayed")
			}
			wantMembers(t, healthy, dir, st.ID, p...)
		})
	}
}

func TestGroupFilters(t *testing.T) {
	c := admin(t, 0)
	g, dir := newGroups(t, c, c), inNamespace(t, c)
	p := people(t, c, dir, 2)
	ids := map[string]string{}
	for name, members := range map[string][]string{"a": {p[0]}, "b": {p[0], p[1]}, "c": {}} {
		st, err := g.Create(t.Context(), dir, scim.Resource{"displayName": name, "members": membersAttribute(members...)}, false)
		wantStatus(t, "Create", err, http.StatusOK)
		ids[st.ID] = name
	}
	idOf := func(name string) string {
		for id, n := range ids {
			if n == name {
				return id
			}
		}
		return ""
	}
	for text, want := range map[string][]string{
		`displayName eq "B"`:                                      {"b"},
		`members eq "` + p[0] + `"`:                               {"a", "b"},
		`members[value eq "` + p[1] + `"]`:                        {"b"},
		`id eq "` + idOf("a") + `" and members eq "` + p[1] + `"`: nil,
		`id eq "` + idOf("b") + `" and members eq "` + p[1] + `"`: {"b"},
		`not (members eq "` + p[0] + `")`:                         {"c"},
		`members[type eq "Group"]`:                                nil,
		`members[value eq "` + p[0] + `" and type eq "User"]`:     {"a", "b"},
		`members[value eq "` + p[0] + `" and type eq "Group"]`:    nil,
		`displayName sw "b" and members.value eq "` + p[0] + `"`:  {"b"},
		`members eq "nobody"`:                                     nil,
	} {
		f, err := scim.ParseFilter(scim.GroupResourceType(), text)
		if err != nil {
			t.Fatal(err)
		}
		page, err := g.List(t.Context(), dir, scim.ListQuery{Filter: &f, StartIndex: 1, Count: 10})
		wantStatus(t, text, err, http.StatusOK)
		var got []string
		for _, st := range page.Resources {
			got = append(got, ids[st.ID])
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestListShowsMembersOnlyWhereAsked(t *testing.T) {
	c := admin(t, 0)
	g, dir := newGroups(t, c, c), inNamespace(t, c)
	p := people(t, c, dir, 1)
	_, err := g.Create(t.Context(), dir, scim.Resource{"displayName": "a", "members": membersAttribute(p...)}, false)
	wantStatus(t, "Create", err, http.StatusOK)
	for excluded, want := range map[string]bool{"": true, "members": false, "displayName": true} {
		projection, err := scim.ParseProjection(dir.Settings().Group, "", excluded)
		wantStatus(t, "ParseProjection", err, http.StatusOK)
		page, err := g.List(t.Context(), dir, scim.ListQuery{StartIndex: 1, Count: 10, Projection: projection})
		if err != nil || len(page.Resources) != 1 || (page.Resources[0].Members != nil) != want {
			t.Errorf("excluding %q: %v (%v), want members read: %v", excluded, page, err, want)
		}
	}
}

// TestEditsSettle: doing the same again changes nothing, and the parts of a split together are the whole.
func TestEditsSettle(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		ids := func() content {
			c := content{}
			for range random.IntN(8) {
				c[string(rune('a'+random.IntN(10)))] = []string{typeUser, typeGroup}[random.IntN(2)]
			}
			return c
		}
		c, e := ids(), edits{reset: random.IntN(4) == 0, add: ids(), remove: map[string]bool{}}
		for id := range ids() {
			if _, added := e.add[id]; !added {
				e.remove[id] = true
			}
		}
		next, changed := e.on(c)
		if again, more := e.on(next); more || changed == maps.Equal(c, next) {
			t.Fatalf("%v on %v gives %v and then %v", e, c, next, again)
		}
		whole := content{}
		for i, part := range e.split(3) {
			half, _ := part.on(c.split(3)[i])
			maps.Copy(whole, half)
		}
		if !maps.Equal(whole, next) {
			t.Fatalf("%v on %v gives %v in one and %v in two", e, c, next, whole)
		}
	}
}
