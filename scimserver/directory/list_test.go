// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// nothing is a cache without anything in it.
type nothing struct{ client.Reader }

func (nothing) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// offline returns a store of users that has a model and no API server.
func offline(m *Model) *Store { return newStore(userKind(), nil, nothing{}, m) }

func query(t testing.TB, text string) scim.ListQuery {
	t.Helper()
	values, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	q, err := scim.ParseListQuery(scim.UserResourceType(), values, 100, 1000)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return q
}

func filtering(t testing.TB, text string) scim.ListQuery {
	t.Helper()
	return query(t, "filter="+url.QueryEscape(text))
}

// crowd returns a model of n users with few different values of everything, and their ids.
func crowd(random *rand.Rand, n int) (m *Model, ids []string) {
	m = deaf(true)
	for i := range n {
		id := uuid.NewString()
		attributes := fmt.Sprintf(`{"nickName":"n%d","title":%q,"emails":[{"type":"work","value":"W%d@x"},{"type":"home","value":"h%d@X"}]}`,
			random.IntN(4), []string{"a", "B", "ä"}[random.IntN(3)], random.IntN(4), random.IntN(4))
		u := fabricated(id, random.IntN(n/4+1), i+1, "User"+strconv.Itoa(i), attributes)
		u.Spec.ExternalID = "e" + strconv.Itoa(random.IntN(4))
		if random.IntN(3) == 0 {
			u.Spec.State = v1alpha1.StateSuspended
		}
		m.users.handler().OnAdd(u, true)
		ids = append(ids, id)
	}
	return m, ids
}

// everybody are the users of a model as a scan decodes them, oldest first, by nothing but the map of ids.
func everybody(t testing.TB, s *Store) []Stored {
	t.Helper()
	var all []Stored
	for _, e := range s.roll(theDirectory).byID {
		if e.object == nil {
			continue
		}
		st, err := s.read(e.object)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, st)
	}
	slices.SortFunc(all, func(a, b Stored) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return all
}

func idsOf(all []Stored) []string {
	ids := []string{}
	for _, st := range all {
		ids = append(ids, st.ID)
	}
	return ids
}

// TestIndexesChangeNothing holds every filter that is answered from an index, and some that are not, against a match of everybody.
func TestIndexesChangeNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	m, ids := crowd(random, 300)
	s := offline(m)
	for _, filter := range []string{
		`id eq "` + ids[7] + `"`, `id eq "` + ids[7] + `" and active eq true`, `id eq "` + ids[7] + `" and active eq false`,
		`userName eq "USER5"`, `userName eq "user5" and externalId eq "e1"`, `active eq true and userName eq "user6"`, `userName eq " no name "`,
		`externalId eq "e1"`, `externalId eq "E1"`, `externalId eq "e1" and title eq "b"`, `externalId eq "none"`,
		`emails.value eq "w1@X"`, `emails eq "h1@x"`, `emails[value eq "H2@x"]`, `emails[type eq "work"].value eq "w1@x"`,
		`emails[type eq "work" and value eq "h1@x"]`, `emails[type eq "home" and value eq "h1@x"] and active eq true`,
		`emails.value eq "w1@x" or externalId eq "e2"`, `not (externalId eq "e1")`, `externalId ne "e1"`,
		`active eq false`, `meta.created gt "2023-11-14T22:13:30Z"`, `schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`,
		`nickName sw "n"`, `title pr and userName co "1"`, `groups pr`,
	} {
		q := filtering(t, filter)
		q.Count = 1000
		page, err := s.List(t.Context(), theDirectory, q)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		want := slices.DeleteFunc(everybody(t, s), func(st Stored) bool { return !q.Filter.Match(st.Resource, Common(st, theDirectory)) })
		if diff := gocmp.Diff(idsOf(want), idsOf(page.Resources)); diff != "" || page.Total != len(want) {
			t.Errorf("%s: total %d of %d (-want +got):\n%s", filter, page.Total, len(want), diff)
		}
		for _, st := range page.Resources {
			if st.Resource["nickName"] == nil {
				t.Errorf("%s: a user is shown without what the filter did not look at", filter)
			}
		}
	}
}

