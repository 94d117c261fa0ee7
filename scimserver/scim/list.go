// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"errors"
	"net/url"
	"strconv"
)

const listURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// ListQuery is a query for a page of resources (RFC 7644 §3.4.2).
type ListQuery struct {
	// Filter is nil if the query has none.
	Filter *Filter
	// StartIndex counts from 1.
	StartIndex int
	// Count is how many resources the answer may hold; 0 asks for the total only.
	Count      int
	Projection Projection
}

// ParseListQuery reads filter, startIndex, count, attributes and
// excludedAttributes; other parameters are ignored. startIndex below 1 is 1,
// count below 0 is 0, count above maxCount is maxCount, and without count it is
// defaultCount. A number that is none, or a parameter given twice, is 400
// invalidValue; a filter that is given but empty is 400 invalidFilter.
func ParseListQuery(rt *ResourceType, q url.Values, defaultCount, maxCount int) (ListQuery, error) {
	for _, name := range []string{"filter", "startIndex", "count", "attributes", "excludedAttributes"} {
		if len(q[name]) > 1 {
			return ListQuery{}, badRequest(ErrorInvalidValue, "%s is given more than once", name)
		}
	}
	start, err := intParameter(q, "startIndex", 1)
	if err != nil {
		return ListQuery{}, err
	}
	count, err := intParameter(q, "count", defaultCount)
	if err != nil {
		return ListQuery{}, err
	}
	projection, err := ParseProjection(rt, q.Get("attributes"), q.Get("excludedAttributes"))
	if err != nil {
		return ListQuery{}, err
	}
	filter, err := filterParameter(rt, q)
	return ListQuery{
		Filter: filter, StartIndex: max(start, 1), Count: min(max(count, 0), maxCount), Projection: projection,
	}, err
}

func filterParameter(rt *ResourceType, q url.Values) (*Filter, error) {
	if !q.Has("filter") {
		return nil, nil
	}
	f, err := ParseFilter(rt, q.Get("filter"))
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// intParameter reads an integer; one that does not fit is the nearest that does.
func intParameter(q url.Values, name string, fallback int) (int, error) {
	if !q.Has(name) {
		return fallback, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, badRequest(ErrorInvalidValue, "%s must be an integer", name)
	}
	return n, nil
}

// ListResponse is the answer to a query (RFC 7644 §3.4.2): total resources
// match, and resources are those from startIndex on. Resources is a list also
// when it is empty: a client that pages until it has seen all would not stop
// otherwise.
func ListResponse(total, startIndex int, resources []map[string]any) map[string]any {
	if resources == nil {
		resources = []map[string]any{}
	}
	return map[string]any{
		"schemas":      []any{listURN},
		"totalResults": total,
		"startIndex":   startIndex,
		"itemsPerPage": len(resources),
		"Resources":    resources,
	}
}
