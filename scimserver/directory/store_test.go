// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

func TestLifeOfAUser(t *testing.T) {
	c := admin(t, 0)
	s, dir := newUsers(t, c, c), inNamespace(t, c)
	in := scim.Resource{
		"userName": "Ada@example.com", "externalId": "admin", "active": true, "displayName": "Ada",
		"name":   map[string]any{"givenName": "Ada", "familyName": "Lovelace"},
		"emails": []any{map[string]any{"value": "ada@example.com", "type": "work", "primary": true}},
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"department": "Engines"},
	}
	created, err := s.Create(t.Context(), dir, in)
	wantStatus(t, "Create", err, http.StatusOK)
	if diff := cmp.Diff(in, created.Resource); diff != "" {
		t.Errorf("what was stored is not what was sent (-sent +stored):\n%s", diff)
	}
	if created.ID == "admin" || !created.Created.Equal(created.LastModified) {
		t.Errorf("id %q, created %v, last modified %v: the id is ours, and a new user was never modified", created.ID, created.Created, created.LastModified)
	}
	got, err := s.Get(t.Context(), dir, created.ID)
	wantStatus(t, "Get", err, http.StatusOK)
	if diff := cmp.Diff(created, got); diff != "" {
		t.Errorf("Get differs from Create:\n%s", diff)
	}
	modified, err := s.Modify(t.Context(), dir, created.ID, Precondition{}, func(r scim.Resource) (scim.Resource, error) {
		r["active"] = false
		return r, nil
	})
	wantStatus(t, "Modify", err, http.StatusOK)
	if modified.Resource["active"] != true && modified.Generation != created.Generation+1 {
		t.Errorf("generation %d after %d", modified.Generation, created.Generation)
	}
	wantStatus(t, "Delete", s.Delete(t.Context(), dir, created.ID, Precondition{}), http.StatusOK)
	wantStatus(t, "second Delete", s.Delete(t.Context(), dir, created.ID, Precondition{}), http.StatusNotFound)
	_, err = s.Get(t.Context(), dir, created.ID)
	wantStatus(t, "Get after Delete", err, http.StatusNotFound)
	again, err := s.Create(t.Context(), dir, in)
	wantStatus(t, "Create after Delete", err, http.StatusOK)
	if again.ID == created.ID {
		t.Error("an id was used twice")
	}
	look(t, c, dir.Namespace).check(t)
}

func TestModifyWithoutChangeWritesNothing(t *testing.T) {
	c := admin(t, 0)
	s, dir := newUsers(t, c, c), inNamespace(t, c)
	created, err := s.Create(t.Context(), dir, scim.Resource{"userName": "a", "nickName": "x"})
	wantStatus(t, "Create", err, http.StatusOK)
	before := look(t, c, dir.Namespace).users[created.ID].ResourceVersion
	same := func(r scim.Resource) (scim.Resource, error) { return r, nil }
	got, err := s.Modify(t.Context(), dir, created.ID, Precondition{}, same)
	wantStatus(t, "Modify", err, http.StatusOK)
	if after := look(t, c, dir.Namespace).users[created.ID].ResourceVersion; after != before || got.Version() != created.Version() {
		t.Errorf("resource version %s → %s, ETag %s → %s: nothing changed, so nothing may move", before, after, created.Version(), got.Version())
	}
}

func TestPreconditions(t *testing.T) {
	c := admin(t, 0)
	s, dir := newUsers(t, c, c), inNamespace(t, c)
	created, err := s.Create(t.Context(), dir, named("a"))
	wantStatus(t, "Create", err, http.StatusOK)
	stale, err := ParseIfMatch(`W/"99", "98"`)
	wantStatus(t, "ParseIfMatch", err, http.StatusOK)
	_, err = s.Modify(t.Context(), dir, created.ID, stale, rename("b"))
	wantStatus(t, "Modify with a stale tag", err, http.StatusPreconditionFailed)
	wantStatus(t, "Delete with a stale tag", s.Delete(t.Context(), dir, created.ID, stale), http.StatusPreconditionFailed)
	fresh, err := ParseIfMatch(`"7", ` + created.Version())
	wantStatus(t, "ParseIfMatch", err, http.StatusOK)
	_, err = s.Modify(t.Context(), dir, created.ID, fresh, rename("b"))
	wantStatus(t, "Modify with the right tag", err, http.StatusOK)
	for _, bad := range []string{`3`, `W/3`, `"a`, `,`, `W/`} {
		_, err := ParseIfMatch(bad)
		wantStatus(t, "ParseIfMatch "+bad, err, http.StatusBadRequest)
	}
}

