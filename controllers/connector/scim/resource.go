// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// The attributes that the connector reads or writes by name.
const (
	attrID          = "id"
	attrExternalID  = "externalId"
	attrUserName    = "userName"
	attrDisplayName = "displayName"
	attrActive      = "active"
	attrEmails      = "emails"
	attrGroups      = "groups"
	attrMembers     = "members"
	attrRoles       = "roles"
	attrMeta        = "meta"
	attrSchemas     = "schemas"
	attrValue       = "value"
	attrType        = "type"
	attrPrimary     = "primary"
)

// resource is a JSON object as the application sent it. It is read leniently, unlike what scim-server is sent: an odd value of one user must
// not hide the others. Names are compared without regard to case (RFC 7643 section 2.1).
type resource map[string]any

// decode reads one JSON object. Numbers keep their digits, since some applications have numbers for identifiers.
func decode(body []byte) (resource, bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var r resource
	if err := decoder.Decode(&r); err != nil || r == nil {
		return nil, false
	}
	return r, true
}

// key returns the name as the resource spells it, and the name itself where it has no such attribute.
func (r resource) key(name string) string {
	if _, exact := r[name]; exact {
		return name
	}
	for _, key := range slices.Sorted(maps.Keys(r)) {
		if strings.EqualFold(key, name) {
			return key
		}
	}
	return name
}

func (r resource) get(name string) any { return r[r.key(name)] }

// text returns a simple value as text, "" if there is none.
func (r resource) text(name string) string { return textOf(r.get(name)) }

func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number, bool:
		return fmt.Sprint(v)
	}
	return ""
}

// object returns a complex value, nil if there is none.
func (r resource) object(name string) resource { return objectOf(r.get(name)) }

func objectOf(value any) resource {
	if object, ok := value.(map[string]any); ok {
		return object
	}
	return nil
}

// entries returns the values of a multi-valued attribute. One that is not in a list is a list of one, and a bare text is its value.
func (r resource) entries(name string) []resource {
	values, isList := r.get(name).([]any)
	if value := r.get(name); !isList && value != nil {
		values = []any{value}
	}
	var entries []resource
	for _, value := range values {
		if object := objectOf(value); object != nil {
			entries = append(entries, object)
		} else if text := textOf(value); text != "" {
			entries = append(entries, resource{attrValue: text})
		}
	}
	return entries
}

func (r resource) isTrue(name string) bool { return strings.EqualFold(r.text(name), "true") }

// clone copies all of it, so that the copy can be changed.
func (r resource) clone() resource {
	copied, _ := cloneOf(map[string]any(r)).(map[string]any)
	return copied
}

func cloneOf(value any) any {
	switch v := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(v))
		for key, inner := range v {
			copied[key] = cloneOf(inner)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, inner := range v {
			copied[i] = cloneOf(inner)
		}
		return copied
	}
	return value
}

// listOf is what entries returns, as JSON has it.
func listOf(entries []resource) []any {
	list := make([]any, len(entries))
	for i, entry := range entries {
		list[i] = map[string]any(entry)
	}
	return list
}

// user is a user of the application as it was read.
type user struct {
	resource
	id string
	// version is for If-Match; empty where the application has none.
	version string
	// listed says that it was part of a list, from which some applications leave the groups out.
	listed bool
}

// mark is the owner that the user bears, empty if nobody's.
func (u user) mark() string { return u.text(attrExternalID) }

// state is what the user may do: without a word about it, it may be used.
func (u user) state() connector.State {
	if strings.EqualFold(u.text(attrActive), "false") {
		return connector.Suspended
	}
	return connector.Active
}

// email is the primary address, or else the first one.
func (u user) email() string {
	entries := u.entries(attrEmails)
	if i := mainEntry(entries); i >= 0 {
		return entries[i].text(attrValue)
	}
	return ""
}

// mainEntry is the index of the primary entry, or else of the first one; -1 if there is none.
func mainEntry(entries []resource) int {
	if i := slices.IndexFunc(entries, func(e resource) bool { return e.isTrue(attrPrimary) }); i >= 0 {
		return i
	}
	return min(0, len(entries)-1)
}
