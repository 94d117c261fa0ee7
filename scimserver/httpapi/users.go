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
	rt.guard(http.MethodPost, "/Users", u.operation(creates), u.create)
	rt.guard(http.MethodGet, "/Users/{id}", u.operation(reads), u.get)
	rt.guard(http.MethodPut, "/Users/{id}", u.operation(changes), u.replace)
	rt.guard(http.MethodPatch, "/Users/{id}", u.operation(changes), u.patch)
	rt.guard(http.MethodDelete, "/Users/{id}", u.operation(deletes), u.remove)
}

func (u users) create(dir directory.Directory, r *http.Request) (reply, error) {
	projection, err := u.projection(dir, r)
	if err != nil {
		return reply{}, err
	}
	user, err := u.parse(dir, r)
	if err != nil {
		return reply{}, err
	}
	st, err := u.store.Create(r.Context(), dir, user)
	return u.reply(http.StatusCreated, dir, st, projection), err
}

func (u users) get(dir directory.Directory, r *http.Request) (reply, error) {
	projection, err := u.projection(dir, r)
	if err != nil {
		return reply{}, err
	}
	st, err := u.store.Get(r.Context(), dir, r.PathValue("id"))
	return u.current(dir, r, st, projection), err
}

func (u users) replace(dir directory.Directory, r *http.Request) (reply, error) {
	next, err := u.parse(dir, r)
	if err != nil {
		return reply{}, err
	}
	return u.modify(dir, r, u.replacing(dir, next))
}

func (u users) patch(dir directory.Directory, r *http.Request) (reply, error) {
	patch, err := u.parsePatch(dir, r)
	if err != nil {
		return reply{}, err
	}
	return u.modify(dir, r, u.patching(dir, patch))
}

// modify is what PUT and PATCH have in common. Everything that can be wrong with the request is found before the store is
// asked; change may run more than once.
func (u users) modify(dir directory.Directory, r *http.Request, change func(scim.Resource) (scim.Resource, error)) (reply, error) {
	projection, err := u.projection(dir, r)
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
