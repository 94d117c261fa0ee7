// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package jwt

import (
	"slices"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// claims are the members of a JSON object by name. The decoder of go-jose tells upper case from lower and refuses a name that comes twice.
type claims map[string]json.RawMessage

func (c claims) hasAny(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, there := c[name]
		return there
	})
}

// text is a claim that is a string and not empty.
func (c claims) text(name string) (string, bool) {
	raw := c[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var value string
	err := json.Unmarshal(raw, &value)
	return value, err == nil && value != ""
}

// satisfies reports whether a claim has one of the wanted values: it is that string, or a list of strings with it. A number or a boolean is never
// equal to a string, and what names the client must be one string, since a list would name several.
func (c claims) satisfies(want *v1alpha1.RequiredClaim) bool {
	if value, ok := c.text(want.Name); ok {
		return slices.Contains(want.Values, value)
	}
	raw := c[want.Name]
	if isPin(want.Name) || len(raw) == 0 || raw[0] != '[' {
		return false
	}
	var values []string
	if json.Unmarshal(raw, &values) != nil {
		return false
	}
	return slices.ContainsFunc(values, func(value string) bool { return slices.Contains(want.Values, value) })
}
