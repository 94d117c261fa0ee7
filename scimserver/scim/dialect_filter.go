// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "strings"

// lookUp finds what resolve finds, and an attribute of an extension by its bare name.
func (rt *ResourceType) lookUp(text string) (attributeRef, bool) {
	ref, ok := rt.resolve(text)
	if ok {
		return ref, true
	}
	ref, ok = rt.resolveBare(text)
	return ref, ok && (ref.ns.foreign || rt.Dialect.takes(bareExtensionAttribute))
}

func (rt *ResourceType) resolveBare(text string) (attributeRef, bool) {
	for _, n := range rt.extensions {
		if ref, ok := rt.resolveIn(n, text); ok {
			return ref, true
		}
	}
	return attributeRef{}, false
}

// literal rewrites the value of a comparison with a into JSON.
func (d Dialect) literal(a *Attribute, t token) token {
	switch a.Type {
	case TypeBoolean:
		return d.booleanLiteral(t)
	case TypeString, TypeReference, TypeBinary, TypeDateTime:
		if t.kind == wordToken && d.takes(filterUnquotedValue) {
			t.kind = stringToken
		}
	default:
	}
	return t
}

func (d Dialect) booleanLiteral(t token) token {
	rule := filterUnquotedValue
	if t.kind == stringToken {
		rule = filterTextBoolean
	}
	if _, ok := booleanText(t.text); ok && (t.kind == stringToken || fold(t.text) != t.text) && d.takes(rule) {
		return token{wordToken, fold(t.text)}
	}
	return t
}

// isNull reports whether t is null, which JSON spells in small letters.
func (d Dialect) isNull(t token) bool {
	return t.kind == wordToken && (t.text == "null" || sameName(t.text, "null") && d.takes(filterUnquotedValue))
}

// implied is the `value` of a complex attribute that is compared or sorted by itself, or nil. Of a multi-valued one the RFC
// implies it (RFC 7644 §3.4.2.2).
func (d Dialect) implied(a *Attribute) *Attribute {
	value := a.significant()
	if value != nil && !a.MultiValued && !d.takes(impliedValue) {
		return nil
	}
	return value
}

// spaced reports whether the grammar has that many spaces between two tokens; before the first one there is the zero token.
func spaced(before, after token, spaces int) bool {
	switch {
	case before.kind == endToken, before.kind == '(', before.kind == '[', after.kind == ')', after.kind == ']', after.kind == '[':
		return spaces == 0
	case after.kind == '(' && sameName(before.text, "not"):
		return spaces <= 1
	case before.kind == ']' && strings.HasPrefix(after.text, "."):
		return spaces == 0
	}
	return spaces == 1
}
