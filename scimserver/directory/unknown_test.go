// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// TestUnknownMembersAreKept: a directory may keep members whom it does not know. They are shown as they were sent, can be removed,
// stay through splits and sweeps, and make nobody's group.
func TestUnknownMembersAreKept(t *testing.T) {
	c := admin(t, 0)
	g, dir := newGroups(t, c, c), inNamespace(t, c)
	known := people(t, c, dir, 1)[0]
	stranger, nobody := "jane@example.com", "0a3f1c8e-0000-4000-8000-000000000000"
	_, err := g.Create(t.Context(), dir, scim.Resource{"displayName": "a", "members": membersAttribute(known, stranger)}, false)
	wantStatus(t, "Create where they are refused", err, http.StatusBadRequest)

	profile, err := NewProfile(&v1alpha1.ScimDirectorySpec{Protocol: v1alpha1.DirectoryProtocol{UnknownMembers: v1alpha1.UnknownMembersKeep}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir.Profile = profile
	group, err := g.Create(t.Context(), dir, scim.Resource{"displayName": "a", "members": membersAttribute(known, stranger, nobody)}, true)
	wantStatus(t, "Create", err, http.StatusOK)
	shown := map[string]any{}
	for _, member := range group.Members.Members() {
		shown[member.(map[string]any)["value"].(string)] = member
	}
	want := map[string]any{
		known:    map[string]any{"value": known, "type": "User", "$ref": dir.BaseURL + "/Users/" + known, "display": "p0"},
		stranger: map[string]any{"value": stranger},
		nobody:   map[string]any{"value": nobody},
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}

	again, err := g.Change(t.Context(), dir, group.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(stranger))}, false)
	wantStatus(t, "add again", err, http.StatusOK)
	if again.Generation != group.Generation {
		t.Error("adding a member again moved the version")
	}
	many := []string{known, nobody, stranger}
	for i := range 3 * sliceMax {
		many = append(many, fmt.Sprint("stranger-", i))
	}
	_, err = g.Change(t.Context(), dir, group.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(many...))}, false)
	wantStatus(t, "add many", err, http.StatusOK)
	wantMembers(t, g, dir, group.ID, many...)
	j := NewJanitor(c, uncached{c}, modelOf(t, 0), []string{dir.Namespace})
	j.clock, j.log = clocktesting.NewFakePassiveClock(time.Unix(1e9, 0)), slog.New(slog.DiscardHandler)
	j.sweep(t.Context())
	_, err = g.Change(t.Context(), dir, group.ID, Precondition{}, GroupChange{Patch: patchOf(t, remove(stranger))}, false)
	wantStatus(t, "remove", err, http.StatusOK)
	wantMembers(t, g, dir, group.ID, append(many[:2:2], many[3:]...)...)

	tooLong := strings.Repeat("x", unknownMax+1)
	_, err = g.Change(t.Context(), dir, group.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(tooLong))}, false)
	wantStatus(t, "add one that cannot be kept", err, http.StatusBadRequest)
}
