// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const patchURN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// Patch is a parsed PATCH body: its paths are resolved and its values checked
// against one resource type. It is immutable.
type Patch struct{ operations []operation }

// verb is what an operation does (RFC 7644 §3.5.2).
type verb string

const (
	add     verb = "add"
	remove  verb = "remove"
	replace verb = "replace"
)

// operation changes one attribute, or removes one whole extension.
type operation struct {
	index int // of the operation in the body, from 1
	verb  verb
	path  path
	folds foldCache
	value any // typed as in a Resource; nil: unassign
	// narrow, with remove, leaves all but the values listed in value: Entra
	// and others remove a member so, where the RFC would clear the group.
	narrow bool
}

// ParsePatch reads the body of a PATCH (RFC 7644 §3.5.2). `op` may be in any
// case, `schemas` may be missing, and a value without path may hold nested
// objects, dotted names, and names qualified by a URN; in it unknown and
// readOnly attributes are ignored. As a path they are 400 invalidPath and 400
// mutability. writeOnly attributes are accepted and discarded everywhere. The
// body's shape is checked with 400 invalidSyntax, its values with 400
// invalidValue; more operations than [Limits] allows, or more values of an
// attribute than its MaxPatchValues, are 400 invalidValue.
func ParsePatch(rt *ResourceType, raw map[string]any) (Patch, error) {
	list, err := patchOperations(raw)
	if err != nil {
		return Patch{}, err
	}
	var out Patch
	for i, rawOperation := range list {
		operations, err := rt.parseOperation(rawOperation)
		if err != nil {
			return Patch{}, inOperation(i+1, err)
		}
		for _, op := range operations {
			op.index = i + 1
			out.operations = append(out.operations, op)
		}
	}
	return out, out.checkValues()
}

// checkValues bounds what the operations give together, for the attributes that
// have such a bound.
func (p Patch) checkValues() error {
	counts := map[*Attribute]int{}
	for _, op := range p.operations {
		a := op.path.target()
		if op.path.attr == nil || a.MaxPatchValues == 0 {
			continue
		}
		values, _ := op.value.([]any)
		if counts[a] += len(values); counts[a] > a.MaxPatchValues {
			return badRequest(ErrorInvalidValue, "%s: must not have more than %d values in one request", a.Name, a.MaxPatchValues)
		}
	}
	return nil
}

func inOperation(index int, err error) error {
	return within(fmt.Sprintf("operation %d: ", index), err)
}

func patchOperations(raw map[string]any) ([]any, error) {
	body, err := foldKeys(raw)
	if err != nil {
		return nil, err
	}
	if err := checkMessage(body, patchURN); err != nil {
		return nil, err
	}
	list := tolerantOperations(body["operations"])
	if len(list) == 0 {
		return nil, badRequest(ErrorInvalidSyntax, "Operations must be a list that is not empty")
	}
	if limit := DefaultLimits().PatchOperations; len(list) > limit {
		return nil, badRequest(ErrorInvalidValue, "Operations must not be more than %d", limit)
	}
	return list, nil
}

// checkMessage checks that body is the message of that URN, if it says what it is.
func checkMessage(body map[string]any, urn string) error {
	raw := body[nameSchemas]
	list, ok := raw.([]any)
	if !ok {
		list = []any{raw}
	}
	named := slices.ContainsFunc(list, func(v any) bool {
		s, ok := v.(string)
		return ok && sameName(s, urn)
	})
	if raw == nil || len(list) == 0 || named {
		return nil
	}
	return badRequest(ErrorInvalidSyntax, "schemas must be %s", urn)
}

func (rt *ResourceType) parseOperation(raw any) ([]operation, error) {
	object, ok := raw.(map[string]any)
	if !ok {
		return nil, badRequest(ErrorInvalidSyntax, "must be an object")
	}
	members, err := foldKeys(object)
	if err != nil {
		return nil, err
	}
	name, _ := members["op"].(string)
	v := verb(fold(name))
	if v != add && v != remove && v != replace {
		return nil, badRequest(ErrorInvalidSyntax, "op must be add, remove or replace")
	}
	value, hasValue := members[nameValue]
	switch target := tolerantPath(members["path"]).(type) {
	case nil:
		return rt.parsePathless(v, value)
	case string:
		return rt.parseTargeted(v, target, value, hasValue)
	}
	return nil, invalidPath("path must be a string")
}

