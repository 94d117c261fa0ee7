// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// valueParser turns decoded JSON into the values of a Resource, by the
// characteristics of each attribute.
type valueParser struct {
	dialect Dialect
	// partial is for values that a PATCH merges into what is there: null
	// sub-attributes stay, as nil, and mean "remove"; an object that mentions
	// nothing we know stays an empty map, which changes nothing.
	partial bool
	// listed is for values that only say which ones to remove.
	listed bool
	// single is for operations whose path says what is added: there one value of
	// a multi-valued attribute needs no list (RFC 7644 §3.5.2.1).
	single bool
}

// attribute parses the value of a; nil is "unassigned" (RFC 7643 §2.5).
func (p valueParser) attribute(a *Attribute, raw any) (any, error) {
	if !a.MultiValued {
		v, err := p.value(a, raw)
		return v, named(a, err)
	}
	raw, err := p.rawList(a, raw)
	if err != nil {
		return nil, named(a, err)
	}
	values, ok := raw.([]any)
	if !ok && raw != nil {
		return nil, named(a, badRequest(ErrorInvalidValue, ": must be a list"))
	}
	list, err := p.list(a, values)
	if err != nil || len(list) == 0 {
		return nil, named(a, err)
	}
	return list, nil
}

// rawList gives the values of a as a list; of a complex attribute only an object
// can stand alone.
func (p valueParser) rawList(a *Attribute, raw any) (any, error) {
	_, isList := raw.([]any)
	_, isObject := raw.(map[string]any)
	if p.single && raw != nil && !isList && isObject == (a.Type == TypeComplex) {
		return []any{raw}, nil
	}
	return p.dialect.values(a, raw)
}

func (p valueParser) list(a *Attribute, raw []any) ([]any, error) {
	if err := checkLength(len(raw), a.maxValues(p.partial || p.listed)); err != nil {
		return nil, err
	}
	whole := valueParser{dialect: p.dialect}
	var out []any
	for _, r := range raw {
		v, err := whole.value(a, r)
		if err != nil {
			return nil, err
		}
		if a.keyed && !p.listed && memberValue(v) == "" {
			return nil, badRequest(ErrorInvalidValue, ".value: is missing")
		}
		if v != nil {
			out = append(out, v)
		}
	}
	if countPrimary(out) > 1 {
		return nil, badRequest(ErrorInvalidValue, ": more than one value is primary")
	}
	return out, nil
}

// value parses one value of a, whether or not a is multi-valued.
func (p valueParser) value(a *Attribute, raw any) (any, error) {
	raw, err := p.dialect.value(a, raw)
	switch {
	case err != nil || raw == nil:
		return nil, err
	case a.Type == TypeComplex:
		return p.complex(a, raw)
	}
	return simpleValue(a, raw)
}

func (p valueParser) complex(a *Attribute, raw any) (any, error) {
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest(ErrorInvalidValue, ": must be an object")
	}
	members, err := foldKeys(object)
	if err != nil {
		return nil, within(": ", err)
	}
	out, known := map[string]any{}, 0
	for _, sub := range a.SubAttributes {
		raw, mentioned := members[fold(sub.Name)]
		if mentioned {
			known++
		}
		if !mentioned || !sub.writable() {
			continue
		}
		v, err := valueParser{dialect: p.dialect, partial: p.partial, listed: p.listed}.attribute(sub, raw)
		if err != nil {
			return nil, within(".", err)
		}
		if v != nil || p.partial {
			out[sub.Name] = v
		}
	}
	for range len(members) - known {
		if !p.dialect.takes(unknownAttribute) {
			return nil, badRequest(ErrorInvalidValue, ": has a sub-attribute that is not in its schema")
		}
	}
	if len(out) == 0 && !p.partial {
		return nil, nil
	}
	return out, nil
}

func simpleValue(a *Attribute, raw any) (any, error) {
	switch a.Type {
	case TypeBoolean:
		if b, ok := raw.(bool); ok {
			return b, nil
		}
		return nil, badRequest(ErrorInvalidValue, ": must be a boolean")
	case TypeInteger, TypeDecimal:
		return numberValue(a.Type, raw)
	default:
		return textValue(a.Type, raw)
	}
}

func textValue(t Type, raw any) (any, error) {
	s, ok := raw.(string)
	if !ok {
		return nil, badRequest(ErrorInvalidValue, ": must be a string")
	}
	return s, checkText(t, s)
}

func numberValue(t Type, raw any) (any, error) {
	n, ok := asNumber(raw)
	if !ok {
		return nil, badRequest(ErrorInvalidValue, ": must be a number")
	}
	if t == TypeInteger {
		i, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			return nil, badRequest(ErrorInvalidValue, ": must be an integer of 64 bits")
		}
		return i, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, badRequest(ErrorInvalidValue, ": must be a decimal of 64 bits")
	}
	return f + 0, nil // there is no minus zero: a store would lose it
}

func checkText(t Type, s string) error {
	limit := DefaultLimits().StringBytes
	if t == TypeBinary {
		limit = DefaultLimits().BinaryBytes
	}
	if len(s) > limit {
		return badRequest(ErrorInvalidValue, ": must not be longer than %d bytes", limit)
	}
	switch {
	case t == TypeDateTime && !isDateTime(s):
		return badRequest(ErrorInvalidValue, ": must be an xsd:dateTime")
	case t == TypeBinary && !isBase64(s):
		return badRequest(ErrorInvalidValue, ": must be base64")
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return badRequest(ErrorInvalidValue, ": must be text")
	}
	return nil
}

func isDateTime(s string) bool {
	_, ok := parseDateTime(s)
	return ok
}

// parseDateTime reads an xsd:dateTime (RFC 7643 §2.3.5). The time zone is
// optional there; without one it is UTC.
func parseDateTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// isBase64 accepts both alphabets, with or without padding (RFC 7643 §2.3.6).
func isBase64(s string) bool {
	s = strings.TrimRight(s, "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	_, err := base64.RawStdEncoding.DecodeString(s)
	return err == nil
}

func checkLength(n, limit int) error {
	if n > limit {
		return badRequest(ErrorInvalidValue, ": must not have more than %d values", limit)
	}
	return nil
}

// countPrimary counts the values that claim to be the preferred one; at most
// one may (RFC 7643 §2.4).
func countPrimary(list []any) int {
	n := 0
	for _, v := range list {
		if isPrimary(v) {
			n++
		}
	}
	return n
}

func isPrimary(v any) bool {
	element, _ := v.(map[string]any)
	return element[namePrimary] == true
}

// named puts the attribute's name in front of an error's detail.
func named(a *Attribute, err error) error {
	if err == nil {
		return nil
	}
	return within(a.Name, err)
}
