// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"strconv"
	"strings"
)

// This file is the only place that knows what clients send outside the RFCs.
// Each function is one rule, named for what it accepts, with who sends it.
// Everything after it may read like the RFC.

// tolerantList gives the values of a multi-valued attribute as a list: OneLogin
// sends `emails` as one object, Okta `roles` as one string.
func tolerantList(a *Attribute, raw any) []any {
	switch v := raw.(type) {
	case nil:
		return nil
	case []any:
		return v
	case string:
		if v == "" && a.Type == TypeComplex {
			return nil
		}
	}
	return []any{raw}
}

// tolerantValue rewrites one value for an attribute of a's type; what it does
// not know it leaves for the strict parser to refuse.
func tolerantValue(a *Attribute, raw any) any {
	switch a.Type {
	case TypeBoolean:
		return textAsBoolean(raw)
	case TypeString:
		return numberAsText(raw)
	case TypeComplex:
		return tolerantComplex(a, raw)
	default:
		return raw
	}
}

// textAsBoolean accepts "True" and "False" in any case for booleans, and only
// for these: Entra in its default dialect, Keycloak and OneLogin.
func textAsBoolean(raw any) any {
	if s, ok := raw.(string); ok {
		if b, ok := booleanText(s); ok {
			return b
		}
	}
	return raw
}

func booleanText(s string) (value, ok bool) {
	switch fold(s) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// numberAsText accepts numbers for strings, digit for digit: employee numbers
// and postal codes out of templates and spreadsheets.
func numberAsText(raw any) any {
	if n, ok := asNumber(raw); ok {
		return n.String()
	}
	return raw
}

// asNumber gives a number in the form that [Decode] gives it.
func asNumber(raw any) (json.Number, bool) {
	switch v := raw.(type) {
	case json.Number:
		return v, true
	case int:
		return json.Number(strconv.Itoa(v)), true
	case int64:
		return json.Number(strconv.FormatInt(v, 10)), true
	case float64:
		return json.Number(strconv.FormatFloat(v, 'f', -1, 64)), true
	}
	return "", false
}

// tolerantComplex accepts a bare string or number for a complex value that has
// a `value` (Okta's roles:["ADMIN"], Entra's manager:"id"), a list of one for a
// single-valued attribute (Entra's manager), and an empty manager in any of
// these forms, which means that there is none.
func tolerantComplex(a *Attribute, raw any) any {
	if list, ok := raw.([]any); ok && !a.MultiValued {
		switch len(list) {
		case 0:
			return nil
		case 1:
			raw = list[0]
		}
	}
	switch v := raw.(type) {
	case string, json.Number:
		if v == "" {
			return nil
		}
		if a.significant() != nil {
			return map[string]any{nameValue: v}
		}
	case map[string]any:
		if !a.MultiValued && a.significant() != nil {
			return tolerantReference(v)
		}
	}
	return raw
}

// tolerantReference accepts OneLogin's `managerId` for `value`, and an empty
// `value` as no reference at all: Entra clears the manager so.
func tolerantReference(object map[string]any) any {
	for key, v := range object {
		if sameName(key, nameValue) {
			if v == "" {
				return nil
			}
			return object
		}
	}
	for key, v := range object {
		if sameName(key, "managerId") {
			return map[string]any{nameValue: v}
		}
	}
	return object
}

// emptyReference is the same through a path: `manager.value` set to "".
func emptyReference(p path, raw any) bool {
	return raw == "" && p.sub != nil && !p.attr.MultiValued && p.sub == p.attr.significant()
}

// tolerantElement accepts a list of one where a value path names one value.
func tolerantElement(raw any) any {
	if list, ok := raw.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return raw
}

// resolveBare finds an attribute of an extension by its bare name: Entra sends
// the path `manager`, and filters by it, without the URN.
func (rt *ResourceType) resolveBare(text string) (attributeRef, bool) {
	for _, n := range rt.extensions {
		if ref, ok := rt.resolveIn(n, text); ok {
			return ref, true
		}
	}
	return attributeRef{}, false
}

// tolerantOperations accepts one operation that is not in a list.
func tolerantOperations(raw any) []any {
	switch v := raw.(type) {
	case []any:
		return v
	case map[string]any:
		return []any{v}
	}
	return nil
}

// tolerantPath takes an empty or null path as none.
func tolerantPath(raw any) any {
	if s, ok := raw.(string); ok {
		raw = strings.TrimSpace(s)
	}
	if raw == "" {
		return nil
	}
	return raw
}
