// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// operations gives the operations of a PATCH as a list.
func (d Dialect) operations(raw any) []any {
	switch v := raw.(type) {
	case []any:
		return v
	case map[string]any:
		if d.takes(singleOperation) {
			return []any{v}
		}
	}
	return nil
}

// verb reads op, which RFC 7644 §3.5.2 spells in small letters.
func (d Dialect) verb(op string) (verb, bool) {
	v := verb(fold(op))
	switch v {
	case add, remove, replace:
		return v, string(v) == op || d.takes(opCase)
	}
	return "", false
}

// target gives the path of an operation, nil for none.
func (d Dialect) target(raw any) any {
	if s, ok := raw.(string); ok && strings.TrimSpace(s) == "" && d.takes(emptyPath) {
		return nil
	}
	return raw
}

// clears reports whether raw, the value for p, says that there is no reference: `manager.value` set to "".
func (d Dialect) clears(p path, raw any) (bool, error) {
	if raw != "" || p.sub == nil || p.attr.MultiValued || p.sub != p.attr.significant() {
		return false, nil
	}
	return true, within(p.attr.Name+"."+p.sub.Name, d.noReference())
}

// narrows reports whether remove of a with that value removes only what the value lists. Without it the RFC would clear the
// attribute, which is the last thing that a client that lists values wants.
func (d Dialect) narrows(a *Attribute, raw any) (bool, error) {
	switch {
	case raw == nil:
		return false, nil
	case d.takes(removeValueList):
		return true, nil
	}
	return false, badRequest(ErrorInvalidValue, "%s: remove does not have a value", a.Name)
}

// extensionPath accepts the URN of an extension as a path.
func (d Dialect) extensionPath() error {
	if d.takes(schemaAsPath) {
		return nil
	}
	return invalidPath("path names a schema instead of an attribute")
}

// qualified accepts a name in a value without path that is more than the name of an attribute.
func (d Dialect) qualified() error {
	if d.takes(pathlessQualifiedName) {
		return nil
	}
	return badRequest(ErrorInvalidValue, "value without path has a member that is not the name of an attribute")
}

// ignores accepts that a value without path has the readOnly attribute a.
func (d Dialect) ignores(a *Attribute) error {
	if d.takes(readOnlyInPathlessPatch) {
		return nil
	}
	return notMutable(a)
}
