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
type Patch struct {
	rt         *ResourceType
	operations []operation
}

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
	// formed: value came in the given form, and the attribute takes that over.
	formed bool
	form   form
	// unknown, if not nil, is what is set to value, or removed, in place of path.
	unknown *unknownPath
}

// ParsePatch reads the body of a PATCH (RFC 7644 §3.5.2). A readOnly attribute as a
// path is 400 mutability, a path with bad syntax 400 invalidPath. writeOnly
// attributes are accepted and discarded everywhere. The body's shape is checked with
// 400 invalidSyntax, its values with 400 invalidValue; more operations than [Limits]
// allows, or more values of an attribute than its MaxPatchValues, are 400
// invalidValue.
//
// Unless the dialect is strict, `op` may be in any case, `schemas` may be missing,
// and a value without path may hold dotted names and names qualified by a URN; in it
// readOnly attributes are ignored. Operations on unknown attributes do nothing, or
// with [Dialect].KeepUnknown set and remove them as a whole.
func ParsePatch(rt *ResourceType, raw map[string]any) (Patch, error) {
	list, err := rt.Dialect.patchOperations(raw)
	if err != nil {
		return Patch{}, err
	}
	out := Patch{rt: rt}
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

func (d Dialect) patchOperations(raw map[string]any) ([]any, error) {
	body, err := foldKeys(raw)
	if err != nil {
		return nil, err
	}
	if err := d.checkMessage(body, patchURN); err != nil {
		return nil, err
	}
	list := d.operations(body["operations"])
	if len(list) == 0 {
		return nil, badRequest(ErrorInvalidSyntax, "Operations must be a list that is not empty")
	}
	if limit := DefaultLimits().PatchOperations; len(list) > limit {
		return nil, badRequest(ErrorInvalidValue, "Operations must not be more than %d", limit)
	}
	return list, nil
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
	v, ok := rt.Dialect.verb(name)
	if !ok {
		return nil, badRequest(ErrorInvalidSyntax, "op must be add, remove or replace")
	}
	value, hasValue := members[nameValue]
	switch target := rt.Dialect.target(members["path"]).(type) {
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
	switch {
	case p.unknown != nil:
		return rt.parseUnknown(v, *p.unknown, value)
	case p.attr == nil:
		return rt.parseExtension(v, p, value)
	}
	for _, a := range []*Attribute{p.attr, p.target()} {
		if a.Mutability == ReadOnly {
			return nil, notMutable(a)
		}
	}
	return rt.parseAssignment(v, p, value, v == add)
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
		return rt.parseNamed(v, rt.core, key, value)
	}
	if n == rt.core {
		if err := rt.Dialect.qualified(); err != nil {
			return nil, err
		}
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
		operations, err := rt.parseNamed(v, p.ns, key, object[key])
		if err != nil {
			return nil, err
		}
		out = append(out, operations...)
	}
	return out, nil
}

// parseNamed parses one member of a value without path, or of the object of the
// extension n in it.
func (rt *ResourceType) parseNamed(v verb, n *namespace, key string, value any) ([]operation, error) {
	p, err := rt.parseName(n, key)
	switch {
	case err != nil:
		return nil, err
	case p.unknown != nil:
		return rt.parseUnknown(v, *p.unknown, value)
	case p.attr == nil:
		return nil, nil
	}
	for _, a := range []*Attribute{p.attr, p.target()} {
		if a.Mutability == ReadOnly {
			return nil, rt.Dialect.ignores(a)
		}
	}
	return rt.parseAssignment(v, p, value, false)
}

// parseName finds what a member of a value without path names: an attribute of n,
// or whatever else a path could name. A path without an attribute is to be ignored.
func (rt *ResourceType) parseName(n *namespace, key string) (path, error) {
	if a := n.byName[fold(key)]; a != nil {
		return path{attributeRef: attributeRef{rt: rt, ns: n, attr: a}}, nil
	}
	text := key
	if n != rt.core {
		text = n.urn + ":" + key
	}
	if strings.Contains(key, "[") {
		if err := rt.Dialect.qualified(); err != nil {
			return path{}, err
		}
		return rt.parsePath(text)
	}
	if ref, ok := rt.resolve(text); ok {
		return path{attributeRef: ref}, rt.Dialect.qualified()
	}
	if ref, ok := rt.lookUp(text); ok {
		return path{attributeRef: ref}, nil
	}
	return rt.unknownName(n, key, text)
}

// unknownName is where a member belongs that no schema has.
func (rt *ResourceType) unknownName(n *namespace, key, text string) (path, error) {
	if !rt.Dialect.takes(unknownAttribute) {
		return path{}, badRequest(ErrorInvalidValue, "%s is not in a schema of this resource type", nameOf(key))
	}
	unknown, ok := rt.unknownPath(text)
	if !ok {
		return path{}, nil
	}
	if n != rt.core {
		unknown.ns = n
	}
	return path{unknown: &unknown}, nil
}

// parseAssignment types the value of an operation on one attribute. Of a
// multi-valued one it may be single, if the operation says so.
func (rt *ResourceType) parseAssignment(v verb, p path, raw any, single bool) ([]operation, error) {
	if !p.attr.writable() || !p.target().writable() {
		return nil, nil
	}
	op := operation{verb: v, path: p}
	var err error
	switch {
	case v == remove:
		err = rt.parseListed(&op, raw)
	case p.filter != nil && p.sub == nil:
		op.value, err = valueParser{dialect: rt.Dialect, partial: true}.value(p.attr, rt.Dialect.element(raw))
		err = named(p.attr, err)
	default:
		err = rt.parseAssigned(&op, raw, single)
	}
	if err != nil {
		return nil, err
	}
	return []operation{op}, nil
}

// parseListed reads the values that op, a removal, is to remove.
func (rt *ResourceType) parseListed(op *operation, raw any) error {
	a := op.path.target()
	if !a.MultiValued || op.path.filter != nil {
		return nil
	}
	var err error
	if op.narrow, err = rt.Dialect.narrows(a, raw); err != nil {
		return err
	}
	op.value, err = valueParser{dialect: rt.Dialect, listed: true}.attribute(a, raw)
	return err
}

func (rt *ResourceType) parseAssigned(op *operation, raw any, single bool) error {
	clears, err := rt.Dialect.clears(op.path, raw)
	if clears || err != nil {
		return err
	}
	a := op.path.target()
	op.value, err = valueParser{dialect: rt.Dialect, partial: true, single: single}.attribute(a, raw)
	if op.path.sub == nil && op.value != nil && a.acceptText {
		op.formed, op.form = true, formOf(a, raw)
	}
	return err
}
