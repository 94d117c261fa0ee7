// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/apps/postgres"
)

// psql runs a statement as the user, as people do.
func psql(t *testing.T, app *postgres.App, userName, sql string) (string, error) {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, configOf(app).Credential["ca.crt"], 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", sql)
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "PGHOST=127.0.0.1", "PGPORT=" + strconv.Itoa(app.Port()), "PGDATABASE=" + postgres.Database, "PGUSER=" + userName,
		"PGPASSWORD=" + app.Password(userName), "PGSSLMODE=verify-full", "PGSSLROOTCERT=" + ca, "LC_ALL=C",
	}
	output, err := command.CombinedOutput()
	return strings.TrimSpace(string(output)), err
}

// TestPSQL is the whole story with the client that people use: in, refused by the server, in again, gone.
func TestPSQL(t *testing.T) {
	app, conn, _ := start(t)
	want := account("reader")
	apply(t, conn, want)
	if err := app.Welcome(t.Context(), want.UserName); err != nil {
		t.Fatal(err)
	}
	expect := func(says string, works bool) {
		t.Helper()
		if output, err := psql(t, app, want.UserName, "select 'hello' from (select count(*) from public.letters) l"); (err == nil) != works || !strings.Contains(output, says) {
			t.Errorf("psql said %q, %v, want %q", output, err, says)
		}
	}
	expect("hello", true)
	alive := openSession(t, want)
	apply(t, conn, suspended(want))
	expect("is not permitted to log in", false)
	if alive() {
		t.Error("the open session lives")
	}
	apply(t, conn, want)
	expect("hello", true)
	want.Roles = []string{"writer"}
	apply(t, conn, want)
	expect("permission denied for table letters", false)
	if err := conn.Delete(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	expect("authentication failed", false)
}

// leaver makes an account with a password and a session.
func leaver(t *testing.T) (*Connector, connector.Account, *pgx.Conn) {
	t.Helper()
	app, conn, _ := start(t)
	want := account("reader")
	apply(t, conn, want)
	if err := app.Welcome(t.Context(), want.UserName); err != nil {
		t.Fatal(err)
	}
	session, err := app.Connect(t.Context(), want.UserName)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close(context.WithoutCancel(t.Context())) })
	return conn, want, session
}

// TestLeaverWhoHoldsOn: nothing that somebody with a session can hold keeps him inside.
func TestLeaverWhoHoldsOn(t *testing.T) {
	cases := map[string]func(connector.Account) []string{
		"his own role": func(a connector.Account) []string {
			return []string{"begin", "alter role current_user set application_name to 'mine'"}
		},
		"his own password": func(connector.Account) []string {
			return []string{"begin", "alter role current_user password 'another'"}
		},
		"our lock": func(a connector.Account) []string {
			return []string{"select pg_advisory_lock(hashtextextended('" + mark(a.Owner) + "', 0))"}
		},
		"catalogues": func(connector.Account) []string {
			return []string{"begin", "lock table pg_auth_members in access share mode", "select count(*) from pg_auth_members"}
		},
		"nothing": func(connector.Account) []string { return nil },
	}
	for name, statements := range cases {
		t.Run(name, func(t *testing.T) {
			conn, want, session := leaver(t)
			for _, statement := range statements(want) {
				if _, err := session.Exec(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			apply(t, conn, suspended(want))
			if err := session.Ping(t.Context()); err == nil {
				t.Error("the session lives")
			}
			if ask[bool](t, "select rolcanlogin from pg_roles where rolname = $1", want.UserName) {
				t.Error("the role can log in")
			}
			if n := ask[int](t, "select count(*) from pg_auth_members m join pg_roles r on r.oid = m.member where r.rolname = $1", want.UserName); n != 0 {
				t.Errorf("the role has %d memberships", n)
			}
		})
	}
}

// slowly logs in with a connection that PostgreSQL holds between the check of the role and the moment when it is to be seen.
func slowly(t *testing.T, app *postgres.App, userName string, seconds int) <-chan *pgx.Conn {
	t.Helper()
	template, err := app.Connect(t.Context(), userName)
	if err != nil {
		t.Fatal(err)
	}
	config := template.Config()
	_ = template.Close(t.Context())
	config.RuntimeParams["post_auth_delay"] = strconv.Itoa(seconds)
	opened := make(chan *pgx.Conn, 1)
	go func() {
		conn, _ := pgx.ConnectConfig(context.WithoutCancel(t.Context()), config)
		opened <- conn
	}()
	deadline := time.Now().Add(20 * time.Second)
	for ask[int](t, "select count(*) from ("+starting+") s") == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no connection is being opened")
		}
	}
	return opened
}

