// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "slices"

// Demands returns the value that a resource must have of attribute for f to hold: `attribute eq "value"` is f, or among what `and`
// joins in f, or is so inside brackets, as in emails[type eq "work" and value eq "x"]. attribute and value are as [Filter.Equality]
// has them. The store looks up who has the value, and matches what it finds against f.
func (f Filter) Demands(attribute string) (value string, ok bool) {
	for _, term := range f.Conjunction() {
		for _, part := range term.parts() {
			if value, ok := part.Equality(attribute); ok {
				return value, true
			}
		}
	}
	return "", false
}

// parts are filters that all hold if f does: of brackets that hold for some value, each condition holds for that value.
func (f Filter) parts() []Filter {
	brackets, ok := f.root.(*elementMatch)
	if !ok {
		return []Filter{f}
	}
	var out []Filter
	for _, term := range (Filter{brackets.inner}).Conjunction() {
		out = append(out, Filter{&elementMatch{operand: brackets.operand, inner: term.root}})
	}
	return out
}

// Reads returns the attributes that Match looks at, each once, in no particular order and in canonical form: [URN:]name, without
// sub-attribute. So the store need not read the others.
func (f Filter) Reads() []string {
	var names []string
	visitOperands(f.root, func(o operand) {
		if name := o.whole(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	})
	return names
}

// Reads returns the attribute that Key looks at, as [Filter.Reads] does.
func (s Sort) Reads() string { return s.operand.whole() }

// whole is the path of the attribute without its sub-attribute.
func (r attributeRef) whole() string { return attributeRef{ns: r.ns, attr: r.attr}.String() }

// visitOperands calls visit with what x compares; of brackets that is the attribute whose values they select.
func visitOperands(x expression, visit func(operand)) {
	switch x := x.(type) {
	case anyOf:
		for _, term := range x {
			visitOperands(term, visit)
		}
	case allOf:
		for _, term := range x {
			visitOperands(term, visit)
		}
	case negation:
		visitOperands(x.inner, visit)
	case presence:
		visit(x.operand)
	case *comparison:
		visit(x.operand)
	case *elementMatch:
		visit(x.operand)
	}
}
