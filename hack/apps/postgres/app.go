// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package postgres is a PostgreSQL server as an application of demos, tests and measurements: three roles that people can have, each with a table of its own,
// and a credential with the rights that docs/connectors/postgresql.md documents.
package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/apps"
)

const (
	// Database is where the tables are.
	Database = "app"
	// Operator is the role that scim-controller logs in as.
	Operator = "scim_operator"
	// Heir is the role that gets what leavers own, where that is wanted.
	Heir = "heirs"
	// grantorsSince is the version since which CREATEROLE alone grants nothing.
	grantorsSince = 160000
)

var _ apps.App = (*App)(nil)

// App is a PostgreSQL server.
type App struct {
	server           *server
	admin            *pgxpool.Pool
	operatorPassword string
	// seed makes the passwords of people.
	seed    string
	version int
	title   string
}

// Start starts it as apps.App.
func Start(ctx context.Context, o apps.Options) (apps.App, error) { return New(ctx, o) }

// New starts it.
func New(ctx context.Context, o apps.Options) (*App, error) {
	s, err := startServer(ctx, o)
	if err != nil {
		return nil, err
	}
	a := &App{server: s, operatorPassword: rand.Text(), seed: rand.Text()}
	if err := a.furnish(ctx); err != nil {
		return nil, errors.Join(err, a.Stop())
	}
	return a, nil
}

// furnish makes the database, the roles, the tables and the credential of scim-controller.
func (a *App) furnish(ctx context.Context) error {
	conn, err := a.server.connect(ctx, superuser, a.server.password, superuser)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+Database)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return err
	}
	if a.admin, err = a.adminPool(ctx); err != nil {
		return err
	}
	var shown string
	row := a.admin.QueryRow(ctx, "select current_setting('server_version'), current_setting('server_version_num')::int")
	if err := row.Scan(&shown, &a.version); err != nil {
		return err
	}
	a.title = "PostgreSQL " + strings.Fields(shown)[0]
	for _, statement := range append(Furniture(), Rights(a.version, a.operatorPassword)...) {
		if _, err := a.admin.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", strings.Fields(statement)[0], err)
		}
	}
	return nil
}

func (a *App) adminPool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	if config.ConnConfig, err = a.server.config(superuser, a.server.password, Database); err != nil {
		return nil, err
	}
	config.MaxConns = 8
	return pgxpool.NewWithConfig(ctx, config)
}

// Furniture makes the roles of the application and what they are for: readers may read a table, writers add to it, auditors read another one.
func Furniture() []string {
	return []string{
		"CREATE ROLE readers", "CREATE ROLE writers", "CREATE ROLE auditors", "CREATE ROLE " + Heir,
		"CREATE TABLE public.letters (text text)", "CREATE TABLE public.journal (text text)",
		"GRANT SELECT ON public.letters TO readers", "GRANT INSERT ON public.letters TO writers", "GRANT SELECT ON public.journal TO auditors",
		"GRANT CREATE ON SCHEMA public TO " + Heir,
	}
}

// Rights make the role of scim-controller with the least rights that it needs on a server of that version, as docs/connectors/postgresql.md has them.
func Rights(version int, password string) []string {
	rights := []string{
		"CREATE ROLE scim_operator LOGIN CREATEROLE PASSWORD " + quoteText(password),
		"GRANT pg_signal_backend TO scim_operator",
	}
	if version >= grantorsSince {
		rights = append(rights, "GRANT readers, writers, auditors TO scim_operator WITH ADMIN OPTION, INHERIT FALSE, SET FALSE")
	}
	return rights
}

// RightsToReassign are those that it needs beside them to hand over what leavers own.
func RightsToReassign() []string {
	return []string{"GRANT heirs TO scim_operator", "GRANT CONNECT ON DATABASE app TO scim_operator"}
}

// Title implements apps.App.
func (a *App) Title() string { return a.title }

// Version is that of the server: 150014.
func (a *App) Version() int { return a.version }

// Port is where the server listens, on 127.0.0.1.
func (a *App) Port() int { return a.server.port }

// Application implements apps.App.
func (a *App) Application() v1alpha1.ScimApplicationSpec {
	spec := &v1alpha1.PostgreSQLConnector{
		Host: "127.0.0.1", Port: int32(a.server.port), CredentialSecretRef: v1alpha1.LocalReference{Name: "application-credential"},
	}
	for _, name := range a.Roles() {
		spec.Roles = append(spec.Roles, v1alpha1.PostgreSQLRole{Name: name, MemberOf: memberOf(name)})
	}
	return v1alpha1.ScimApplicationSpec{Connector: v1alpha1.Connector{Type: v1alpha1.ConnectorPostgreSQL, PostgreSQL: spec}}
}

