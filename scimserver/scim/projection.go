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
}

type projectionMode int

const (
	showDefault projectionMode = iota
	showNamed
	hideNamed
)

// ParseProjection reads the parameters `attributes` and `excludedAttributes`,
// comma separated lists of [URN:]name[.sub] or extension URNs. Unknown names
// are ignored. Giving both parameters is 400 invalidValue. The projection fits
// resources of rt only.
func ParseProjection(rt *ResourceType, attributes, excludedAttributes string) (Projection, error) {
	attributes, excludedAttributes = strings.TrimSpace(attributes), strings.TrimSpace(excludedAttributes)
	switch {
	case attributes != "" && excludedAttributes != "":
		return Projection{}, badRequest(ErrorInvalidValue, "attributes and excludedAttributes exclude each other")
	case attributes != "":
		return newProjection(rt, showNamed, attributes), nil
	case excludedAttributes != "":
		return newProjection(rt, hideNamed, excludedAttributes), nil
	}
	return Projection{}, nil
}

func newProjection(rt *ResourceType, mode projectionMode, list string) Projection {
	p := Projection{mode: mode, named: map[*Attribute]bool{}, partly: map[*Attribute]bool{}}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if n := rt.namespace(name); n != nil && n != rt.core {
			for _, a := range n.attributes {
				p.named[a] = true
			}
			continue
		}
		ref, ok := rt.resolve(name)
		if !ok {
			continue
		}
		p.named[ref.target()] = true
		if ref.sub != nil {
			p.partly[ref.attr] = true
		}
	}
	return p
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
