// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"maps"
	"slices"
	"strings"
)

// bulkPrefix stands before a bulkId where an id would be (RFC 7644 §3.7.2).
const bulkPrefix = "bulkId:"

// identify gives the id of the resource that an operation of that bulkId has made.
type identify func(bulkID string) (id string, ok bool)

// findReferences returns every bulkId that op refers to, once.
func (op *bulkOperation) findReferences() []string {
	found := map[string]bool{}
	note := func(bulkID string) (string, bool) {
		found[bulkID] = true
		return "", false
	}
	if op.ID != "" {
		resolveText(op.ID, note)
	}
	eachText(op.Data, func(key, text string) { op.resolveMember(key, text, note) })
	return slices.Sorted(maps.Keys(found))
}

// resolved is the call of op with ids in the place of references.
func (op *bulkOperation) resolved(ids identify) BulkCall {
	out := op.BulkCall
	out.ID = resolveText(op.ID, ids)
	if op.Data != nil {
		out.Data = op.resolve(op.Data, ids)
	}
	return out
}

func (op *bulkOperation) resolve(object map[string]any, ids identify) map[string]any {
	return mapMembers(object, func(key, text string) string { return op.resolveMember(key, text, ids) })
}

// addition is the call that adds attributes to what op, a POST, has created. A PATCH
// disturbs nobody who has changed the resource since.
func (op *bulkOperation) addition(id string, attributes map[string]any, ids identify) BulkCall {
	return BulkCall{Method: methodPatch, Endpoint: op.Endpoint, ID: id, Data: map[string]any{
		"schemas":    []any{patchURN},
		"Operations": []any{map[string]any{"op": string(add), nameValue: op.resolve(attributes, ids)}},
	}}
}

// resolveMember resolves one text of the data. A PATCH has references in the
// filters of its paths too.
func (op *bulkOperation) resolveMember(key, text string, ids identify) string {
	if op.Method == methodPatch && sameName(key, "path") {
		return resolveFilter(text, ids)
	}
	return resolveText(text, ids)
}

// resolveText gives the id for a text that is a reference, and any other text as it is.
func resolveText(text string, ids identify) string {
	if bulkID, ok := strings.CutPrefix(text, bulkPrefix); ok {
		if id, ok := ids(bulkID); ok {
			return id
		}
	}
	return text
}

// resolveFilter resolves the texts in quotes.
func resolveFilter(text string, ids identify) string {
	parts := strings.Split(text, `"`)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = resolveText(parts[i], ids)
	}
	return strings.Join(parts, `"`)
}

// eachText calls visit with every text in object and the name of its member.
func eachText(object map[string]any, visit func(key, text string)) {
	mapMembers(object, func(key, text string) string {
		visit(key, text)
		return text
	})
}

// mapMembers copies object with f applied to every text in it, at any depth.
func mapMembers(object map[string]any, f func(key, text string) string) map[string]any {
	out := make(map[string]any, len(object))
	for name, v := range object {
		out[name] = mapTexts(name, v, f)
	}
	return out
}

func mapTexts(key string, v any, f func(key, text string) string) any {
	switch v := v.(type) {
	case string:
		return f(key, v)
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = mapTexts(key, element, f)
		}
		return out
	case map[string]any:
		return mapMembers(v, f)
	}
	return v
}

// refersTo reports whether v has a reference to one of these bulkIds.
func refersTo(v any, bulkIDs map[string]bool) bool {
	found := false
	eachText(map[string]any{"": v}, func(_, text string) {
		bulkID, ok := strings.CutPrefix(text, bulkPrefix)
		found = found || ok && bulkIDs[bulkID]
	})
	return found
}

// leaveOut splits the data of a POST into what can be created before these bulkIds
// have ids, and the rest, which is to be added then: single values of a multi-valued
// attribute, and other attributes whole.
func leaveOut(data map[string]any, bulkIDs map[string]bool) (kept, rest map[string]any) {
	kept, rest = map[string]any{}, map[string]any{}
	for name, v := range data {
		if !refersTo(v, bulkIDs) {
			kept[name] = v
			continue
		}
		switch v := v.(type) {
		case []any:
			kept[name], rest[name] = leaveOutValues(v, bulkIDs)
		case map[string]any:
			if strings.Contains(name, ":") { // an extension
				kept[name], rest[name] = leaveOut(v, bulkIDs)
				continue
			}
			rest[name] = v
		default:
			rest[name] = v
		}
	}
	return kept, rest
}

func leaveOutValues(list []any, bulkIDs map[string]bool) (kept, rest []any) {
	kept = []any{}
	for _, v := range list {
		if refersTo(v, bulkIDs) {
			rest = append(rest, v)
		} else {
			kept = append(kept, v)
		}
	}
	return kept, rest
}
