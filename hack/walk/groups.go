// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// groupNames are the displayNames of groups; each has an externalId of its own.
func groupNames() []string { return []string{"Staff", "Engineers", "Operators", "Auditors", "Guests"} }

func (w *walker) allGroups() []*group {
	var all []*group
	for _, id := range slices.Sorted(maps.Keys(w.groups)) {
		all = append(all, w.groups[id])
	}
	return all
}

// freeName is a displayName that no group has, empty if there is none.
func (w *walker) freeName() string {
	return pick(w, slices.DeleteFunc(groupNames(), func(name string) bool {
		return slices.ContainsFunc(w.allGroups(), func(g *group) bool { return g.displayName == name })
	}))
}

func (w *walker) createGroup(ctx context.Context) (string, []string, error) {
	name := w.freeName()
	if name == "" {
		return "", nil, nil
	}
	g := &group{displayName: name, externalID: "ext-" + name, members: map[string]bool{}}
	if slices.ContainsFunc(w.allGroups(), func(other *group) bool { return other.externalID == g.externalID }) {
		g.externalID = w.next("ext")
	}
	for _, u := range w.live() {
		if w.random.IntN(4) == 0 {
			g.members[u.id] = true
		}
	}
	members := slices.Sorted(maps.Keys(g.members))
	body := idp.Group(name, members...)
	body["externalId"] = g.externalID
	answer, err := w.send(ctx, idp.Request{Method: http.MethodPost, Path: "/Groups", Body: body}, http.StatusCreated)
	if err != nil {
		return "create group " + name, nil, err
	}
	g.id = answer.ID()
	w.groups[g.id] = g
	return fmt.Sprintf("create group %s, displayName %s, externalId %s, members %v", g.id, name, g.externalID, members), nil, nil
}

func (w *walker) deleteGroup(ctx context.Context) (string, []string, error) {
	g := pick(w, w.allGroups())
	if g == nil {
		return "", nil, nil
	}
	_, err := w.send(ctx, idp.Request{Method: http.MethodDelete, Path: idp.GroupPath(g.id)}, http.StatusNoContent)
	delete(w.groups, g.id)
	w.forget(g.id)
	return "delete group " + g.id, nil, err
}

func (w *walker) renameGroup(ctx context.Context) (string, []string, error) {
	g, name := pick(w, w.allGroups()), w.freeName()
	if g == nil || name == "" {
		return "", nil, nil
	}
	g.displayName = name
	return w.patchGroup(ctx, g, "rename to "+name, idp.EntraReplace("displayName", name))
}

func (w *walker) patchGroup(ctx context.Context, g *group, what string, operations ...idp.Object) (string, []string, error) {
	request := idp.Request{Method: http.MethodPatch, Path: idp.GroupPath(g.id), Body: idp.Patch(operations...)}
	_, err := w.send(ctx, request, http.StatusOK, http.StatusNoContent)
	return "group " + g.id + ": " + what, nil, err
}

func (w *walker) join(ctx context.Context) (string, []string, error) {
	g, u := pick(w, w.allGroups()), pick(w, w.live())
	if g == nil || u == nil {
		return "", nil, nil
	}
	return w.addMember(ctx, g, u.id)
}

// nest puts a group into a group. It may end in a circle.
func (w *walker) nest(ctx context.Context) (string, []string, error) {
	g, inner := pick(w, w.allGroups()), pick(w, w.allGroups())
	if g == nil || g == inner {
		return "", nil, nil
	}
	return w.addMember(ctx, g, inner.id)
}

func (w *walker) addMember(ctx context.Context, g *group, id string) (string, []string, error) {
	g.members[id] = true
	operation := idp.EntraAdd(id)
	if w.random.IntN(2) == 0 {
		operation = idp.OktaAdd(id, "somebody")
	}
	return w.patchGroup(ctx, g, "add "+id, operation)
}

func (w *walker) leave(ctx context.Context) (string, []string, error) {
	return w.removeMember(ctx, true)
}

func (w *walker) unnest(ctx context.Context) (string, []string, error) {
	return w.removeMember(ctx, false)
}

func (w *walker) removeMember(ctx context.Context, user bool) (string, []string, error) {
	g := pick(w, w.allGroups())
	if g == nil {
		return "", nil, nil
	}
	id := pick(w, slices.DeleteFunc(slices.Sorted(maps.Keys(g.members)), func(id string) bool { return (w.users[id] != nil) != user }))
	if id == "" {
		return "", nil, nil
	}
	delete(g.members, id)
	operation := idp.RemoveSelected(id)
	if w.random.IntN(2) == 0 {
		operation = idp.EntraRemove(id)
	}
	return w.patchGroup(ctx, g, "remove "+id, operation)
}
