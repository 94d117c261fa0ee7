// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// The names of attributes that are not paths of SCIM: every mapping has them.
const (
	profileDisplayName = "displayName"
	profileEmail       = "email"
)

// path is where an attribute of a profile is in a user: [urn:]attribute[.sub], or attribute[type eq "kind"].sub.
type path struct{ urn, attribute, kind, sub string }

// parsePath reads the name of an attribute of a profile.
func parsePath(name string) (path, bool) {
	p := path{}
	rest := name
	if len(rest) > 4 && strings.EqualFold(rest[:4], "urn:") {
		// A URN has colons and dots of its own. The attribute is behind its last colon.
		i := strings.LastIndexByte(rest, ':')
		if p.urn, rest = rest[:i], rest[i+1:]; strings.EqualFold(p.urn, scim.UserURN) {
			p.urn = ""
		}
	}
	rest, sub, hasSub := strings.Cut(rest, ".")
	p.sub = sub
	if head, filter, hasFilter := strings.Cut(rest, "["); hasFilter {
		kind, isKind := strings.CutPrefix(filter, `type eq "`)
		kind, isClosed := strings.CutSuffix(kind, `"]`)
		if !isKind || !isClosed || !hasSub || !isName(kind) {
			return path{}, false
		}
		rest, p.kind = head, kind
	}
	p.attribute = rest
	return p, isName(p.attribute) && (!hasSub || isName(p.sub))
}

// isName checks ATTRNAME (RFC 7643 section 2.1).
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		isLetter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		isOther := c >= '0' && c <= '9' || c == '-' || c == '_'
		if !isLetter && (i == 0 || !isOther) {
			return false
		}
	}
	return s != ""
}

// keeps reports whether an attribute of that name can be part of a profile. What the schemas of RFC 7643 have is known; of other extensions
// everything is believed.
func keeps(name string) bool {
	p, ok := parsePath(name)
	switch {
	case name == profileDisplayName || name == profileEmail:
		return true
	case !ok || p.urn == "" && slices.Contains(reserved(), strings.ToLower(p.attribute)):
		return false
	}
	attributes, known := attributesOf(p.urn)
	if !known {
		return strings.Count(p.urn, ":") >= 2
	}
	i := slices.IndexFunc(attributes, named(p.attribute))
	return i >= 0 && p.fits(attributes[i])
}

// reserved are core attributes that the connector keeps itself or that are nobody's to write, in lower case.
func reserved() []string {
	return []string{attrID, "externalid", "username", attrActive, attrEmails, attrGroups, attrRoles, "password", attrMeta, attrSchemas}
}

func named(name string) func(*scim.Attribute) bool {
	return func(a *scim.Attribute) bool { return strings.EqualFold(a.Name, name) }
}

// attributesOf returns the attributes of a schema of RFC 7643, that of the core for the empty URN.
func attributesOf(urn string) ([]*scim.Attribute, bool) {
	rt := scim.UserResourceType()
	if urn == "" {
		return rt.Schema.Attributes, true
	}
	for _, extension := range rt.Extensions {
		if strings.EqualFold(extension.Schema.ID, urn) {
			return extension.Schema.Attributes, true
		}
	}
	return nil, false
}

// fits reports whether the path leads to one simple value that may be written.
func (p path) fits(a *scim.Attribute) bool {
	switch {
	case a.Mutability == scim.ReadOnly || a.MultiValued != (p.kind != ""):
		return false
	case a.Type != scim.TypeComplex:
		return p.sub == "" && !a.MultiValued
	}
	i := slices.IndexFunc(a.SubAttributes, named(p.sub))
	return i >= 0 && a.SubAttributes[i].Mutability != scim.ReadOnly
}

// top is the whole attribute as the path of a PATCH, and full is the value.
func (p path) top() string {
	if p.urn == "" {
		return p.attribute
	}
	return p.urn + ":" + p.attribute
}

func (p path) full() string {
	if p.sub == "" {
		return p.top()
	}
	return p.top() + "." + p.sub
}

// container is the object that has the attribute: the resource, or its part for an extension. Of a resource that has no such part it is nil.
func (p path) container(r resource) resource {
	if p.urn == "" {
		return r
	}
	return r.object(p.urn)
}

// get returns the value, "" if there is none.
func (p path) get(r resource) string {
	container := p.container(r)
	switch {
	case p.kind != "":
		for _, entry := range container.entries(p.attribute) {
			if strings.EqualFold(entry.text(attrType), p.kind) {
				return entry.text(p.sub)
			}
		}
		return ""
	case p.sub != "":
		if object := container.object(p.attribute); object != nil {
			return object.text(p.sub)
		}
		// "manager": "id" is how some applications show {"value": "id"}.
		if strings.EqualFold(p.sub, attrValue) {
			return container.text(p.attribute)
		}
		return ""
	}
	return container.text(p.attribute)
}

// set puts the value into r, which it changes. An empty one takes the attribute away.
func (p path) set(r resource, value string) {
	container := p.container(r)
	if container == nil {
		if value == "" {
			return
		}
		container = resource{}
		r[r.key(p.urn)] = map[string]any(container)
	}
	key := container.key(p.attribute)
	switch {
	case p.kind != "":
		p.setEntry(container, key, value)
	case p.sub != "":
		object := container.object(p.attribute)
		if object == nil {
			object = resource{}
		}
		put(object, p.sub, value)
		container[key] = map[string]any(object)
	default:
		put(container, p.attribute, value)
	}
}

func (p path) setEntry(container resource, key, value string) {
	entries := container.entries(p.attribute)
	i := slices.IndexFunc(entries, func(e resource) bool { return strings.EqualFold(e.text(attrType), p.kind) })
	switch {
	case value == "" && i >= 0:
		entries = slices.Delete(entries, i, i+1)
	case value == "":
	case i >= 0:
		put(entries[i], p.sub, value)
	default:
		entries = append(entries, resource{attrType: p.kind, p.sub: value})
	}
	container[key] = listOf(entries)
}

func put(r resource, name, value string) {
	if value == "" {
		delete(r, r.key(name))
		return
	}
	r[r.key(name)] = value
}
