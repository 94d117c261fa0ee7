// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "time"

const (
	schemaURN                = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	resourceTypeURN          = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	serviceProviderConfigURN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
)

// ServiceProvider is what the server says of itself beyond this package's own
// abilities.
type ServiceProvider struct {
	// BaseURL is the absolute URL that endpoints are below, without a final slash.
	BaseURL string
	// DocumentationURI is left out if empty.
	DocumentationURI string
	// MaxResults bounds the resources of one list response.
	MaxResults int
	// MaxPayloadBytes bounds a request body.
	MaxPayloadBytes int
	// Sort says that lists are sorted as the client asks.
	Sort bool
	// Bulk is not supported if nil.
	Bulk *Bulk
	// Pagination is left out if nil.
	Pagination *Pagination
}

// Bulk bounds a bulk request (RFC 7644 §3.7).
type Bulk struct {
	// MaxOperations bounds the operations of one request. authentik makes its PATCH
	// requests that long too, so it should not exceed [Limits].PatchOperations.
	MaxOperations int
	// MaxPayloadBytes bounds its body.
	MaxPayloadBytes int
}

// Pagination says how lists are paged (RFC 9865 §4): always by index, which is also
// the method of a client that asks for none, and never more than
// ServiceProvider.MaxResults.
type Pagination struct {
	// Cursor says that cursors are supported.
	Cursor bool
	// DefaultPageSize is the page of a client that names no count.
	DefaultPageSize int
	// CursorTimeout is how long a cursor is valid, rendered in whole seconds; left
	// out if 0.
	CursorTimeout time.Duration
}

// ServiceProviderConfig renders RFC 7643 §5: PATCH, filters and ETags are
// supported; changing passwords is not; bulk, sorting and paging are as p says;
// clients authenticate by bearer token, or by user name and password.
func ServiceProviderConfig(p ServiceProvider) map[string]any {
	out := map[string]any{
		"schemas":               []any{serviceProviderConfigURN},
		"patch":                 map[string]any{"supported": true},
		"bulk":                  p.describeBulk(),
		"filter":                map[string]any{"supported": true, "maxResults": p.MaxResults},
		"changePassword":        map[string]any{"supported": false},
		"sort":                  map[string]any{"supported": p.Sort},
		"etag":                  map[string]any{"supported": true},
		"authenticationSchemes": authenticationSchemes(),
		"meta":                  map[string]any{"resourceType": "ServiceProviderConfig", "location": p.BaseURL + "/ServiceProviderConfig"},
	}
	if p.DocumentationURI != "" {
		out["documentationUri"] = p.DocumentationURI
	}
	if p.Pagination != nil {
		out["pagination"] = p.Pagination.describe(p.MaxResults)
	}
	return out
}

func authenticationSchemes() []any {
	return []any{
		map[string]any{
			"type": "oauthbearertoken", "name": "OAuth Bearer Token", "primary": true,
			"description": "Authentication with a bearer token in the Authorization header (RFC 6750).",
			"specUri":     "https://www.rfc-editor.org/info/rfc6750",
		},
		map[string]any{
			"type": "httpbasic", "name": "HTTP Basic", "primary": false,
			"description": "Authentication with a user name and a password in the Authorization header (RFC 7617).",
			"specUri":     "https://www.rfc-editor.org/info/rfc7617",
		},
	}
}

func (p ServiceProvider) describeBulk() map[string]any {
	// authentik sizes its PATCH requests by maxOperations even if there is no bulk.
	limits := Bulk{MaxOperations: DefaultLimits().PatchOperations, MaxPayloadBytes: p.MaxPayloadBytes}
	if p.Bulk != nil {
		limits = *p.Bulk
	}
	return map[string]any{"supported": p.Bulk != nil, "maxOperations": limits.MaxOperations, "maxPayloadSize": limits.MaxPayloadBytes}
}

func (p *Pagination) describe(maxPageSize int) map[string]any {
	out := map[string]any{
		"cursor": p.Cursor, "index": true, "defaultPaginationMethod": "index",
		"defaultPageSize": p.DefaultPageSize, "maxPageSize": maxPageSize,
	}
	if p.CursorTimeout > 0 {
		out["cursorTimeout"] = int(p.CursorTimeout.Seconds())
	}
	return out
}

// ResourceTypes renders the resource types (RFC 7643 §6), one each, with its id
// under "id". baseURL is without a final slash.
func ResourceTypes(baseURL string, types ...*ResourceType) []map[string]any {
	out := make([]map[string]any, 0, len(types))
	for _, rt := range types {
		out = append(out, rt.describe(baseURL))
	}
	return out
}

func (rt *ResourceType) describe(baseURL string) map[string]any {
	extensions := []any{}
	for _, e := range rt.Extensions {
		extensions = append(extensions, map[string]any{"schema": e.Schema.ID, "required": e.Required})
	}
	return map[string]any{
		"schemas": []any{resourceTypeURN},
		"id":      rt.ID, "name": rt.Name, "endpoint": rt.Endpoint, "description": rt.Description,
		"schema": rt.Schema.ID, "schemaExtensions": extensions,
		"meta": map[string]any{"resourceType": "ResourceType", "location": baseURL + "/ResourceTypes/" + rt.ID},
	}
}

// Schemas renders all schemas of the resource types (RFC 7643 §7), each once,
// with its URN under "id". baseURL is without a final slash.
func Schemas(baseURL string, types ...*ResourceType) []map[string]any {
	out, seen := []map[string]any{}, map[string]bool{}
	for _, rt := range types {
		schemas := []*Schema{rt.Schema}
		for _, e := range rt.Extensions {
			schemas = append(schemas, e.Schema)
		}
		for _, s := range schemas {
			if !seen[fold(s.ID)] {
				seen[fold(s.ID)] = true
				out = append(out, s.describe(baseURL))
			}
		}
	}
	return out
}

func (s *Schema) describe(baseURL string) map[string]any {
	return map[string]any{
		"schemas": []any{schemaURN},
		"id":      s.ID, "name": s.Name, "description": s.Description,
		"attributes": describeAttributes(s.Attributes),
		"meta":       map[string]any{"resourceType": "Schema", "location": baseURL + "/Schemas/" + s.ID},
	}
}

func describeAttributes(attributes []*Attribute) []any {
	out := make([]any, 0, len(attributes))
	for _, a := range attributes {
		out = append(out, a.describe())
	}
	return out
}

// describe leaves out what does not apply: Entra's schema discovery fails on null.
func (a *Attribute) describe() map[string]any {
	out := map[string]any{
		"name": a.Name, "type": string(a.Type), "multiValued": a.MultiValued,
		"description": a.Description, "required": a.Required,
		"mutability": string(a.Mutability), "returned": string(a.Returned), "uniqueness": string(a.Uniqueness),
	}
	if a.Type == TypeComplex {
		out["subAttributes"] = describeAttributes(a.SubAttributes)
	} else {
		out["caseExact"] = a.CaseExact
	}
	if len(a.CanonicalValues) > 0 {
		out["canonicalValues"] = texts(a.CanonicalValues)
	}
	if len(a.ReferenceTypes) > 0 {
		out["referenceTypes"] = texts(a.ReferenceTypes)
	}
	return out
}

func texts(list []string) []any {
	out := make([]any, 0, len(list))
	for _, s := range list {
		out = append(out, s)
	}
	return out
}
