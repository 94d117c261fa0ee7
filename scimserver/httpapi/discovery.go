// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// discovery is what the server says of itself (RFC 7644 §4). Query parameters are ignored, but a filter is refused: its
// sender would take the whole list for the matches.
type discovery struct {
	types []*scim.ResourceType
	// maxBytes holds everywhere; some paths take more.
	maxBytes int64
}

func (d discovery) mount(rt *router) {
	rt.handle(http.MethodGet, "/ServiceProviderConfig", unfiltered(d.serviceProviderConfig))
	rt.handle(http.MethodGet, "/ResourceTypes", unfiltered(d.all(scim.ResourceTypes)))
	rt.handle(http.MethodGet, "/ResourceTypes/{id}", unfiltered(d.one(scim.ResourceTypes)))
	rt.handle(http.MethodGet, "/Schemas", unfiltered(d.all(scim.Schemas)))
	rt.handle(http.MethodGet, "/Schemas/{id}", unfiltered(d.one(scim.Schemas)))
}

// description renders one kind of discovery resource, each with its id under "id".
type description func(baseURL string, types ...*scim.ResourceType) []map[string]any

func (d discovery) serviceProviderConfig(dir directory.Directory, _ *http.Request) (reply, error) {
	return reply{status: http.StatusOK, body: scim.ServiceProviderConfig(scim.ServiceProvider{
		BaseURL:         dir.BaseURL,
		MaxResults:      maxResults,
		MaxPayloadBytes: int(d.maxBytes),
		Bulk:            &scim.Bulk{MaxOperations: scim.DefaultLimits().BulkOperations, MaxPayloadBytes: int(d.maxBytes)},
		Sort:            true,
		Pagination:      &scim.Pagination{DefaultPageSize: defaultResults},
	})}, nil
}

func (d discovery) all(describe description) handler {
	return func(dir directory.Directory, _ *http.Request) (reply, error) {
		described := describe(dir.BaseURL, d.types...)
		return reply{status: http.StatusOK, body: scim.ListResponse(len(described), 1, described)}, nil
	}
}

func (d discovery) one(describe description) handler {
	return func(dir directory.Directory, r *http.Request) (reply, error) {
		for _, described := range describe(dir.BaseURL, d.types...) {
			if id, ok := described["id"].(string); ok && strings.EqualFold(id, r.PathValue("id")) {
				return reply{status: http.StatusOK, body: described}, nil
			}
		}
		return reply{}, scim.Errorf(http.StatusNotFound, "", "this server has no such schema or resource type")
	}
}

func unfiltered(h handler) handler {
	return func(dir directory.Directory, r *http.Request) (reply, error) {
		values, err := queryOf(r)
		if err != nil {
			return reply{}, err
		}
		if values.Has("filter") {
			return reply{}, scim.Errorf(http.StatusForbidden, "", "discovery cannot be filtered")
		}
		return h(dir, r)
	}
}
