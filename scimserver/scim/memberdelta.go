// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// MemberDelta is the net effect of a [MemberChange]. No id is named twice.
type MemberDelta struct {
	// Reset empties the group before anything is added; Remove is empty then.
	Reset bool
	// Add are to be members afterwards, whether or not they are now.
	Add []Member
	// Remove are not to be members afterwards, whether or not they are now.
	Remove []string
}

// IsEmpty reports whether d changes no group.
func (d MemberDelta) IsEmpty() bool { return !d.Reset && len(d.Add) == 0 && len(d.Remove) == 0 }

// NeedsCurrent reports whether Delta must know the members that the group has
// now: a filter such as members[type eq "Group"] is evaluated on them.
func (c MemberChange) NeedsCurrent() bool {
	for _, step := range c.steps {
		if step.filter != nil {
			return true
		}
	}
	return false
}

// Delta returns the net effect of c: applied to a group it leaves the same members
// as the operations applied one by one. current are the members of the group, each
// once, with their types; they are not looked at unless NeedsCurrent. A filter on
// the type of a member that c itself adds sees the type that current or else the
// client says.
func (c MemberChange) Delta(current []Member) MemberDelta {
	fold := memberFold{added: map[string]int{}, removed: map[string]int{}}
	if c.NeedsCurrent() {
		fold.know(current)
	}
	for _, step := range c.steps {
		fold.apply(step)
	}
	return fold.delta()
}

// memberFold is the net effect of some steps. What is taken back stays in its list
// and is no longer in the map that says where, so that a step costs what it names.
type memberFold struct {
	reset          bool
	add            []Member
	remove         []string
	added, removed map[string]int
	current        []Member
	types          map[string]string
}

func (f *memberFold) know(current []Member) {
	f.current, f.types = current, make(map[string]string, len(current))
	for _, m := range current {
		f.types[m.Value] = m.Type
	}
}

func (f *memberFold) apply(step memberStep) {
	if step.removeAll {
		*f = memberFold{reset: true, added: map[string]int{}, removed: map[string]int{}, current: f.current, types: f.types}
	}
	if step.filter != nil {
		step.remove = f.selected(step.filter)
	}
	for _, value := range step.remove {
		f.drop(value)
	}
	for _, m := range step.add {
		f.take(m)
	}
}

func (f *memberFold) take(m Member) {
	delete(f.removed, m.Value)
	if i, there := f.added[m.Value]; there {
		if m.Type != "" {
			f.add[i].Type = m.Type
		}
		return
	}
	f.added[m.Value] = len(f.add)
	f.add = append(f.add, m)
}

func (f *memberFold) drop(value string) {
	delete(f.added, value)
	if _, there := f.removed[value]; f.reset || there {
		return
	}
	f.removed[value] = len(f.remove)
	f.remove = append(f.remove, value)
}

// selected are the members at this point that filter holds for.
func (f *memberFold) selected(filter expression) []string {
	var out []string
	values := map[string]any{}
	test := func(m Member) {
		delete(values, nameType)
		values[nameValue] = m.Value
		if m.Type != "" {
			values[nameType] = m.Type
		}
		if filter.holds(candidate{values: values}) {
			out = append(out, m.Value)
		}
	}
	for _, m := range f.current {
		_, isAdded := f.added[m.Value]
		if _, isRemoved := f.removed[m.Value]; isAdded || !f.reset && !isRemoved {
			test(m)
		}
	}
	for _, m := range still(f.add, f.added, func(m Member) string { return m.Value }) {
		if _, known := f.types[m.Value]; !known {
			test(m)
		}
	}
	return out
}

func (f *memberFold) delta() MemberDelta {
	return MemberDelta{
		Reset:  f.reset,
		Add:    still(f.add, f.added, func(m Member) string { return m.Value }),
		Remove: still(f.remove, f.removed, func(value string) string { return value }),
	}
}

// still returns those of list that the map says are where they are.
func still[T any](list []T, where map[string]int, key func(T) string) []T {
	var out []T
	for i, v := range list {
		if at, there := where[key(v)]; there && at == i {
			out = append(out, v)
		}
	}
	return out
}
