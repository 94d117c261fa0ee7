// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// roll is the resources of one kind in one directory. Its methods read a nil roll as an empty one.
type roll struct {
	kind
	mu    sync.RWMutex
	byID  map[string]*entry
	index index
	// ordered are the entries that have an object, oldest first; but for added, which are sorted in when somebody reads: the
	// informers' first list comes in any order, and a hundred thousand single insertions would be quadratic.
	ordered, added []*entry
}

// entry is what is known of one id.
type entry struct {
	object client.Object // nil if it is not there for SCIM
	// revision is that of the object, or of what hid it: what is older changes nothing.
	revision int64
	// heard: an informer has told of it, so that it will tell of its end too. Otherwise we wrote it.
	heard bool
	// old: it was hidden and unheard already when somebody asked for the unheard.
	old bool
}

func newRoll(k kind) *roll {
	return &roll{kind: k, byID: map[string]*entry{}, index: newIndex()}
}

// put shows o, unless something newer is known of it. heard says whether an informer told us or we wrote it ourselves.
func (r *roll) put(o client.Object, heard bool) {
	values, readable := r.valuesOf(o)
	next := o
	if !readable || !present(o) {
		next = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entry(o.GetName())
	e.heard = e.heard || heard
	if at := revision(o); at >= e.revision {
		e.revision = at
		r.show(e, next, values)
	}
}

// bury hides an id until an informer has told of its end, or of something newer than revision.
func (r *roll) bury(id string, revision int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.entry(id); e.revision < revision {
		e.revision = revision
		r.show(e, nil, nil)
	}
}

// forget drops what is known of an id, unless it is newer than revision.
func (r *roll) forget(id string, revision int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, known := r.byID[id]; known && e.revision <= revision {
		r.show(e, nil, nil)
		delete(r.byID, id)
	}
}

func (r *roll) entry(id string) *entry {
	e, known := r.byID[id]
	if !known {
		e = &entry{}
		r.byID[id] = e
	}
	return e
}

// show puts next, which has these values in the index, in the place of what e showed before. Either may be nil.
func (r *roll) show(e *entry, next client.Object, values []value) {
	was := e.object
	if was != nil && next != nil && byAge(was, next) == 0 {
		e.object = next
		if was.GetResourceVersion() != next.GetResourceVersion() {
			before, _ := r.valuesOf(was)
			r.index.remove(e, before)
			r.index.add(e, values)
		}
		return
	}
	if was != nil {
		before, _ := r.valuesOf(was)
		r.index.remove(e, before)
		r.leave(e)
	}
	e.object = next
	if next != nil {
		r.index.add(e, values)
		r.added = append(r.added, e)
	}
}

// leave takes e out of the order.
func (r *roll) leave(e *entry) {
	r.settle()
	at := r.behind(instant{e.object.GetCreationTimestamp().Time, e.object.GetName()}) - 1
	r.ordered = slices.Delete(r.ordered, at, at+1)
}

// settle sorts in what was added. It goes through ordered from the end, where almost everything belongs.
func (r *roll) settle() {
	slices.SortFunc(r.added, func(a, b *entry) int { return byAge(a.object, b.object) })
	old := len(r.ordered)
	r.ordered = append(r.ordered, r.added...)
	for to := len(r.ordered) - 1; len(r.added) > 0; to-- {
		last := len(r.added) - 1
		if old > 0 && byAge(r.ordered[old-1].object, r.added[last].object) > 0 {
			old--
			r.ordered[to] = r.ordered[old]
			continue
		}
		r.ordered[to] = r.added[last]
		r.added[last] = nil
		r.added = r.added[:last]
	}
}

// instant is a place in the order of a roll.
type instant struct {
	created time.Time
	id      string
}

// behind is how many entries are not behind that place. Nothing may be unsettled.
func (r *roll) behind(place instant) int {
	at, _ := slices.BinarySearchFunc(r.ordered, place, func(e *entry, place instant) int {
		if place.compare(e.object) >= 0 {
			return -1
		}
		return 1
	})
	return at
}

// compare is negative if the place is before o.
func (i instant) compare(o client.Object) int {
	if c := i.created.Compare(o.GetCreationTimestamp().Time); c != 0 {
		return c
	}
	return strings.Compare(i.id, o.GetName())
}

// byAge is a total order that never changes for an object, so that pages do not shift.
func byAge(a, b client.Object) int {
	return instant{a.GetCreationTimestamp().Time, a.GetName()}.compare(b)
}

// reading calls f while nobody changes r and everything is settled.
func (r *roll) reading(f func()) {
	r.mu.RLock()
	if len(r.added) == 0 {
		defer r.mu.RUnlock()
		f()
		return
	}
	r.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
	f()
}

// page returns, oldest first, at most count objects behind a place (nil is the beginning) after skipping some, and how many there
// are in all.
func (r *roll) page(after *instant, skip, count int) (objects []client.Object, total int) {
	if r == nil {
		return nil, 0
	}
	r.reading(func() {
		total = len(r.ordered)
		from := 0
		if after != nil {
			from = r.behind(*after)
		}
		from += min(max(skip, 0), total-from)
		to := from + min(max(count, 0), total-from)
		objects = make([]client.Object, 0, to-from)
		for _, e := range r.ordered[from:to] {
			objects = append(objects, e.object)
		}
	})
	return objects, total
}

// chunk is how many objects are taken at once where all are looked at, so that nobody waits for a lock meanwhile.
const chunk = 256

// each are all objects, oldest first, until ctx ends. Whoever is there throughout is among them.
func (r *roll) each(ctx context.Context) iter.Seq[client.Object] {
	return func(yield func(client.Object) bool) {
		var after *instant
		for ctx.Err() == nil {
			objects, _ := r.page(after, 0, chunk)
			for _, o := range objects {
				if !yield(o) {
					return
				}
			}
			if len(objects) < chunk {
				return
			}
			last := objects[chunk-1]
			after = &instant{last.GetCreationTimestamp().Time, last.GetName()}
		}
	}
}

// get returns the object of that id, nil if there is none. Only of what an informer has heard it is sure that we hear of its end.
func (r *roll) get(id string) (o client.Object, heard bool) {
	if r == nil {
		return nil, false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if e, known := r.byID[id]; known {
		return e.object, e.heard
	}
	return nil, false
}

// find returns the objects that have that value in the index of an attribute, and maybe others, oldest first, and whether an informer
// has heard of them all.
func (r *roll) find(attribute, text string) (objects []client.Object, heard bool) {
	if r == nil {
		return nil, false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	heard = true
	for e := range r.index.find(r.index.of(attribute, text)) {
		objects = append(objects, e.object)
		heard = heard && e.heard
	}
	slices.SortFunc(objects, byAge)
	return objects, heard
}

// unheard returns the objects that no informer has told us of. What is hidden and was so the time before is forgotten: no informer
// is that late.
func (r *roll) unheard() (doubtful []client.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, e := range r.byID {
		switch {
		case e.heard:
		case e.object != nil:
			doubtful = append(doubtful, e.object)
		case e.old:
			delete(r.byID, id)
		default:
			e.old = true
		}
	}
	return doubtful
}
