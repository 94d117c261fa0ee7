// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ResourceType is a kind of resource with its schemas (RFC 7643 §6). Make one
// with [NewResourceType]; it never changes afterwards and is safe for
// concurrent use.
type ResourceType struct {
	// ID and Name are the same for all resource types of the RFC ("User").
	ID, Name string
	// Endpoint is the path below the base URL ("/Users").
	Endpoint    string
	Description string
	Schema      *Schema
	Extensions  []Extension
	Dialect     Dialect

	core       *namespace
	extensions []*namespace // in the order of Extensions
	byLength   []*namespace // all, longest URN first
}

// namespace is the attributes of one schema in a resource.
type namespace struct {
	urn        string // of the schema, as it is declared
	key        string // where a Resource holds the attributes: urn, or "" for the top level
	required   bool
	foreign    bool // the core schema of another resource type: see Widened
	attributes []*Attribute
	byName     map[string]*Attribute // by folded name
}

// NewResourceType returns the resource type that definition describes, with
// case-insensitive indexes over its attributes and over the common attributes
// of RFC 7643 §3.1. The schemas are copied. It fails for schemas that break the
// rules of RFC 7643 §2 and §7 or collide with each other.
func NewResourceType(definition ResourceType) (*ResourceType, error) {
	rt := &ResourceType{
		ID: definition.ID, Name: definition.Name, Endpoint: definition.Endpoint,
		Description: definition.Description, Schema: definition.Schema.clone(), Dialect: definition.Dialect,
	}
	common := cloneAttributes(commonAttributes())
	if err := rt.Schema.validate(common); err != nil {
		return nil, fmt.Errorf("define resource type %s: %w", rt.Name, err)
	}
	rt.core = newNamespace(rt.Schema.ID, append(common, rt.Schema.Attributes...))
	rt.byLength = []*namespace{rt.core}
	for _, e := range definition.Extensions {
		if err := rt.extend(e); err != nil {
			return nil, fmt.Errorf("define resource type %s: %w", rt.Name, err)
		}
	}
	rt.sortByLength()
	return rt, nil
}

// sortByLength orders URNs: one may begin with another one, and the longest match is
// the right one.
func (rt *ResourceType) sortByLength() {
	slices.SortStableFunc(rt.byLength, func(a, b *namespace) int { return cmp.Compare(len(b.urn), len(a.urn)) })
}

// Widened returns rt with the attributes of others, for queries over several types:
// what is known to any of them can be filtered and sorted by, and resources of rt have
// no value of it (RFC 7644 §3.4.2.1). Nothing but queries can be parsed for it. Their
// projections fit resources of rt and show attributes of rt only.
func (rt *ResourceType) Widened(others ...*ResourceType) *ResourceType {
	out := *rt
	out.extensions, out.byLength = slices.Clone(rt.extensions), slices.Clone(rt.byLength)
	for _, other := range others {
		for _, n := range other.namespaces() {
			out.widen(n, n == other.core)
		}
	}
	out.sortByLength()
	return &out
}

// widen adds a namespace of another type, or what it has more than ours of the same URN.
func (rt *ResourceType) widen(n *namespace, core bool) {
	ours := rt.namespace(n.urn)
	if ours == nil {
		foreign := *n
		foreign.key, foreign.foreign = n.urn, core
		rt.extensions = append(rt.extensions, &foreign)
		rt.byLength = append(rt.byLength, &foreign)
		return
	}
	if ours == rt.core {
		return
	}
	both := *ours
	both.byName = maps.Clone(n.byName)
	maps.Copy(both.byName, ours.byName)
	for _, list := range [][]*namespace{rt.extensions, rt.byLength} {
		list[slices.Index(list, ours)] = &both
	}
}

func (rt *ResourceType) extend(e Extension) error {
	schema := e.Schema.clone()
	if err := schema.validate(nil); err != nil {
		return err
	}
	if rt.namespace(schema.ID) != nil {
		return fmt.Errorf("schema %s: declared twice", schema.ID)
	}
	n := newNamespace(schema.ID, schema.Attributes)
	n.key, n.required = schema.ID, e.Required
	rt.Extensions = append(rt.Extensions, Extension{Schema: schema, Required: e.Required})
	rt.extensions = append(rt.extensions, n)
	rt.byLength = append(rt.byLength, n)
	return nil
}

func newNamespace(urn string, attributes []*Attribute) *namespace {
	n := &namespace{urn: urn, attributes: attributes, byName: make(map[string]*Attribute, len(attributes))}
	for _, a := range attributes {
		n.byName[fold(a.Name)] = a
	}
	return n
}

// path is the canonical path of a, an attribute of n.
func (n *namespace) path(a *Attribute) string {
	if n.key == "" {
		return a.Name
	}
	return n.urn + ":" + a.Name
}

// namespaces lists the core schema and then the extensions.
func (rt *ResourceType) namespaces() []*namespace {
	return append([]*namespace{rt.core}, rt.extensions...)
}

// namespace returns the namespace with exactly this URN, or nil.
func (rt *ResourceType) namespace(urn string) *namespace {
	for _, n := range rt.byLength {
		if sameName(n.urn, urn) {
			return n
		}
	}
	return nil
}

// attributeRef is an attribute path resolved against a resource type.
type attributeRef struct {
	rt   *ResourceType
	ns   *namespace
	attr *Attribute
	sub  *Attribute // nil: the attribute itself
}

// resolve finds `[URN:]name[.sub]`. URNs hold dots and colons themselves, so
// the known ones are tried as prefixes instead of splitting the text.
func (rt *ResourceType) resolve(text string) (attributeRef, bool) {
	for _, n := range rt.byLength {
		size := len(n.urn)
		if len(text) > size && text[size] == ':' && sameName(text[:size], n.urn) {
			return rt.resolveIn(n, text[size+1:])
		}
	}
	return rt.resolveIn(rt.core, text)
}

func (rt *ResourceType) resolveIn(n *namespace, text string) (attributeRef, bool) {
	name, subName, dotted := strings.Cut(text, ".")
	ref := attributeRef{rt: rt, ns: n, attr: n.byName[fold(name)]}
	if ref.attr == nil {
		return ref, false
	}
	if dotted {
		ref.sub = ref.attr.sub(subName)
	}
	return ref, !dotted || ref.sub != nil
}

// target is the attribute that the whole path ends at.
func (r attributeRef) target() *Attribute {
	if r.sub != nil {
		return r.sub
	}
	return r.attr
}

// String is the path in canonical form.
func (r attributeRef) String() string {
	out := r.attr.Name
	if r.ns != nil {
		out = r.ns.path(r.attr)
	}
	if r.sub != nil {
		out += "." + r.sub.Name
	}
	return out
}

// readable holds if no part of the path is hidden from every response.
func (r attributeRef) readable() bool { return r.attr.readable() && r.target().readable() }

// owned holds for the attributes that are made from [Common] and not held in
// a Resource.
func (r attributeRef) owned() bool { return r.ns != nil && r.ns.key == "" && isOwned(r.attr) }

func isOwned(a *Attribute) bool {
	return a.Name == nameSchemas || a.Name == nameID || a.Name == nameMeta
}
