// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// groups is /Groups (RFC 7644 §3.3 to §3.6). Members are read only where the answer shows them.
type groups struct {
	resources
	store GroupStore
}

func (g groups) mount(rt *router) {
	g.mountLists(rt)
	rt.guard(http.MethodPost, "/Groups", g.operation(creates), g.create)
	rt.guard(http.MethodGet, "/Groups/{id}", g.operation(reads), g.get)
	rt.guard(http.MethodPut, "/Groups/{id}", g.operation(changes), g.replace)
	rt.guard(http.MethodPatch, "/Groups/{id}", g.operation(changes), g.patch)
	rt.guard(http.MethodDelete, "/Groups/{id}", g.operation(deletes), g.remove)
}

func (g groups) create(dir directory.Directory, r *http.Request) (reply, error) {
	projection, err := g.projection(dir, r)
	if err != nil {
		return reply{}, err
	}
	group, err := g.parse(dir, r)
	if err != nil {
		return reply{}, err
	}
	st, err := g.store.Create(r.Context(), dir, group, g.showsMembers(dir, projection))
	return g.reply(http.StatusCreated, dir, st, projection), err
}

func (g groups) get(dir directory.Directory, r *http.Request) (reply, error) {
	projection, err := g.projection(dir, r)
	if err != nil {
		return reply{}, err
	}
	st, err := g.store.Get(r.Context(), dir, r.PathValue("id"), g.showsMembers(dir, projection))
	return g.current(dir, r, st, projection), err
}

// replace leaves the members alone if the body has none: absent is not empty.
func (g groups) replace(dir directory.Directory, r *http.Request) (reply, error) {
	next, err := g.parse(dir, r)
	if err != nil {
		return reply{}, err
	}
	rest, members, named := g.typeIn(dir).SplitMembers(next)
	return g.change(http.StatusOK, dir, r, directory.GroupChange{Change: g.replacing(dir, rest), Replace: named, Members: members})
}

// patch answers 204, which Entra asks for and Okta takes, and which costs no look at the members; with attributes the answer
// must be the group (RFC 7644 §3.5.2).
func (g groups) patch(dir directory.Directory, r *http.Request) (reply, error) {
	patch, err := g.parsePatch(dir, r)
	if err != nil {
		return reply{}, err
	}
	members, rest, err := patch.Members()
	if err != nil {
		return reply{}, err
	}
	values, err := queryOf(r)
	if err != nil {
		return reply{}, err
	}
	status := http.StatusNoContent
	if values.Has("attributes") || values.Has("excludedAttributes") {
		status = http.StatusOK
	}
	change := directory.GroupChange{Patch: members}
	if !rest.Empty() {
		change.Change = g.patching(dir, rest)
	}
	return g.change(status, dir, r, change)
}

// change is what PUT and PATCH have in common. Everything that can be wrong with the request alone is found before the store
// is asked.
func (g groups) change(status int, dir directory.Directory, r *http.Request, c directory.GroupChange) (reply, error) {
	projection, err := g.projection(dir, r)
	if err != nil {
		return reply{}, err
	}
	precondition, err := preconditionOf(r)
	if err != nil {
		return reply{}, err
	}
	show := status == http.StatusOK && g.showsMembers(dir, projection)
	st, err := g.store.Change(r.Context(), dir, r.PathValue("id"), precondition, c, show)
	return g.reply(status, dir, st, projection), err
}

func (g groups) remove(dir directory.Directory, r *http.Request) (reply, error) {
	precondition, err := preconditionOf(r)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, g.store.Delete(r.Context(), dir, r.PathValue("id"), precondition)
}

func (g groups) showsMembers(dir directory.Directory, p scim.Projection) bool {
	return p.Shows(g.typeIn(dir), "members")
}
