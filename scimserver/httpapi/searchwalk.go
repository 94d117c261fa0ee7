// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"slices"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// stop is one resource on a walk over several kinds.
type stop struct {
	of  int // index of its kind
	key string
	st  directory.Stored
}

// walk is the page of a query with a cursor. The order is that of the pages by index: with an order by key, then kind, and
// without one all of the first kind, then all of the next. Every kind is asked once, for everything that the page may need of
// it: what two answers of different moments tell cannot be put together without losing somebody.
func (s searching) walk(ctx context.Context, dir directory.Directory, l listing) (reply, error) {
	total, stops, more, err := s.stops(ctx, dir, l.query)
	if err != nil {
		return reply{}, err
	}
	if by := l.query.Sort; by != nil {
		slices.SortStableFunc(stops, func(a, b stop) int { return by.CompareKeys(a.key, b.key) })
	}
	here := stops[:min(l.query.Count, len(stops))]
	shown := make([]map[string]any, 0, len(here))
	for _, on := range here {
		shown = append(shown, s[on.of].render(dir, on.st, s[on.of].query.Projection))
	}
	if !more && len(here) == len(stops) || len(here) == 0 {
		return l.answer(total, nil, shown), nil
	}
	return l.answer(total, s.positionAt(dir, here[len(here)-1]), shown), nil
}

// stops are candidates for a page, those of each kind in their order; more says that there are others behind them.
func (s searching) stops(ctx context.Context, dir directory.Directory, all scim.ListQuery) (total int, stops []stop, more bool, err error) {
	for i, t := range s {
		query := t.query
		query.After = s.behind(dir, all.After, i)
		if all.Sort == nil {
			query.Count -= len(stops) // whoever is of a kind before comes first
		}
		page, err := t.seek(ctx, dir, query)
		if err != nil {
			return 0, nil, false, err
		}
		total += page.Total
		more = more || page.Next != nil || query.Count == 0 && page.Total > 0
		for _, st := range page.Resources {
			stops = append(stops, stop{of: i, key: t.keyOf(dir, st), st: st})
		}
	}
	return total, stops, more, nil
}

// beyond is a creation that nothing was created after.
const beyond = 1 << 40

// behind is where kind i stands when the walk over all of them stands after a resource: at that resource if it is of kind i,
// else behind all with its key for a kind that comes before its own, and before all of them for one that comes after.
func (s searching) behind(dir directory.Directory, after *scim.Position, i int) *scim.Position {
	if after == nil {
		return nil
	}
	position, last := *after, s.indexOf(dir, after.LastType)
	switch {
	case i < last:
		position.LastCreated, position.LastID = time.Unix(beyond, 0), ""
	case i > last:
		position.LastCreated, position.LastID = time.Time{}, ""
	}
	return &position
}

func (s searching) indexOf(dir directory.Directory, id string) int {
	return slices.IndexFunc(s, func(t searched) bool { return t.typeIn(dir).ID == id })
}

func (t searched) keyOf(dir directory.Directory, st directory.Stored) string {
	if t.query.Sort == nil {
		return ""
	}
	return t.query.Sort.Key(st.Resource, directory.Common(st, dir))
}

func (s searching) positionAt(dir directory.Directory, at stop) *scim.Position {
	return &scim.Position{
		LastCreated: at.st.Created, LastID: at.st.ID, LastKey: at.key, LastType: s[at.of].typeIn(dir).ID,
	}
}
