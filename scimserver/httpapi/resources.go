// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const (
	// defaultResults is the page of a client that names no count.
	defaultResults = 100
	// maxResults is the longest page, which ServiceProviderConfig advertises.
	maxResults = 200
)

// resources is what the endpoints of all resource types have in common.
type resources struct {
	resource *scim.ResourceType
	// find is List of the store.
	find func(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error)
}

// mountLists mounts the two ways to ask for a list (RFC 7644 §3.4.2, §3.4.3).
func (c resources) mountLists(rt *router) {
	rt.handle(http.MethodGet, c.resource.Endpoint, c.list)
	rt.handle(http.MethodPost, c.resource.Endpoint+searchPath, c.search)
}

func (c resources) list(dir directory.Directory, r *http.Request) (reply, error) {
	values, err := queryOf(r)
	if err != nil {
		return reply{}, err
	}
	query, err := scim.ParseListQuery(c.resource, values, defaultResults, maxResults)
	if err != nil {
		return reply{}, err
	}
	return c.page(dir, r, query)
}

func (c resources) search(dir directory.Directory, r *http.Request) (reply, error) {
	body, err := decodeBody(r)
	if err != nil {
		return reply{}, err
	}
	query, err := scim.ParseSearchRequest(c.resource, body, defaultResults, maxResults)
	if err != nil {
		return reply{}, err
	}
	return c.page(dir, r, query)
}

func (c resources) page(dir directory.Directory, r *http.Request, query scim.ListQuery) (reply, error) {
	if err := refuseCursor(query); err != nil {
		return reply{}, err
	}
	page, err := c.find(r.Context(), dir, query)
	if err != nil {
		return reply{}, err
	}
	shown := make([]map[string]any, 0, len(page.Resources))
	for _, st := range page.Resources {
		shown = append(shown, c.render(dir, st, query.Projection))
	}
	return reply{status: http.StatusOK, body: scim.ListResponse(page.Total, query.StartIndex, shown)}, nil
}

// refuseCursor says that there are no cursors, as ServiceProviderConfig does (RFC 9865 §4). RFC 7644 §3.4.2 would have us
// ignore a parameter that we do not know, but this one asks for another kind of answer: without a nextCursor the first page
// looks like the only one, and its reader would take everybody who is not on it for gone.
func refuseCursor(query scim.ListQuery) error {
	if query.Cursor == nil {
		return nil
	}
	return scim.Errorf(http.StatusBadRequest, scim.ErrorInvalidValue, "cursors are not supported: page with startIndex and count")
}

// parse reads the body of a POST or a PUT.
func (c resources) parse(r *http.Request) (scim.Resource, error) {
	body, err := decodeBody(r)
	if err != nil {
		return nil, err
	}
	resource, err := c.resource.Parse(body)
	if err != nil {
		return nil, err
	}
	return resource, c.resource.CheckRequired(resource)
}

// parsePatch reads the body of a PATCH.
func (c resources) parsePatch(r *http.Request) (scim.Patch, error) {
	body, err := decodeBody(r)
	if err != nil {
		return scim.Patch{}, err
	}
	return scim.ParsePatch(c.resource, body)
}

// replacing is the change that PUT makes.
func (c resources) replacing(next scim.Resource) func(scim.Resource) (scim.Resource, error) {
	return func(current scim.Resource) (scim.Resource, error) { return c.resource.Replace(current, next) }
}

// patching is the change that PATCH makes.
func (c resources) patching(patch scim.Patch) func(scim.Resource) (scim.Resource, error) {
	return func(current scim.Resource) (scim.Resource, error) {
		next, err := patch.Apply(c.resource, current)
		if err != nil {
			return nil, err
		}
		return next, c.resource.CheckRequired(next)
	}
}

func (c resources) projection(r *http.Request) (scim.Projection, error) {
	values, err := queryOf(r)
	if err != nil {
		return scim.Projection{}, err
	}
	return scim.ParseProjection(c.resource, values.Get("attributes"), values.Get("excludedAttributes"))
}

// reply answers with one resource, or with 204 about it.
func (c resources) reply(status int, dir directory.Directory, st directory.Stored, p scim.Projection) reply {
	out := reply{status: status, location: directory.Common(st, dir).Location, etag: st.Version()}
	if status != http.StatusNoContent {
		out.body = c.render(dir, st, p)
	}
	return out
}

// current answers a GET for one resource.
func (c resources) current(dir directory.Directory, r *http.Request, st directory.Stored, p scim.Projection) reply {
	if matchesETag(r.Header, st.Version()) {
		return reply{status: http.StatusNotModified, etag: st.Version()}
	}
	return c.reply(http.StatusOK, dir, st, p)
}

func (c resources) render(dir directory.Directory, st directory.Stored, p scim.Projection) map[string]any {
	return c.resource.Render(st.Resource, p, directory.Common(st, dir))
}

// preconditionOf reads If-Match; several headers are one list (RFC 9110 §5.3).
func preconditionOf(r *http.Request) (directory.Precondition, error) {
	return directory.ParseIfMatch(strings.Join(r.Header.Values("If-Match"), ","))
}
