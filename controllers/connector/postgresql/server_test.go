// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/postgres"
)

const (
	canary = "canary-p4ssword-do-not-tell"
	// setting is the one that accounts of tests have.
	setting = "setting.application_name"
)

// shared is one server for all tests.
var shared struct {
	once sync.Once
	app  *postgres.App
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.app != nil {
		if err := shared.app.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func server(t testing.TB) *postgres.App {
	t.Helper()
	shared.once.Do(func() {
		shared.app, shared.err = postgres.New(t.Context(), apps.Options{Progress: func(what string) { fmt.Fprintln(os.Stderr, what) }})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.app
}

func loopback() DialFunc {
	return egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.DialContext
}

// configOf is how scim-controller connects to the server.
func configOf(app *postgres.App) Config {
	credential, _ := app.Credential()
	return Config{
		Host: "127.0.0.1", Port: int32(app.Port()), Credential: credential, Dial: loopback(),
		Roles: []Role{{"auditor", "auditors"}, {"reader", "readers"}, {"writer", "writers"}},
	}
}

func openWith(t testing.TB, cfg Config, counted *counter) *Connector {
	t.Helper()
	if counted == nil {
		counted = &counter{}
	}
	conn, err := open(context.WithoutCancel(t.Context()), cfg, counted)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func start(t testing.TB) (*postgres.App, *Connector, *counter) {
	t.Helper()
	app, counted := server(t), &counter{}
	return app, openWith(t, configOf(app), counted), counted
}

// admin does something as the superuser of the server.
func admin(t testing.TB, format string, names ...string) {
	t.Helper()
	quoted := make([]any, len(names))
	for i, name := range names {
		quoted[i] = identifier(name)
	}
	if _, err := server(t).Admin().Exec(context.WithoutCancel(t.Context()), fmt.Sprintf(format, quoted...)); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
}

// ask asks as the superuser of the server.
func ask[T any](t testing.TB, sql string, args ...any) (answer T) {
	t.Helper()
	if err := server(t).Admin().QueryRow(t.Context(), sql, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

func unique(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:10]) }

// account is one that no test has had before.
func account(roles ...string) connector.Account {
	id := unique("a")
	return connector.Account{Owner: "test/" + id, UserName: "Zoe-" + id + "@example.com", State: connector.Active, Roles: append([]string{}, roles...)}
}

func suspended(a connector.Account) connector.Account {
	a.State = connector.Suspended
	return a
}

func apply(t testing.TB, conn connector.Connector, want connector.Account) connector.Account {
	t.Helper()
	stored, err := conn.Apply(t.Context(), nil, want)
	if err != nil {
		t.Fatalf("Apply: %v", err)
	}
	return stored
}

func observe(t testing.TB, conn connector.Connector, want connector.Account) connector.Account {
	t.Helper()
	observed, err := conn.Observe(t.Context(), want)
	if err != nil {
		t.Fatalf("Observe: %v", err)
	}
	return *observed
}

func wantKind(t testing.TB, err error, kind connector.Kind, text string) {
	t.Helper()
	if connector.KindOf(err) != kind || err != nil && !strings.Contains(err.Error(), text) {
		t.Errorf("got %q (%v), want %s with %q", connector.KindOf(err), err, kind, text)
	}
}

// counter sees every statement: round trips, and changes by what the server says that it did.
type counter struct{ trips, changes atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.trips.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	c.count("", data.CommandTag.String(), data.CommandTag.RowsAffected())
}

func (c *counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.trips.Add(1)
	return ctx
}

func (c *counter) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	c.count(data.SQL, data.CommandTag.String(), data.CommandTag.RowsAffected())
}

func (c *counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (c *counter) count(sql, tag string, rows int64) {
	switch verb, _, _ := strings.Cut(tag, " "); verb {
	case "", "BEGIN", "COMMIT", "ROLLBACK":
	case "SELECT":
		if strings.Contains(sql, "pg_terminate_backend") {
			c.changes.Add(rows)
		}
	default:
		c.changes.Add(1)
	}
}
