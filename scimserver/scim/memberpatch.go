// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// MemberChange is what the operations of a PATCH do to the members of a group, in
// order. The zero MemberChange does nothing. It is immutable.
type MemberChange struct{ steps []memberStep }

// memberStep is one operation: remove all, or those that filter selects, or those
// that are listed; then add.
type memberStep struct {
	removeAll bool
	filter    expression
	remove    []string
	add       []Member
}

// Members separates what p, a PATCH of a group, does to the members from what it
// does to everything else, which rest does. Neither needs the current members, but
// see [MemberChange.NeedsCurrent].
//
// Beyond the RFC, unless the dialect is strict: remove with a list of values
// removes only these, so an empty list removes nobody, and add to
// members[value eq "x"] adds x.
//
// Errors: 400 mutability for changing a member in place, 400 invalidFilter for
// selecting members by anything but value and type, or more often than
// [Limits].PatchMemberFilters by more than a list of values; 400 noTarget for add
// and replace of a member by a filter in a strict dialect.
func (p Patch) Members() (change MemberChange, rest Patch, err error) {
	filters := 0
	rest.rt = p.rt
	for _, op := range p.operations {
		if op.path.attr == nil || !op.path.attr.keyed {
			rest.operations = append(rest.operations, op)
			continue
		}
		step, err := op.memberStep()
		if err != nil {
			return MemberChange{}, Patch{}, inOperation(op.index, err)
		}
		if step.filter != nil {
			filters++
		}
		change.steps = append(change.steps, step)
	}
	if limit := DefaultLimits().PatchMemberFilters; filters > limit {
		return MemberChange{}, Patch{}, invalidFilter("more than %d operations select members by a filter", limit)
	}
	return change, rest, nil
}

// Empty reports whether p changes nothing, whatever it is applied to.
func (p Patch) Empty() bool { return len(p.operations) == 0 }

func (op operation) memberStep() (memberStep, error) {
	values, _ := op.value.([]any)
	switch {
	case op.path.sub != nil:
		return memberStep{}, within(op.path.attr.Name+".", notMutable(op.path.sub))
	case op.path.filter != nil && op.verb != remove:
		return op.addSelected()
	case op.path.filter != nil:
		return removeSelected(op.path.filter)
	case op.verb == remove && op.narrow:
		return memberStep{remove: valuesOf(membersIn(values))}, nil
	case op.verb == add:
		return memberStep{add: membersIn(values)}, nil
	}
	return memberStep{removeAll: true, add: membersIn(values)}, nil
}

// addSelected takes add and replace of members[value eq "x"] as adding x, as
// other attributes do with a path that selects nothing yet. Whatever else the
// value says would change the member, and nothing of a member can change.
func (op operation) addSelected() (memberStep, error) {
	pinned, _ := op.path.pins[nameValue].(string)
	if given := memberValue(op.value); pinned == "" || given != "" && given != pinned {
		return memberStep{}, within(op.path.attr.Name+".", notMutable(op.path.attr.significant()))
	}
	if !op.path.rt.Dialect.takes(createOnNoMatch) {
		return memberStep{}, noTarget()
	}
	kind := memberType(op.path.pins)
	if kind == "" {
		kind = memberType(op.value)
	}
	return memberStep{add: []Member{{Value: pinned, Type: kind}}}, nil
}

// removeSelected is a list of values where the filter is nothing but one, which
// needs no look at the members.
func removeSelected(filter expression) (memberStep, error) {
	if listed, ok := valuesIn(filter); ok {
		return memberStep{remove: listed}, nil
	}
	if !selectsBy(filter, nameValue, nameType) {
		return memberStep{}, invalidFilter("members can be selected by value and type only")
	}
	return memberStep{filter: filter}, nil
}

// valuesIn returns the values of a filter of the form value eq "a" or value eq "b".
func valuesIn(filter expression) ([]string, bool) {
	terms, ok := filter.(anyOf)
	if !ok {
		terms = anyOf{filter}
	}
	var out []string
	for _, term := range terms {
		c, ok := term.(*comparison)
		if !ok || c.operator != equal || c.attr.Name != nameValue {
			return nil, false
		}
		out = append(out, c.want.text)
	}
	return out, true
}

// selectsBy reports whether an expression inside brackets reads nothing but the
// named sub-attributes.
func selectsBy(x expression, names ...string) bool {
	switch x := x.(type) {
	case anyOf:
		return allSelectBy(x, names)
	case allOf:
		return allSelectBy(x, names)
	case negation:
		return selectsBy(x.inner, names...)
	case presence:
		return x.operand.isAny(names)
	case *comparison:
		return x.isAny(names)
	}
	return false
}

func allSelectBy(terms []expression, names []string) bool {
	for _, term := range terms {
		if !selectsBy(term, names...) {
			return false
		}
	}
	return true
}

func (o operand) isAny(names []string) bool {
	for _, name := range names {
		if o.attr.Name == name {
			return true
		}
	}
	return false
}

func valuesOf(members []Member) []string {
	out := make([]string, 0, len(members))
	for _, m := range members {
		out = append(out, m.Value)
	}
	return out
}
