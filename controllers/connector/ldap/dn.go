// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"

	ldapv3 "github.com/go-ldap/ldap/v3"
)

// dn is a distinguished name. key is the same for all names that a server takes for the same one.
type dn struct {
	text, key string
	rdns      []*ldapv3.RelativeDN
}

// parseDN reads a name as RFC 4514 has it.
func parseDN(text string) (dn, bool) {
	parsed, err := ldapv3.ParseDN(text)
	if err != nil || !utf8.ValidString(text) {
		return dn{}, false
	}
	return dn{text: text, key: keyOf(parsed.RDNs), rdns: parsed.RDNs}, true
}

// keyOf folds case and space as caseIgnoreMatch does. In it a comma separates and a plus joins, as every other one is escaped.
func keyOf(rdns []*ldapv3.RelativeDN) string {
	keys := make([]string, len(rdns))
	for i, rdn := range rdns {
		parts := make([]string, len(rdn.Attributes))
		for j, a := range rdn.Attributes {
			parts[j] = escapeAll(strings.ToLower(a.Type)) + "=" + escapeAll(fold(a.Value))
		}
		slices.Sort(parts)
		keys[i] = strings.Join(parts, "+")
	}
	return strings.Join(keys, ",")
}

// fold makes values equal that caseIgnoreMatch takes for equal.
func fold(value string) string {
	return strings.ToLower(strings.Join(strings.Fields(value), " "))
}

// escapeAll escapes what separates, so that the rest is unambiguous.
func escapeAll(value string) string {
	var b strings.Builder
	for i := range len(value) {
		if strings.IndexByte(`,+=\`, value[i]) >= 0 {
			b.WriteString(`\` + hex.EncodeToString([]byte{value[i]}))
			continue
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

// is reports whether a server takes both for the same name.
func (d dn) is(other dn) bool { return d.key == other.key }

// within reports whether d is base or lies below it.
func (d dn) within(base dn) bool {
	return base.key == "" || d.key == base.key || strings.HasSuffix(d.key, ","+base.key)
}

// parent is the name without its first part.
func (d dn) parent() dn {
	if len(d.rdns) == 0 {
		return dn{}
	}
	above := &ldapv3.DN{RDNs: d.rdns[1:]}
	return dn{text: above.String(), key: keyOf(above.RDNs), rdns: above.RDNs}
}

// child is the name of an entry below d.
func (d dn) child(rdn string) (dn, bool) {
	if d.text == "" {
		return parseDN(rdn)
	}
	return parseDN(rdn + "," + d.text)
}

// valueOf is the value that an attribute has in the first part of the name.
func (d dn) valueOf(attribute string) (string, bool) {
	if len(d.rdns) == 0 {
		return "", false
	}
	for _, a := range d.rdns[0].Attributes {
		if strings.EqualFold(a.Type, attribute) {
			return a.Value, true
		}
	}
	return "", false
}

// common is the longest name that both lie below.
func (d dn) common(other dn) dn {
	for !other.within(d) {
		d = d.parent()
	}
	return d
}

// rdnOf is the first part of a name, with one attribute.
func rdnOf(attribute, value string) string { return attribute + "=" + escapeRDN(value) }

// escapeRDN escapes a value (RFC 4514). Unlike EscapeDN of the library it escapes every control character and a space at either end
// whatever the value's length in bytes.
func escapeRDN(value string) string {
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		edge := c == ' ' && (i == 0 || i == len(value)-1) || c == '#' && i == 0
		if edge || c < ' ' || c == 0x7f || strings.IndexByte(`"+,;<>=\`, c) >= 0 {
			b.WriteString(`\` + hex.EncodeToString([]byte{c}))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// equals is the filter for entries that have a value (RFC 4515).
func equals(attribute, value string) string {
	return "(" + attribute + "=" + ldapv3.EscapeFilter(value) + ")"
}

// anyOf is the filter for entries that one of the filters is for.
func anyOf(filters ...string) string {
	if len(filters) == 1 {
		return filters[0]
	}
	return "(|" + strings.Join(filters, "") + ")"
}