// TestLateSession: a connection that was let in just before the role was closed is ended when it is to be seen.
func TestLateSession(t *testing.T) {
	app, conn, _ := start(t)
	want := account("reader")
	apply(t, conn, want)
	if err := app.Welcome(t.Context(), want.UserName); err != nil {
		t.Fatal(err)
	}
	opened := slowly(t, app, want.UserName, 1)
	apply(t, conn, suspended(want))
	if late := <-opened; late != nil && late.Ping(t.Context()) == nil {
		t.Error("the late session lives")
	}
}

// TestLateSessionThatTakesLong: what cannot be told yet is said, and done at the next call.
func TestLateSessionThatTakesLong(t *testing.T) {
	app, conn, _ := start(t)
	want := account("reader")
	apply(t, conn, want)
	if err := app.Welcome(t.Context(), want.UserName); err != nil {
		t.Fatal(err)
	}
	opened := slowly(t, app, want.UserName, 4)
	_, err := conn.Apply(t.Context(), nil, suspended(want))
	wantKind(t, err, connector.KindUnavailable, "nobody can tell yet for whom")
	if ask[bool](t, "select rolcanlogin from pg_roles where rolname = $1", want.UserName) {
		t.Error("the role can log in")
	}
	late := <-opened
	if late == nil || late.Ping(t.Context()) != nil {
		t.Fatal("the test's own session did not come up")
	}
	if observed := observe(t, conn, suspended(want)); observed.State != connector.Active {
		t.Errorf("observed %s of an account that has a session", observed.State)
	}
	if _, err := conn.Revoke(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if late.Ping(t.Context()) == nil {
		t.Error("the late session lives")
	}
	if observed := observe(t, conn, suspended(want)); observed.State != connector.Suspended {
		t.Errorf("observed %s of an account that has no session", observed.State)
	}
}

// TestNilRolesSurvive: roles that are not managed are there again when the account is.
func TestNilRolesSurvive(t *testing.T) {
	_, conn, _ := start(t)
	want := account("reader")
	apply(t, conn, want)
	unmanaged := want
	unmanaged.Roles = nil
	apply(t, conn, suspended(unmanaged))
	if hasAccess(t, want.UserName, "reader") {
		t.Error("the suspended account has access")
	}
	apply(t, conn, unmanaged)
	if !hasAccess(t, want.UserName, "reader") {
		t.Error("the role is lost")
	}
}

// TestLeftBehind: what a leaver made goes on with his rights, so those that are ours to take are taken.
func TestLeftBehind(t *testing.T) {
	conn, want, session := leaver(t)
	admin(t, "GRANT CREATE ON SCHEMA public TO %s", want.UserName)
	function := unique("peek")
	if _, err := session.Exec(t.Context(), "create function public."+identifier(function)+"() returns bigint language sql security definer as 'select count(*) from public.letters'"); err != nil {
		t.Fatal(err)
	}
	call := "select public." + identifier(function) + "()"
	ask[int](t, call)
	apply(t, conn, suspended(want))
	if _, err := server(t).Admin().Exec(t.Context(), call); err == nil {
		t.Error("the function of the leaver reads the table")
	}
}
