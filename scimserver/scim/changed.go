// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "slices"

// UnknownAttribute is the name that [ResourceType.Changed] gives to every attribute
// that no schema has. No attribute can be called so.
const UnknownAttribute = "(unknown)"

// Changed returns the paths of the attributes in which before and after differ,
// sorted, each once: none if [Equal] holds. A path is that of a filter, as the schema
// spells it ("name.givenName", "urn:…:User:manager.value"). A multi-valued attribute
// has one path whatever of its values differs.
//
// Every path is out of the schemas: the names of attributes that no schema has are
// the client's text and may be anybody's e-mail address, so all of them together are
// [UnknownAttribute]. readOnly attributes, which no client changes, and the members of
// a group that the store keeps apart are not in it.
func (rt *ResourceType) Changed(before, after Resource) []string {
	var out []string
	for _, n := range rt.namespaces() {
		out = n.changed(before.part(n), after.part(n), out)
	}
	if rt.changedUnknown(before, after) {
		out = append(out, UnknownAttribute)
	}
	out = append(out, rt.changedForms(before, after)...)
	slices.Sort(out)
	return slices.Compact(out)
}

// changed appends the paths of the attributes of n that differ to out.
func (n *namespace) changed(before, after map[string]any, out []string) []string {
	for _, a := range n.attributes {
		was, is := before[a.Name], after[a.Name]
		if a.Mutability == ReadOnly || equalValue(was, is) {
			continue
		}
		out = append(out, a.changed(n.path(a), was, is)...)
	}
	return out
}

// changed are the paths of a and of what is in it, whose values differ.
func (a *Attribute) changed(path string, was, is any) []string {
	before, wasObject := was.(map[string]any)
	after, isObject := is.(map[string]any)
	if a.MultiValued || !wasObject && was != nil || !isObject && is != nil {
		return []string{path}
	}
	var out []string
	for _, sub := range a.SubAttributes {
		if !equalValue(before[sub.Name], after[sub.Name]) {
			out = append(out, path+"."+sub.Name)
		}
	}
	if out == nil {
		return []string{path} // something in it has no name
	}
	return out
}

// changedUnknown reports whether attributes differ that no schema has.
func (rt *ResourceType) changedUnknown(before, after Resource) bool {
	for _, n := range rt.namespaces() {
		was, is := before.part(n), after.part(n)
		if rt.hasUnknownBeside(n, was, is) || rt.hasUnknownBeside(n, is, was) {
			return true
		}
	}
	return false
}

// hasUnknownBeside reports whether values, of the namespace n, have an attribute that no schema has and others have not so.
func (rt *ResourceType) hasUnknownBeside(n *namespace, values, others map[string]any) bool {
	for key, v := range values {
		if equalValue(v, others[key]) || n == rt.core && key == keyForms {
			continue
		}
		if len(rt.unknownKeys(n, map[string]any{key: v})) > 0 {
			return true
		}
	}
	return false
}

// changedForms are the paths of the attributes that are shown in another form.
func (rt *ResourceType) changedForms(before, after Resource) []string {
	was, _ := before[keyForms].(map[string]any)
	is, _ := after[keyForms].(map[string]any)
	var out []string
	for _, forms := range []map[string]any{was, is} {
		for path := range forms {
			if ref, known := rt.resolve(path); known && !equalValue(was[path], is[path]) {
				out = append(out, ref.String())
			}
		}
	}
	return out
}
