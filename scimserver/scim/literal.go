// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"
)

// operator is an attribute operator of RFC 7644 §3.4.2.2, Table 3, but for pr.
type operator string

const (
	equal          operator = "eq"
	notEqual       operator = "ne"
	contains       operator = "co"
	startsWith     operator = "sw"
	endsWith       operator = "ew"
	greaterThan    operator = "gt"
	greaterOrEqual operator = "ge"
	lessThan       operator = "lt"
	lessOrEqual    operator = "le"
)

func operatorNamed(t token) (operator, bool) {
	op := operator(fold(t.text))
	switch op {
	case equal, notEqual, contains, startsWith, endsWith, greaterThan, greaterOrEqual, lessThan, lessOrEqual:
		return op, t.kind == wordToken
	default:
		return "", false
	}
}

// appliesTo says which operators a type has. Booleans and binaries have no
// order, and only text has parts (RFC 7644 §3.4.2.2).
func (op operator) appliesTo(t Type) bool {
	switch op {
	case equal, notEqual:
		return t != TypeComplex
	case contains, startsWith, endsWith:
		return t == TypeString || t == TypeReference
	default:
		return t != TypeComplex && t != TypeBoolean && t != TypeBinary
	}
}

// literal is a comparison value, prepared once for many matches.
type literal struct {
	value any       // as a Resource would hold it
	text  string    // of a string: in the form that is compared
	time  time.Time // of a dateTime
}

// parseLiteral reads the value t for a comparison with a.
func parseLiteral(a *Attribute, t token) (literal, bool) {
	isText := t.kind == stringToken
	switch a.Type {
	case TypeBoolean:
		isBoolean := t.kind == wordToken && (t.text == "true" || t.text == "false")
		return literal{value: t.text == "true"}, isBoolean
	case TypeInteger, TypeDecimal:
		v, ok := numberLiteral(t)
		return literal{value: v}, ok
	case TypeDateTime:
		at, ok := parseDateTime(t.text)
		return literal{value: t.text, time: at}, ok && isText
	default:
		return literal{value: t.text, text: a.comparable(t.text)}, isText
	}
}

func numberLiteral(t token) (any, bool) {
	if t.kind != wordToken || !json.Valid([]byte(t.text)) {
		return nil, false
	}
	n := json.Number(t.text)
	if i, err := n.Int64(); err == nil {
		return i, true
	}
	f, err := n.Float64()
	return f, err == nil
}

// matches reports whether the stored value v of a is equal to l.
func (l *literal) matches(a *Attribute, v any) bool {
	switch a.Type {
	case TypeString, TypeReference, TypeBinary:
		s, ok := v.(string)
		return ok && a.equalTo(s, l.text)
	case TypeBoolean:
		b, ok := v.(bool)
		return ok && b == l.value
	default:
		order, ok := l.order(a, v, nil)
		return ok && order == 0
	}
}

// order compares the stored value v of a with l; it is not ok for values that
// cannot be compared.
func (l *literal) order(a *Attribute, v any, folds foldCache) (order int, ok bool) {
	if a.Type == TypeInteger || a.Type == TypeDecimal {
		return compareNumbers(v, l.value)
	}
	s, ok := v.(string)
	if !ok {
		return 0, false
	}
	if a.Type == TypeDateTime {
		at, ok := parseDateTime(s)
		return at.Compare(l.time), ok
	}
	return strings.Compare(folds.comparable(a, s), l.text), true
}

// relates applies co, sw and ew to text.
func (l *literal) relates(a *Attribute, op operator, v any, folds foldCache) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	s = folds.comparable(a, s)
	switch op {
	case contains:
		return strings.Contains(s, l.text)
	case startsWith:
		return strings.HasPrefix(s, l.text)
	default:
		return strings.HasSuffix(s, l.text)
	}
}

// comparable is s in the form in which values of a are compared. Values that
// are unique compare as CanonicalUserName does: a filter must find what a POST
// would collide with.
func (a *Attribute) comparable(s string) string {
	switch {
	case a.CaseExact:
		return s
	case a.Uniqueness != UniquenessNone:
		return foldText(s)
	}
	return foldCase(s)
}

// foldCache keeps comparable forms while a PATCH is applied: a hundred
// operations may each compare a hundred long values many times over. The nil
// cache keeps nothing.
type foldCache map[foldKey]string

type foldKey struct {
	uniqueness Uniqueness // it decides how the text is folded
	text       string
}

func (f foldCache) comparable(a *Attribute, s string) string {
	if f == nil || a.CaseExact || isASCII(s) {
		return a.comparable(s)
	}
	key := foldKey{a.Uniqueness, s}
	folded, ok := f[key]
	if !ok {
		folded = a.comparable(s)
		f[key] = folded
	}
	return folded
}

// equalTo reports whether s has the comparable form want, at the least cost.
func (a *Attribute) equalTo(s, want string) bool {
	switch {
	case a.CaseExact:
		return s == want
	case a.Uniqueness != UniquenessNone:
		return equalText(s, want)
	}
	return strings.EqualFold(s, want)
}

func compareNumbers(a, b any) (order int, ok bool) {
	x, xok := a.(int64)
	y, yok := b.(int64)
	if xok && yok {
		return cmp.Compare(x, y), true
	}
	f, fok := asFloat(a)
	g, gok := asFloat(b)
	return cmp.Compare(f, g), fok && gok
}

func asFloat(v any) (float64, bool) {
	n, ok := asNumber(v)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}
