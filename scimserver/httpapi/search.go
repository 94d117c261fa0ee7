// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const searchPath = "/.search"

// search is POST /.search of a whole directory: a search over all of its resource types at once (RFC 7644 §3.4.2.1, §3.4.3).
type search struct{ types []searched }

// searched is one of the resource types of a search over several.
type searched struct {
	resources
	// wider has the attributes of the other types too, as attributes without a value: so a filter means the same for all of
	// them, and matches nothing by an attribute that a type does not have.
	wider *scim.ResourceType
}

// newSearch returns the search over these types, in that order.
func newSearch(types ...resources) search {
	var s search
	for _, of := range types {
		wider, err := scim.NewResourceType(widened(of.resource, types))
		if err != nil {
			panic(fmt.Sprintf("the schemas are constant and do not collide: %v", err))
		}
		s.types = append(s.types, searched{resources: of, wider: wider})
	}
	return s
}

// widened describes rt with the schemas of the other types as extensions.
func widened(rt *scim.ResourceType, types []resources) scim.ResourceType {
	out := scim.ResourceType{ID: rt.ID, Name: rt.Name, Endpoint: rt.Endpoint, Schema: rt.Schema, Extensions: slices.Clone(rt.Extensions)}
	for _, other := range types {
		if other.resource != rt {
			out.Extensions = append(append(out.Extensions, scim.Extension{Schema: other.resource.Schema}), other.resource.Extensions...)
		}
	}
	return out
}

func (s search) mount(rt *router) { rt.handle(http.MethodPost, searchPath, s.serve) }

func (s search) serve(dir directory.Directory, r *http.Request) (reply, error) {
	body, err := decodeBody(r)
	if err != nil {
		return reply{}, err
	}
	queries := make([]scim.ListQuery, len(s.types))
	for i, t := range s.types {
		if queries[i], err = t.parse(body); err != nil {
			return reply{}, err
		}
	}
	gather := s.oneByOne
	if queries[0].Sort != nil {
		gather = s.merged
	}
	total, shown, err := gather(r.Context(), dir, queries)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: scim.ListResponse(total, queries[0].StartIndex, shown)}, nil
}

// parse reads the request for one type. What is shown is read for the type as it is: only its own attributes can be.
func (t searched) parse(body map[string]any) (scim.ListQuery, error) {
	query, err := scim.ParseSearchRequest(t.wider, body, defaultResults, maxResults)
	if err != nil {
		return scim.ListQuery{}, err
	}
	projection := maps.Clone(body)
	maps.DeleteFunc(projection, func(name string, _ any) bool { return !strings.HasSuffix(strings.ToLower(name), "attributes") })
	shown, err := scim.ParseSearchRequest(t.resource, projection, defaultResults, maxResults)
	if err != nil {
		return scim.ListQuery{}, err
	}
	query.Projection = shown.Projection
	return query, refuseCursor(query)
}

// window asks t for count resources after the first skip ones.
func (t searched) window(ctx context.Context, dir directory.Directory, query scim.ListQuery, skip, count int) (int, []map[string]any, error) {
	query.StartIndex, query.Count = skip+1, count
	page, err := t.find(ctx, dir, query)
	shown := make([]map[string]any, 0, len(page.Resources))
	for _, st := range page.Resources {
		shown = append(shown, t.render(dir, st, query.Projection))
	}
	return page.Total, shown, err
}

// oneByOne is the page of a query without an order: all resources of the first type, then all of the next.
func (s search) oneByOne(ctx context.Context, dir directory.Directory, queries []scim.ListQuery) (total int, shown []map[string]any, err error) {
	skip, room := queries[0].StartIndex-1, queries[0].Count
	for i, t := range s.types {
		n, page, err := t.window(ctx, dir, queries[i], max(skip-total, 0), room-len(shown))
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
func (s search) merged(ctx context.Context, dir directory.Directory, queries []scim.ListQuery) (total int, shown []map[string]any, err error) {
	total, places, err := s.places(ctx, dir, queries)
	if err != nil {
		return 0, nil, err
	}
	from := min(queries[0].StartIndex-1, len(places))
	here := places[from:min(from+queries[0].Count, len(places))]
	pages := make([][]map[string]any, len(s.types))
	for i, t := range s.types {
		if count := countOf(here, i); count > 0 {
			if _, pages[i], err = t.window(ctx, dir, queries[i], countOf(places[:from], i), count); err != nil {
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
func (s search) places(ctx context.Context, dir directory.Directory, queries []scim.ListQuery) (total int, places []place, err error) {
	for i, t := range s.types {
		query := queries[i]
		if query.Projection, err = scim.ParseProjection(t.resource, "id", ""); err != nil {
			return 0, nil, err
		}
		query.Count += min(query.StartIndex-1, math.MaxInt-query.Count)
		query.StartIndex = 1
		page, err := t.find(ctx, dir, query)
		if err != nil {
			return 0, nil, err
		}
		total += page.Total
		for _, st := range page.Resources {
			places = append(places, place{of: i, key: query.Sort.Key(st.Resource, directory.Common(st, dir))})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return queries[0].Sort.CompareKeys(a.key, b.key) })
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
