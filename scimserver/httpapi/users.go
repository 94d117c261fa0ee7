// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// users is /Users (RFC 7644 §3.3 to §3.6).
type users struct {
	resources
	store UserStore
}

func (u users) mount(rt *router) {
	u.mountLists(rt)
	rt.handle(http.MethodPost, "/Users", u.create)
	rt.handle(http.MethodGet, "/Users/{id}", u.get)
	rt.handle(http.MethodPut, "/Users/{id}", u.replace)
	rt.handle(http.MethodPatch, "/Users/{id}", u.patch)
	rt.handle(http.MethodDelete, "/Users/{id}", u.remove)
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
	return u.current(dir, r, st, projection), err
}

func (u users) replace(dir directory.Directory, r *http.Request) (reply, error) {
	next, err := u.parse(r)
	if err != nil {
		return reply{}, err
	}
	return u.modify(dir, r, u.replacing(next))
}

func (u users) patch(dir directory.Directory, r *http.Request) (reply, error) {
	patch, err := u.parsePatch(r)
	if err != nil {
		return reply{}, err
	}
	return u.modify(dir, r, u.patching(patch))
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
