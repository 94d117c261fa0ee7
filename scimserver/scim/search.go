// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"net/url"
	"strings"
)

const searchURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

// ParseSearchRequest reads the body of POST /.search (RFC 7644 §3.4.3): the same
// parameters as in a URL, with the same checks and the same meaning, except that a
// filter may be as long as [Limits].SearchFilterBytes. `schemas` may be missing;
// attributes may be a list or, as in a URL, separated by commas; null is absent;
// other members are ignored. A parameter of another type is 400 invalidValue.
func ParseSearchRequest(rt *ResourceType, raw map[string]any, defaultCount, maxCount int) (ListQuery, error) {
	members, err := foldKeys(raw)
	if err != nil {
		return ListQuery{}, err
	}
	if err := rt.Dialect.checkMessage(members, searchURN); err != nil {
		return ListQuery{}, err
	}
	q := url.Values{}
	for _, name := range listParameters() {
		v := members[fold(name)]
		if v == nil {
			continue
		}
		text, ok := rt.Dialect.searchParameter(name, v)
		if !ok {
			return ListQuery{}, badRequest(ErrorInvalidValue, "%s is of the wrong type", name)
		}
		q.Set(name, text)
	}
	return parseListQuery(rt, q, listLimits{defaultCount, maxCount, DefaultLimits().SearchFilterBytes})
}

// searchParameter gives a parameter as a URL would hold it.
func (d Dialect) searchParameter(name string, v any) (string, bool) {
	switch name {
	case "startIndex", "count":
		n, ok := v.(json.Number)
		return n.String(), ok
	case "attributes", "excludedAttributes":
		if list, ok := v.([]any); ok {
			return joined(list)
		}
		s, ok := v.(string)
		return s, ok && d.takes(singleValueAsList)
	}
	s, ok := v.(string)
	return s, ok
}

func joined(list []any) (string, bool) {
	names := make([]string, 0, len(list))
	for _, v := range list {
		name, ok := v.(string)
		if !ok {
			return "", false
		}
		names = append(names, name)
	}
	return strings.Join(names, ","), true
}
