// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/hack/apps"
)

// TestApp makes an account by hand and does with it what demos and tests do.
func TestApp(t *testing.T) {
	ctx := t.Context()
	a, err := New(ctx, apps.Options{Progress: func(what string) { t.Log(what) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(a.server.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after Stop: %v", err)
		}
	})
	const name = `O'Brien "Bob"`
	if there, err := a.Exists(ctx, name); there || err != nil {
		t.Fatalf("Exists = %v, %v before there is an account", there, err)
	}
	if err := a.Login(ctx, name); !errors.Is(err, apps.ErrRefused) {
		t.Errorf("Login of nobody returned %v, want ErrRefused", err)
	}
	for _, statement := range []string{
		"CREATE ROLE " + quote(name) + " LOGIN IN ROLE readers", "COMMENT ON ROLE " + quote(name) + " IS 'scim-operator.dev/owner=a/b'",
	} {
		if _, err := a.Admin().Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Welcome(ctx, name); err != nil {
		t.Fatal(err)
	}
	for _, role := range a.Roles() {
		if has, err := a.HasRole(ctx, name, role); err != nil || has != (role == "reader") {
			t.Errorf("HasRole %s = %v, %v", role, has, err)
		}
	}
	alive, err := a.Open(ctx, name)
	if err != nil || !alive(ctx) {
		t.Fatalf("Open: %v", err)
	}
	if _, err := a.Admin().Exec(ctx, "ALTER ROLE "+quote(name)+" NOLOGIN"); err != nil {
		t.Fatal(err)
	}
	if err := a.Login(ctx, name); !errors.Is(err, apps.ErrRefused) || !alive(ctx) {
		t.Errorf("with NOLOGIN: Login returned %v and the session is alive: %v", err, alive(ctx))
	}
	if _, table, err := a.Show(ctx); err != nil || !strings.Contains(table, name) || !strings.Contains(table, "readers") {
		t.Errorf("Show returned %v and\n%s", err, table)
	}
}
