// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// path is the target of a PATCH operation (RFC 7644 §3.5.2, Figure 7).
type path struct {
	attributeRef            // attr is nil: the whole extension ns
	filter       expression // selects values of attr; nil: all
	// pins are the sub-attribute values that filter demands, if it is nothing
	// but equalities: enough to create a value that it would select.
	pins map[string]any
	// unknown is set if no schema has the attribute, and attributeRef is empty.
	unknown *unknownPath
}

// parsePath resolves `[URN:]attr`, `[URN:]attr.sub`, `[URN:]attr[filter]`,
// `[URN:]attr[filter].sub` or the URN of an extension. Bad syntax is 400
// invalidPath, a bad filter in it 400 invalidFilter. So are unknown attributes if
// the dialect is strict; otherwise the outcome is an unknown path.
func (rt *ResourceType) parsePath(s string) (path, error) {
	tokens, err := rt.Dialect.lex(s, ErrorInvalidPath, DefaultLimits().FilterBytes)
	if err != nil {
		return path{}, err
	}
	if len(tokens) == 0 || tokens[0].kind != wordToken {
		return path{}, invalidPath("path does not begin with an attribute")
	}
	if len(tokens) == 1 {
		return rt.plainPath(tokens[0].text)
	}
	return rt.valuePath(tokens)
}

func invalidPath(detail string) error { return badRequest(ErrorInvalidPath, "%s", detail) }

func (rt *ResourceType) plainPath(text string) (path, error) {
	if ref, ok := rt.lookUp(text); ok {
		return path{attributeRef: ref}, nil
	}
	if n := rt.namespace(text); n != nil && n != rt.core {
		return path{attributeRef: attributeRef{rt: rt, ns: n}}, rt.Dialect.extensionPath()
	}
	return rt.pathToUnknown(text, false)
}

// pathToUnknown is the path to what text does not name in any schema; partial if
// it goes on behind text.
func (rt *ResourceType) pathToUnknown(text string, partial bool) (path, error) {
	unknown, ok := rt.unknownPath(text)
	if !ok || !rt.Dialect.takes(unknownAttribute) {
		return path{}, invalidPath("path does not name an attribute")
	}
	unknown.partial = unknown.partial || partial
	return path{unknown: &unknown}, nil
}

func (rt *ResourceType) valuePath(tokens []token) (path, error) {
	ref, ok := rt.lookUp(tokens[0].text)
	if !ok && tokens[1].kind == '[' {
		return rt.unknownValuePath(tokens)
	}
	if !ok || ref.sub != nil || !ref.attr.MultiValued || tokens[1].kind != '[' {
		return path{}, invalidPath("path selects values of something that is not a multi-valued attribute")
	}
	p := filterParser{rt: rt, tokens: tokens, pos: 1}
	filter, err := p.brackets(operand{attributeRef: ref})
	if err != nil {
		return path{}, err
	}
	name, err := p.subAttribute()
	if err != nil {
		return path{}, err
	}
	out := path{attributeRef: ref, filter: filter, pins: pinned(filter)}
	out.sub = ref.attr.sub(name)
	if name != "" && out.sub == nil {
		return rt.pathToUnknown(tokens[0].text+"."+name, true)
	}
	return out, nil
}

// subAttribute takes the rest of a path, the name of a sub-attribute or nothing.
func (p *filterParser) subAttribute() (string, error) {
	name := ""
	if t := p.peek(); t.kind == wordToken && strings.HasPrefix(t.text, ".") {
		name = p.take().text[1:]
		if !validName(name) {
			return "", invalidPath("path does not end with the name of an attribute")
		}
	}
	if p.peek().kind != endToken {
		return "", invalidPath("path goes on after its end")
	}
	return name, nil
}

// unknownValuePath checks the syntax of a path with a filter on an attribute that
// no schema has, and so of a type that nobody knows.
func (rt *ResourceType) unknownValuePath(tokens []token) (path, error) {
	p := filterParser{rt: &ResourceType{}, tokens: tokens, pos: 1}
	if _, err := p.brackets(operand{attributeRef: attributeRef{attr: &Attribute{Type: TypeComplex}}}); err != nil {
		return path{}, err
	}
	if _, err := p.subAttribute(); err != nil {
		return path{}, err
	}
	return rt.pathToUnknown(tokens[0].text, true)
}

// pinned returns the values that a conjunction of equalities demands, or nil
// for any other filter.
func pinned(filter expression) map[string]any {
	terms, ok := filter.(allOf)
	if !ok {
		terms = allOf{filter}
	}
	out := map[string]any{}
	for _, term := range terms {
		c, ok := term.(*comparison)
		if !ok || c.operator != equal || c.self || !c.attr.writable() || c.attr.MultiValued || out[c.attr.Name] != nil {
			return nil
		}
		out[c.attr.Name] = c.want.value
	}
	return out
}

// selects reports whether the path's filter, if any, holds for one value.
func (p path) selects(v any, folds foldCache) bool {
	if p.filter == nil {
		return true
	}
	values, _ := v.(map[string]any)
	return p.filter.holds(candidate{values: values, simple: v, folds: folds})
}
