// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// state is what there is: the version of each object by its name.
type state map[client.ObjectKey]string

// everyKey yields the keys that the test uses.
func everyKey(yield func(client.ObjectKey) bool) {
	for _, namespace := range []string{"a", "b"} {
		for _, name := range []string{"0", "1"} {
			if !yield(client.ObjectKey{Namespace: namespace, Name: name}) {
				return
			}
		}
	}
}

// history is an API server with every state that it has been in, a watch that lags behind it and may break, and a list that
// may be on its way.
type history struct {
	random *rand.Rand
	mirror *mirror[*v1alpha1.ScimToken]
	// told is what the mirror has told of changes.
	told    state
	states  []state // by version
	objects []map[client.ObjectKey]*v1alpha1.ScimToken
	events  []func() // by version; they tell the mirror
	// watched is the version up to which the watch has told everything, heard that for one object.
	watched  int
	heard    map[client.ObjectKey]int
	informer map[client.ObjectKey]*v1alpha1.ScimToken
	asked    map[string]int // the version of the list under way, by namespace
	floors   map[string]int
	log      []string
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{
		random: rand.New(rand.NewPCG(seed, 1)), told: state{}, states: []state{{}}, objects: []map[client.ObjectKey]*v1alpha1.ScimToken{{}},
		events: []func(){nil}, informer: map[client.ObjectKey]*v1alpha1.ScimToken{}, heard: map[client.ObjectKey]int{}, asked: map[string]int{}, floors: map[string]int{},
	}
	h.mirror = newMirror(func(old, next *v1alpha1.ScimToken) {
		switch {
		case old != nil && h.told[client.ObjectKeyFromObject(old)] != old.ResourceVersion:
			t.Fatalf("seed %d: told of the end of %s, which was not there: %v", seed, old.ResourceVersion, h.log)
		case next != nil:
			h.told[client.ObjectKeyFromObject(next)] = next.ResourceVersion
		case old != nil:
			delete(h.told, client.ObjectKeyFromObject(old))
		}
	})
	return h
}

func (h *history) now() int { return len(h.states) - 1 }

// change creates, updates or deletes something.
func (h *history) change() {
	key := client.ObjectKey{Namespace: []string{"a", "b"}[h.random.IntN(2)], Name: strconv.Itoa(h.random.IntN(2))}
	version := h.now() + 1
	before, next := h.objects[h.now()], maps.Clone(h.objects[h.now()])
	obj := &v1alpha1.ScimToken{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, ResourceVersion: strconv.Itoa(version), UID: types.UID(fmt.Sprint("uid", version))}}
	old, there := before[key]
	if there {
		obj.UID = old.UID
	}
	deletes := there && h.random.IntN(2) == 0
	if next[key] = obj; deletes {
		delete(next, key)
	}
	h.objects = append(h.objects, next)
	versions := state{}
	for key, obj := range next {
		versions[key] = obj.ResourceVersion
	}
	h.states = append(h.states, versions)
	h.events = append(h.events, func() {
		if deletes {
			delete(h.informer, key)
			h.mirror.remove(obj)
			return
		}
		h.informer[key] = obj
		h.mirror.put(obj)
	})
}

// deliver has the watch tell one more change.
func (h *history) deliver() {
	if h.watched < h.now() {
		h.watched++
		h.events[h.watched]()
		for key := range everyKey {
			if h.heard[key] == h.watched-1 || h.states[h.watched][key] != h.states[h.watched-1][key] {
				h.heard[key] = h.watched
			}
		}
	}
}

// reconnect has the watch begin again with a list, which it tells in any order. Of what is gone it knows the last version that it had,
// and of what came and went in the meantime, nothing.
func (h *history) reconnect() {
	h.watched = h.now()
	for key := range everyKey {
		had, next := h.informer[key], h.objects[h.watched][key]
		switch {
		case next != nil:
			h.informer[key] = next
			h.mirror.put(next)
			h.heard[key] = h.watched
		case had != nil:
			delete(h.informer, key)
			h.mirror.remove(had)
			if h.last(key).UID == had.UID {
				h.heard[key] = h.watched
			}
		}
	}
}

// last is the last object of that name that there was.
func (h *history) last(key client.ObjectKey) *v1alpha1.ScimToken {
	for _, objects := range slices.Backward(h.objects) {
		if obj, there := objects[key]; there {
			return obj
		}
	}
	return nil
}

// ask begins a list of a namespace, or ends the one that is under way.
func (h *history) ask(namespace string) error {
	version, asked := h.asked[namespace]
	if !asked {
		h.asked[namespace] = h.now()
		return nil
	}
	delete(h.asked, namespace)
	if version == 0 {
		return nil
	}
	var items []*v1alpha1.ScimToken
	for key, obj := range h.objects[version] {
		if namespace == "" || key.Namespace == namespace {
			items = append(items, obj)
		}
	}
	h.floors[namespace] = version
	return h.mirror.replace(namespace, strconv.Itoa(version), items)
}

