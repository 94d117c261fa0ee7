// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"math"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// match is an object that a query matches.
type match struct {
	object client.Object
	key    string // what a sorted query sorts by
}

// window is the page that a query asks for while it goes over what it matches.
type window struct {
	by       *scim.Sort
	after    *scim.Position
	skip     int
	count    int
	total    int
	page     []match
	more     bool    // something follows the page
	unsorted []match // everything, of a sorted query
}

func newWindow(q scim.ListQuery) *window {
	w := &window{by: q.Sort, after: q.After, skip: max(q.StartIndex-1, 0), count: min(max(q.Count, 0), math.MaxInt-1)}
	if q.Cursor != nil || q.After != nil {
		w.skip = 0
	}
	return w
}

// fill takes everybody of r, without looking at more than the page.
func (w *window) fill(r *roll) {
	var after *instant
	if w.after != nil {
		after = &instant{w.after.LastCreated, w.after.LastID}
	}
	objects, total := r.page(after, w.skip, w.count+1)
	w.total, w.more = total, len(objects) > w.count
	for _, o := range objects[:min(w.count, len(objects))] {
		w.page = append(w.page, match{object: o})
	}
}

// add takes a match; they come oldest first.
func (w *window) add(m match) {
	if w.by != nil {
		w.unsorted = append(w.unsorted, m)
		return
	}
	w.take(m)
}

// close says that there are no more.
func (w *window) close() {
	if w.by == nil {
		return
	}
	slices.SortStableFunc(w.unsorted, func(a, b match) int { return w.by.CompareKeys(a.key, b.key) })
	for _, m := range w.unsorted {
		w.take(m)
	}
}

// take takes the next match in the order of the query.
func (w *window) take(m match) {
	w.total++
	switch {
	case !w.behind(m):
	case w.skip > 0:
		w.skip--
	case len(w.page) < w.count:
		w.page = append(w.page, m)
	default:
		w.more = true
	}
}

// behind reports whether m comes after the position that the page begins behind.
func (w *window) behind(m match) bool {
	if w.after == nil {
		return true
	}
	if w.by != nil {
		if c := w.by.CompareKeys(w.after.LastKey, m.key); c != 0 {
			return c < 0
		}
	}
	return instant{w.after.LastCreated, w.after.LastID}.compare(m.object) < 0
}

// next is where the page ends, nil if nothing follows or it has no end.
func (w *window) next() *scim.Position {
	if !w.more || len(w.page) == 0 {
		return nil
	}
	last := w.page[len(w.page)-1]
	return &scim.Position{LastCreated: last.object.GetCreationTimestamp().UTC(), LastID: last.object.GetName(), LastKey: last.key}
}
