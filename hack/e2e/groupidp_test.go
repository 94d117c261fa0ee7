// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// checkFound wants a path of a list to find that group alone, or nobody for an empty id.
func (tn *tenant) checkFound(t *testing.T, path, id string) {
	t.Helper()
	for _, client := range tn.idp {
		answer, err := client.Get(t.Context(), path)
		found := expect(t, http.StatusOK, answer, err).Resources()
		if id == "" && len(found) == 0 && answer.Body["totalResults"] == 0.0 {
			continue
		}
		if len(found) != 1 || found[0]["id"] != id || answer.Body["totalResults"] != 1.0 {
			t.Errorf("GET %s: got %s, want %q alone", path, answer, id)
		}
	}
}

// TestOktaCatalogueGroup pushes a group as the applications of Okta's catalogue do: by PATCH.
func TestOktaCatalogueGroup(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	okta, people := tn.idp[0], tn.people(t, 4)
	tn.checkFound(t, idp.OktaFindGroup("Pushed"), "")
	id := tn.group(t, "Pushed")
	answer, err := okta.Get(t.Context(), idp.GroupPath(id))
	expect(t, http.StatusOK, answer, err)
	tn.checkMembers(t, id)

	tn.patch(t, 0, id, idp.OktaRename(id, "Pushed"), idp.OktaAdd(people[0], "one"), idp.OktaAdd(people[1], "two"))
	tn.checkMembers(t, id, people[0], people[1])
	tn.patch(t, 1, id, idp.OktaRename(id, "Pushed"), idp.RemoveSelected(people[0]), idp.OktaAdd(people[2], "three"))
	tn.checkMembers(t, id, people[1], people[2])
	tn.patch(t, 0, id, idp.OktaReplaceMembers(people[3], people[0]))
	tn.checkMembers(t, id, people[0], people[3])

	tn.patch(t, 1, id, idp.OktaRename(id, "Pushed elsewhere"))
	tn.checkFound(t, idp.OktaFindGroup("Pushed"), "")
	tn.checkFound(t, idp.OktaFindGroup("pushed ELSEWHERE"), id) // as a push that links to an existing group
	tn.patch(t, 0, id, idp.OktaReplaceMembers())
	tn.checkMembers(t, id)
	tn.checkGone(t, id)
}

// TestOktaCustomGroup pushes a group as a custom application of Okta does: by PUT of what it read.
func TestOktaCustomGroup(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	okta, people := tn.idp[0], tn.people(t, 3)
	tn.checkFound(t, idp.OktaFindGroup("Custom"), "")
	id := tn.group(t, "Custom")
	for _, step := range []struct {
		name    string
		members []string
	}{
		{"Custom", people[:1]}, {"Custom", people}, {"Custom", people[1:]}, {"Custom renamed", people[1:]}, {"Custom renamed", nil},
	} {
		answer, err := okta.Get(t.Context(), idp.GroupPath(id))
		body := expect(t, http.StatusOK, answer, err).Body
		body["displayName"], body["members"] = step.name, idp.Group("", step.members...)["members"]
		answer, err = okta.PutGroup(t.Context(), id, body)
		if expect(t, http.StatusOK, answer, err); answer.Body["displayName"] != step.name || len(membersOf(answer.Body)) != len(step.members) {
			t.Errorf("PUT: got %s, want %q with %d members", answer, step.name, len(step.members))
		}
		tn.checkMembers(t, id, step.members...)
	}
	tn.checkFound(t, idp.OktaFindGroup("Custom"), "")
	tn.checkFound(t, idp.OktaFindGroup("Custom renamed"), id)
}

