// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// Projection says which attributes a response shows (RFC 7644 §3.9). The zero
// Projection shows those returned always or by default.
type Projection struct {
	mode projectionMode
	// named are the attributes and sub-attributes of the parameter; partly are
	// the attributes of which a sub-attribute is named.
	named, partly map[*Attribute]bool
	// unknown are the other names, folded: of attributes that no schema has.
	unknown map[string]bool
}

type projectionMode int

const (
	showDefault projectionMode = iota
	showNamed
	hideNamed
)

// ParseProjection reads the parameters `attributes` and `excludedAttributes`,
// comma separated lists of [URN:]name[.sub] or extension URNs. Unknown names
// show or hide kept attributes and are ignored otherwise. Giving both parameters
// is 400 invalidValue. The projection fits resources of rt only.
func ParseProjection(rt *ResourceType, attributes, excludedAttributes string) (Projection, error) {
	attributes, excludedAttributes = strings.TrimSpace(attributes), strings.TrimSpace(excludedAttributes)
	switch {
	case attributes != "" && excludedAttributes != "":
		return Projection{}, badRequest(ErrorInvalidValue, "attributes and excludedAttributes exclude each other")
	case attributes != "":
		return newProjection(rt, showNamed, attributes)
	case excludedAttributes != "":
		return newProjection(rt, hideNamed, excludedAttributes)
	}
	return Projection{}, nil
}

func newProjection(rt *ResourceType, mode projectionMode, list string) (Projection, error) {
	p := Projection{mode: mode, named: map[*Attribute]bool{}, partly: map[*Attribute]bool{}, unknown: map[string]bool{}}
	for name := range strings.SplitSeq(list, ",") {
		if err := p.name(rt, strings.TrimSpace(name)); err != nil {
			return Projection{}, err
		}
	}
	return p, nil
}

// name adds one name to p, which is new.
func (p Projection) name(rt *ResourceType, name string) error {
	if n := rt.namespace(name); n != nil && n != rt.core {
		for _, a := range n.attributes {
			p.named[a] = true
		}
		p.unknown[fold(n.urn)] = true
		if rt.Dialect.extensionPath() != nil {
			return badRequest(ErrorInvalidValue, "attributes names a schema instead of an attribute")
		}
		return nil
	}
	ref, ok := rt.lookUp(name)
	if !ok {
		p.unknown[fold(name)] = true
		if _, bare := rt.resolveBare(name); bare {
			return badRequest(ErrorInvalidValue, "attributes names an attribute of an extension without its URN")
		}
		return nil
	}
	p.named[ref.target()] = true
	if ref.sub != nil {
		p.partly[ref.attr] = true
	}
	return nil
}

// showsUnknown reports whether p shows an attribute that no schema has, by its
// path, or of an extension by that of the extension.
func (p Projection) showsUnknown(path string) bool {
	named := p.unknown[fold(path)]
	if i := strings.LastIndexByte(path, ':'); i >= 0 {
		named = named || p.unknown[fold(path[:i])]
	}
	return p.mode == showDefault || named == (p.mode == showNamed)
}

// projectUnknown returns a copy of what is shown of an object under a URN that no
// schema has.
func (p Projection) projectUnknown(urn string, object map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range object {
		if p.showsUnknown(urn + ":" + name) {
			out[name] = cloneValue(v)
		}
	}
	return out
}

// Shows reports whether a response with p shows the attribute, or a part of it, so
// that the store need not read what nobody will see. name is [URN:]name; what rt
// does not have is not shown.
func (p Projection) Shows(rt *ResourceType, name string) bool {
	ref, ok := rt.resolve(name)
	return ok && p.shown(ref.attr)
}

func (p Projection) shown(a *Attribute) bool {
	partly := p.mode == showNamed && p.partly[a] && a.Returned != ReturnedNever
	return partly || p.shows(a, false)
}

// project returns a copy of what is shown of the value v of a, or nil.
func (p Projection) project(a *Attribute, v any) any {
	if v == nil || !p.shown(a) {
		return nil
	}
	if a.Type != TypeComplex {
		return cloneValue(v)
	}
	list, isList := v.([]any)
	if !isList {
		return p.projectObject(a, v)
	}
	var out []any
	for _, element := range list {
		if shown := p.projectObject(a, element); shown != nil {
			out = append(out, shown)
		}
	}
	return listOrNil(out)
}

func (p Projection) projectObject(a *Attribute, v any) any {
	object, _ := v.(map[string]any)
	// Naming the attribute means all of it, even if a sub-attribute is named too.
	whole := p.named[a] || !p.partly[a]
	out := map[string]any{}
	for _, sub := range a.SubAttributes {
		if value := object[sub.Name]; value != nil && p.shows(sub, whole) {
			out[sub.Name] = cloneValue(value)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// shows applies `returned` and the parameter to an attribute or sub-attribute.
// implied means that all of the attribute above it is shown.
func (p Projection) shows(a *Attribute, implied bool) bool {
	switch a.Returned {
	case ReturnedNever:
		return false
	case ReturnedAlways:
		return true
	default:
		return p.showsByMode(a, implied)
	}
}

func (p Projection) showsByMode(a *Attribute, implied bool) bool {
	switch p.mode {
	case showNamed:
		return p.named[a] || implied && a.Returned == ReturnedDefault
	case hideNamed:
		return a.Returned == ReturnedDefault && !p.named[a]
	default:
		return a.Returned == ReturnedDefault
	}
}
