// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"strconv"
	"strings"
)

// This file rewrites values of attributes; what it does not know it leaves for the parser behind to refuse.

// values gives the values of a multi-valued attribute as a list.
func (d Dialect) values(a *Attribute, raw any) (any, error) {
	switch v := raw.(type) {
	case nil, []any:
		return raw, nil
	case string:
		switch {
		case v == "" && a.Type == TypeComplex && d.takes(emptyReference):
			return nil, nil
		case a.acceptText && isJSONText(v) && !d.Strict:
			return d.unpackList(v)
		}
	}
	if d.takes(singleValueAsList) {
		return []any{raw}, nil
	}
	return raw, nil
}

// value rewrites one value of a.
func (d Dialect) value(a *Attribute, raw any) (any, error) {
	switch a.Type {
	case TypeBoolean:
		return d.boolean(raw), nil
	case TypeString:
		return d.text(raw), nil
	case TypeBinary:
		return raw, d.checkAlphabet(raw)
	case TypeComplex:
		return d.object(a, raw)
	default:
		return raw, nil
	}
}

func (d Dialect) boolean(raw any) any {
	if s, ok := raw.(string); ok {
		if b, ok := booleanText(s); ok && d.takes(textBoolean) {
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

func (d Dialect) text(raw any) any {
	if n, ok := asNumber(raw); ok && d.takes(numberAsText) {
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

// checkAlphabet refuses base64url where it is not taken. The text stays as it is: the client wants to see what it sent.
func (d Dialect) checkAlphabet(raw any) error {
	if s, ok := raw.(string); ok && strings.ContainsAny(s, "-_") && isBase64(s) && !d.takes(urlSafeBinary) {
		return badRequest(ErrorInvalidValue, ": must be base64")
	}
	return nil
}

func (d Dialect) object(a *Attribute, raw any) (any, error) {
	if list, ok := raw.([]any); ok && !a.MultiValued && len(list) < 2 && d.takes(listAsSingleValue) {
		if len(list) == 0 {
			return nil, nil
		}
		raw = list[0]
	}
	switch v := raw.(type) {
	case string:
		return d.textAsObject(a, v)
	case json.Number:
		if a.significant() != nil && d.takes(bareValue) {
			return map[string]any{nameValue: v}, nil
		}
	case map[string]any:
		if !a.MultiValued && a.significant() != nil {
			return d.reference(v)
		}
	}
	return raw, nil
}

func (d Dialect) textAsObject(a *Attribute, s string) (any, error) {
	switch {
	case s == "" && d.takes(emptyReference):
		return nil, nil
	case a.acceptText && isJSONText(s) && !d.Strict:
		return d.unpackObject(s)
	case s != "" && a.significant() != nil && d.takes(bareValue):
		return map[string]any{nameValue: s}, nil
	}
	return s, nil
}

// reference rewrites an object that refers to something by its `value`.
func (d Dialect) reference(object map[string]any) (any, error) {
	for key, v := range object {
		if sameName(key, nameValue) {
			if v == "" {
				return nil, d.noReference()
			}
			return object, nil
		}
	}
	for key, v := range object {
		if sameName(key, "managerId") && d.takes(managerID) {
			return map[string]any{nameValue: v}, nil
		}
	}
	return object, nil
}

func (d Dialect) noReference() error {
	if d.takes(emptyReference) {
		return nil
	}
	return badRequest(ErrorInvalidValue, ": must not be a reference to nothing")
}

// element accepts a list of one where a value path names one value.
func (d Dialect) element(raw any) any {
	if list, ok := raw.([]any); ok && len(list) == 1 && d.takes(listAsSingleValue) {
		return list[0]
	}
	return raw
}
