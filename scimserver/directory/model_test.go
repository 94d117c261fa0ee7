// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// theDirectory is where the users of tests without an API server are.
var theDirectory = Directory{Namespace: "team-a", Name: "acme", BaseURL: "https://scim.example/scim/v2/team-a/acme"}

// deaf returns a model that no informer feeds.
func deaf(synced bool) *Model {
	return &Model{users: newShelf(userKind()), groups: newShelf(groupKind()), synced: []func() bool{func() bool { return synced }}}
}

// fabricated makes a user as the API server would: created that many seconds after some moment.
func fabricated(id string, seconds, revision int, userName, attributes string) *v1alpha1.ScimUser {
	u := &v1alpha1.ScimUser{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: theDirectory.Namespace, Name: id, ResourceVersion: strconv.Itoa(revision), Generation: 1,
			CreationTimestamp: metav1.Unix(1_700_000_000+int64(seconds), 0),
		},
		Spec: v1alpha1.ScimUserSpec{DirectoryRef: v1alpha1.LocalReference{Name: theDirectory.Name}, UserName: userName, State: v1alpha1.StateActive},
	}
	if attributes != "" {
		u.Spec.Attributes = &runtime.RawExtension{Raw: []byte(attributes)}
	}
	return u
}

// shown are the ids of a model's users and their versions, oldest first.
func shown(m *Model) []string {
	objects, total := m.users.roll(client.ObjectKey{Namespace: theDirectory.Namespace, Name: theDirectory.Name}).page(nil, 0, 1<<20)
	if total != len(objects) {
		return []string{fmt.Sprintf("%d of %d", len(objects), total)}
	}
	out := make([]string, 0, total)
	for _, o := range objects {
		out = append(out, o.GetName()+"@"+o.GetResourceVersion())
	}
	return out
}

func TestModelKnowsWhatIsNewer(t *testing.T) {
	created, changed := fabricated("a", 0, 10, "a", ""), fabricated("a", 0, 12, "b", "")
	deleting, kept := fabricated("a", 0, 13, "b", ""), fabricated("a", 0, 13, "b", "")
	deleting.DeletionTimestamp, kept.Spec.DeletedAt = &metav1.Time{Time: time.Unix(1, 0)}, &metav1.Time{Time: time.Unix(1, 0)}
	ended := fabricated("a", 0, 14, "b", "")
	missed := toolscache.DeletedFinalStateUnknown{Key: "team-a/a", Obj: created}
	type step func(*Model)
	saw := func(o client.Object) step { return func(m *Model) { m.saw(o) } }
	gone := func(o client.Object) step { return func(m *Model) { m.gone(o) } }
	add := func(o any) step { return func(m *Model) { m.users.handler().OnAdd(o, false) } }
	update := func(o any) step { return func(m *Model) { m.users.handler().OnUpdate(nil, o) } }
	end := func(o any) step { return func(m *Model) { m.users.handler().OnDelete(o) } }
	for name, tc := range map[string]struct {
		reason string
		steps  []step
		want   []string
		known  int
	}{
		"OwnWrite":        {"a replica reads its own writes", []step{saw(created), saw(changed)}, []string{"a@12"}, 1},
		"LateEvent":       {"what is older than our write must not undo it", []step{saw(changed), add(created)}, []string{"a@12"}, 1},
		"OwnDelete":       {"neither must it undo our deletion", []step{add(created), saw(changed), gone(changed), update(changed)}, []string{}, 1},
		"LateCreation":    {"not even the creation", []step{gone(changed), add(created), update(changed)}, []string{}, 1},
		"DeletePassed":    {"nothing is left to remember once the informer is there", []step{add(created), gone(created), end(ended)}, []string{}, 0},
		"StillGoing":      {"a finalizer keeps the object, not the user", []step{add(changed), update(deleting)}, []string{}, 1},
		"Kept":            {"a user who is kept is deleted for SCIM", []step{add(changed), update(kept)}, []string{}, 1},
		"KeptAndBack":     {"until somebody takes that back", []step{add(changed), update(kept), update(fabricated("a", 0, 15, "b", ""))}, []string{"a@15"}, 1},
		"Missed":          {"a deletion that was missed is one, whatever we wrote before it", []step{add(created), saw(changed), end(missed)}, []string{}, 0},
		"Again":           {"somebody put the object back under the same name", []step{add(created), gone(created), add(fabricated("a", 9, 20, "a", ""))}, []string{"a@20"}, 1},
		"AgainInOneEvent": {"and the informer saw only the outcome", []step{add(created), update(fabricated("a", 9, 20, "a", ""))}, []string{"a@20"}, 1},
		"LateEnd":         {"the end of one before", []step{saw(fabricated("a", 9, 20, "a", "")), end(ended)}, []string{"a@20"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := deaf(true)
			for _, do := range tc.steps {
				do(m)
			}
			if diff := cmp.Diff(tc.want, shown(m)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if got := len(m.users.rollOf(created).byID); got != tc.known {
				t.Errorf("%d ids are remembered, want %d", got, tc.known)
			}
		})
	}
}

func TestWhatCannotBeReadIsNotShown(t *testing.T) {
	for attributes, want := range map[string]int{
		`{"emails":`: 0, `[]`: 0, `1`: 0, "": 1,
		`{"emails":[{"value":5},{"value":"x"},7]}`: 1, `{"emails":{"value":"x"}}`: 1, `{"emails":"x"}`: 1, `{"emails":null}`: 1, `{}`: 1,
	} {
		m := deaf(true)
		m.saw(fabricated("a", 0, 1, "a", attributes))
		m.saw(fabricated("a", 0, 2, "a", attributes))
		if got := len(shown(m)); got != want {
			t.Errorf("with the attributes %s %d users are shown, want %d", attributes, got, want)
		}
		m.gone(fabricated("a", 0, 2, "a", attributes))
		if x := m.users.rollOf(fabricated("a", 0, 1, "", "")).index; len(x.one)+len(x.more) > 0 {
			t.Errorf("with the attributes %s something is left in the index", attributes)
		}
	}
}

// TestFoldedAsFiltersCompare holds the index against strings.EqualFold, which is what filters compare e-mail addresses like.
func TestFoldedAsFiltersCompare(t *testing.T) {
	for r := range unicode.MaxRune {
		if other := unicode.SimpleFold(r); utf8.ValidRune(r) && folded(string(r)) != folded(string(other)) {
			t.Errorf("%q and %q are equal but for case, and the index has %q and %q", r, other, folded(string(r)), folded(string(other)))
		}
	}
}

// apiServer is a history of users, and a reader of what is there now.
type apiServer struct {
	client.Reader
	revision int
	users    map[string]*v1alpha1.ScimUser
	events   []watchEvent
}

type watchEvent struct {
	deleted bool
	user    *v1alpha1.ScimUser
	was     *v1alpha1.ScimUser // of who was deleted
}

func (a *apiServer) Get(_ context.Context, key client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	u, ok := a.users[key.Name]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
	}
	u.DeepCopyInto(o.(*v1alpha1.ScimUser))
	return nil
}

