// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
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

// users is /Users (RFC 7644 §3.3 to §3.6).
type users struct {
	store    UserStore
	resource *scim.ResourceType
}

func (u users) mount(rt *router) {
	rt.handle(http.MethodGet, "/Users", u.list)
	rt.handle(http.MethodPost, "/Users", u.create)
	rt.handle(http.MethodGet, "/Users/{id}", u.get)
	rt.handle(http.MethodPut, "/Users/{id}", u.replace)
	rt.handle(http.MethodPatch, "/Users/{id}", u.patch)
	rt.handle(http.MethodDelete, "/Users/{id}", u.remove)
}

func (u users) list(dir directory.Directory, r *http.Request) (reply, error) {
	values, err := queryOf(r)
	if err != nil {
		return reply{}, err
	}
	query, err := scim.ParseListQuery(u.resource, values, defaultResults, maxResults)
	if err != nil {
		return reply{}, err
	}
	total, page, err := u.store.List(r.Context(), dir, query)
	if err != nil {
		return reply{}, err
	}
	resources := make([]map[string]any, 0, len(page))
	for _, st := range page {
		resources = append(resources, u.render(dir, st, query.Projection))
	}
	return reply{status: http.StatusOK, body: scim.ListResponse(total, query.StartIndex, resources)}, nil
}

func (u users) create(dir directory.Directory, r *http.Request) (reply, error) {
	projection, err := u.projection(r)
	if err != nil {
		return reply{}, err
	}
	user, err := u.parse(r)
	if err != nil {
		return reply{}, err
	}
	st, err := u.store.Create(r.Context(), dir, user)
	return u.reply(http.StatusCreated, dir, st, projection), err
}

func (u users) get(dir directory.Directory, r *http.Request) (reply, error) {
	projection, err := u.projection(r)
	if err != nil {
		return reply{}, err
	}
	st, err := u.store.Get(r.Context(), dir, r.PathValue("id"))
	if err != nil {
		return reply{}, err
	}
	if matchesETag(r.Header, st.Version()) {
		return reply{status: http.StatusNotModified, etag: st.Version()}, nil
	}
	return u.reply(http.StatusOK, dir, st, projection), nil
}

func (u users) replace(dir directory.Directory, r *http.Request) (reply, error) {
	next, err := u.parse(r)
	if err != nil {
		return reply{}, err
	}
	return u.modify(dir, r, func(current scim.Resource) (scim.Resource, error) {
		return u.resource.Replace(current, next)
	})
}

func (u users) patch(dir directory.Directory, r *http.Request) (reply, error) {
	body, err := decodeBody(r)
	if err != nil {
		return reply{}, err
	}
	patch, err := scim.ParsePatch(u.resource, body)
	if err != nil {
		return reply{}, err
	}
	return u.modify(dir, r, func(current scim.Resource) (scim.Resource, error) {
		next, err := patch.Apply(u.resource, current)
		if err != nil {
			return nil, err
		}
		return next, u.resource.CheckRequired(next)
	})
}

// modify is what PUT and PATCH have in common. Everything that can be wrong with the request is found before the store is
// asked; change may run more than once.
func (u users) modify(dir directory.Directory, r *http.Request, change func(scim.Resource) (scim.Resource, error)) (reply, error) {
	projection, err := u.projection(r)
	if err != nil {
		return reply{}, err
	}
	precondition, err := preconditionOf(r)
	if err != nil {
		return reply{}, err
	}
	st, err := u.store.Modify(r.Context(), dir, r.PathValue("id"), precondition, change)
	return u.reply(http.StatusOK, dir, st, projection), err
}

func (u users) remove(dir directory.Directory, r *http.Request) (reply, error) {
	precondition, err := preconditionOf(r)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, u.store.Delete(r.Context(), dir, r.PathValue("id"), precondition)
}

// parse reads the body of a POST or a PUT.
func (u users) parse(r *http.Request) (scim.Resource, error) {
	body, err := decodeBody(r)
	if err != nil {
		return nil, err
	}
	user, err := u.resource.Parse(body)
	if err != nil {
		return nil, err
	}
	return user, u.resource.CheckRequired(user)
}

func (u users) projection(r *http.Request) (scim.Projection, error) {
	values, err := queryOf(r)
	if err != nil {
		return scim.Projection{}, err
	}
	return scim.ParseProjection(u.resource, values.Get("attributes"), values.Get("excludedAttributes"))
}

func (u users) reply(status int, dir directory.Directory, st directory.Stored, p scim.Projection) reply {
	return reply{
		status:   status,
		body:     u.render(dir, st, p),
		location: directory.Common(st, dir).Location,
		etag:     st.Version(),
	}
}

func (u users) render(dir directory.Directory, st directory.Stored, p scim.Projection) map[string]any {
	return u.resource.Render(st.Resource, p, directory.Common(st, dir))
}

// preconditionOf reads If-Match; several headers are one list (RFC 9110 §5.3).
func preconditionOf(r *http.Request) (directory.Precondition, error) {
	return directory.ParseIfMatch(strings.Join(r.Header.Values("If-Match"), ","))
}
