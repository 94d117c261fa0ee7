// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// Apply returns r with the operations applied in order, each to the outcome of
// the one before (RFC 7644 §3.5.2). It is atomic: on error there is no result,
// and r is never changed. An operation that changes nothing is not an error,
// so callers compare the outcome with [Equal].
//
// Beyond the RFC, unless the dialect is strict: add and replace on attr[eq filter]
// that selects nothing create the value, and remove with a list of values removes
// only these. A value that loses its `value` goes altogether.
//
// Errors: 400 mutability for changing an immutable attribute or removing a
// required one, 400 noTarget for a filter that selects nothing and describes
// nothing, 400 invalidValue for a second primary in one operation or too many
// values.
//
// The members of a group are a list here as any other, which costs the product of
// both lengths: take them out with [Patch.Members] first.
//
// The type is the one that the patch was parsed for.
func (p Patch) Apply(_ *ResourceType, r Resource) (Resource, error) {
	out, folds := clone(r), foldCache{}
	for _, op := range p.operations {
		op.folds = folds
		if err := op.apply(out); err != nil {
			return nil, inOperation(op.index, err)
		}
	}
	if p.rt == nil {
		return out, nil
	}
	return out, p.rt.settle(out)
}

func (op operation) apply(r Resource) error {
	n, a := op.path.ns, op.path.attr
	switch {
	case op.unknown != nil:
		op.unknown.applyTo(r, op.value)
		return nil
	case a == nil:
		return dropExtension(n, r)
	}
	part := r.part(n)
	next, err := op.next(part[a.Name])
	if err != nil {
		return err
	}
	set(part, a, next)
	r.put(n, part)
	if next == nil || op.formed {
		r.setForm(n.path(a), op.form)
	}
	return nil
}

func dropExtension(n *namespace, r Resource) error {
	for _, a := range n.attributes {
		if err := guard(a, remove, r.part(n)[a.Name], nil); err != nil && r.part(n)[a.Name] != nil {
			return err
		}
	}
	if n.required {
		return badRequest(ErrorMutability, "%s: is required", n.urn)
	}
	for _, a := range n.attributes {
		r.setForm(n.path(a), "")
	}
	delete(r, n.key)
	return nil
}

func set(values map[string]any, a *Attribute, v any) {
	if v == nil {
		delete(values, a.Name)
		return
	}
	values[a.Name] = v
}

// next decides the new value of the operation's attribute from its current one.
func (op operation) next(current any) (any, error) {
	next, err := op.decide(current)
	if err != nil {
		return nil, err
	}
	return next, guard(op.path.attr, op.verb, current, next)
}

func (op operation) decide(current any) (any, error) {
	a := op.path.attr
	switch {
	case a.MultiValued && (op.path.filter != nil || op.path.sub != nil):
		list, _ := current.([]any)
		return op.changeSelected(list)
	case op.path.sub != nil:
		return op.changeSub(current)
	}
	return op.change(a, current, op.value)
}

// guard enforces what mutability and required forbid for the step from current
// to next.
func guard(a *Attribute, v verb, current, next any) error {
	switch {
	case a.Mutability == Immutable && current != nil && !equalValue(current, next):
		return notMutable(a)
	case a.Required && next == nil && v == remove:
		return badRequest(ErrorMutability, "%s: is required", a.Name)
	case a.Required && next == nil:
		return badRequest(ErrorInvalidValue, "%s: is required", a.Name)
	}
	return nil
}

// change applies the verb to all of a, an attribute or a sub-attribute.
func (op operation) change(a *Attribute, current, value any) (any, error) {
	switch {
	case a.MultiValued:
		list, _ := current.([]any)
		values, _ := value.([]any)
		return op.changeList(a, list, values)
	case op.verb == remove || value == nil:
		return nil, nil
	case a.Type == TypeComplex:
		return op.merge(a, current, value)
	}
	return value, nil
}

// merge puts the sub-attributes that value mentions over those of current; the
// others stay (RFC 7644 §3.5.2.1, §3.5.2.3).
func (op operation) merge(a *Attribute, current, value any) (any, error) {
	object, _ := current.(map[string]any)
	mentioned, _ := value.(map[string]any)
	out := cloneObject(object)
	for _, sub := range a.SubAttributes {
		v, ok := mentioned[sub.Name]
		if !ok {
			continue
		}
		next, err := op.change(sub, out[sub.Name], v)
		if err != nil {
			return nil, err
		}
		if err := guard(sub, op.verb, out[sub.Name], next); err != nil {
			return nil, within(a.Name+".", err)
		}
		set(out, sub, next)
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

// changeSub applies the verb to the path's sub-attribute of one value.
func (op operation) changeSub(current any) (any, error) {
	a, sub := op.path.attr, op.path.sub
	object, _ := current.(map[string]any)
	out := cloneObject(object)
	next, err := op.change(sub, out[sub.Name], op.value)
	if err != nil {
		return nil, err
	}
	if err := guard(sub, op.verb, out[sub.Name], next); err != nil {
		return nil, within(a.Name+".", err)
	}
	set(out, sub, next)
	// Without its significant value only labels would be left.
	if len(out) == 0 || next == nil && sub == a.significant() {
		return nil, nil
	}
	return out, nil
}