// brute is the page that q asks for, by the definition of it.
func brute(t testing.TB, s *Store, q scim.ListQuery) Page {
	t.Helper()
	all := slices.DeleteFunc(everybody(t, s), func(st Stored) bool {
		return q.Filter != nil && !q.Filter.Match(st.Resource, Common(st, theDirectory))
	})
	key := func(st Stored) string {
		if q.Sort == nil {
			return ""
		}
		return q.Sort.Key(st.Resource, Common(st, theDirectory))
	}
	compare := func(a, b Stored, keyOfB string) int {
		if q.Sort == nil {
			return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
		}
		return cmp.Or(q.Sort.CompareKeys(key(a), keyOfB), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(all, func(a, b Stored) int { return compare(a, b, key(b)) })
	page := Page{Total: len(all)}
	rest := all
	if q.After != nil {
		at := Stored{Created: q.After.LastCreated, ID: q.After.LastID}
		rest = slices.DeleteFunc(all, func(st Stored) bool { return compare(st, at, q.After.LastKey) <= 0 })
	} else {
		rest = rest[min(q.StartIndex-1, len(rest)):]
	}
	page.Resources = rest[:min(q.Count, len(rest))]
	if n := len(page.Resources); n > 0 && n < len(rest) {
		last := page.Resources[n-1]
		page.Next = &scim.Position{LastCreated: last.Created, LastID: last.ID, LastKey: key(last)}
	}
	return page
}

// stirred changes the crowd: somebody leaves, somebody comes, somebody changes in what the walks do not sort by.
func stirred(m *Model, random *rand.Rand, revision int) (left string) {
	r := m.users.roll(client.ObjectKey{Namespace: theDirectory.Namespace, Name: theDirectory.Name})
	objects, total := r.page(nil, random.IntN(100), 1)
	if total == 0 || len(objects) == 0 || random.IntN(2) == 0 {
		m.saw(fabricated(uuid.NewString(), random.IntN(40), revision, "new"+strconv.Itoa(revision), `{"nickName":"n1","title":"b"}`))
		return ""
	}
	u := objects[0].(*v1alpha1.ScimUser).DeepCopy()
	if random.IntN(2) == 0 {
		m.gone(u)
		return u.Name
	}
	u.ResourceVersion, u.Spec.UserName = strconv.Itoa(revision), "renamed"+strconv.Itoa(revision)
	m.saw(u)
	return ""
}

func TestWalkMissesNobody(t *testing.T) {
	seed := uint64(time.Now().UnixNano()) //nolint:forbidigo // the seed is printed
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	revision := 1000
	for _, text := range []string{
		"", "sortBy=title", "sortBy=title&sortOrder=descending", "sortBy=nickName", "sortBy=name.familyName", "sortBy=meta.created&sortOrder=descending",
		"filter=title+pr", "filter=emails+pr&sortBy=title", "sortBy=id", `filter=externalId+eq+"e1"`, "sortBy=active",
	} {
		for range 5 {
			m, _ := crowd(random, 60)
			s := offline(m)
			q := query(t, text)
			everyone := q
			everyone.Count = 1000
			living := map[string]bool{}
			for _, st := range brute(t, s, everyone).Resources {
				living[st.ID] = true
			}
			q.Count, q.Cursor = 1+random.IntN(9), new(string)
			seen := map[string]bool{}
			for {
				want := brute(t, s, q)
				page, err := s.List(t.Context(), theDirectory, q)
				if err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(want, page); diff != "" {
					t.Fatalf("%q after %v (-want +got):\n%s", text, q.After, diff)
				}
				for _, st := range page.Resources {
					if seen[st.ID] {
						t.Errorf("%q: %s is met twice", text, st.ID)
					}
					seen[st.ID] = true
				}
				if page.Next == nil {
					break
				}
				for range random.IntN(6) {
					revision++
					delete(living, stirred(m, random, revision))
				}
				q.After = page.Next
			}
			for id := range living {
				if !seen[id] {
					t.Errorf("%q: %s lives throughout and is missed", text, id)
				}
			}
		}
	}
}

// TestIndexPages holds pages by index, with and without filter and order, against the definition.
func TestIndexPages(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	m, _ := crowd(random, 50)
	s := offline(m)
	for _, text := range []string{"", "sortBy=title", "filter=title+pr", "filter=active+eq+true&sortBy=userName&sortOrder=descending"} {
		for _, start := range []int{1, 2, 17, 50, 51, 1 << 40} {
			for _, count := range []int{0, 1, 7, 50, 51, 1000} {
				q := query(t, fmt.Sprintf("%s&startIndex=%d&count=%d", text, start, count))
				page, err := s.List(t.Context(), theDirectory, q)
				if diff := gocmp.Diff(brute(t, s, q), page); err != nil || diff != "" {
					t.Errorf("%q from %d, %d: %v (-want +got):\n%s", text, start, count, err, diff)
				}
			}
		}
	}
}

// TestPositionsBetweenKeys are what a search over users and groups makes of a position in the other kind.
func TestPositionsBetweenKeys(t *testing.T) {
	m := deaf(true)
	for i, title := range []string{"a", "b", "b", "c"} {
		m.saw(fabricated(strconv.Itoa(i), i, i+1, "u"+strconv.Itoa(i), `{"title":"`+title+`"}`))
	}
	s := offline(m)
	q := query(t, "sortBy=title")
	key := q.Sort.Key(scim.Resource{"title": "b"}, scim.Common{})
	for name, tc := range map[string]struct {
		after scim.Position
		want  []string
	}{
		"equal or later":    {scim.Position{LastKey: key}, []string{"1", "2", "3"}},
		"strictly later":    {scim.Position{LastKey: key, LastCreated: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, []string{"3"}},
		"somebody who left": {scim.Position{LastKey: key, LastCreated: time.Unix(1_700_000_001, 0), LastID: "11"}, []string{"2", "3"}},
	} {
		q.After = &tc.after
		page, err := s.List(t.Context(), theDirectory, q)
		if diff := gocmp.Diff(tc.want, idsOf(page.Resources)); err != nil || diff != "" || page.Total != 4 {
			t.Errorf("%s: total %d, %v (-want +got):\n%s", name, page.Total, err, diff)
		}
	}
}

func TestListsUntilTheModelIsSynced(t *testing.T) {
	c := admin(t, 0)
	dir := inNamespace(t, c)
	writer := newUsers(t, c, c)
	created, err := writer.Create(t.Context(), dir, scim.Resource{"userName": "Ada", "externalId": "e"})
	wantStatus(t, "Create", err, http.StatusOK)
	for name, tc := range map[string]struct {
		synced bool
		other  int
	}{
		"not synced": {false, http.StatusServiceUnavailable},
		"late":       {true, http.StatusOK},
	} {
		s := newStore(userKind(), c, uncached{c}, deaf(tc.synced))
		s.log = slog.New(slog.DiscardHandler)
		_, err := s.Create(t.Context(), dir, named("of this process "+name[:1]))
		wantStatus(t, "Create", err, http.StatusOK)
		for _, text := range []string{`id eq "` + created.ID + `"`, `userName eq "ADA"`, `userName eq "ada" and externalId eq "e"`} {
			page, err := s.List(t.Context(), dir, filtering(t, text))
			if err != nil || !slices.Equal(idsOf(page.Resources), []string{created.ID}) {
				t.Errorf("%s: %s finds %v (%v): it must be found at once on every replica", name, text, idsOf(page.Resources), err)
			}
		}
		for _, text := range []string{`externalId eq "none"`, `emails eq "none"`, `nickName eq "none"`} {
			_, err := s.List(t.Context(), dir, filtering(t, text))
			wantStatus(t, name+": "+text, err, tc.other)
		}
		_, err = s.List(t.Context(), dir, query(t, "sortBy=userName"))
		wantStatus(t, name+": sorted", err, tc.other)
		_, err = s.List(t.Context(), dir, query(t, ""))
		wantStatus(t, name+": all", err, tc.other)
	}
}

// TestOwnWritesAreListed lets a process write that hears of nothing: what it lists is what it wrote.
func TestOwnWritesAreListed(t *testing.T) {
	c := admin(t, 0)
	dir, m := inNamespace(t, c), deaf(true)
	users, groups := newStore(userKind(), c, uncached{c}, m), NewGroups(c, uncached{c}, m)
	user, err := users.Create(t.Context(), dir, named("ada"))
	wantStatus(t, "Create user", err, http.StatusOK)
	wantListed(t, users.List, dir, user)
	user, err = users.Modify(t.Context(), dir, user.ID, Precondition{}, func(r scim.Resource) (scim.Resource, error) {
		r["nickName"] = "a"
		return r, nil
	})
	wantStatus(t, "Modify user", err, http.StatusOK)
	wantListed(t, users.List, dir, user)
	user, err = users.Modify(t.Context(), dir, user.ID, Precondition{}, rename("bob"))
	wantStatus(t, "rename user", err, http.StatusOK)
	wantListed(t, users.List, dir, user)
	group, err := groups.Create(t.Context(), dir, scim.Resource{"displayName": "g"}, false)
	wantStatus(t, "Create group", err, http.StatusOK)
	wantListed(t, groups.List, dir, group)
	change := GroupChange{Replace: true, Members: []scim.Member{{Value: user.ID}}}
	group, err = groups.Change(t.Context(), dir, group.ID, Precondition{}, change, false)
	wantStatus(t, "Change group", err, http.StatusOK)
	wantListed(t, groups.List, dir, group)
	wantStatus(t, "Delete user", users.Delete(t.Context(), dir, user.ID, Precondition{}), http.StatusOK)
	wantListed(t, users.List, dir)
	wantStatus(t, "Delete group", groups.Delete(t.Context(), dir, group.ID, Precondition{}), http.StatusOK)
	wantListed(t, groups.List, dir)
}

// wantListed fails if a list has anything else, or something in another version.
func wantListed(t *testing.T, list func(context.Context, Directory, scim.ListQuery) (Page, error), dir Directory, want ...Stored) {
	t.Helper()
	page, err := list(t.Context(), dir, scim.ListQuery{StartIndex: 1, Count: 10})
	if err != nil || page.Total != len(want) || len(page.Resources) != len(want) {
		t.Fatalf("listed are %d of %d (%v), want %d", len(page.Resources), page.Total, err, len(want))
	}
	for i, st := range want {
		delete(page.Resources[i].Resource, "groups")
		page.Resources[i].Members = nil
		if diff := gocmp.Diff(st, page.Resources[i]); diff != "" {
			t.Errorf("listed is something else (-want +got):\n%s", diff)
		}
	}
}

// TestHitsAskNobody counts the reads of the API server: none for who is there, and what was deleted by another process is found out.
func TestHitsAskNobody(t *testing.T) {
	c := admin(t, 0)
	dir := inNamespace(t, c)
	var reads atomic.Int32
	counting := interceptor.NewClient(c, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			reads.Add(1)
			return c.Get(ctx, key, o, opts...)
		},
	})
	s, other := newUsers(t, counting, c), newUsers(t, c, c)
	created, err := s.Create(t.Context(), dir, scim.Resource{"userName": "ada", "externalId": "e"})
	wantStatus(t, "Create", err, http.StatusOK)
	eventually(t, "the informer has heard", func() bool { _, heard := s.roll(dir).get(created.ID); return heard })
	queries := []string{`id eq "` + created.ID + `"`, `userName eq "ADA"`, `externalId eq "e"`, `active eq true`}
	reads.Store(0)
	for _, text := range queries {
		page, err := s.List(t.Context(), dir, filtering(t, text))
		if err != nil || page.Total != 1 || reads.Load() != 0 {
			t.Errorf("%s: found %d with %d reads (%v), want 1 with none", text, page.Total, reads.Load(), err)
		}
	}
	wantStatus(t, "Delete", other.Delete(t.Context(), dir, created.ID, Precondition{}), http.StatusOK)
	for _, text := range queries {
		eventually(t, text+" finds nobody", func() bool {
			page, err := s.List(t.Context(), dir, filtering(t, text))
			return err == nil && page.Total == 0
		})
	}
}

// TestWalkWhileOthersWrite walks over two processes, page by page, while both create, change and delete.
func TestWalkWhileOthersWrite(t *testing.T) {
	dir := inNamespace(t, admin(t, 0))
	var stores []*Store
	for i := range 2 {
		s := newStore(userKind(), admin(t, i), uncached{admin(t, i)}, modelOf(t, i))
		s.log = slog.New(slog.DiscardHandler)
		stores = append(stores, s)
	}
	all := people(t, admin(t, 0), dir, 120)
	staying, leaving := all[:60], all[60:]
	for _, s := range stores {
		eventually(t, "both know of all", func() bool { _, total := s.roll(dir).page(nil, 0, 0); return total == 120 })
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for i, s := range stores {
		writers.Go(func() {
			for n := i; n < len(leaving) && ctx.Err() == nil; n += 2 {
				wantOK(t, s.Delete(t.Context(), dir, leaving[n], Precondition{}))
				_, err := s.Create(t.Context(), dir, named("new"+strconv.Itoa(n)))
				wantOK(t, err)
				_, err = s.Modify(t.Context(), dir, staying[n], Precondition{}, func(r scim.Resource) (scim.Resource, error) {
					r["nickName"] = "changed"
					return r, nil
				})
				wantOK(t, err)
			}
		})
	}
	for _, text := range []string{"count=7", "count=7&sortBy=userName", "count=7&sortBy=userName&sortOrder=descending", "count=7&filter=userName+sw+%22P%22", "count=3"} {
		walk(t, stores, dir, text, staying)
	}
	stop()
	writers.Wait()
	for _, s := range stores {
		walk(t, []*Store{s}, dir, "count=13", staying)
	}
}

func wantOK(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("a write fails: %v", err)
	}
}

// walk goes over a query with cursors and fails if it misses one of those who are there throughout.
func walk(t *testing.T, stores []*Store, dir Directory, text string, staying []string) {
	t.Helper()
	q := query(t, text+"&cursor=")
	seen := map[string]int{}
	for n := 0; ; n++ {
		page, err := stores[n%len(stores)].List(t.Context(), dir, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range page.Resources {
			seen[st.ID]++
		}
		if page.Next == nil {
			break
		}
		q.After = page.Next
	}
	for _, id := range staying {
		if seen[id] != 1 {
			t.Errorf("%q: %s is met %d times, want once", text, id, seen[id])
		}
	}
}
