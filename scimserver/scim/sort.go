// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/binary"
	"math"
	"strings"
)

// Sort is an order of resources (RFC 7644 §3.4.2.3). Make one with [ParseSort]; it
// is immutable and fits resources of one type only.
type Sort struct {
	operand    operand
	descending bool
}

// ParseSort reads the parameters sortBy, [URN:]name[.sub], and sortOrder,
// "ascending" or "descending" in any case, ascending if empty. Without sortBy there
// is no order, and nil.
//
// Everything else is 400 invalidValue: unknown attributes, attributes that no
// response shows, complex ones without a value to compare, and members, which are
// no property of one group that another could have more of.
func ParseSort(rt *ResourceType, sortBy, sortOrder string) (*Sort, error) {
	if sortBy == "" {
		return nil, nil
	}
	descending := sameName(sortOrder, "descending")
	if !descending && sortOrder != "" && !sameName(sortOrder, "ascending") {
		return nil, badRequest(ErrorInvalidValue, "sortOrder must be ascending or descending")
	}
	ref, ok := rt.lookUp(sortBy)
	if ok && ref.sub == nil && ref.attr.Type == TypeComplex {
		ref.sub = rt.Dialect.implied(ref.attr)
	}
	if !ok || !ref.readable() || ref.target().Type == TypeComplex || ref.attr.keyed {
		return nil, badRequest(ErrorInvalidValue, "sortBy names an attribute that does not exist or cannot be sorted by")
	}
	return &Sort{operand: operand{attributeRef: ref, fromCommon: ref.owned()}, descending: descending}, nil
}

// Compare is negative if the resource of a and commonA comes before that of b and
// commonB, and 0 if neither does: callers break ties, always in the same way.
func (s Sort) Compare(a, b Resource, commonA, commonB Common) int {
	return s.CompareKeys(s.Key(a, commonA), s.Key(b, commonB))
}

// CompareKeys is Compare for two results of Key.
func (s Sort) CompareKeys(a, b string) int {
	if s.descending {
		return strings.Compare(b, a)
	}
	return strings.Compare(a, b)
}

// Key is what Compare compares, for those who sort many resources or remember where
// they were. Of several values it is of the primary one, else of the first. Text
// that is not case-exact is folded, and [Limits].SortKeyBytes of it count; dateTime
// is an instant. A resource without a value has the greatest key, so that it comes
// last in ascending and first in descending order.
func (s Sort) Key(r Resource, common Common) string {
	switch v := s.value(r, common).(type) {
	case bool:
		if v {
			return keyOf([]byte{1})
		}
		return keyOf([]byte{0})
	case int64, float64:
		return s.numberKey(v)
	case string:
		return s.textKey(v)
	}
	return "\x01"
}

// keyOf is the key of a value that is there.
func keyOf(value []byte) string { return "\x00" + string(value) }

func (s Sort) textKey(v string) string {
	a := s.operand.target()
	if a.Type != TypeDateTime {
		text := a.comparable(v)
		return "\x00" + text[:min(len(text), DefaultLimits().SortKeyBytes)]
	}
	at, ok := parseDateTime(v)
	if !ok {
		return "\x01"
	}
	return keyOf(binary.BigEndian.AppendUint32(orderedInt(at.Unix()), uint32(at.Nanosecond()))) //nolint:gosec // below 1e9
}

func (s Sort) numberKey(v any) string {
	if n, ok := v.(int64); ok && s.operand.target().Type == TypeInteger {
		return keyOf(orderedInt(n))
	}
	f, _ := asFloat(v)
	return keyOf(orderedFloat(f))
}

// orderedInt is n in bytes that compare as numbers do.
func orderedInt(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63) //nolint:gosec // the bits, not the number
}

func orderedFloat(f float64) []byte {
	bits := math.Float64bits(f + 0) // there is no minus zero
	if bits>>63 == 1 {
		return binary.BigEndian.AppendUint64(nil, ^bits)
	}
	return binary.BigEndian.AppendUint64(nil, bits^1<<63)
}

// value is the value to sort by, nil if there is none.
func (s Sort) value(r Resource, common Common) any {
	v := preferred(s.operand.value(candidate{values: r, common: common}))
	if s.operand.sub == nil {
		return v
	}
	object, _ := v.(map[string]any)
	return preferred(object[s.operand.sub.Name])
}

// preferred is the primary of several values, or else the first.
func preferred(v any) any {
	list, ok := v.([]any)
	switch {
	case !ok:
		return v
	case len(list) == 0:
		return nil
	}
	for _, element := range list {
		if isPrimary(element) {
			return element
		}
	}
	return list[0]
}
