// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "reflect"

// Resource is the client's part of a resource, in canonical form: attribute
// names as the schema spells them; values string, bool, int64, float64,
// map[string]any or []any; extension attributes in an object under the URN.
// Nothing is null or empty: unassigned is absent (RFC 7643 §2.5). One exception
// is what SplitMembers needs: the empty list of members that a body names. The common
// attributes id, meta and schemas are not in it; see [Common]. The store may
// add readOnly attributes, such as `groups`, before Render or Match.
//
// With [Dialect].KeepUnknown it also holds attributes that no schema has, under
// the client's spelling. The key "#forms", which no attribute can have, says which
// declared attributes are shown as JSON text. A Resource may be stored as JSON.
type Resource map[string]any

// Parse reads the body of a POST or PUT. Names are canonicalised; null and []
// are absent; readOnly and writeOnly attributes are dropped (a password is never
// looked at). A value of the wrong type, too long, or a second primary is 400
// invalidValue. Required attributes are not checked: see
// [ResourceType.CheckRequired].
//
// Unknown attributes and URNs are dropped or kept as the [Dialect] says. Kept ones
// are null or empty at no level; integers of 64 bits are int64 and all other
// numbers float64. More than [Limits].UnknownAttributes, and a string in them that
// is too long, are 400 invalidValue.
func (rt *ResourceType) Parse(raw map[string]any) (Resource, error) {
	members, err := foldKeys(raw)
	if err != nil {
		return nil, err
	}
	if err := rt.checkSchemas(members); err != nil {
		return nil, err
	}
	out := Resource{}
	for _, n := range rt.namespaces() {
		part := members
		if n != rt.core {
			if part, err = n.extensionMembers(members); err != nil {
				return nil, err
			}
		}
		attributes, err := rt.parseAttributes(n, part, out)
		if err != nil {
			return nil, err
		}
		out.put(n, attributes)
	}
	if err := rt.takeAllUnknown(raw, out); err != nil {
		return nil, err
	}
	return out, rt.settle(out)
}

// settle finishes a resource that a client has changed.
func (rt *ResourceType) settle(r Resource) error {
	if err := rt.checkKept(r); err != nil {
		return err
	}
	return rt.settleForms(r)
}

func (n *namespace) extensionMembers(members map[string]any) (map[string]any, error) {
	raw := members[fold(n.urn)]
	if raw == nil {
		return nil, nil
	}
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest(ErrorInvalidValue, "%s: must be an object", n.urn)
	}
	return foldKeys(object)
}

func (rt *ResourceType) parseAttributes(n *namespace, members map[string]any, r Resource) (map[string]any, error) {
	out := map[string]any{}
	for _, a := range n.attributes {
		raw, mentioned := members[fold(a.Name)]
		if !mentioned || !a.writable() {
			continue
		}
		v, err := valueParser{dialect: rt.Dialect}.attribute(a, raw)
		if err != nil {
			return nil, err
		}
		if _, isList := raw.([]any); v == nil && isList && a.keyed {
			v = []any{}
		}
		if v != nil {
			out[a.Name] = v
		}
		if a.acceptText && v != nil {
			r.setForm(n.path(a), formOf(a, raw))
		}
	}
	return out, nil
}

// part returns the attributes of one namespace, never nil; changes to it count
// only after put.
func (r Resource) part(n *namespace) map[string]any {
	if n.key == "" {
		return r
	}
	if part, ok := r[n.key].(map[string]any); ok {
		return part
	}
	return map[string]any{}
}

// put sets the attributes of one namespace; an extension without any is absent.
func (r Resource) put(n *namespace, attributes map[string]any) {
	switch {
	case n.key != "" && len(attributes) == 0:
		delete(r, n.key)
	case n.key != "":
		r[n.key] = attributes
	default:
		for name, v := range attributes {
			r[name] = v
		}
	}
}

// CheckRequired fails with 400 invalidValue if a required attribute, a required
// sub-attribute of a value that is there, or a required extension is missing.
func (rt *ResourceType) CheckRequired(r Resource) error {
	for _, n := range rt.namespaces() {
		part := r.part(n)
		if n != rt.core && !n.hasAny(part) {
			if n.required {
				return badRequest(ErrorInvalidValue, "%s: is required", n.urn)
			}
			continue
		}
		if err := checkRequired(n.attributes, part); err != nil {
			return err
		}
	}
	return nil
}

// hasAny reports whether values, of the extension n, has any attribute that n has.
func (n *namespace) hasAny(values map[string]any) bool {
	for _, a := range n.attributes {
		if values[a.Name] != nil {
			return true
		}
	}
	return false
}

