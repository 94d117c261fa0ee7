// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// unknownPath is the target of a PATCH operation on an attribute that no schema has.
type unknownPath struct {
	ns  *namespace // the extension that is to hold it, or nil
	uri string     // of a schema that is not of this resource type; empty if the path has none
	// name of the attribute; empty if the path can only be the URI of a schema
	name string
	// partial: the path goes on, to a sub-attribute or to some of the values. Nothing can be done about these.
	partial bool
}

// unknownPath reads a path that names nothing known: [URI:]name[.sub].
func (rt *ResourceType) unknownPath(text string) (unknownPath, bool) {
	out := unknownPath{}
	name := text
	for _, n := range rt.byLength {
		if size := len(n.urn); len(text) > size && text[size] == ':' && sameName(text[:size], n.urn) {
			out.ns, name = n, text[size+1:]
			break
		}
	}
	if i := strings.LastIndexByte(name, ':'); i >= 0 && out.ns == nil {
		out.uri, name = name[:i], name[i+1:]
		if !isURI(out.uri) {
			return unknownPath{}, false
		}
	}
	if out.ns == rt.core {
		out.ns = nil
	}
	name, sub, dotted := strings.Cut(name, ".")
	out.name, out.partial = name, dotted
	switch {
	case rt.namespace(text) != nil:
		return unknownPath{}, false // the core schema: there is nothing that an operation on all of it could mean
	case validName(name) && (!dotted || validName(sub)):
		return out, true
	case out.uri != "" && isURI(text):
		return unknownPath{uri: text}, true
	}
	return unknownPath{}, false
}

// parseUnknown parses an operation on an attribute that no schema has, which has no effect unless such attributes are kept.
func (rt *ResourceType) parseUnknown(v verb, p unknownPath, raw any) ([]operation, error) {
	n := rt.core
	if p.ns != nil {
		n = p.ns
	}
	// A list of what to remove has no meaning for an attribute without one: to remove all of it would be the wrong guess.
	if p.partial || v == remove && raw != nil || p.uri == "" && !rt.keeps(n, p.name, raw) || !rt.Dialect.KeepUnknown {
		return nil, nil
	}
	if len(p.uri)+len(p.name) > DefaultLimits().UnknownNameBytes || p.uri != "" && p.name != "" && !isKeptName(p.name) {
		return nil, nil
	}
	value, err := keptValue(raw)
	if err != nil {
		return nil, within(nameOf(p.name), err)
	}
	return []operation{{verb: v, unknown: &p, value: value}}, nil
}

// applyTo sets the attribute in r, or removes it for nil. A path of nothing but a URI may mean a whole object or an attribute
// of one: it means the object if r has that, or if value is an object and r has none that could hold the attribute.
func (p unknownPath) applyTo(r Resource, value any) {
	switch {
	case p.ns != nil:
		part := r.part(p.ns)
		setUnknown(part, p.name, value)
		r.put(p.ns, part)
	case p.uri == "":
		setUnknown(r, p.name, value)
	default:
		p.applyToObject(r, value)
	}
}

func (p unknownPath) applyToObject(r Resource, value any) {
	whole := p.uri + ":" + p.name
	if p.name == "" {
		whole = p.uri
	}
	_, hasWhole := r[spelling(r, whole)]
	part, hasPart := r[spelling(r, p.uri)].(map[string]any)
	_, isObject := value.(map[string]any)
	if p.name == "" || hasWhole || isObject && !hasPart {
		if isObject || value == nil {
			setUnknown(r, whole, value)
		}
		return
	}
	if part == nil {
		part = map[string]any{}
	}
	setUnknown(part, p.name, value)
	if len(part) == 0 {
		setUnknown(r, p.uri, nil)
		return
	}
	setUnknown(r, p.uri, part)
}

// setUnknown keeps the spelling that is there: another case of a name is no change.
func setUnknown(values map[string]any, name string, value any) {
	key := spelling(values, name)
	if value == nil {
		delete(values, key)
		return
	}
	values[key] = value
}

// spelling is how values spells name, or else name.
func spelling(values map[string]any, name string) string {
	if _, exact := values[name]; exact {
		return name
	}
	for key := range values {
		if sameName(key, name) {
			return key
		}
	}
	return name
}