func TestOfAnotherDirectoryIsNotThere(t *testing.T) {
	c := admin(t, 0)
	s, dir := newUsers(t, c, c), inNamespace(t, c)
	created, err := s.Create(t.Context(), dir, named("a"))
	wantStatus(t, "Create", err, http.StatusOK)
	other := dir
	other.Name = "other"
	_, err = s.Get(t.Context(), other, created.ID)
	_, random := s.Get(t.Context(), other, "0a3f1c8e-0000-4000-8000-000000000000")
	if diff := cmp.Diff(random.Error(), err.Error()); diff != "" || statusOf(err) != http.StatusNotFound {
		t.Errorf("an id of another directory is answered with %v, a random one with %v", err, random)
	}
	_, err = s.Modify(t.Context(), other, created.ID, Precondition{}, rename("b"))
	wantStatus(t, "Modify", err, http.StatusNotFound)
	wantStatus(t, "Delete", s.Delete(t.Context(), other, created.ID, Precondition{}), http.StatusNotFound)
	if _, err := s.Create(t.Context(), other, named("a")); err != nil {
		t.Errorf("the same userName in another directory: %v", err)
	}
	for _, id := range []string{"", ".", "..", "x/y", "admin", "SYSTEM:masters", created.ID + "/status", "0A3F1C8E-0000-4000-8000-000000000000"} {
		_, err := s.Get(t.Context(), dir, id)
		wantStatus(t, "Get "+id, err, http.StatusNotFound)
	}
}