// write creates, changes or deletes somebody.
func (a *apiServer) write(random *rand.Rand) watchEvent {
	a.revision++
	name, seconds := "n"+strconv.Itoa(random.IntN(5)), random.IntN(5)
	attributes := fmt.Sprintf(`{"emails":[{"value":"%d@X"},{"value":"%d@x"}]}`, random.IntN(5), random.IntN(5))
	ids := slices.Sorted(maps.Keys(a.users))
	if len(ids) == 0 || random.IntN(3) == 0 {
		u := fabricated(uuid.NewString(), seconds, a.revision, name, attributes)
		u.Spec.ExternalID = strconv.Itoa(random.IntN(5))
		a.users[u.Name] = u
		return a.tell(watchEvent{user: u})
	}
	u := a.users[ids[random.IntN(len(ids))]].DeepCopy()
	u.ResourceVersion = strconv.Itoa(a.revision)
	if random.IntN(3) == 0 {
		was := a.users[u.Name]
		delete(a.users, u.Name)
		return a.tell(watchEvent{deleted: true, user: u, was: was})
	}
	u.Spec.UserName, u.Spec.Attributes.Raw = name, []byte(attributes)
	if random.IntN(8) == 0 {
		u.Spec.DeletedAt = &metav1.Time{Time: time.Unix(1, 0)}
	}
	a.users[u.Name] = u
	return a.tell(watchEvent{user: u})
}

func (a *apiServer) tell(e watchEvent) watchEvent {
	a.events = append(a.events, e)
	return e
}

// informer delivers the events of an API server to a model, late.
type informer struct {
	server *apiServer
	read   int // of server.events
	known  map[string]*v1alpha1.ScimUser
	to     toolscache.ResourceEventHandler
}

func (i *informer) deliver() {
	e := i.server.events[i.read]
	i.read++
	was, known := i.known[e.user.Name]
	switch {
	case e.deleted:
		delete(i.known, e.user.Name)
		i.to.OnDelete(e.user)
		return
	case known:
		i.to.OnUpdate(was, e.user)
	default:
		i.to.OnAdd(e.user, false)
	}
	i.known[e.user.Name] = e.user
}

