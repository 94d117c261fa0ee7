// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// Match reports whether the resource that r and common describe satisfies f.
// On a multi-valued attribute a condition holds if it holds for any value; `ne`
// holds also where there is no value. Members come from common.Members, if that is
// not nil: eq on their value asks for that one only.
func (f Filter) Match(r Resource, common Common) bool {
	return f.root != nil && f.root.holds(candidate{values: r, common: common})
}

// expression is a node of a compiled filter.
type expression interface {
	holds(c candidate) bool
}

// candidate is what an expression is evaluated against: a resource, or inside
// brackets one value of an attribute. It is passed by value so that matching
// does not allocate.
type candidate struct {
	values map[string]any // of a resource or a complex value
	simple any            // a value that is not complex
	common Common
	folds  foldCache
}

type (
	anyOf    []expression
	allOf    []expression
	negation struct{ inner expression }
	presence struct{ operand operand }
	// comparison is `operand operator want`.
	comparison struct {
		operand
		operator operator
		want     literal
	}
	// elementMatch is attr[inner].
	elementMatch struct {
		operand
		inner expression
	}
)

func (x anyOf) holds(c candidate) bool {
	for _, term := range x {
		if term.holds(c) {
			return true
		}
	}
	return false
}

func (x allOf) holds(c candidate) bool {
	for _, term := range x {
		if !term.holds(c) {
			return false
		}
	}
	return true
}

func (x negation) holds(c candidate) bool { return !x.inner.holds(c) }

func (x presence) holds(c candidate) bool {
	return x.operand.some(c, func(v any) bool { return v != "" && !equalEmpty(v) })
}

func (x *comparison) holds(c candidate) bool {
	a := x.target()
	if x.asksMember(c, a) && x.operator == equal {
		return c.common.Members.HasMember(x.want.text)
	}
	switch x.operator {
	case equal:
		return x.some(c, func(v any) bool { return x.want.matches(a, v) })
	case notEqual:
		found := false
		other := x.some(c, func(v any) bool { found = true; return !x.want.matches(a, v) })
		return other || !found
	case contains, startsWith, endsWith:
		return x.some(c, func(v any) bool { return x.want.relates(a, x.operator, v, c.folds) })
	default:
		return x.some(c, func(v any) bool {
			order, ok := x.want.order(a, v, c.folds)
			return ok && x.operator.accepts(order)
		})
	}
}

func (op operator) accepts(order int) bool {
	switch op {
	case greaterThan:
		return order > 0
	case greaterOrEqual:
		return order >= 0
	case lessThan:
		return order < 0
	default:
		return order <= 0
	}
}

func (x *elementMatch) holds(c candidate) bool {
	if _, only := equality(x.inner); only != nil && x.asksMember(c, only.attr) {
		return c.common.Members.HasMember(only.want.text)
	}
	return x.some(c, func(v any) bool {
		values, _ := v.(map[string]any)
		return x.inner.holds(candidate{values: values, simple: v, common: c.common, folds: c.folds})
	})
}

// operand is an attribute as an expression reads it.
type operand struct {
	attributeRef
	fromCommon bool // id, meta, schemas: made from Common
	self       bool // the simple value itself, inside brackets
}

// some reports whether test holds for any of the operand's values.
func (o operand) some(c candidate, test func(v any) bool) bool {
	switch v := o.value(c).(type) {
	case nil:
		return false
	case []any:
		for _, element := range v {
			if o.someOf(element, test) {
				return true
			}
		}
		return false
	default:
		return o.someOf(v, test)
	}
}

func (o operand) someOf(v any, test func(v any) bool) bool {
	if o.sub == nil {
		return v != nil && test(v)
	}
	object, _ := v.(map[string]any)
	switch s := object[o.sub.Name].(type) {
	case nil:
		return false
	case []any:
		for _, element := range s {
			if test(element) {
				return true
			}
		}
		return false
	default:
		return test(s)
	}
}

// asksMember reports whether o is the members of c, of which a is compared, and a
// their value.
func (o operand) asksMember(c candidate, a *Attribute) bool {
	return o.attr.keyed && c.common.Members != nil && a.Name == nameValue
}

func (o operand) value(c candidate) any {
	switch {
	case o.attr.keyed && c.common.Members != nil:
		return c.common.Members.Members()
	case o.self:
		return c.simple
	case o.fromCommon:
		return o.rt.ownedValue(o.attr, c.values, c.common)
	case o.ns == nil || o.ns.key == "":
		return c.values[o.attr.Name]
	}
	extension, _ := c.values[o.ns.key].(map[string]any)
	return extension[o.attr.Name]
}
