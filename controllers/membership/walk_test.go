// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
)

// walk changes a cache object by object, as an informer does, and tells the handlers later and in any order of objects.
type walk struct {
	t     *testing.T
	rand  *rand.Rand
	cache *store
	users []string
	// groups are in use, of which those that are late have no object yet; pieces are objects that are still to be deleted.
	groups, late []string
	pieces       []client.Object
	made         int
	// told are events that the handlers do not know yet, of each object in their order.
	told map[string][][2]client.Object
	// now counts what happens; changed is when GroupsOf a user changed last, and woke when they were woken last.
	now           int
	was           map[string]string
	changed, woke map[string]int
}

// fill is how many members a slice of a walk may have.
const fill = 3

func newWalk(t *testing.T, seed uint64) *walk {
	return &walk{
		t: t, rand: rand.New(rand.NewPCG(seed, 0)), cache: newStore(t), users: people(12),
		told: map[string][][2]client.Object{}, was: map[string]string{}, changed: map[string]int{}, woke: map[string]int{},
	}
}

// write makes one change of the cache, of which the handlers hear later.
func (w *walk) write(o client.Object) { w.change(w.cache.objects[keyOf(o, o.GetName())], o) }

func (w *walk) delete(o client.Object) {
	if before, there := w.cache.objects[keyOf(o, o.GetName())]; there {
		w.change(before, nil)
	}
}

func (w *walk) change(before, after client.Object) {
	w.now++
	if after != nil {
		w.cache.put(after)
		w.tell(after, before, after)
	} else {
		w.cache.drop(before)
		w.tell(before, before, nil)
	}
	for _, u := range w.users {
		groups, err := GroupsOf(w.t.Context(), w.cache, namespace, u)
		if err != nil {
			w.t.Fatal(err)
		}
		if is := fmt.Sprint(namesOf(groups)); is != w.was[u] {
			w.was[u], w.changed[u] = is, w.now
		}
	}
	for w.rand.IntN(3) == 0 && len(w.told) > 0 {
		w.hear()
	}
}

func (w *walk) tell(o, before, after client.Object) {
	key := keyOf(o, o.GetName())
	w.told[key] = append(w.told[key], [2]client.Object{before, after})
}

// hear tells the handlers of the oldest event of some object.
func (w *walk) hear() {
	key := w.pick(slices.Sorted(maps.Keys(w.told)))
	before, after := w.told[key][0][0], w.told[key][0][1]
	if w.told[key] = w.told[key][1:]; len(w.told[key]) == 0 {
		delete(w.told, key)
	}
	q := woken{users: map[string]int{}}
	any := after
	if any == nil {
		any = before
	}
	switch any.(type) {
	case *v1alpha1.ScimMemberSlice:
		q.users = send(w.t, SliceEvents{Reader: w.cache}, before, after)
	case *v1alpha1.ScimGroup:
		q.users = send(w.t, GroupEvents{Reader: w.cache}, before, after)
	default:
		enqueue.Events{Keys: enqueue.Self}.Generic(w.t.Context(), event.GenericEvent{Object: any}, q)
	}
	w.now++
	for u := range q.users {
		w.woke[u] = w.now
	}
}

// settle tells the handlers of everything, and wants everybody to have been woken since their groups changed.
func (w *walk) settle() {
	for len(w.told) > 0 {
		w.hear()
	}
	for _, u := range w.users {
		if w.changed[u] > w.woke[u] {
			w.t.Fatalf("step %d: the groups of %s became %s at %d, but they were woken at %d last", w.now, u, w.was[u], w.changed[u], w.woke[u])
		}
	}
}

func (w *walk) pick(from []string) string { return from[w.rand.IntN(len(from))] }

func (w *walk) name(prefix string) string {
	w.made++
	return fmt.Sprint(prefix, w.made)
}

