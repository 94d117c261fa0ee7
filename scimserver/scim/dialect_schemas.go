// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "slices"

// checkSchemas checks the schemas of a body against RFC 7643 §3: the base schema and each extension in use, each once, and no
// others. Nothing else looks at them: what a body holds says what it is.
func (rt *ResourceType) checkSchemas(members map[string]any) error {
	listed, err := rt.Dialect.schemas(members[nameSchemas], ErrorInvalidValue)
	if err != nil || listed == nil {
		return err
	}
	for _, urn := range listed {
		if rt.namespace(urn) == nil && !rt.Dialect.takes(unknownSchema) {
			return badRequest(ErrorInvalidValue, "schemas: one is not of this resource type")
		}
	}
	for _, n := range rt.namespaces() {
		object, _ := members[fold(n.urn)].(map[string]any)
		if n != rt.core && len(object) == 0 || containsName(listed, n.urn) {
			continue
		}
		if !rt.Dialect.takes(unlistedSchema) {
			return badRequest(ErrorInvalidValue, "schemas: must list %s", n.urn)
		}
	}
	return nil
}

// checkMessage checks that body is the message of that URN, if it says what it is.
func (d Dialect) checkMessage(body map[string]any, urn string) error {
	listed, err := d.schemas(body[nameSchemas], ErrorInvalidSyntax)
	switch {
	case err != nil || listed == nil:
		return err
	case !containsName(listed, urn), len(listed) > 1 && !d.takes(unknownSchema):
		return badRequest(ErrorInvalidSyntax, "schemas must be %s", urn)
	}
	return nil
}

// schemas reads a list of URNs; nil if there is none. Refusals are of the given type.
func (d Dialect) schemas(raw any, typ ErrorType) ([]string, error) {
	list, isList := raw.([]any)
	switch {
	case raw == nil, isList && len(list) == 0:
		if d.takes(missingSchemas) {
			return nil, nil
		}
		return nil, badRequest(typ, "schemas: is required")
	case !isList:
		list = []any{raw}
	}
	urns := []string{}
	for _, v := range list {
		if urn, ok := v.(string); ok && !containsName(urns, urn) {
			urns = append(urns, urn)
		}
	}
	if (!isList || len(urns) < len(list)) && !d.takes(malformedSchemas) {
		return nil, badRequest(typ, "schemas: must be a list of different URNs")
	}
	return urns, nil
}

func containsName(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return sameName(s, name) })
}
