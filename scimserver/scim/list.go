// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/url"
	"strconv"
)

const listURN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// ListQuery is a query for a page of resources (RFC 7644 §3.4.2, RFC 9865 §2).
type ListQuery struct {
	// Filter is nil if the query has none.
	Filter *Filter
	// Sort is nil if the query asks for no order.
	Sort *Sort
	// Cursor, if not nil, asks for the page that it stands for, and StartIndex does
	// not count; it is empty for the first page.
	Cursor *string
	// After, if not nil, is the position that the cursor stands for: the page begins behind it. The parser leaves it nil.
	After *Position
	// StartIndex counts from 1.
	StartIndex int
	// Count is how many resources the answer may hold; 0 asks for the total only.
	Count      int
	Projection Projection

	// selection is what the client wrote of filter, sortBy and sortOrder.
	selection [3]string
}

// ParseListQuery reads filter, sortBy, sortOrder, cursor, startIndex, count,
// attributes and excludedAttributes; other parameters are ignored. startIndex below
// 1 is 1, count below 0 is 0, count above maxCount is maxCount, and without count it
// is defaultCount.
//
// Errors: 400 invalidValue for a number that is none, a parameter given twice, and
// both ways of paging at once; with a cursor it is 400 invalidCount for the count;
// 400 invalidFilter for a filter that is given but empty; those of [ParseFilter],
// [ParseSort] and [ParseProjection].
func ParseListQuery(rt *ResourceType, q url.Values, defaultCount, maxCount int) (ListQuery, error) {
	for _, name := range listParameters() {
		if len(q[name]) > 1 {
			return ListQuery{}, badRequest(ErrorInvalidValue, "%s is given more than once", name)
		}
	}
	return parseListQuery(rt, q, listLimits{defaultCount, maxCount, DefaultLimits().FilterBytes})
}

func listParameters() []string {
	return []string{"filter", "sortBy", "sortOrder", "cursor", "startIndex", "count", "attributes", "excludedAttributes"}
}

type listLimits struct{ defaultCount, maxCount, filterBytes int }

func parseListQuery(rt *ResourceType, q url.Values, limits listLimits) (ListQuery, error) {
	out, err := parsePaging(q, limits)
	if err != nil {
		return ListQuery{}, err
	}
	if out.Projection, err = ParseProjection(rt, q.Get("attributes"), q.Get("excludedAttributes")); err != nil {
		return ListQuery{}, err
	}
	if out.Sort, err = ParseSort(rt, q.Get("sortBy"), q.Get("sortOrder")); err != nil {
		return ListQuery{}, err
	}
	if q.Has("filter") {
		filter, err := parseFilter(rt, q.Get("filter"), limits.filterBytes)
		if err != nil {
			return ListQuery{}, err
		}
		out.Filter = &filter
	}
	out.selection = [3]string{q.Get("filter"), q.Get("sortBy"), q.Get("sortOrder")}
	return out, nil
}

func parsePaging(q url.Values, limits listLimits) (ListQuery, error) {
	if q.Has("cursor") && q.Has("startIndex") {
		return ListQuery{}, badRequest(ErrorInvalidValue, "cursor and startIndex exclude each other")
	}
	badCount := ErrorInvalidValue
	var cursor *string
	if q.Has("cursor") {
		text := q.Get("cursor")
		badCount, cursor = ErrorInvalidCount, &text
	}
	start, err := intParameter(q, "startIndex", 1, ErrorInvalidValue)
	if err != nil {
		return ListQuery{}, err
	}
	count, err := intParameter(q, "count", limits.defaultCount, badCount)
	return ListQuery{
		Cursor: cursor, StartIndex: max(start, 1), Count: min(max(count, 0), limits.maxCount),
	}, err
}

// intParameter reads an integer; one that does not fit is the nearest that does.
func intParameter(q url.Values, name string, fallback int, typ ErrorType) (int, error) {
	if !q.Has(name) {
		return fallback, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, badRequest(typ, "%s must be an integer", name)
	}
	return n, nil
}

// Hash identifies what the query selects and how it is sorted, in the client's own
// words, within scope: whatever else a cursor must not be carried over from, such
// as the directory and the endpoint. The count is not part of it, for that has an
// error of its own: see [Position.Check].
func (q ListQuery) Hash(scope ...string) [32]byte {
	h := sha256.New()
	for _, part := range append(scope, q.selection[:]...) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	return [32]byte(h.Sum(nil))
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

// CursorListResponse is the answer to a query with a cursor (RFC 9865 §2): total
// resources match, and next is the cursor of the page that follows, empty on the
// last one. There is no startIndex.
func CursorListResponse(total int, next string, resources []map[string]any) map[string]any {
	out := ListResponse(total, 0, resources)
	delete(out, "startIndex")
	if next != "" {
		out["nextCursor"] = next
	}
	return out
}