// relist is what an informer does when its watch was interrupted for too long.
func (i *informer) relist() {
	i.read = len(i.server.events)
	for id, u := range i.known {
		if i.server.users[id] == nil {
			i.to.OnDelete(toolscache.DeletedFinalStateUnknown{Key: id, Obj: u})
		}
	}
	for id, u := range i.server.users {
		if i.known[id] != nil {
			i.to.OnUpdate(i.known[id], u)
		} else {
			i.to.OnAdd(u, false)
		}
	}
	i.known = maps.Clone(i.server.users)
}

// TestModelFollows lets a process write, and others, while its informer is late and loses its watch. The process always reads its own
// writes; when the informer is there and ghosts are looked for, the model is what the API server has, in order and by every index.
func TestModelFollows(t *testing.T) {
	seed := uint64(time.Now().UnixNano()) //nolint:forbidigo // the seed is printed
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 100 {
		m := deaf(true)
		server := &apiServer{revision: 100, users: map[string]*v1alpha1.ScimUser{}}
		i := &informer{server: server, known: map[string]*v1alpha1.ScimUser{}, to: m.users.handler()}
		ours := map[string]watchEvent{}
		for range 60 {
			switch n := random.IntN(20); {
			case n == 0:
				i.relist()
			case n < 8 && i.read < len(server.events):
				i.deliver()
			default:
				if e := server.write(random); n < 14 {
					ours[e.user.Name] = e
					tellOwn(m, e)
				}
			}
			wantOwnWrites(t, m, server, ours)
		}
		for i.read < len(server.events) {
			i.deliver()
		}
		m.forgetGhosts(t.Context(), server)
		m.forgetGhosts(t.Context(), server)
		wantAll(t, m, server)
		if t.Failed() {
			return
		}
	}
}

func tellOwn(m *Model, e watchEvent) {
	if e.deleted {
		m.gone(e.was.DeepCopy())
		return
	}
	m.saw(e.user.DeepCopy())
}

func wantOwnWrites(t *testing.T, m *Model, server *apiServer, ours map[string]watchEvent) {
	t.Helper()
	for id, e := range ours {
		o, _ := m.users.rollOf(e.user).get(id)
		switch {
		case o == nil && !e.deleted && present(e.user):
			known := m.users.rollOf(e.user).byID[id]
			if known == nil && server.users[id] != nil || known != nil && known.revision <= revision(e.user) {
				t.Errorf("our own write %s of %s is not shown", e.user.ResourceVersion, id)
			}
		case o != nil && revision(o) < revision(e.user):
			t.Errorf("%s is shown as of %s, although we wrote it in %s", id, o.GetResourceVersion(), e.user.ResourceVersion)
		}
	}
}

// wantAll holds a model against what an API server has.
func wantAll(t *testing.T, m *Model, server *apiServer) {
	t.Helper()
	var want []*v1alpha1.ScimUser
	for _, u := range server.users {
		if present(u) {
			want = append(want, u)
		}
	}
	slices.SortFunc(want, func(a, b *v1alpha1.ScimUser) int { return byAge(a, b) })
	ordered := []string{}
	for _, u := range want {
		ordered = append(ordered, u.Name+"@"+u.ResourceVersion)
	}
	if diff := cmp.Diff(ordered, shown(m)); diff != "" {
		t.Errorf("the order (-want +got):\n%s", diff)
	}
	r := m.users.rollOf(fabricated("", 0, 0, "", ""))
	if len(r.byID) != len(server.users) {
		t.Errorf("%d ids are remembered of %d", len(r.byID), len(server.users))
	}
	entries := len(r.index.one)
	for _, others := range r.index.more {
		entries += len(others)
	}
	for _, u := range want {
		values, _ := r.valuesOf(u)
		entries -= len(values)
		name, _ := scim.CanonicalUserName(u.Spec.UserName)
		emails, _ := emailsOf(u.Spec.Attributes.Raw)
		for attribute, text := range map[string]string{attrUserName: name, attrExternalID: u.Spec.ExternalID, attrEmail: folded(emails[1])} {
			if found, _ := r.find(attribute, text); !slices.ContainsFunc(found, func(o client.Object) bool { return o.GetName() == u.Name }) {
				t.Errorf("%s is not found by its %s", u.Name, attribute)
			}
		}
	}
	if entries != 0 {
		t.Errorf("the index has %d values too many", entries)
	}
}
