// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestServiceProviderConfig(t *testing.T) {
	got := ServiceProviderConfig(ServiceProvider{BaseURL: "https://x/v2", MaxResults: 200, MaxPayloadBytes: 1 << 20})
	for _, required := range []string{"patch", "bulk", "filter", "changePassword", "sort", "etag", "authenticationSchemes"} {
		if got[required] == nil {
			t.Errorf("RFC 7643 §5 requires %s", required)
		}
	}
	for name, want := range map[string]bool{"patch": true, "bulk": false, "filter": true, "changePassword": false, "sort": false, "etag": true} {
		if got[name].(map[string]any)["supported"] != want {
			t.Errorf("%s.supported is not %v", name, want)
		}
	}
	diff(t, "advertised is enforced", any(200), got["filter"].(map[string]any)["maxResults"])
	diff(t, "authentik takes it for PATCH", any(DefaultLimits().PatchOperations), got["bulk"].(map[string]any)["maxOperations"])
	got = ServiceProviderConfig(ServiceProvider{MaxPayloadBytes: 1, Bulk: &Bulk{MaxOperations: 100, MaxPayloadBytes: 2}})
	diff(t, "bulk as the caller says", any(map[string]any{"supported": true, "maxOperations": 100, "maxPayloadSize": 2}), got["bulk"])
	if DefaultLimits().BulkOperations != DefaultLimits().PatchOperations {
		t.Error("authentik takes the one for the other")
	}
	if _, there := got["documentationUri"]; there {
		t.Error("an empty documentationUri is left out")
	}
}

// TestAuthenticationSchemes: what scim-server accepts is what it says that it accepts (RFC 7643 §5), and one of them is to be preferred.
func TestAuthenticationSchemes(t *testing.T) {
	var types, primary []string
	for _, scheme := range authenticationSchemes() {
		s, _ := scheme.(map[string]any)
		of, _ := s["type"].(string)
		types = append(types, of)
		if s["primary"] == true {
			primary = append(primary, of)
		}
		for _, required := range []string{"name", "description", "specUri"} {
			if text, ok := s[required].(string); !ok || text == "" {
				t.Errorf("%s has no %s", of, required)
			}
		}
	}
	diff(t, "types", []string{"oauthbearertoken", "httpbasic"}, types)
	diff(t, "primary", []string{"oauthbearertoken"}, primary)
}

func TestServiceProviderConfigPaging(t *testing.T) {
	p := ServiceProvider{MaxResults: 200, Sort: true, Pagination: &Pagination{Cursor: true, DefaultPageSize: 100, CursorTimeout: 10 * time.Minute}}
	got := ServiceProviderConfig(p)
	diff(t, "sorting as the caller says", any(map[string]any{"supported": true}), got["sort"])
	diff(t, "RFC 9865 §4", any(map[string]any{
		"cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100, "maxPageSize": 200, "cursorTimeout": 600,
	}), got["pagination"])
	p.Pagination.CursorTimeout = 0
	if _, there := ServiceProviderConfig(p)["pagination"].(map[string]any)["cursorTimeout"]; there {
		t.Error("a timeout of nothing is left out")
	}
	if _, there := ServiceProviderConfig(ServiceProvider{})["pagination"]; there {
		t.Error("pagination is left out if nothing is said of it")
	}
}

func TestServiceProviderConfigBulk(t *testing.T) {
	got := ServiceProviderConfig(ServiceProvider{MaxPayloadBytes: 1 << 20, Bulk: &Bulk{MaxOperations: 50, MaxPayloadBytes: 2 << 20}})
	diff(t, "RFC 7643 §5", any(map[string]any{"supported": true, "maxOperations": 50, "maxPayloadSize": 2 << 20}), got["bulk"])
	got = ServiceProviderConfig(ServiceProvider{MaxPayloadBytes: 1 << 20})
	diff(t, "without bulk its members are there", any(map[string]any{
		"supported": false, "maxOperations": DefaultLimits().PatchOperations, "maxPayloadSize": 1 << 20,
	}), got["bulk"])
}

func TestResourceTypes(t *testing.T) {
	diff(t, "RFC 7643 §6", []map[string]any{{
		"schemas": []any{resourceTypeURN}, "id": "User", "name": "User", "endpoint": "/Users", "description": "User Account",
		"schema": UserURN, "schemaExtensions": []any{map[string]any{"schema": EnterpriseUserURN, "required": false}},
		"meta": map[string]any{"resourceType": "ResourceType", "location": "https://x/v2/ResourceTypes/User"},
	}}, ResourceTypes("https://x/v2", UserResourceType()))
}

func TestSchemas(t *testing.T) {
	schemas := Schemas("https://x/v2", UserResourceType(), UserResourceType())
	if len(schemas) != 2 {
		t.Fatalf("%d schemas, want each once", len(schemas))
	}
	diff(t, "location", "https://x/v2/Schemas/"+EnterpriseUserURN, schemas[1]["meta"].(map[string]any)["location"].(string))
	text, err := json.Marshal(schemas)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"null", `""`, "ReadWrite", `"meta.`} {
		if strings.Contains(string(text), bad) {
			t.Errorf("schemas contain %s: Entra's discovery fails on it", bad)
		}
	}
	for _, raw := range schemas[0]["attributes"].([]any) {
		a := raw.(map[string]any)
		if a["name"] == "userName" {
			diff(t, "RFC 7643 §8.7.1", map[string]any{
				"name": "userName", "type": "string", "multiValued": false, "required": true, "caseExact": false,
				"mutability": "readWrite", "returned": "default", "uniqueness": "server", "description": a["description"],
			}, a)
		}
	}
}
