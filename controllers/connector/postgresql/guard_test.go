// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// TestPowersBehindOurBack: what the account got is seen; what we may take is taken, and what we may not is said.
func TestPowersBehindOurBack(t *testing.T) {
	_, conn, _ := start(t)
	for power, message := range map[string]string{
		"CREATEROLE": "", "SUPERUSER": "take SUPERUSER from the account", "REPLICATION": "take REPLICATION from the account", "BYPASSRLS": "take BYPASSRLS from the account",
	} {
		want := account("reader")
		apply(t, conn, want)
		admin(t, "ALTER ROLE %s "+power, want.UserName)
		if observed := observe(t, conn, want); connector.InSync(&observed, want) {
			t.Errorf("%s is not seen: %v", power, observed)
		}
		_, err := conn.Apply(t.Context(), nil, want)
		if message == "" {
			wantKind(t, err, "", "")
			continue
		}
		wantKind(t, err, connector.KindDenied, message)
		wantKind(t, err, connector.KindDenied, needsSuperuser)
	}
}

// TestSuspendingPowers: BYPASSRLS keeps nobody inside; of a superuser it is said that we may not.
func TestSuspendingPowers(t *testing.T) {
	_, conn, _ := start(t)
	for power, kind := range map[string]connector.Kind{"BYPASSRLS": "", "CREATEROLE": "", "REPLICATION": connector.KindDenied, "SUPERUSER": connector.KindDenied} {
		want := account("reader")
		apply(t, conn, want)
		admin(t, "ALTER ROLE %s "+power, want.UserName)
		_, err := conn.Apply(t.Context(), nil, suspended(want))
		if server(t).Version() >= grantorsSince && power == "REPLICATION" {
			kind = "" // since 16 NOLOGIN needs no more of it
		}
		if connector.KindOf(err) != kind {
			t.Errorf("suspending somebody with %s returned %v, want %q", power, err, kind)
		}
		if canLogin := ask[bool](t, "select rolcanlogin from pg_roles where rolname = $1", want.UserName); canLogin != (kind != "") {
			t.Errorf("%s: the role can log in: %v", power, canLogin)
		}
	}
}

// TestPowerfulRoles are granted to nobody, and Probe says so.
func TestPowerfulRoles(t *testing.T) {
	app := server(t)
	indirect, plain := unique("dba"), unique("plain")
	admin(t, "CREATE ROLE %s", plain)
	admin(t, "CREATE ROLE %s IN ROLE postgres", indirect)
	admin(t, "CREATE ROLE %s IN ROLE %s", indirect+"2", indirect)
	for memberOf, refused := range map[string]bool{
		"postgres": true, indirect: true, indirect + "2": true, "scim_operator": true, "pg_execute_server_program": true, "pg_write_server_files": true,
		plain: false, "pg_monitor": false,
	} {
		if app.Version() >= grantorsSince && !refused {
			admin(t, "GRANT %s TO scim_operator WITH ADMIN OPTION, INHERIT FALSE, SET FALSE", memberOf)
		}
		cfg := configOf(app)
		cfg.Roles = []Role{{Name: "r", MemberOf: memberOf}}
		conn := openWith(t, cfg, nil)
		want := account("r")
		_, err := conn.Apply(t.Context(), nil, want)
		probed := conn.Probe(t.Context())
		if !refused {
			wantKind(t, err, "", "")
			wantKind(t, probed, "", "")
			continue
		}
		wantKind(t, err, connector.KindInvalid, memberOf)
		wantKind(t, probed, connector.KindInvalid, "is given to nobody")
		if there, _ := app.Exists(t.Context(), want.UserName); there {
			t.Errorf("%s: the account was made all the same", memberOf)
		}
	}
}

// TestRoleThatIsNotThere is said by name.
func TestRoleThatIsNotThere(t *testing.T) {
	cfg := configOf(server(t))
	cfg.Roles = append(cfg.Roles, Role{Name: "ghost", MemberOf: "ghosts"})
	conn := openWith(t, cfg, nil)
	_, err := conn.Apply(t.Context(), nil, account("reader", "ghost"))
	wantKind(t, err, connector.KindInvalid, `"ghosts"`)
	wantKind(t, conn.Probe(t.Context()), connector.KindInvalid, `"ghosts"`)
	apply(t, conn, account("reader"))
}

// TestUnmanagedMembershipsStay: roles of the server that are not configured are none of our business.
func TestUnmanagedMembershipsStay(t *testing.T) {
	_, conn, _ := start(t)
	other := unique("other")
	admin(t, "CREATE ROLE %s", other)
	want := account("reader")
	apply(t, conn, want)
	admin(t, "GRANT %s TO %s", other, want.UserName)
	if observed := observe(t, conn, want); !connector.InSync(&observed, want) {
		t.Errorf("observed %v", observed)
	}
	for _, roles := range [][]string{{"writer"}, {}} {
		want.Roles = roles
		apply(t, conn, want)
	}
	apply(t, conn, suspended(want))
	if !ask[bool](t, "select pg_has_role($1, $2, 'MEMBER')", want.UserName, other) {
		t.Error("the other membership is gone")
	}
}

