// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// discovery is what the server says of itself (RFC 7644 §4). Query parameters are ignored, but a filter is refused: its
// sender would take the whole list for the matches.
type discovery struct {
	// maxBytes holds everywhere; some paths take more.
	maxBytes int64
}

func (d discovery) mount(rt *router) {
	rt.handle(http.MethodGet, "/ServiceProviderConfig", unfiltered(d.serviceProviderConfig))
	rt.handle(http.MethodGet, "/ResourceTypes", unfiltered(listOf(scim.ResourceTypes)))
	rt.handle(http.MethodGet, "/ResourceTypes/{id}", unfiltered(oneOf(scim.ResourceTypes)))
	rt.handle(http.MethodGet, "/Schemas", unfiltered(listOf(scim.Schemas)))
	rt.handle(http.MethodGet, "/Schemas/{id}", unfiltered(oneOf(scim.Schemas)))
}

// typesIn are the types of what is on in a directory.
func typesIn(dir directory.Directory) []*scim.ResourceType {
	var out []*scim.ResourceType
	for _, k := range []kind{userKind, groupKind} {
		if k.on(dir.Settings()) {
			out = append(out, k.typeIn(dir.Settings()))
		}
	}
	return out
}

// description renders one kind of discovery resource, each with its id under "id".
type description func(baseURL string, types ...*scim.ResourceType) []map[string]any

func (d discovery) serviceProviderConfig(dir directory.Directory, _ *http.Request) (reply, error) {
	return reply{status: http.StatusOK, body: scim.ServiceProviderConfig(scim.ServiceProvider{
		BaseURL:         dir.BaseURL,
		MaxResults:      dir.Settings().MaxPageSize,
		MaxPayloadBytes: int(d.maxBytes),
		Bulk:            &scim.Bulk{MaxOperations: scim.DefaultLimits().BulkOperations, MaxPayloadBytes: int(d.maxBytes)},
		Sort:            true,
		Pagination: &scim.Pagination{
			Cursor: true, DefaultPageSize: dir.Settings().DefaultPageSize, CursorTimeout: cursorTimeout,
		},
	})}, nil
}

func listOf(describe description) handler {
	return func(dir directory.Directory, _ *http.Request) (reply, error) {
		described := describe(dir.BaseURL, typesIn(dir)...)
		return reply{status: http.StatusOK, body: scim.ListResponse(len(described), 1, described)}, nil
	}
}

func oneOf(describe description) handler {
	return func(dir directory.Directory, r *http.Request) (reply, error) {
		for _, described := range describe(dir.BaseURL, typesIn(dir)...) {
			if id, ok := described["id"].(string); ok && strings.EqualFold(id, r.PathValue("id")) {
				return reply{status: http.StatusOK, body: described}, nil
			}
		}
		return reply{}, scim.Errorf(http.StatusNotFound, "", "this directory has no such schema or resource type")
	}
}

func unfiltered(h handler) handler {
	return func(dir directory.Directory, r *http.Request) (reply, error) {
		if hasParameter(r.URL.RawQuery, "filter") {
			return reply{}, scim.Errorf(http.StatusForbidden, "", "discovery cannot be filtered")
		}
		return h(dir, r)
	}
}

// hasParameter says whether a query has a parameter of that name, also if the value cannot be decoded. The rest of the query
// may be whatever it is.
func hasParameter(rawQuery, name string) bool {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(key); err == nil && decoded == name {
			return true
		}
	}
	return false
}