func checkRequired(attributes []*Attribute, values map[string]any) error {
	for _, a := range attributes {
		v := values[a.Name]
		if v == nil || v == "" {
			if a.Required && a.writable() {
				return badRequest(ErrorInvalidValue, "%s: is required", a.Name)
			}
			continue
		}
		for _, element := range elements(a, v) {
			object, _ := element.(map[string]any)
			if err := checkRequired(a.SubAttributes, object); err != nil {
				return within(a.Name+".", err)
			}
		}
	}
	return nil
}

// elements are the values of a, whether it is multi-valued or not.
func elements(a *Attribute, v any) []any {
	if list, ok := v.([]any); ok && a.MultiValued {
		return list
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

// Replace is the outcome of a PUT of next over current (RFC 7644 §3.5.1);
// neither is changed. What next omits is removed, with three exceptions:
// `active`, because a client that does not send it disables nobody; readOnly
// attributes, which are not the client's; and immutable ones, which stay. An
// immutable value that differs is 400 mutability. Required attributes are not
// checked.
func (rt *ResourceType) Replace(current, next Resource) (Resource, error) {
	out := clone(next)
	for _, n := range rt.namespaces() {
		part := out.part(n)
		if err := carryOver(n.attributes, current.part(n), part); err != nil {
			return nil, err
		}
		out.put(n, part)
	}
	if _, sent := next[nameActive]; !sent && current[nameActive] != nil && rt.core.byName[nameActive] != nil {
		out[nameActive] = current[nameActive]
	}
	rt.carryOverForms(current, next, out)
	return out, rt.settle(out)
}

// carryOverForms keeps the forms of attributes that next does not mention and out has.
func (rt *ResourceType) carryOverForms(current, next, out Resource) {
	forms, _ := current[keyForms].(map[string]any)
	for path := range forms {
		if ref, ok := rt.resolve(path); ok && next.part(ref.ns)[ref.attr.Name] == nil {
			out.setForm(path, current.form(path))
		}
	}
}

func carryOver(attributes []*Attribute, current, next map[string]any) error {
	for _, a := range attributes {
		was := current[a.Name]
		if was == nil {
			continue
		}
		switch {
		case a.Mutability == ReadOnly:
			next[a.Name] = cloneValue(was)
		case a.Mutability == Immutable:
			if is := next[a.Name]; is != nil && !equalValue(was, is) {
				return notMutable(a)
			}
			next[a.Name] = cloneValue(was)
		case a.Mutability == ReadWrite && a.Type == TypeComplex && !a.MultiValued:
			if err := carryOverImmutable(a, was, next); err != nil {
				return within(a.Name+".", err)
			}
		}
	}
	return nil
}

// carryOverImmutable keeps the immutable sub-attributes of a complex value.
// readOnly ones are not kept: they describe the value that has been replaced.
func carryOverImmutable(a *Attribute, was any, next map[string]any) error {
	before, _ := was.(map[string]any)
	after, sent := next[a.Name].(map[string]any)
	if !sent {
		after = map[string]any{}
	}
	for _, sub := range a.SubAttributes {
		if sub.Mutability != Immutable || before[sub.Name] == nil {
			continue
		}
		if is := after[sub.Name]; is != nil && !equalValue(is, before[sub.Name]) {
			return notMutable(sub)
		}
		after[sub.Name] = cloneValue(before[sub.Name])
	}
	if len(after) > 0 {
		next[a.Name] = after
	}
	return nil
}

func notMutable(a *Attribute) error {
	return badRequest(ErrorMutability, "%s: is %s", a.Name, a.Mutability)
}

// Equal reports whether a and b hold the same attributes with the same values.
// The order of multiple values counts; an empty list, an empty object and null
// are the same as absent, and numbers compare by value.
func Equal(a, b Resource) bool {
	return equalValue(map[string]any(a), map[string]any(b))
}

func equalValue(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		return (ok || b == nil) && containsAll(x, y) && containsAll(y, x)
	case []any:
		y, ok := b.([]any)
		return (ok || b == nil) && equalList(x, y)
	case nil:
		return b == nil || equalEmpty(b)
	}
	if x, ok := asNumber(a); ok {
		y, ok := asNumber(b)
		return ok && x == y
	}
	return reflect.DeepEqual(a, b)
}

func equalEmpty(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		return containsAll(x, nil)
	case []any:
		return len(x) == 0
	}
	return false
}

func containsAll(a, b map[string]any) bool {
	for name, v := range a {
		if !equalValue(v, b[name]) {
			return false
		}
	}
	return true
}

func equalList(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equalValue(a[i], b[i]) {
			return false
		}
	}
	return true
}

func clone(r Resource) Resource {
	out := make(Resource, len(r))
	for name, v := range r {
		out[name] = cloneValue(v)
	}
	return out
}

func cloneValue(v any) any {
	switch x := v.(type) {
	case map[string]any:
		return cloneObject(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = cloneValue(x[i])
		}
		return out
	}
	return v
}

func cloneObject(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for name, v := range m {
		out[name] = cloneValue(v)
	}
	return out
}
