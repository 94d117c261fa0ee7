// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"errors"
	"os"
	"strings"
	"testing"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/hack/apps"
)

// TestAccessIsDocumented compares the access that slapd runs with here with the page, which promises that it is enough.
func TestAccessIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/connectors/ldap.md")
	if err != nil {
		t.Fatal(err)
	}
	for what, lines := range map[string][]string{"Access": Access(), "MoveAccess": MoveAccess(), "limits": {"olcLimits: " + limits}} {
		if block := strings.Join(lines, "\n"); !strings.Contains(string(page), "```text\n"+block+"\n") {
			t.Errorf("the page does not have %s as a block of its own", what)
		}
	}
}

// TestApp takes somebody through it as the connector would, by hand.
func TestApp(t *testing.T) {
	started, err := Start(t.Context(), apps.Options{})
	if err != nil {
		t.Fatal(err)
	}
	app := started.(*App)
	t.Cleanup(func() {
		if err := app.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(app.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", app.dir, err)
		}
	})
	const name = `O'Brien, "Bob" (*)`
	if err := app.Login(t.Context(), name); !errors.Is(err, apps.ErrRefused) {
		t.Errorf("a stranger: %v", err)
	}
	at := "uid=" + ldapv3.EscapeDN(name) + "," + PeopleDN
	admin := func(f func(*ldapv3.Conn) error) {
		t.Helper()
		if err := app.Admin(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	admin(func(conn *ldapv3.Conn) error {
		add := ldapv3.NewAddRequest(at, nil)
		add.Attribute("objectClass", []string{"inetOrgPerson"})
		add.Attribute("uid", []string{name})
		add.Attribute("cn", []string{name})
		add.Attribute("sn", []string{name})
		return conn.Add(add)
	})
	if err := app.Login(t.Context(), name); !errors.Is(err, apps.ErrRefused) {
		t.Errorf("without a password: %v", err)
	}
	if err := app.Welcome(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	alive, err := app.Open(t.Context(), name)
	if err != nil || !alive(t.Context()) {
		t.Fatalf("the session does not live: %v", err)
	}
	set := func(dn, attribute string, values ...string) {
		t.Helper()
		admin(func(conn *ldapv3.Conn) error {
			change := ldapv3.NewModifyRequest(dn, nil)
			change.Replace(attribute, values)
			return conn.Modify(change)
		})
	}
	set(groupDN("reader"), "member", at)
	for role, want := range map[string]bool{"reader": true, "writer": false} {
		if has, err := app.HasRole(t.Context(), name, app.Roles()[map[string]int{"reader": 1, "writer": 2}[role]]); has != want || err != nil {
			t.Errorf("%s: %v, %v", role, has, err)
		}
	}
	_, table, err := app.Show(t.Context())
	if err != nil || !strings.Contains(table, name) || !strings.Contains(table, "reader") || !strings.HasPrefix(app.Title(), "OpenLDAP 2.") {
		t.Errorf("%s shows %v\n%s", app.Title(), err, table)
	}
	set(at, "pwdAccountLockedTime", "000001010000Z")
	if err := app.Login(t.Context(), name); !errors.Is(err, apps.ErrRefused) {
		t.Errorf("locked: %v", err)
	}
	if exists, err := app.Exists(t.Context(), name); !exists || err != nil {
		t.Errorf("exists: %v, %v", exists, err)
	}
	if !alive(t.Context()) {
		t.Error("the session has ended: the page says that it lives on")
	}
	if err := app.Welcome(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := app.Login(t.Context(), name); err != nil {
		t.Errorf("a new password does not unlock (%v), as the page says", err)
	}
}
