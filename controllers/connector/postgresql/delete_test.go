// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/apps/postgres"
)

// owner makes an account that owns a table and was given rights on another one and on the database.
func owner(t *testing.T, conn connector.Connector) (acct connector.Account, table string) {
	t.Helper()
	acct, table = account("reader"), unique("tab'le")
	apply(t, conn, acct)
	admin(t, "CREATE TABLE public.%s (x int)", table)
	admin(t, "INSERT INTO public.%s VALUES (42)", table)
	admin(t, "ALTER TABLE public.%s OWNER TO %s", table, acct.UserName)
	admin(t, "GRANT SELECT ON public.journal TO %s", acct.UserName)
	admin(t, "GRANT CONNECT ON DATABASE app TO %s", acct.UserName)
	return acct, table
}

// TestOwnedObjectsRefuse: what cannot be dropped is suspended, and people are told why.
func TestOwnedObjectsRefuse(t *testing.T) {
	_, conn, _ := start(t)
	acct, table := owner(t, conn)
	alive := openSession(t, acct)
	err := conn.Delete(t.Context(), acct)
	wantKind(t, err, connector.KindConflict, `1 relations in database "app"; rights on 1 databases of the server; rights on 1 relations in database "app"`)
	if alive() || hasAccess(t, acct.UserName, "reader") {
		t.Error("the account is not suspended")
	}
	if got := ask[int](t, `select x from public.`+identifier(table)); got != 42 {
		t.Error("the table is not as it was")
	}
	if observed := observe(t, conn, acct); observed.State != connector.Suspended {
		t.Errorf("observed %v", observed)
	}
	admin(t, "REASSIGN OWNED BY %s TO heirs", acct.UserName)
	admin(t, "DROP OWNED BY %s", acct.UserName)
	if err := conn.Delete(t.Context(), acct); err != nil {
		t.Errorf("after an administrator has handed over: %v", err)
	}
}

// reassigning opens a connector that hands over, with the rights that this needs.
func reassigning(t *testing.T) *Connector {
	t.Helper()
	for _, statement := range postgres.RightsToReassign() {
		admin(t, statement)
	}
	cfg := configOf(server(t))
	cfg.ReassignTo = postgres.Heir
	return openWith(t, cfg, nil)
}

// TestOwnedObjectsReassign: what a leaver owns in every database becomes the heir's. What others gave to him only they can take back.
func TestOwnedObjectsReassign(t *testing.T) {
	conn := reassigning(t)
	if err := conn.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	acct, table := owner(t, conn)
	other := unique("base")
	admin(t, "CREATE DATABASE %s OWNER %s", other, acct.UserName)
	wantKind(t, conn.Delete(t.Context(), acct), connector.KindConflict, `rights on 1 databases of the server; rights on 1 relations in database "app"`)
	admin(t, "REVOKE CONNECT ON DATABASE app FROM %s", acct.UserName)
	admin(t, "REVOKE SELECT ON public.journal FROM %s", acct.UserName)
	if err := conn.Delete(t.Context(), acct); err != nil {
		t.Fatal(err)
	}
	if got := ask[int](t, `select x from public.`+identifier(table)); got != 42 {
		t.Error("the table is not as it was")
	}
	if heir := ask[string](t, "select tableowner from pg_tables where tablename = $1", table); heir != postgres.Heir {
		t.Errorf("the table is of %s", heir)
	}
	if heir := ask[string](t, "select datdba::regrole::text from pg_database where datname = $1", other); heir != postgres.Heir {
		t.Errorf("the database is of %s", heir)
	}
	if there, _ := server(t).Exists(t.Context(), acct.UserName); there {
		t.Error("the role is there")
	}
}

// TestOwnedObjectsOutOfReach: what is in a database that we may not connect to keeps the account, suspended.
func TestOwnedObjectsOutOfReach(t *testing.T) {
	conn := reassigning(t)
	acct := account("reader")
	apply(t, conn, acct)
	other := unique("base")
	admin(t, "CREATE DATABASE %s", other)
	admin(t, "REVOKE CONNECT ON DATABASE %s FROM public", other)
	inside := server(t).Admin().Config().ConnConfig
	inside.Database = other
	session, err := pgx.ConnectConfig(t.Context(), inside)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.Exec(t.Context(), "create schema authorization "+identifier(acct.UserName)); err != nil {
		t.Fatal(err)
	}
	_ = session.Close(t.Context())
	wantKind(t, conn.Delete(t.Context(), acct), connector.KindDenied, "connect to the database \""+other+"\"")
	if hasAccess(t, acct.UserName, "reader") {
		t.Error("the account is not suspended")
	}
	admin(t, "GRANT CONNECT, CREATE ON DATABASE %s TO scim_operator", other)
	if err := conn.Delete(t.Context(), acct); err != nil {
		t.Error(err)
	}
}

// TestNoHeir: a role that is not there is said to be missing.
func TestNoHeir(t *testing.T) {
	cfg := configOf(server(t))
	cfg.ReassignTo = "nobodys"
	conn := openWith(t, cfg, nil)
	wantKind(t, conn.Probe(t.Context()), connector.KindDenied, `a role "nobodys" to reassign to`)
	acct, _ := owner(t, conn)
	err := conn.Delete(t.Context(), acct)
	wantKind(t, err, connector.KindInvalid, `"nobodys"`)
}