func TestOneOfManyCreatorsWins(t *testing.T) {
	stores := []*Store{newUsers(t, admin(t, 0), admin(t, 0)), newUsers(t, admin(t, 1), admin(t, 1))}
	dir := inNamespace(t, admin(t, 0))
	for round := range 3 {
		var won, lost atomic.Int32
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				name := "racer" + strconv.Itoa(round)
				if i%3 == 0 {
					name = "RACER" + strconv.Itoa(round)
				}
				switch _, err := stores[i%2].Create(t.Context(), dir, named(name)); statusOf(err) {
				case http.StatusOK:
					won.Add(1)
				case http.StatusConflict:
					lost.Add(1)
				default:
					t.Errorf("Create = %v", err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != 39 {
			t.Errorf("round %d: %d won and %d lost, want 1 and 39", round, won.Load(), lost.Load())
		}
	}
	w := look(t, admin(t, 0), dir.Namespace)
	w.check(t)
	if len(w.users) != 3 || len(w.names) != 3 {
		t.Errorf("%d users and %d names, want 3 and 3", len(w.users), len(w.names))
	}
}

func TestConcurrentChangesAllSurvive(t *testing.T) {
	stores := []*Store{newUsers(t, admin(t, 0), admin(t, 0)), newUsers(t, admin(t, 1), admin(t, 1))}
	dir := inNamespace(t, admin(t, 0))
	created, err := stores[0].Create(t.Context(), dir, named("a"))
	wantStatus(t, "Create", err, http.StatusOK)
	attributes := []string{"displayName", "nickName", "title", "userType", "locale", "timezone", "preferredLanguage", "profileUrl", "externalId"}
	var all sync.WaitGroup
	for i, attribute := range attributes {
		all.Go(func() {
			_, err := stores[i%2].Modify(t.Context(), dir, created.ID, Precondition{}, func(r scim.Resource) (scim.Resource, error) {
				r[attribute] = attribute
				return r, nil
			})
			if err != nil {
				t.Errorf("Modify %s: %v", attribute, err)
			}
		})
	}
	all.Wait()
	got, err := stores[0].Get(t.Context(), dir, created.ID)
	wantStatus(t, "Get", err, http.StatusOK)
	for _, attribute := range attributes {
		if got.Resource[attribute] != attribute {
			t.Errorf("%s is %v: an update was lost", attribute, got.Resource[attribute])
		}
	}
}

func TestRefusedByTheAPIServerFreesTheName(t *testing.T) {
	c := admin(t, 0)
	s, dir := newUsers(t, c, c), inNamespace(t, c)
	huge := scim.Resource{"userName": "b", "nickName": strings.Repeat("x", maxAttributes)}
	_, err := s.Create(t.Context(), dir, huge)
	wantStatus(t, "Create of a huge user", err, http.StatusBadRequest)
	tooLong := scim.Resource{"userName": "a", "externalId": string(make([]byte, 2000))}
	_, err = s.Create(t.Context(), dir, tooLong)
	wantStatus(t, "Create", err, http.StatusBadRequest)
	if w := look(t, c, dir.Namespace); len(w.users) != 0 || len(w.names) != 0 {
		t.Errorf("%d users and %d names are left of a user that was refused", len(w.users), len(w.names))
	}
}

func TestList(t *testing.T) {
	c := admin(t, 0)
	s, dir := newUsers(t, c, c), inNamespace(t, c)
	ids := map[string]string{}
	for _, name := range []string{"ann", "bob", "cy", "dee"} {
		created, err := s.Create(t.Context(), dir, scim.Resource{"userName": name, "displayName": name[:1]})
		wantStatus(t, "Create", err, http.StatusOK)
		ids[name] = created.ID
	}
	var order []string
	for i := 1; i <= 4; i++ {
		page, err := s.List(t.Context(), dir, scim.ListQuery{StartIndex: i, Count: 1})
		if err != nil || page.Total != 4 || len(page.Resources) != 1 {
			t.Fatalf("page %d: total %d, %d users, %v", i, page.Total, len(page.Resources), err)
		}
		order = append(order, page.Resources[0].ID)
	}
	all, err := s.List(t.Context(), dir, scim.ListQuery{StartIndex: 1, Count: 100})
	wantStatus(t, "List", err, http.StatusOK)
	for i := range all.Resources {
		if all.Resources[i].ID != order[i] {
			t.Error("the order depends on the size of the page")
		}
	}
	for query, want := range map[string][]string{
		`filter=userName eq "BOB"`:                        {"bob"},
		`filter=userName eq "nobody"`:                     nil,
		`filter=userName eq " "`:                          nil,
		`filter=displayName eq "c"`:                       {"cy"},
		`filter=userName eq "ann" and displayName eq "b"`: nil,
		`filter=id eq "` + ids["dee"] + `"`:               {"dee"},
		`filter=userName eq "ann"&startIndex=2`:           nil,
		`startIndex=5`:                                    nil,
		`count=0`:                                         nil,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		q, err := scim.ParseListQuery(s.resource, values, 100, 100)
		wantStatus(t, query, err, http.StatusOK)
		page, err := s.List(t.Context(), dir, q)
		wantStatus(t, query, err, http.StatusOK)
		var got []string
		for _, st := range page.Resources {
			got = append(got, st.Resource["userName"].(string))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestWhatIsBeingDeletedIsNotThere(t *testing.T) {
	c := admin(t, 0)
	s, dir := newUsers(t, c, c), inNamespace(t, c)
	created, err := s.Create(t.Context(), dir, named("a"))
	wantStatus(t, "Create", err, http.StatusOK)
	user := look(t, c, dir.Namespace).users[created.ID]
	user.Finalizers = []string{"example.com/hold"}
	if err := c.Update(t.Context(), &user); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, "Delete", s.Delete(t.Context(), dir, created.ID, Precondition{}), http.StatusOK)
	_, err = s.Get(t.Context(), dir, created.ID)
	wantStatus(t, "Get", err, http.StatusNotFound)
	again, err := s.Create(t.Context(), dir, named("A"))
	wantStatus(t, "Create", err, http.StatusOK)
	if again.ID == created.ID {
		t.Error("the id of a user that is still going was used again")
	}
	if page, err := s.List(t.Context(), dir, scim.ListQuery{StartIndex: 1, Count: 10}); err != nil || page.Total != 1 {
		t.Errorf("List counts %d (%v), want 1", page.Total, err)
	}
	user = look(t, c, dir.Namespace).users[created.ID]
	if err := c.Patch(t.Context(), &user, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
		t.Fatal(err)
	}
	look(t, c, dir.Namespace).check(t)
}

func TestNameKeyTellsPartsApart(t *testing.T) {
	seen := map[string]string{}
	for _, parts := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b1:c"}, {"a1:b", "c"}, {"A", "bc"}} {
		key := nameKey(parts[0], v1alpha1.NameAttributeUserName, parts[1])
		if other, clash := seen[key]; clash {
			t.Errorf("%v and %s share the key %s", parts, other, key)
		}
		seen[key] = parts[0] + "/" + parts[1]
	}
}