func (rt *ResourceType) parseTargeted(v verb, target string, value any, hasValue bool) ([]operation, error) {
	p, err := rt.parsePath(target)
	if err != nil {
		return nil, err
	}
	if v != remove && !hasValue {
		return nil, badRequest(ErrorInvalidValue, "value is missing")
	}
	if p.attr == nil {
		return rt.parseExtension(v, p, value)
	}
	for _, a := range []*Attribute{p.attr, p.target()} {
		if a.Mutability == ReadOnly {
			return nil, notMutable(a)
		}
	}
	return parseAssignment(v, p, value)
}

// parsePathless splits an operation without path into one for each attribute
// of its value, by name: what is more specific comes later.
func (rt *ResourceType) parsePathless(v verb, value any) ([]operation, error) {
	object, ok := value.(map[string]any)
	switch {
	case v == remove:
		return nil, badRequest(ErrorNoTarget, "remove needs a path")
	case !ok:
		return nil, badRequest(ErrorInvalidValue, "value without path must be an object")
	}
	var out []operation
	for _, key := range slices.Sorted(maps.Keys(object)) {
		operations, err := rt.parseMember(v, key, object[key])
		if err != nil {
			return nil, err
		}
		out = append(out, operations...)
	}
	return out, nil
}

func (rt *ResourceType) parseMember(v verb, key string, value any) ([]operation, error) {
	n := rt.namespace(key)
	if n == nil {
		return rt.parseNamed(v, key, value)
	}
	return rt.parseExtension(v, path{attributeRef: attributeRef{rt: rt, ns: n}}, value)
}

// parseExtension splits an operation on all of a schema's attributes.
func (rt *ResourceType) parseExtension(v verb, p path, value any) ([]operation, error) {
	if v == remove || value == nil && v == replace && p.ns != rt.core {
		return []operation{{verb: remove, path: p}}, nil
	}
	object, ok := value.(map[string]any)
	if !ok && value != nil {
		return nil, badRequest(ErrorInvalidValue, "%s: must be an object", p.ns.urn)
	}
	var out []operation
	for _, key := range slices.Sorted(maps.Keys(object)) {
		operations, err := rt.parseNamed(v, p.ns.urn+":"+key, object[key])
		if err != nil {
			return nil, err
		}
		out = append(out, operations...)
	}
	return out, nil
}

// parseNamed parses one member of a value without path. A name that is not of
// this resource type is ignored, as in a POST, unless it is a value path.
func (rt *ResourceType) parseNamed(v verb, key string, value any) ([]operation, error) {
	if !strings.Contains(key, "[") {
		ref, ok := rt.resolve(key)
		if !ok {
			return nil, nil
		}
		return parseAssignment(v, path{attributeRef: ref}, value)
	}
	p, err := rt.parsePath(key)
	if err != nil {
		return nil, err
	}
	return parseAssignment(v, p, value)
}

// parseAssignment types the value of an operation on one attribute.
func parseAssignment(v verb, p path, raw any) ([]operation, error) {
	if !p.attr.writable() || !p.target().writable() {
		return nil, nil
	}
	op := operation{verb: v, path: p}
	var err error
	switch {
	case v == remove && !p.target().MultiValued, v == remove && p.filter != nil:
	case v == remove:
		op.narrow = raw != nil
		op.value, err = valueParser{listed: true}.attribute(p.target(), raw)
	case p.filter != nil && p.sub == nil:
		op.value, err = valueParser{partial: true}.value(p.attr, tolerantElement(raw))
		err = named(p.attr, err)
	case emptyReference(p, raw):
	default:
		op.value, err = valueParser{partial: true}.attribute(p.target(), raw)
	}
	if err != nil {
		return nil, err
	}
	return []operation{op}, nil
}
