// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// groups is /Groups for a server without groups. The connection tests of Okta, Entra and authentik read the list: it is
// there and empty, and no group is in it. Writing one is 501.
type groups struct{}

func (g groups) mount(rt *router) {
	rt.handle(http.MethodGet, "/Groups", g.list)
	rt.handle(http.MethodPost, "/Groups", g.write)
	rt.handle(http.MethodGet, "/Groups/{id}", g.get)
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
		rt.handle(method, "/Groups/{id}", g.write)
	}
}

func (groups) list(directory.Directory, *http.Request) (reply, error) {
	return reply{status: http.StatusOK, body: scim.ListResponse(0, 1, nil)}, nil
}

func (groups) get(directory.Directory, *http.Request) (reply, error) {
	return reply{}, scim.Errorf(http.StatusNotFound, "", "there is no such group in this directory")
}

func (groups) write(directory.Directory, *http.Request) (reply, error) {
	return reply{}, errNotImplemented("writing groups")
}