// TestCopiedMark: a second role with the same mark is closed and deleted with the first, and keeps the account from being made active.
func TestCopiedMark(t *testing.T) {
	_, conn, _ := start(t)
	want := account("reader")
	apply(t, conn, want)
	copied := unique("copied")
	admin(t, "CREATE ROLE %s LOGIN", copied)
	admin(t, "COMMENT ON ROLE %s IS "+literal(mark(want.Owner)), copied)
	if server(t).Version() >= grantorsSince {
		admin(t, "GRANT %s TO scim_operator WITH ADMIN OPTION", copied)
	}
	_, err := conn.Apply(t.Context(), nil, want)
	wantKind(t, err, connector.KindConflict, "several roles bear the mark")
	admin(t, "ALTER ROLE %s NOLOGIN", want.UserName)
	if observed := observe(t, conn, suspended(want)); observed.State != connector.Active {
		t.Error("the second role is overlooked")
	}
	apply(t, conn, suspended(want))
	if ask[bool](t, "select rolcanlogin from pg_roles where rolname = $1", copied) {
		t.Error("the second role can log in")
	}
	if err := conn.Delete(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if n := ask[int](t, "select count(*) from pg_roles where rolname in ($1, $2)", want.UserName, copied); n != 0 {
		t.Errorf("%d roles are left", n)
	}
}

// TestOurselves: a mark on the role that we log in as does nothing.
func TestOurselves(t *testing.T) {
	_, conn, _ := start(t)
	want := account("reader")
	admin(t, "COMMENT ON ROLE scim_operator IS "+literal(mark(want.Owner)))
	t.Cleanup(func() { admin(t, "COMMENT ON ROLE scim_operator IS NULL") })
	apply(t, conn, suspended(want))
	if err := conn.Delete(t.Context(), want); err != nil {
		t.Error(err)
	}
	if _, err := conn.Revoke(t.Context(), want); err != nil {
		t.Error(err)
	}
	if err := conn.Probe(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if found, err := conn.Find(t.Context(), connector.KeyUserName, "scim_operator"); len(found) > 0 || err != nil {
		t.Errorf("Find returned %v, %v", found, err)
	}
}

// TestNobodyIsAdoptedWithPowers: who can do more than accounts of ours is not found.
func TestNobodyIsAdoptedWithPowers(t *testing.T) {
	_, conn, _ := start(t)
	for _, option := range []string{"SUPERUSER", "CREATEROLE", "REPLICATION", "BYPASSRLS", "IN ROLE postgres", "IN ROLE pg_write_server_files"} {
		name := unique("dba")
		admin(t, "CREATE ROLE %s LOGIN "+option, name)
		found, err := conn.Find(t.Context(), connector.KeyUserName, name)
		if len(found) > 0 || err != nil {
			t.Errorf("%s: Find returned %v, %v", option, found, err)
		}
	}
	if found, err := conn.Find(t.Context(), connector.KeyUserName, "postgres"); len(found) > 0 || err != nil {
		t.Errorf("Find returned %v, %v", found, err)
	}
}

// TestLongNamesAreNotCut: a name that PostgreSQL would cut to that of somebody else.
func TestLongNamesAreNotCut(t *testing.T) {
	_, conn, _ := start(t)
	first := account("reader")
	first.UserName = (unique("long") + strings.Repeat("x", maxName))[:maxName]
	apply(t, conn, first)
	second := account("writer")
	second.UserName = first.UserName + "y"
	_, err := conn.Apply(t.Context(), nil, second)
	wantKind(t, err, connector.KindInvalid, "longer than 63 bytes")
	if found, err := conn.Find(t.Context(), connector.KeyUserName, second.UserName); len(found) > 0 || connector.KindOf(err) != connector.KindInvalid {
		t.Errorf("Find returned %v, %v", found, err)
	}
	renamed := first
	renamed.UserName = second.UserName
	_, err = conn.Apply(t.Context(), nil, renamed)
	wantKind(t, err, connector.KindInvalid, "longer than 63 bytes")
	apply(t, conn, suspended(renamed))
}

// TestRename keeps the identifier, the password, the roles and the mark.
func TestRename(t *testing.T) {
	app, conn, _ := start(t)
	want := account("reader")
	before := apply(t, conn, want)
	if err := app.Welcome(t.Context(), want.UserName); err != nil {
		t.Fatal(err)
	}
	hash := ask[string](t, "select rolpassword from pg_authid where rolname = $1", want.UserName)
	want.UserName = `New "O'Name\ ` + want.UserName
	after := apply(t, conn, want)
	if after.ExternalID != before.ExternalID || ask[string](t, "select rolpassword from pg_authid where rolname = $1", want.UserName) != hash {
		t.Errorf("before %v, after %v", before, after)
	}
	taken := account()
	apply(t, conn, taken)
	want.UserName = taken.UserName
	_, err := conn.Apply(t.Context(), nil, want)
	wantKind(t, err, connector.KindConflict, "does not bear the account's mark")
}
