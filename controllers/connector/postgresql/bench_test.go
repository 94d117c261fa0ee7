// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// BenchmarkCreateSuspend creates and suspends accounts through the connector, and then by the same statements from a minimal client with a pool of the same size.
func BenchmarkCreateSuspend(b *testing.B) {
	_, conn, _ := start(b)
	raw := minimal(b)
	all, bare := make([]connector.Account, b.N), make([]connector.Account, b.N)
	for i := range b.N {
		all[i], bare[i] = account("reader", "writer"), account("reader", "writer")
	}
	rate := func(name string, accounts []connector.Account, f func(connector.Account)) {
		began := time.Now()
		inParallel(accounts, defaultConnections, f)
		b.ReportMetric(float64(len(accounts))/time.Since(began).Seconds(), name+"/s")
	}
	b.ResetTimer()
	rate("creates", all, func(a connector.Account) { settle(b, conn, a) })
	rate("suspends", all, func(a connector.Account) { settle(b, conn, suspended(a)) })
	rate("raw-creates", bare, func(a connector.Account) { run(b, raw, rawCreate(a)) })
	rate("raw-suspends", bare, func(a connector.Account) { run(b, raw, rawSuspend(a)) })
	b.StopTimer()
	var last sync.WaitGroup
	for _, a := range append(all, bare...) {
		last.Go(func() {
			if err := conn.Delete(b.Context(), a); err != nil {
				b.Error(err)
			}
		})
	}
	last.Wait()
}

// settle does what the account reconciler does: look, and apply where something differs.
func settle(b *testing.B, conn connector.Connector, want connector.Account) {
	observed, err := conn.Observe(b.Context(), want)
	if err == nil && connector.InSync(observed, want) {
		return
	}
	apply(b, conn, want)
}

// minimal is a pool of the same role and size.
func minimal(b *testing.B) *pgxpool.Pool {
	conn := openWith(b, configOf(server(b)), nil)
	config := conn.pool.Config()
	config.ConnConfig.Tracer = nil
	pool, err := pgxpool.NewWithConfig(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	return pool
}

func rawCreate(a connector.Account) []string {
	name := identifier(a.UserName)
	return []string{
		"BEGIN", "CREATE ROLE " + name + " LOGIN", fmt.Sprintf("COMMENT ON ROLE %s IS %s", name, literal(mark(a.Owner))),
		"GRANT readers TO " + name, "GRANT writers TO " + name, "COMMIT",
	}
}

func rawSuspend(a connector.Account) []string {
	name := identifier(a.UserName)
	return []string{
		"BEGIN", "ALTER ROLE " + name + " NOLOGIN", "COMMIT",
		"select pg_terminate_backend(pid, 2000) from pg_stat_activity where usename = " + literal(a.UserName),
		"BEGIN", "REVOKE readers FROM " + name, "REVOKE writers FROM " + name, "COMMIT",
	}
}

// run sends the statements in one round trip.
func run(b *testing.B, pool *pgxpool.Pool, statements []string) {
	var batch pgx.Batch
	for _, statement := range statements {
		batch.Queue(statement)
	}
	if err := pool.SendBatch(b.Context(), &batch).Close(); err != nil {
		b.Error(err)
	}
}
