// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "time"

// Common is the server's part of a resource (RFC 7643 §3.1).
type Common struct {
	// ID is the server's identifier.
	ID string
	// Created and LastModified are rendered in UTC; zero ones are left out.
	Created, LastModified time.Time
	// Location is the resource's absolute URL.
	Location string
	// Version is the ETag, such as W/"3".
	Version string
	// Members, if not nil, answers for the members of a group in place of the
	// Resource. Render asks it only if members are shown.
	Members MemberSource
}

// Render makes the body of a response: what p and the attributes' `returned`
// show of r, with `schemas` computed from the extensions that have values, and
// with id and meta from common. Values that r holds outside the schema are shown
// only if rt keeps unknown attributes, and attributes that came as JSON text are
// shown as such. The result shares nothing with r.
func (rt *ResourceType) Render(r Resource, p Projection, common Common) map[string]any {
	out := map[string]any{}
	for _, a := range rt.core.attributes {
		v := r[a.Name]
		switch {
		case isOwned(a):
			v = rt.ownedValue(a, r, common)
		case a.keyed && common.Members != nil && p.shown(a):
			v = common.Members.Members()
		}
		set(out, a, pack(a, r.formed(rt.core, a), p.project(a, v)))
	}
	rt.renderUnknown(rt.core, r, p, out)
	for _, n := range rt.extensions {
		part, shown := r.part(n), map[string]any{}
		for _, a := range n.attributes {
			set(shown, a, pack(a, r.formed(n, a), p.project(a, part[a.Name])))
		}
		rt.renderUnknown(n, r, p, shown)
		if len(shown) > 0 {
			out[n.urn] = shown
		}
	}
	return out
}

// ownedValue is the value of an attribute that is not the client's.
func (rt *ResourceType) ownedValue(a *Attribute, r Resource, common Common) any {
	switch a.Name {
	case nameSchemas:
		return rt.schemaURNs(r)
	case nameMeta:
		return rt.meta(common)
	}
	if common.ID == "" {
		return nil
	}
	return common.ID
}

func (rt *ResourceType) schemaURNs(r Resource) any {
	out := []any{rt.core.urn}
	for _, n := range rt.extensions {
		if n.required || len(r.part(n)) > 0 {
			out = append(out, n.urn)
		}
	}
	for _, urn := range rt.keptSchemas(r) {
		out = append(out, urn)
	}
	return out
}

func (rt *ResourceType) meta(common Common) any {
	out := map[string]any{"resourceType": rt.Name}
	for name, v := range map[string]string{
		"created":      dateTime(common.Created),
		"lastModified": dateTime(common.LastModified),
		"location":     common.Location,
		"version":      common.Version,
	} {
		if v != "" {
			out[name] = v
		}
	}
	return out
}

func dateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// formed is the form in which the attribute a of n is shown.
func (r Resource) formed(n *namespace, a *Attribute) form {
	if !a.acceptText {
		return ""
	}
	return r.form(n.path(a))
}