// step does something that scim-server or an administrator does.
func (w *walk) step() {
	switch n := w.rand.IntN(100); {
	case n < 5 || len(w.groups) == 0:
		w.late = append(w.late, w.name("G"))
		w.groups = append(w.groups, w.late[len(w.late)-1])
	case n < 15 && len(w.late) > 0:
		w.write(group(w.late[0]))
		w.late = w.late[1:]
	case n < 10:
		w.comeOrGo(w.pick(w.users))
	case n < 13 && len(w.groups) > 3:
		w.end(w.pick(w.groups))
	case n < 30 && len(w.pieces) > 0:
		i := w.rand.IntN(len(w.pieces))
		w.delete(w.pieces[i])
		w.pieces = slices.Delete(w.pieces, i, i+1)
	case n < 50:
		w.edit(w.pick(w.groups), w.pick(w.groups))
	default:
		w.edit(w.pick(w.groups), w.pick(w.users))
	}
}

func (w *walk) comeOrGo(name string) {
	if _, there := w.cache.objects[keyOf(user(name), name)]; there && w.rand.IntN(4) > 0 {
		w.delete(user(name))
	} else {
		w.write(user(name))
	}
}

// end deletes a group, at once or not, and all of its slices, in any order.
func (w *walk) end(name string) {
	w.groups = slices.DeleteFunc(w.groups, func(g string) bool { return g == name })
	if w.rand.IntN(2) == 0 {
		w.write(going(group(name)))
	}
	w.pieces = append(w.pieces, group(name))
	for _, o := range w.cache.objects {
		if slice, is := o.(*v1alpha1.ScimMemberSlice); is && slice.Spec.GroupRef.Name == name {
			w.pieces = append(w.pieces, slice)
		}
	}
	slices.SortFunc(w.pieces, func(a, b client.Object) int { return len(a.GetName()) - len(b.GetName()) })
}

// edit adds a member to a group, or removes it.
func (w *walk) edit(group, member string) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(member))
	hash, name := h.Sum64(), group
	for {
		slice, there := w.cache.objects[keyOf(leaf("", ""), name)].(*v1alpha1.ScimMemberSlice)
		if !there {
			w.write(leaf(name, group, member))
			return
		}
		if len(slice.Spec.Children) == 0 {
			w.editLeaf(slice, member)
			return
		}
		name = slice.Spec.Children[hash>>(len(name)%64)&1]
	}
}

func (w *walk) editLeaf(slice *v1alpha1.ScimMemberSlice, member string) {
	now := slices.Concat(slice.Spec.Users, slice.Spec.Groups)
	if i := slices.Index(now, member); i >= 0 {
		now = slices.Delete(now, i, i+1)
	} else {
		now = append(now, member)
	}
	if len(now) <= fill {
		w.write(leaf(slice.Name, slice.Spec.GroupRef.Name, now...))
		return
	}
	w.split(slice, now)
}

// split writes the children of a slice and then puts them in place, unless a crash prevents it.
func (w *walk) split(slice *v1alpha1.ScimMemberSlice, now []string) {
	var halves [2][]string
	for _, member := range now {
		h := fnv.New64a()
		_, _ = h.Write([]byte(member))
		half := h.Sum64() >> (len(slice.Name) % 64) & 1
		halves[half] = append(halves[half], member)
	}
	var children []string
	for _, half := range halves {
		name := w.name(slice.Name + "x")
		w.write(leaf(name, slice.Spec.GroupRef.Name, half...))
		children = append(children, name)
	}
	if w.rand.IntN(4) > 0 {
		w.write(inner(slice.Name, slice.Spec.GroupRef.Name, children...))
		return
	}
	for _, child := range children {
		w.pieces = append(w.pieces, leaf(child, slice.Spec.GroupRef.Name))
	}
}

// TestNobodySleepsThroughAChange: whatever happens, and however late and disordered a controller hears of it, it looks again at
// everybody whose groups changed, after they did.
func TestNobodySleepsThroughAChange(t *testing.T) {
	for range 5 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			w := newWalk(t, seed)
			for _, u := range w.users {
				w.write(user(u))
			}
			for i := range 400 {
				if w.step(); i%10 == 0 {
					w.settle()
				}
			}
			w.settle()
		})
	}
}