// check compares what the mirror has with every state that may be known by now.
func (h *history) check() (diff string) {
	have := state{}
	for key, record := range h.mirror.known {
		if record.object != nil {
			have[key] = record.version
		}
	}
	if diff := cmp.Diff(have, h.told); diff != "" {
		return "what it told is not what it has (-has +told):\n" + diff
	}
	for key := range everyKey {
		known := false
		for version := max(h.heard[key], h.floors[key.Namespace], h.floors[""]); version <= h.now(); version++ {
			known = known || h.states[version][key] == have[key]
		}
		if !known {
			return fmt.Sprintf("%s is %q, which is over", key, have[key])
		}
	}
	return ""
}

// TestMirrorNeverGoesBack: whatever order the watch and the lists come in, the mirror has each object as it is or was after the
// last thing that it has heard of; so nothing that was deleted or revoked comes back.
func TestMirrorNeverGoesBack(t *testing.T) {
	for _, namespaces := range [][]string{{""}, {"a", "b"}} {
		for seed := range uint64(200) {
			h := newHistory(t, seed)
			for range 80 {
				step := h.random.IntN(10)
				h.log = append(h.log, strconv.Itoa(step))
				var err error
				switch {
				case step < 4:
					h.change()
				case step < 6:
					h.deliver()
				case step == 6:
					h.reconnect()
				default:
					err = h.ask(namespaces[h.random.IntN(len(namespaces))])
				}
				if diff := h.check(); diff != "" || err != nil {
					t.Fatalf("%q, seed %d, after %v: %v %s", namespaces, seed, h.log, err, diff)
				}
			}
			h.settle(t, namespaces)
		}
	}
}

// settle: with nothing under way the mirror is what there is, and keeps nothing else, whatever the watch does not tell.
func (h *history) settle(t *testing.T, namespaces []string) {
	t.Helper()
	clear(h.asked)
	for _, namespace := range append(namespaces, namespaces...) {
		if err := h.ask(namespace); err != nil {
			t.Fatal(err)
		}
		if err := h.ask(namespace); err != nil {
			t.Fatal(err)
		}
	}
	have := state{}
	for key, record := range h.mirror.known {
		have[key] = record.version
	}
	if diff := cmp.Diff(h.states[h.now()], have); diff != "" && h.now() > 0 {
		t.Fatalf("the watch hangs and lists go on (-there +mirror):\n%s", diff)
	}
}

func TestMirrorRefusesOldLists(t *testing.T) {
	m := newMirror(func(_, _ *v1alpha1.ScimToken) {})
	for _, step := range []struct {
		version string
		wantErr bool
	}{{"", true}, {"x", true}, {"0", true}, {"9", false}, {"9", false}, {"10", false}, {"9", true}, {"11", false}} {
		if err := m.replace("", step.version, nil); (err != nil) != step.wantErr {
			t.Errorf("version %q: %v", step.version, err)
		}
	}
}

// TestOlderThanKnown: what a list says of an object counts if the list is not older than what is known, even where the object is, as after a restored backup.
func TestOlderThanKnown(t *testing.T) {
	at := func(version string) *v1alpha1.ScimToken {
		return &v1alpha1.ScimToken{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "0", UID: "u", ResourceVersion: version}}
	}
	for name, c := range map[string]struct {
		reason, list, want string
		deleted            bool
	}{
		"Later":   {reason: "the history went on from an older version", list: "200", want: "100"},
		"Same":    {reason: "there can be nothing newer than the list in it", list: "150", want: "100"},
		"Before":  {reason: "the watch was ahead of the list", list: "149", want: "150"},
		"Deleted": {reason: "the list may have been asked before", list: "200", deleted: true},
	} {
		t.Run(name, func(t *testing.T) {
			told := ""
			m := newMirror(func(_, next *v1alpha1.ScimToken) {
				if told = ""; next != nil {
					told = next.ResourceVersion
				}
			})
			m.put(at("150"))
			if c.deleted {
				m.remove(at("150"))
			}
			if err := m.replace("a", c.list, []*v1alpha1.ScimToken{at("100")}); err != nil {
				t.Fatal(err)
			}
			got := ""
			if known := m.get(client.ObjectKey{Namespace: "a", Name: "0"}); known != nil {
				got = known.ResourceVersion
			}
			if got != c.want || told != c.want {
				t.Errorf("%s: known %q, told %q, want %q", c.reason, got, told, c.want)
			}
		})
	}
}
