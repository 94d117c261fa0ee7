// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/membership"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Here, and nowhere else, the code of the server and that of the controllers meet: what the one writes the other must read as it
// is meant.

// meeting is the store of scim-server, what a controller knows of it, and who is meant to be in which group.
type meeting struct {
	t      *testing.T
	dir    directory.Directory
	live   client.Client
	users  *directory.Store
	groups *directory.Groups
	cached cache.Cache

	mu sync.Mutex
	// found are the groups of each user as a controller saw them when it was woken last.
	found map[string]string

	people []string
	// members of each group are meant to be these, users and groups.
	members map[string]map[string]bool
}

// meet starts a control plane with both sides on it.
func meet(t *testing.T) *meeting {
	t.Helper()
	ctrllog.SetLogger(logr.Discard())
	plane := cluster.ForTest(t, cluster.Options{})
	if err := plane.InstallCRDs(t.Context(), "../../config/crd"); err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	live, err := client.New(plane.AdminConfig(0), client.Options{Scheme: scheme})
	if err = errors.Join(err, v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	m := &meeting{t: t, live: live, found: map[string]string{}, members: map[string]map[string]bool{}}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "meeting-"}}
	if err := live.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	m.dir = directory.Directory{Namespace: namespace.Name, Name: "acme", BaseURL: "https://scim.example"}
	served := m.cache(plane, scheme, directory.IndexFields)
	model, err := directory.NewModel(t.Context(), served)
	if err != nil {
		t.Fatal(err)
	}
	m.users, m.groups = directory.NewUsers(live, served, model), directory.NewGroups(live, served, model)
	m.cached = m.cache(plane, scheme, membership.Register)
	m.control()
	return m
}

