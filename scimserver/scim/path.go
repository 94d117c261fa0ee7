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
}

// parsePath resolves `[URN:]attr`, `[URN:]attr.sub`, `[URN:]attr[filter]`,
// `[URN:]attr[filter].sub` or the URN of an extension. Bad syntax and unknown
// attributes are 400 invalidPath, a bad filter in it 400 invalidFilter.
func (rt *ResourceType) parsePath(s string) (path, error) {
	tokens, err := lex(s, ErrorInvalidPath, DefaultLimits().FilterBytes)
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
	if ref, ok := rt.resolve(text); ok {
		return path{attributeRef: ref}, nil
	}
	if n := rt.namespace(text); n != nil && n != rt.core {
		return path{attributeRef: attributeRef{rt: rt, ns: n}}, nil
	}
	return path{}, invalidPath("path names an unknown attribute")
}

func (rt *ResourceType) valuePath(tokens []token) (path, error) {
	ref, ok := rt.resolve(tokens[0].text)
	if !ok || ref.sub != nil || !ref.attr.MultiValued || tokens[1].kind != '[' {
		return path{}, invalidPath("path selects values of something that is not a multi-valued attribute")
	}
	p := filterParser{rt: rt, tokens: tokens, pos: 1}
	filter, err := p.brackets(operand{attributeRef: ref})
	if err != nil {
		return path{}, err
	}
	out := path{attributeRef: ref, filter: filter, pins: pinned(filter)}
	if t := p.peek(); t.kind == wordToken && strings.HasPrefix(t.text, ".") {
		p.take()
		if out.sub = ref.attr.sub(t.text[1:]); out.sub == nil {
			return path{}, invalidPath("path names an unknown sub-attribute")
		}
	}
	if p.peek().kind != endToken {
		return path{}, invalidPath("path goes on after its end")
	}
	return out, nil
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