// memberOf is the role of the server behind a role of the application.
func memberOf(role v1alpha1.RoleName) string { return string(role) + "s" }

// Credential implements apps.App.
func (a *App) Credential() (data map[string][]byte, hosts string) {
	return map[string][]byte{"username": []byte(Operator), "password": []byte(a.operatorPassword), "ca.crt": a.server.ca},
		net.JoinHostPort("127.0.0.1", strconv.Itoa(a.server.port))
}

// Roles implements apps.App.
func (a *App) Roles() []v1alpha1.RoleName {
	return []v1alpha1.RoleName{"auditor", "reader", "writer"}
}

// Admin is a pool of the superuser in Database.
func (a *App) Admin() *pgxpool.Pool { return a.admin }

// Password is the one that Welcome gives.
func (a *App) Password(userName string) string {
	sum := sha256.Sum256([]byte(a.seed + userName))
	return hex.EncodeToString(sum[:12])
}

// Welcome implements apps.App: the administrator sets a password.
func (a *App) Welcome(ctx context.Context, userName string) error {
	_, err := a.admin.Exec(ctx, fmt.Sprintf("ALTER ROLE %s PASSWORD %s", quote(userName), quoteText(a.Password(userName))))
	return err
}

// Connect logs in as that person.
func (a *App) Connect(ctx context.Context, userName string) (*pgx.Conn, error) {
	conn, err := a.server.connect(ctx, userName, a.Password(userName), Database)
	if refusal := new(pgconn.PgError); errors.As(err, &refusal) && strings.HasPrefix(refusal.Code, "28") {
		return nil, fmt.Errorf("%w: %w", apps.ErrRefused, err)
	}
	return conn, err
}

// Login implements apps.App.
func (a *App) Login(ctx context.Context, userName string) error {
	conn, err := a.Connect(ctx, userName)
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// HasRole implements apps.App.
func (a *App) HasRole(ctx context.Context, userName string, role v1alpha1.RoleName) (bool, error) {
	return a.Can(ctx, userName, string(role))
}

// Can reports whether that person can do what the role is for, by logging in and trying.
func (a *App) Can(ctx context.Context, userName, role string) (bool, error) {
	attempt := map[string]string{
		"reader":  "select count(*) from public.letters",
		"writer":  "insert into public.letters values ('x')",
		"auditor": "select count(*) from public.journal",
	}[role]
	conn, err := a.Connect(ctx, userName)
	if errors.Is(err, apps.ErrRefused) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = conn.Exec(ctx, attempt)
	closed := conn.Close(ctx)
	if refusal := new(pgconn.PgError); errors.As(err, &refusal) && refusal.Code == "42501" {
		return false, closed
	}
	return err == nil, errors.Join(err, closed)
}

// Open implements apps.App.
func (a *App) Open(ctx context.Context, userName string) (func(context.Context) bool, error) {
	conn, err := a.Connect(ctx, userName)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) bool { return conn.Ping(ctx) == nil }, nil
}

// Exists implements apps.App.
func (a *App) Exists(ctx context.Context, userName string) (there bool, err error) {
	err = a.admin.QueryRow(ctx, "select exists (select from pg_roles where rolname = $1)", userName).Scan(&there)
	return there, err
}

// Show implements apps.App.
func (a *App) Show(ctx context.Context) (command, table string, err error) {
	command = `SELECT rolname, rolcanlogin AS login, ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid) AS member_of,
       (SELECT count(*) FROM pg_stat_activity WHERE usesysid = r.oid) AS sessions, shobj_description(oid, 'pg_authid') AS comment
FROM pg_roles r WHERE shobj_description(oid, 'pg_authid') LIKE '%scim-operator.dev/owner=%' ORDER BY rolname`
	rows, err := a.admin.Query(ctx, command)
	if err != nil {
		return "", "", err
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var name, comment string
		var login bool
		var memberOf []string
		var sessions int
		err := row.Scan(&name, &login, &memberOf, &sessions, &comment)
		return fmt.Sprintf("%-24s %-6v %-24s %8d  %s\n", name, login, strings.Join(memberOf, ","), sessions, comment), err
	})
	return command, fmt.Sprintf("%-24s %-6s %-24s %8s  %s\n", "rolname", "login", "member_of", "sessions", "comment") + strings.Join(lines, ""), err
}

// Stop implements apps.App.
func (a *App) Stop() error {
	if a.admin != nil {
		a.admin.Close()
	}
	return a.server.stop()
}