// cache starts a cache with indexes.
func (m *meeting) cache(plane *cluster.Cluster, scheme *runtime.Scheme, index func(context.Context, client.FieldIndexer) error) cache.Cache {
	m.t.Helper()
	c, err := cache.New(plane.AdminConfig(0), cache.Options{Scheme: scheme})
	if err == nil {
		err = index(m.t.Context(), c)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	go func() { _ = c.Start(m.t.Context()) }()
	if !c.WaitForCacheSync(m.t.Context()) {
		m.t.Fatal("the cache does not start")
	}
	return c
}

// control does what a controller does: whoever is woken is looked at, and nobody else.
func (m *meeting) control() {
	m.t.Helper()
	queue := priorityqueue.New[reconcile.Request]("meeting")
	m.t.Cleanup(queue.ShutDown)
	sources := []source.SyncingSource{
		source.Kind[client.Object](m.cached, &v1alpha1.ScimUser{}, &handler.EnqueueRequestForObject{}),
		source.Kind[client.Object](m.cached, &v1alpha1.ScimGroup{}, membership.GroupEvents{Reader: m.cached}),
		source.Kind[client.Object](m.cached, &v1alpha1.ScimMemberSlice{}, membership.SliceEvents{Reader: m.cached}),
	}
	for _, s := range sources {
		if err := errors.Join(s.Start(m.t.Context(), queue), s.WaitForSync(m.t.Context())); err != nil {
			m.t.Fatal(err)
		}
	}
	go func() {
		for {
			key, shutdown := queue.Get()
			if shutdown {
				return
			}
			m.reconcile(key)
			queue.Done(key)
		}
	}()
}

func (m *meeting) reconcile(key reconcile.Request) {
	groups, err := membership.GroupsOf(m.t.Context(), m.cached, key.Namespace, key.Name)
	if err != nil {
		return // the test is over
	}
	names := []string{}
	for _, g := range groups {
		names = append(names, g.Name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.found[key.Name] = fmt.Sprint(names)
}

// meant are the groups that each user is meant to be in.
func (m *meeting) meant() map[string]string {
	meant := map[string]string{}
	for _, user := range m.people {
		in := map[string]bool{}
		for todo := []string{user}; len(todo) > 0; todo = todo[1:] {
			for group, members := range m.members {
				if members[todo[0]] && !in[group] {
					in[group] = true
					todo = append(todo, group)
				}
			}
		}
		meant[user] = fmt.Sprint(slices.AppendSeq([]string{}, slices.Values(slices.Sorted(maps.Keys(in)))))
	}
	return meant
}

// converged reports whether the controller has seen what is meant of everybody who is there.
func (m *meeting) converged() (diff string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := map[string]string{}
	for _, user := range m.people {
		found[user] = m.found[user]
	}
	return cmp.Diff(m.meant(), found)
}

func (m *meeting) settle(round int) {
	m.t.Helper()
	diff := ""
	err := wait.PollUntilContextTimeout(m.t.Context(), 5*time.Millisecond, 2*time.Minute, true, func(context.Context) (bool, error) {
		diff = m.converged()
		return diff == "", nil
	})
	if err != nil {
		m.t.Fatalf("round %d: groups of users (-meant +found):\n%s", round, diff)
	}
}

func (m *meeting) must(what string, err error) {
	if err != nil {
		m.t.Errorf("%s: %v", what, err)
	}
}

// join makes users.
func (m *meeting) join(n int) {
	for range n {
		st, err := m.users.Create(m.t.Context(), m.dir, scim.Resource{"userName": fmt.Sprint("user-", len(m.people), "-", rand.Uint64())})
		m.must("create a user", err)
		m.people = append(m.people, st.ID)
	}
}

// change does one thing to a group: members are added, removed, or all replaced.
type change struct {
	group string
	verb  int
	whom  []string
}

// plan decides on a change of a group, and what is meant from then on.
func (m *meeting) plan(r *rand.Rand, group string) change {
	candidates := slices.Concat(m.people, slices.Sorted(maps.Keys(m.members)))
	c := change{group: group, verb: r.IntN(10)}
	for range 1 + r.IntN(200)*r.IntN(2) {
		if pick := candidates[r.IntN(len(candidates))]; pick != group && !slices.Contains(c.whom, pick) {
			c.whom = append(c.whom, pick)
		}
	}
	if c.verb == 0 {
		clear(m.members[group])
	}
	for _, id := range c.whom {
		if c.verb > 5 {
			delete(m.members[group], id)
		} else {
			m.members[group][id] = true
		}
	}
	return c
}

func (m *meeting) do(c change) {
	var g directory.GroupChange
	for _, id := range c.whom {
		g.Members = append(g.Members, scim.Member{Value: id})
	}
	if g.Replace = c.verb == 0; !g.Replace {
		g = directory.GroupChange{Patch: m.patch(c)}
	}
	_, err := m.groups.Change(m.t.Context(), m.dir, c.group, directory.Precondition{}, g, false)
	m.must("change a group", err)
}

func (m *meeting) patch(c change) scim.MemberChange {
	var values []any
	for _, id := range c.whom {
		values = append(values, map[string]any{"value": id})
	}
	op := "add"
	if c.verb > 5 {
		op = "remove"
	}
	p, err := scim.ParsePatch(scim.GroupResourceType(), map[string]any{
		"schemas":    []any{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{map[string]any{"op": op, "path": "members", "value": values}},
	})
	m.must("parse a patch", err)
	members, _, err := p.Members()
	m.must("read a patch", err)
	return members
}

// round changes every group at once, and now and then makes or deletes users and groups.
func (m *meeting) round(r *rand.Rand) {
	if len(m.members) < 12 {
		m.establish(r)
	}
	var all sync.WaitGroup
	for _, group := range slices.Sorted(maps.Keys(m.members)) {
		c := m.plan(r, group)
		all.Go(func() { m.do(c) })
	}
	all.Wait()
	if r.IntN(3) == 0 {
		group := slices.Sorted(maps.Keys(m.members))[r.IntN(len(m.members))]
		m.must("delete a group", m.groups.Delete(m.t.Context(), m.dir, group, directory.Precondition{}))
		m.forget(group)
	}
	if r.IntN(2) == 0 {
		i := r.IntN(len(m.people))
		m.must("delete a user", m.users.Delete(m.t.Context(), m.dir, m.people[i], directory.Precondition{}))
		m.forget(m.people[i])
		m.people = slices.Delete(m.people, i, i+1)
	}
	m.join(1)
}

// establish makes a group, and sometimes a slice in it as a crash leaves one behind, with somebody in it who is not in the group.
func (m *meeting) establish(r *rand.Rand) {
	st, err := m.groups.Create(m.t.Context(), m.dir, scim.Resource{"displayName": fmt.Sprint("group-", rand.Uint64())}, false)
	m.must("create a group", err)
	m.members[st.ID] = map[string]bool{}
	if r.IntN(2) == 0 {
		orphan := &v1alpha1.ScimMemberSlice{ObjectMeta: metav1.ObjectMeta{Namespace: m.dir.Namespace, Name: st.ID + "-orphan"}}
		orphan.Spec.GroupRef.Name, orphan.Spec.Users = st.ID, []string{m.people[r.IntN(len(m.people))]}
		m.must("leave a slice behind", m.live.Create(m.t.Context(), orphan))
	}
}

func (m *meeting) forget(id string) {
	delete(m.members, id)
	for _, members := range m.members {
		delete(members, id)
	}
}

// checkBelow wants UsersBelow to be the same, read from the other side.
func (m *meeting) checkBelow() {
	m.t.Helper()
	below := map[string][]string{}
	for _, user := range m.people {
		groups, err := membership.GroupsOf(m.t.Context(), m.cached, m.dir.Namespace, user)
		m.must("GroupsOf", err)
		for _, g := range groups {
			below[g.Name] = append(below[g.Name], user)
		}
	}
	for group := range m.members {
		users, err := membership.UsersBelow(m.t.Context(), m.cached, m.dir.Namespace, group)
		m.must("UsersBelow", err)
		users = slices.DeleteFunc(users, func(u string) bool { return !slices.Contains(m.people, u) }) // just deleted
		if want := slices.Sorted(slices.Values(below[group])); !slices.Equal(users, want) {
			m.t.Errorf("below %s are %d users, want %d", group, len(users), len(want))
		}
	}
}

// checkConfirm has the API server confirm all that the cache knows, and not what somebody left the moment before.
func (m *meeting) checkConfirm() {
	m.t.Helper()
	confirm := func(user string, groups []string) []string {
		gone, err := membership.Confirm(m.t.Context(), m.live, m.cached, m.dir.Namespace, user, groups)
		m.must("Confirm", err)
		return gone
	}
	for group, members := range m.members {
		for _, user := range m.people {
			if members[user] {
				if gone := confirm(user, []string{group}); len(gone) > 0 {
					m.t.Errorf("%s is not confirmed in %v", user, gone)
				}
				m.forgetMembers(group)
				if gone := confirm(user, []string{group}); len(gone) != 1 {
					m.t.Errorf("%s is confirmed in %s, whom everybody left", user, group)
				}
				break
			}
		}
	}
}

func (m *meeting) forgetMembers(group string) {
	clear(m.members[group])
	_, err := m.groups.Change(m.t.Context(), m.dir, group, directory.Precondition{}, directory.GroupChange{Replace: true}, false)
	m.must("empty a group", err)
}

// TestControllersReadMembershipAsTheServerWritesIt walks at random over groups that grow into many slices, shrink, contain each
// other and go: a controller that looks only at whom its events wake knows of everybody, after each round, which groups they are in.
func TestControllersReadMembershipAsTheServerWritesIt(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	r, m := rand.New(rand.NewPCG(seed, 0)), meet(t)
	m.join(250)
	for round := range lessInShort(60, 25) {
		m.round(r)
		m.settle(round)
	}
	var all v1alpha1.ScimMemberSliceList
	if err := m.live.List(t.Context(), &all, client.InNamespace(m.dir.Namespace)); err != nil {
		t.Fatal(err)
	}
	inner := slices.DeleteFunc(all.Items, func(s v1alpha1.ScimMemberSlice) bool { return len(s.Spec.Children) == 0 })
	t.Logf("%d groups, of whose slices %d were split", len(m.members), len(inner))
	if len(inner) < 3 {
		t.Error("too few slices were split to prove anything")
	}
	m.checkBelow()
	m.checkConfirm()
	m.settle(-1)
}
