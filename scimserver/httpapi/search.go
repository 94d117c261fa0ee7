// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"math"
	"net/http"
	"slices"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const searchPath = "/.search"

// search is POST /.search of a whole directory: a search over all kinds of resources at once, in this order (RFC 7644 §3.4.2.1,
// §3.4.3).
type search []resources

// searched is one of the kinds of a search, with its part of the request.
type searched struct {
	resources
	query scim.ListQuery
}

func (s search) mount(rt *router) {
	var scopes []scope
	for _, c := range s {
		scopes = append(scopes, c.operation(lists).scope())
	}
	rt.handle(http.MethodPost, searchPath, s.serve, scopes...)
}

func (s search) serve(dir directory.Directory, r *http.Request) (reply, error) {
	body, err := decodeBody(r)
	if err != nil {
		return reply{}, err
	}
	parts, err := s.parse(dir, body)
	if err != nil {
		return reply{}, err
	}
	query := parts[0].query
	l, err := newListing(dir, r, query, "/", s[0].now())
	if err != nil {
		return reply{}, err
	}
	if query.Cursor != nil {
		return parts.walk(r.Context(), dir, l)
	}
	gather := parts.oneByOne
	if query.Sort != nil {
		gather = parts.merged
	}
	total, shown, err := gather(r.Context(), dir)
	return l.answer(total, nil, shown), err
}

// parse reads the request for every kind.
func (s search) parse(dir directory.Directory, body map[string]any) (parts searching, err error) {
	for i, c := range s {
		part := searched{resources: c}
		if part.query, err = c.parseWide(dir, body, i == 0, s.othersThan(c, dir)); err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func (s search) othersThan(c resources, dir directory.Directory) (others []*scim.ResourceType) {
	for _, other := range s {
		if other.kind != c.kind {
			others = append(others, other.typeIn(dir))
		}
	}
	return others
}

// parseWide reads a search over several types for this one. The rules that it uses are counted once for all types.
func (c resources) parseWide(dir directory.Directory, body map[string]any, counts bool, others []*scim.ResourceType) (scim.ListQuery, error) {
	p, wide := dir.Settings(), c.typeIn(dir).Widened(others...)
	if !counts {
		wide.Dialect.Used = nil
	}
	return scim.ParseSearchRequest(wide, body, p.DefaultPageSize, p.MaxPageSize)
}

// searching are the parts of one search, of which the first has the count, the start and the order of all.
type searching []searched

// window asks t for count resources after the first skip ones.
func (t searched) window(ctx context.Context, dir directory.Directory, skip, count int) (int, []map[string]any, error) {
	query := t.query
	query.StartIndex, query.Count = skip+1, count
	page, err := t.seek(ctx, dir, query)
	return page.Total, t.renderAll(dir, page.Resources, query.Projection), err
}

// oneByOne is the page of a query without an order: all resources of the first type, then all of the next.
func (s searching) oneByOne(ctx context.Context, dir directory.Directory) (total int, shown []map[string]any, err error) {
	skip, room := s[0].query.StartIndex-1, s[0].query.Count
	for _, t := range s {
		n, page, err := t.window(ctx, dir, max(skip-total, 0), room-len(shown))
		if err != nil {
			return 0, nil, err
		}
		total, shown = total+n, append(shown, page...)
	}
	return total, shown, nil
}

// place is the place of a resource in the order of all.
type place struct {
	of  int // index of its type
	key string
}

// merged is the page of a query with an order, which is one for all types.
func (s searching) merged(ctx context.Context, dir directory.Directory) (total int, shown []map[string]any, err error) {
	total, places, err := s.places(ctx, dir)
	if err != nil {
		return 0, nil, err
	}
	from := min(s[0].query.StartIndex-1, len(places))
	here := places[from:min(from+s[0].query.Count, len(places))]
	pages := make([][]map[string]any, len(s))
	for i, t := range s {
		if count := countOf(here, i); count > 0 {
			if _, pages[i], err = t.window(ctx, dir, countOf(places[:from], i), count); err != nil {
				return 0, nil, err
			}
		}
	}
	for _, p := range here {
		if next := pages[p.of]; len(next) > 0 { // else it was deleted just now
			shown, pages[p.of] = append(shown, next[0]), next[1:]
		}
	}
	return total, shown, nil
}

// places is the order of everything up to the end of the page. It asks for nothing to be shown, so it reads no members.
func (s searching) places(ctx context.Context, dir directory.Directory) (total int, places []place, err error) {
	for i, t := range s {
		query := t.query
		if query.Projection, err = scim.ParseProjection(t.typeIn(dir), "id", ""); err != nil {
			return 0, nil, err
		}
		query.Count += min(query.StartIndex-1, math.MaxInt-query.Count)
		query.StartIndex = 1
		page, err := t.seek(ctx, dir, query)
		if err != nil {
			return 0, nil, err
		}
		total += page.Total
		for _, st := range page.Resources {
			places = append(places, place{of: i, key: query.Sort.Key(st.Resource, directory.Common(st, dir))})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return s[0].query.Sort.CompareKeys(a.key, b.key) })
	return total, places, nil
}

func countOf(places []place, of int) (n int) {
	for _, p := range places {
		if p.of == of {
			n++
		}
	}
	return n
}