// TestEntraGroup follows a group of Entra, in both of its dialects.
func TestEntraGroup(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	entra, people := tn.idp[0], tn.people(t, 4)
	tn.checkFound(t, idp.EntraFindGroup("Sales"), "")
	answer, err := entra.PostGroup(t.Context(), idp.EntraGroup("Sales", "8aa1a0c0"))
	id := expect(t, http.StatusCreated, answer, err).ID()
	tn.checkFound(t, idp.EntraFindGroup("Sales"), id)
	tn.checkFound(t, "/Groups?excludedAttributes=members&filter="+url.QueryEscape(`externalId eq "8aa1a0c0"`), id)

	tn.patch(t, 0, id, idp.EntraAdd(people[:3]...))
	tn.checkMembers(t, id, people[:3]...)
	for _, member := range []string{`members eq "` + people[1] + `"`, `members[value eq "` + people[1] + `"]`} {
		tn.checkFound(t, "/Groups?attributes=id&filter="+url.QueryEscape(`id eq "`+id+`" and `+member), id)
	}
	tn.checkFound(t, "/Groups?attributes=id&filter="+url.QueryEscape(`id eq "`+id+`" and members eq "`+people[3]+`"`), "")

	tn.patch(t, 1, id, idp.EntraRemove(people[0], people[1]))
	tn.checkMembers(t, id, people[2])
	tn.patch(t, 0, id, idp.EntraAdd(people[3]))
	tn.patch(t, 1, id, idp.RemoveSelected(people[2]))
	tn.checkMembers(t, id, people[3])

	tn.patch(t, 0, id, idp.EntraReplace("displayName", "Sales and more"))
	tn.checkFound(t, idp.EntraFindGroup("Sales"), "")
	tn.checkFound(t, idp.EntraFindGroup("Sales and more"), id)
	tn.checkMembers(t, id, people[3])
	tn.checkGone(t, id)
	tn.checkFound(t, idp.EntraFindGroup("Sales and more"), "")
}

// TestAuthentikGroup follows a group of authentik: created blind, replaced whole, then member by member.
func TestAuthentikGroup(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	authentik, people := tn.idp[0], tn.people(t, 2)
	id := tn.group(t, "admins")
	answer, err := authentik.PostGroup(t.Context(), idp.Group("admins"))
	expect(t, http.StatusConflict, answer, err) // its link was lost; it looks for the group
	tn.checkFound(t, "/Groups?filter="+url.QueryEscape(`displayName eq "admins"`), id)

	tn.patch(t, 0, id, idp.AuthentikMember("add", people[0]), idp.AuthentikMember("add", people[1]))
	tn.patch(t, 1, id, idp.AuthentikGroup(id, "Administrators", "42"))
	answer, err = authentik.Get(t.Context(), idp.GroupPath(id))
	if group := expect(t, http.StatusOK, answer, err).Body; group["displayName"] != "Administrators" || group["externalId"] != "42" {
		t.Errorf("after the path-less replace: got %s", answer)
	}
	tn.checkMembers(t, id, people...)
	tn.patch(t, 0, id, idp.AuthentikMember("remove", people[0]))
	tn.checkMembers(t, id, people[1])
	tn.checkListedByOffset(t, id)
}

// checkListedByOffset lists groups as authentik does, without a count, until it has seen as many as there are.
func (tn *tenant) checkListedByOffset(t *testing.T, id string) {
	t.Helper()
	answer, err := tn.idp[0].Get(t.Context(), "/Groups")
	if found := expect(t, http.StatusOK, answer, err).Resources(); len(found) != 1 || found[0]["id"] != id {
		t.Errorf("GET /Groups: got %s, want %s alone", answer, id)
	}
	answer, err = tn.idp[0].Get(t.Context(), "/Groups?startIndex=2")
	expect(t, http.StatusOK, answer, err)
	if found, there := answer.Body["Resources"].([]any); !there || len(found) != 0 || answer.Body["totalResults"] != 1.0 {
		t.Errorf("GET beyond the last group: got %s, want an empty list of 1", answer)
	}
}

// TestKeycloakGroup follows a group of the extension of Keycloak: three operations at once, and a removal of everybody.
func TestKeycloakGroup(t *testing.T) {
	tn := newDirectory(t, shared.get(t))
	people := tn.people(t, 3)
	id := tn.group(t, "realm-users")
	tn.patch(t, 0, id, idp.OktaReplaceMembers(people...), idp.Object{"op": "replace", "path": "displayName", "value": "users"},
		idp.Object{"op": "replace", "path": "externalId", "value": "7f"})
	tn.checkMembers(t, id, people...)
	tn.checkFound(t, idp.OktaFindGroup("users"), id)
	tn.patch(t, 1, id, idp.Object{"op": "remove", "path": "members"})
	tn.checkMembers(t, id)
	tn.patch(t, 0, id, idp.EntraAdd(people[1]))
	tn.checkMembers(t, id, people[1])
}
