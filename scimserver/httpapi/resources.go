// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// resources is what the endpoints of all kinds of resources have in common.
type resources struct {
	kind kind
	// find is List of the store.
	find func(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error)
	now  func() time.Time
}

// typeIn is the resource type in dir: parsing and rendering must use the same one.
func (c resources) typeIn(dir directory.Directory) *scim.ResourceType {
	return c.kind.typeIn(dir.Settings())
}

func (c resources) operation(v verb) operation { return operation{kind: c.kind, verb: v} }

// mountLists mounts the two ways to ask for a list (RFC 7644 §3.4.2, §3.4.3).
func (c resources) mountLists(rt *router) {
	rt.guard(http.MethodGet, c.kind.endpoint(), c.operation(lists), c.list)
	rt.guard(http.MethodPost, c.kind.endpoint()+searchPath, c.operation(lists), c.search)
}

func (c resources) list(dir directory.Directory, r *http.Request) (reply, error) {
	values, err := queryOf(r)
	if err != nil {
		return reply{}, err
	}
	p := dir.Settings()
	query, err := scim.ParseListQuery(c.typeIn(dir), values, p.DefaultPageSize, p.MaxPageSize)
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
	p := dir.Settings()
	query, err := scim.ParseSearchRequest(c.typeIn(dir), body, p.DefaultPageSize, p.MaxPageSize)
	if err != nil {
		return reply{}, err
	}
	return c.page(dir, r, query)
}

func (c resources) page(dir directory.Directory, r *http.Request, query scim.ListQuery) (reply, error) {
	l, err := newListing(dir, r, query, c.kind.endpoint(), c.now())
	if err != nil {
		return reply{}, err
	}
	page, err := c.seek(r.Context(), dir, l.query)
	if err != nil {
		return reply{}, err
	}
	return l.answer(page.Total, page.Next, c.renderAll(dir, page.Resources, query.Projection)), nil
}

// seek is find, unless the switches of dir say that there is nothing to be found.
func (c resources) seek(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error) {
	o := c.operation(lists)
	o.known = demandsKnown(q.Filter, c.kind)
	if empty, err := decide(dir.Settings(), o); empty || err != nil {
		return directory.Page{}, err
	}
	return c.find(ctx, dir, q)
}

// parse reads the body of a POST or a PUT.
func (c resources) parse(dir directory.Directory, r *http.Request) (scim.Resource, error) {
	body, err := decodeBody(r)
	if err != nil {
		return nil, err
	}
	resource, err := c.typeIn(dir).Parse(body)
	if err != nil {
		return nil, err
	}
	return resource, c.typeIn(dir).CheckRequired(resource)
}

// parsePatch reads the body of a PATCH.
func (c resources) parsePatch(dir directory.Directory, r *http.Request) (scim.Patch, error) {
	body, err := decodeBody(r)
	if err != nil {
		return scim.Patch{}, err
	}
	return scim.ParsePatch(c.typeIn(dir), body)
}

// replacing is the change that PUT makes.
func (c resources) replacing(dir directory.Directory, next scim.Resource) func(scim.Resource) (scim.Resource, error) {
	return func(current scim.Resource) (scim.Resource, error) { return c.typeIn(dir).Replace(current, next) }
}

// patching is the change that PATCH makes.
func (c resources) patching(dir directory.Directory, patch scim.Patch) func(scim.Resource) (scim.Resource, error) {
	return func(current scim.Resource) (scim.Resource, error) {
		next, err := patch.Apply(c.typeIn(dir), current)
		if err != nil {
			return nil, err
		}
		return next, c.typeIn(dir).CheckRequired(next)
	}
}

func (c resources) projection(dir directory.Directory, r *http.Request) (scim.Projection, error) {
	values, err := queryOf(r)
	if err != nil {
		return scim.Projection{}, err
	}
	return scim.ParseProjection(c.typeIn(dir), values.Get("attributes"), values.Get("excludedAttributes"))
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

// render leaves the groups of a user out where there are none to be asked for.
func (c resources) render(dir directory.Directory, st directory.Stored, p scim.Projection) map[string]any {
	if c.kind == userKind && !groupKind.on(dir.Settings()) {
		delete(st.Resource, "groups")
	}
	return c.typeIn(dir).Render(st.Resource, p, directory.Common(st, dir))
}

func (c resources) renderAll(dir directory.Directory, page []directory.Stored, p scim.Projection) []map[string]any {
	shown := make([]map[string]any, 0, len(page))
	for _, st := range page {
		shown = append(shown, c.render(dir, st, p))
	}
	return shown
}

// preconditionOf reads If-Match; several headers are one list (RFC 9110 §5.3).
func preconditionOf(r *http.Request) (directory.Precondition, error) {
	return directory.ParseIfMatch(strings.Join(r.Header.Values("If-Match"), ","))
}
