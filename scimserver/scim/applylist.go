// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// element is a value of a multi-valued attribute while an operation works on
// the list; touched ones are those that the operation set.
type element struct {
	value   any
	touched bool
}

// changeList applies the verb to all values of a.
func (op operation) changeList(a *Attribute, current, values []any) (any, error) {
	switch {
	case op.verb == remove && op.narrow:
		return listOrNil(without(a, current, values)), nil
	case op.verb == remove:
		return nil, nil
	case op.verb == add:
		out, err := op.union(a, current, values)
		if err != nil {
			return nil, err
		}
		return settle(a, out)
	}
	return listOrNil(values), checkListLength(a, values)
}

// without returns the values of current that are none of those listed.
func without(a *Attribute, current, listed []any) []any {
	var out []any
	for _, have := range current {
		if indexOf(a, []any{have}, listed) < 0 {
			out = append(out, have)
		}
	}
	return out
}

// indexOf returns the index of the first of list that is any of wanted, or -1.
func indexOf(a *Attribute, list, wanted []any) int {
	for i, have := range list {
		for _, want := range wanted {
			if sameElement(a, have, want) {
				return i
			}
		}
	}
	return -1
}

// union appends the values that are not there yet. One that is there, by
// `value` and `type`, takes over what the new one says (RFC 7643 §2.4: these
// two together should not repeat).
func (op operation) union(a *Attribute, current, values []any) ([]element, error) {
	out := make([]element, 0, len(current)+len(values))
	for _, v := range current {
		out = append(out, element{value: v})
	}
	list := append([]any(nil), current...)
	for _, v := range values {
		i := indexOf(a, list, []any{v})
		if i < 0 {
			list = append(list, v)
			out = append(out, element{v, true})
			continue
		}
		if a.Type != TypeComplex {
			continue
		}
		merged, err := op.merge(a, list[i], withoutImmutable(a, v))
		if err != nil {
			return nil, err
		}
		list[i], out[i] = merged, element{merged, true}
	}
	return out, nil
}

// withoutImmutable drops the immutable sub-attributes: a value that is there
// already is the same value whatever else is said of it.
func withoutImmutable(a *Attribute, v any) any {
	object, _ := v.(map[string]any)
	out := cloneObject(object)
	for _, sub := range a.SubAttributes {
		if sub.Mutability == Immutable {
			delete(out, sub.Name)
		}
	}
	return out
}

// sameElement reports whether want denotes have. Complex values are the same by
// `value`, and by `type` if want has one; without `value`, by all that want
// mentions.
func sameElement(a *Attribute, have, want any) bool {
	if a.Type != TypeComplex {
		return sameSimple(a, have, want)
	}
	h, _ := have.(map[string]any)
	w, _ := want.(map[string]any)
	if value := a.significant(); value != nil && w[value.Name] != nil {
		kind := a.sub(nameType)
		return sameSimple(value, h[value.Name], w[value.Name]) &&
			(kind == nil || w[kind.Name] == nil || sameSimple(kind, h[kind.Name], w[kind.Name]))
	}
	for _, sub := range a.SubAttributes {
		if v := w[sub.Name]; v != nil && !sameSimple(sub, h[sub.Name], v) {
			return false
		}
	}
	return len(w) > 0
}

// sameSimple compares values by the rules of the attribute. Case is folded rune
// by rune here: it stops at the first difference, and one PATCH can ask for a
// million comparisons.
func sameSimple(a *Attribute, x, y any) bool {
	s, sok := x.(string)
	t, tok := y.(string)
	if sok && tok && !a.CaseExact {
		return strings.EqualFold(s, t)
	}
	return equalValue(x, y)
}

// changeSelected applies the verb to the values that the path selects. If there
// are none, add and replace create one.
func (op operation) changeSelected(current []any) (any, error) {
	out := make([]element, 0, len(current)+1)
	selected := false
	for _, v := range current {
		if !op.path.selects(v, op.folds) {
			out = append(out, element{value: v})
			continue
		}
		selected = true
		next, err := op.changeElement(v)
		if err != nil {
			return nil, err
		}
		if next != nil {
			out = append(out, element{next, true})
		}
	}
	if !selected && op.verb != remove && op.value != nil {
		created, err := op.create()
		if err != nil {
			return nil, err
		}
		out = append(out, element{created, true})
	}
	return settle(op.path.attr, out)
}

func (op operation) changeElement(v any) (any, error) {
	a := op.path.attr
	switch {
	case op.path.sub != nil:
		return op.changeSub(v)
	case op.verb == remove:
		return nil, nil
	case a.Type != TypeComplex || op.value == nil:
		return op.value, nil
	case op.verb == add:
		return op.merge(a, v, op.value)
	}
	return op.merge(a, op.keep(v), op.value)
}

// keep is what stays of a value that is replaced as a whole (RFC 7644
// §3.5.2.3): what the path selected it by, and what is immutable.
func (op operation) keep(v any) map[string]any {
	object, _ := v.(map[string]any)
	out := map[string]any{}
	for _, sub := range op.path.attr.SubAttributes {
		_, pinned := op.path.pins[sub.Name]
		if was := object[sub.Name]; was != nil && (pinned || sub.Mutability == Immutable) {
			out[sub.Name] = was
		}
	}
	return out
}

// create makes a value that the path would have selected. Where the path has a
// filter the RFC says noTarget.
func (op operation) create() (any, error) {
	a, pins := op.path.attr, op.path.pins
	if op.path.filter == nil {
		pins = map[string]any{}
	}
	described := pins != nil && a.Type == TypeComplex && (op.path.sub == nil || pins[op.path.sub.Name] == nil)
	if !described || op.path.filter != nil && !op.path.rt.Dialect.takes(createOnNoMatch) {
		return nil, noTarget()
	}
	if op.path.sub == nil {
		return op.merge(a, pins, op.value)
	}
	return op.changeSub(pins)
}

func noTarget() error {
	return badRequest(ErrorNoTarget, "path selects no value")
}

// settle finishes a list: at most one of the touched values may be primary, and
// it takes that from the others (RFC 7644 §3.5.2).
func settle(a *Attribute, list []element) (any, error) {
	primaries := 0
	for _, e := range list {
		if e.touched && isPrimary(e.value) {
			primaries++
		}
	}
	if primaries > 1 {
		return nil, named(a, badRequest(ErrorInvalidValue, ": more than one value is primary"))
	}
	out := make([]any, 0, len(list))
	for _, e := range list {
		if primaries == 1 && !e.touched && isPrimary(e.value) {
			e.value = demoted(e.value)
		}
		out = append(out, e.value)
	}
	return listOrNil(out), checkListLength(a, out)
}

func demoted(v any) any {
	object, _ := v.(map[string]any)
	out := cloneObject(object)
	out[namePrimary] = false
	return out
}

func checkListLength(a *Attribute, list []any) error {
	return named(a, checkLength(len(list), a.MaxValues))
}

func listOrNil(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list
}
