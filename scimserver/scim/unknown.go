// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Attributes that no schema has are dropped, or with [Dialect].KeepUnknown kept as they were sent: single ones at the top of a
// Resource or in the object of an extension, and whole objects under a URN that is no extension. They are values without
// meaning here: nothing filters, sorts or merges them.

// takeUnknown takes over the members of raw that the namespace n does not have.
func (rt *ResourceType) takeUnknown(n *namespace, raw, into map[string]any) error {
	for _, key := range rt.unknownKeys(n, raw) {
		if !rt.Dialect.takes(unknownAttribute) {
			return badRequest(ErrorInvalidValue, "%s is not in a schema of this resource type", nameOf(key))
		}
		if !rt.keeps(n, key, raw[key]) {
			continue
		}
		v, err := keptValue(raw[key])
		if err != nil {
			return within(nameOf(key), err)
		}
		if v != nil {
			into[key] = v
		}
	}
	return nil
}

// takeAllUnknown does so for a whole body.
func (rt *ResourceType) takeAllUnknown(raw map[string]any, out Resource) error {
	if err := rt.takeUnknown(rt.core, raw, out); err != nil {
		return err
	}
	for key, v := range raw {
		n := rt.namespace(key)
		object, ok := v.(map[string]any)
		if !ok || n == nil || n == rt.core {
			continue
		}
		part := out.part(n)
		if err := rt.takeUnknown(n, object, part); err != nil {
			return err
		}
		out.put(n, part)
	}
	return nil
}

// unknownKeys are the keys of values that the namespace n does not have, sorted.
func (rt *ResourceType) unknownKeys(n *namespace, values map[string]any) []string {
	var out []string
	for key := range values {
		if n.byName[fold(key)] == nil && (n != rt.core || rt.namespace(key) == nil || rt.namespace(key) == rt.core) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// nameOf is the name of an unknown attribute if that is fit for an error, which repeats nothing else of a body.
func nameOf(key string) string {
	if len(key) <= 64 && validName(key) {
		return key
	}
	return "a member"
}

// keeps reports whether a member that n does not have is one to keep. What other resource types, or other spellings, give a
// meaning is not: nobody should find a password in what was kept.
func (rt *ResourceType) keeps(n *namespace, key string, v any) bool {
	if !rt.Dialect.KeepUnknown || len(key) > DefaultLimits().UnknownNameBytes {
		return false
	}
	if n == rt.core && isURI(key) {
		_, isObject := v.(map[string]any)
		return (isObject || v == nil) && rt.namespace(key) == nil
	}
	_, bare := rt.resolveBare(key)
	return isKeptName(key) && (n != rt.core || !bare)
}

// isKeptName holds for names of attributes, without those that are known to some resource type and never the client's to set.
func isKeptName(key string) bool {
	reserved := slices.ContainsFunc([]string{nameSchemas, nameID, nameMeta, "groups", "password"}, func(name string) bool {
		return sameName(name, key)
	})
	return validName(key) && !reserved
}

// isURI holds for what can be the URI of a schema: it has a colon after other characters, and another part after it.
func isURI(s string) bool {
	scheme, rest, found := strings.Cut(s, ":")
	return found && validName(scheme) && rest != "" && !strings.ContainsAny(s, " \"()[]")
}

// keptValue is raw without what is null or empty, in the types of a Resource; nil if nothing is left. Decode has bounded how
// deep it is.
func keptValue(raw any) (any, error) {
	switch v := raw.(type) {
	case string:
		return v, checkText(TypeString, v)
	case map[string]any:
		return keptObject(v)
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			kept, err := keptValue(element)
			if err != nil {
				return nil, err
			}
			if kept != nil {
				out = append(out, kept)
			}
		}
		return listOrNil(out), nil
	}
	if n, ok := asNumber(raw); ok {
		return keptNumber(n)
	}
	return raw, nil
}

func keptObject(raw map[string]any) (any, error) {
	out := make(map[string]any, len(raw))
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if err := checkText(TypeString, key); err != nil {
			return nil, err
		}
		kept, err := keptValue(raw[key])
		if err != nil {
			return nil, err
		}
		if kept != nil {
			out[key] = kept
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, nil
}

func keptNumber(n json.Number) (any, error) {
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, badRequest(ErrorInvalidValue, ": must be a number of 64 bits")
	}
	return f + 0, nil // there is no minus zero: a store would lose it
}

// checkKept bounds what is kept in r.
func (rt *ResourceType) checkKept(r Resource) error {
	if !rt.Dialect.KeepUnknown {
		return nil
	}
	n := 0
	for _, key := range rt.unknownKeys(rt.core, r) {
		if object, ok := r[key].(map[string]any); ok && isURI(key) {
			n += len(object)
		} else if isKeptName(key) {
			n++
		}
	}
	for _, extension := range rt.extensions {
		n += len(rt.unknownKeys(extension, r.part(extension)))
	}
	if limit := DefaultLimits().UnknownAttributes; n > limit {
		return badRequest(ErrorInvalidValue, "a resource must not have more than %d attributes that no schema has", limit)
	}
	return nil
}

// keptSchemas are the URNs of the objects that are kept in r, sorted.
func (rt *ResourceType) keptSchemas(r Resource) []string {
	if !rt.Dialect.KeepUnknown {
		return nil
	}
	return slices.DeleteFunc(rt.unknownKeys(rt.core, r), func(key string) bool { return !isURI(key) })
}

// renderUnknown adds to out what p shows of the attributes kept in the namespace n of r.
func (rt *ResourceType) renderUnknown(n *namespace, r Resource, p Projection, out map[string]any) {
	if !rt.Dialect.KeepUnknown {
		return
	}
	prefix := ""
	if n != rt.core {
		prefix = n.urn + ":"
	}
	part := r.part(n)
	for _, key := range rt.unknownKeys(n, part) {
		object, isObject := part[key].(map[string]any)
		switch {
		case n == rt.core && isObject && isURI(key):
			if shown := p.projectUnknown(key, object); len(shown) > 0 {
				out[key] = shown
			}
		case isKeptName(key) && p.showsUnknown(prefix+key):
			out[key] = cloneValue(part[key])
		}
	}
}
