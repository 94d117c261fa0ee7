// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// cleanUpTime bounds what is done to a connection after the caller has gone.
const cleanUpTime = 5 * time.Second

func begin() statement  { return statement{sql: "BEGIN", what: "begin a transaction"} }
func commit() statement { return statement{sql: "COMMIT", what: "commit"} }

// reading returns the statement, with its rows kept in all.
func reading[T any](s statement, all *[]T, scan func(pgx.Rows) ([]T, error)) statement {
	s.read = func(rows pgx.Rows) (err error) {
		*all, err = scan(rows)
		return err
	}
	return s
}

// send sends all statements in one round trip. The first error ends it, and is of a kind.
func (c *Connector) send(ctx context.Context, all ...statement) error {
	conn, err := c.pool.Acquire(ctx)
	if err != nil {
		return explain(ctx, statement{what: "connect to the server"}, err)
	}
	defer conn.Release()
	return exchange(ctx, conn.Conn(), all)
}

func exchange(ctx context.Context, conn *pgx.Conn, all []statement) error {
	var batch pgx.Batch
	for _, s := range all {
		batch.Queue(s.sql, s.args...)
	}
	results := conn.SendBatch(ctx, &batch)
	failed := receive(ctx, results, all)
	if err := results.Close(); err != nil && failed == nil {
		failed = explain(ctx, statement{what: "talk to the server"}, err)
	}
	if failed != nil {
		rollBack(ctx, conn)
	}
	return failed
}

func receive(ctx context.Context, results pgx.BatchResults, all []statement) error {
	for _, s := range all {
		rows, err := results.Query()
		if err == nil && s.read != nil {
			err = s.read(rows)
		}
		rows.Close()
		if err = errors.Join(err, rows.Err()); err != nil {
			return explain(ctx, s, err)
		}
	}
	return nil
}

// rollBack leaves the connection as it was. One that cannot be saved is closed by the pool.
func rollBack(ctx context.Context, conn *pgx.Conn) {
	if conn.IsClosed() || conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	_, _ = conn.Exec(ctx, "ROLLBACK")
}

// query sends one statement that reads.
func query[T any](ctx context.Context, c *Connector, s statement, scan func(pgx.Rows) ([]T, error)) ([]T, error) {
	var all []T
	err := c.send(ctx, reading(s, &all, scan))
	return all, err
}

// elsewhere runs f with a connection to another database of the same server, which is not kept.
func (c *Connector) elsewhere(ctx context.Context, database string, f func(*pgx.Conn) error) error {
	cfg := c.pool.Config().ConnConfig
	cfg.Database = database
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return explain(ctx, statement{what: fmt.Sprintf("connect to the database %q", database), needs: "the right CONNECT"}, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	return f(conn)
}
