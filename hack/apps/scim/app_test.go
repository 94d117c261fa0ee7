// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/scim-operator/scim-operator/hack/apps"
)

// TestApp plays a joiner, a mover and a leaver over SCIM, and has them sign in.
func TestApp(t *testing.T) {
	b, err := StartBetterAuth(t.Context(), apps.Options{Progress: func(what string) { t.Log(what) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
	})
	const name = "joiner@acme.test"
	wantRefused(t, b, name, "before there is an account")
	id := create(t, b, name)
	if err := b.Welcome(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := b.Login(t.Context(), name); err != nil {
		t.Fatalf("log in: %v", err)
	}
	wantRoles(t, b, name)
	patch(t, b, "/Groups/"+groupID(t, b, "reader"), map[string]any{"op": "add", "path": "members", "value": []any{map[string]any{"value": id}}})
	wantRoles(t, b, name, "reader")
	alive, err := b.Open(t.Context(), name)
	if err != nil || !alive(t.Context()) {
		t.Fatalf("the session is dead: %v", err)
	}
	patch(t, b, "/Users/"+id, map[string]any{"op": "replace", "path": "active", "value": false})
	if alive(t.Context()) {
		t.Error("the session of a leaver lives on")
	}
	wantRefused(t, b, name, "inactive")
	wantRoles(t, b, name)
	patch(t, b, "/Users/"+id, map[string]any{"op": "replace", "path": "active", "value": true})
	wantRoles(t, b, name, "reader")
	if status, err := b.Do(t.Context(), http.MethodDelete, "/Users/"+id, nil, nil); status != http.StatusNoContent || err != nil {
		t.Fatalf("delete: %d, %v", status, err)
	}
	wantRefused(t, b, name, "deleted")
	create(t, b, name) // the name is free again
}

func create(t *testing.T, b *BetterAuth, name string) (id string) {
	t.Helper()
	var made User
	status, err := b.Do(t.Context(), http.MethodPost, "/Users", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name,
	}, &made)
	if status != http.StatusCreated || err != nil {
		t.Fatalf("create: %d, %v", status, err)
	}
	if exists, err := b.Exists(t.Context(), name); !exists || err != nil {
		t.Errorf("Exists = %v, %v", exists, err)
	}
	return made.ID
}

func groupID(t *testing.T, b *BetterAuth, name string) string {
	t.Helper()
	var list struct {
		Resources []struct{ ID, DisplayName string }
	}
	if _, err := b.Do(t.Context(), http.MethodGet, "/Groups", nil, &list); err != nil {
		t.Fatal(err)
	}
	for _, group := range list.Resources {
		if group.DisplayName == name {
			return group.ID
		}
	}
	t.Fatalf("no group %s in %v", name, list)
	return ""
}

func patch(t *testing.T, b *BetterAuth, path string, operation map[string]any) {
	t.Helper()
	status, err := b.Do(t.Context(), http.MethodPatch, path, map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": []any{operation},
	}, nil)
	if status != http.StatusOK || err != nil {
		t.Fatalf("patch: %d, %v", status, err)
	}
}

func wantRefused(t *testing.T, b *BetterAuth, name, when string) {
	t.Helper()
	if err := b.Login(t.Context(), name); !errors.Is(err, apps.ErrRefused) {
		t.Errorf("%s: Login returned %v, want that it is refused", when, err)
	}
}

func wantRoles(t *testing.T, b *BetterAuth, name string, roles ...string) {
	t.Helper()
	for _, role := range b.Roles() {
		has, err := b.HasRole(t.Context(), name, role)
		if want := slices.Contains(roles, string(role)); has != want || err != nil {
			t.Errorf("role %s: %v, %v, want %v", role, has, err, want)
		}
	}
}
