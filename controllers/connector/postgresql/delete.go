// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// maxListed bounds what a message lists.
const maxListed = 5

// dependent is what keeps a role from being dropped.
type dependent struct {
	// database is empty for what belongs to the whole server.
	database, catalogue string
	// owned is false for rights on what others own.
	owned bool
	count int64
}

// Delete implements connector.Connector. What is to be deleted is suspended first, and stays so if something keeps it from being dropped.
func (c *Connector) Delete(ctx context.Context, observed connector.Account) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	found, err := query(ctx, c, c.findMarked(observed.Owner), scanRoles)
	if err != nil || len(found) == 0 {
		return err
	}
	if _, err := c.closeAll(ctx, found, connector.Account{Owner: observed.Owner, Roles: []string{}}); err != nil {
		return err
	}
	for _, r := range found {
		err = errors.Join(err, c.drop(ctx, r, observed.Owner))
	}
	return err
}

func (c *Connector) drop(ctx context.Context, r serverRole, owner string) error {
	left, err := c.dependents(ctx, r)
	if err != nil {
		return err
	}
	if len(left) > 0 && c.cfg.ReassignTo != "" {
		if err := c.reassign(ctx, r, left); err != nil {
			return err
		}
		if left, err = c.dependents(ctx, r); err != nil {
			return err
		}
	}
	if len(left) > 0 {
		return owning(left)
	}
	return c.send(ctx, begin(),
		statement{what: "see that the account is the same", sql: wantNamed, args: []any{mark(owner), r.oid, r.name}},
		statement{what: "drop the role of the account", needs: needsCreateRole, sql: "DROP ROLE " + identifier(r.name)},
		commit())
}

func (c *Connector) dependents(ctx context.Context, r serverRole) ([]dependent, error) {
	s := statement{what: "look for what the account owns", sql: dependents, args: []any{r.oid}}
	return query(ctx, c, s, func(rows pgx.Rows) ([]dependent, error) {
		return pgx.CollectRows(rows, func(row pgx.CollectableRow) (d dependent, err error) {
			err = row.Scan(&d.database, &d.catalogue, &d.owned, &d.count)
			return d, err
		})
	})
}

// owning says what is there, by kind and database. The names of the objects may be those of people.
func owning(all []dependent) error {
	var list []string
	for _, d := range all {
		list = append(list, d.String())
	}
	if more := len(list) - maxListed; more > 0 {
		list = append(list[:maxListed], fmt.Sprintf("and %d more", more))
	}
	return connector.Conflictf("the account is suspended, and cannot be deleted before somebody reassigns or drops what it owns and the rights that it was given: %s",
		strings.Join(list, "; "))
}

func (d dependent) String() string {
	where := "of the server"
	if d.database != "" {
		where = fmt.Sprintf("in database %q", d.database)
	}
	if d.owned {
		return fmt.Sprintf("%d %s %s", d.count, kindOf(d.catalogue), where)
	}
	return fmt.Sprintf("rights on %d %s %s", d.count, kindOf(d.catalogue), where)
}

// kindOf says what a catalogue lists.
func kindOf(catalogue string) string {
	kinds := map[string]string{
		"pg_class": "relations", "pg_proc": "functions", "pg_namespace": "schemas", "pg_database": "databases", "pg_type": "types",
		"pg_tablespace": "tablespaces", "pg_default_acl": "default privileges", "pg_largeobject": "large objects",
		"pg_foreign_server": "foreign servers", "pg_user_mapping": "user mappings", "pg_policy": "policies", "pg_publication": "publications",
		"pg_subscription": "subscriptions", "pg_event_trigger": "event triggers", "pg_extension": "extensions",
		"pg_language": "languages", "pg_parameter_acl": "parameters",
	}
	if kind, known := kinds[catalogue]; known {
		return kind
	}
	return "objects of " + catalogue
}

// reassign hands over what the account owns, in every database that has something of it, and drops the rights that it was given, as far as they are ours to drop.
func (c *Connector) reassign(ctx context.Context, r serverRole, left []dependent) error {
	select {
	case c.reassigning <- struct{}{}:
	case <-ctx.Done():
		return ended(ctx, statement{what: "wait for the deletion of others"}, nil)
	}
	defer func() { <-c.reassigning }()
	// Both are asked of whoever reassigns: the rights of the old owner and of the new one. The first is ours until the role is dropped.
	ours := statement{
		sql:  fmt.Sprintf("GRANT %s TO SESSION_USER", identifier(r.name)),
		what: "take the rights of the account to reassign what it owns", needs: needsCreateRole,
	}
	if err := c.send(ctx, ours); err != nil {
		return err
	}
	for _, database := range c.databases(left) {
		if err := c.elsewhere(ctx, database, func(conn *pgx.Conn) error { return exchange(ctx, conn, c.handOver(r, database)) }); err != nil {
			return err
		}
	}
	return nil
}

// databases are where to go. What belongs to the whole server is handed over from anywhere.
func (c *Connector) databases(left []dependent) []string {
	var all []string
	for _, d := range left {
		if d.database != "" && !slices.Contains(all, d.database) {
			all = append(all, d.database)
		}
	}
	if len(all) == 0 {
		return []string{c.cfg.Database}
	}
	return all
}

func (c *Connector) handOver(r serverRole, database string) []statement {
	needs := fmt.Sprintf("membership in %q, which inherits its rights, and CREATE on the database for its schemas", c.cfg.ReassignTo)
	return []statement{
		begin(),
		{
			sql:  fmt.Sprintf("REASSIGN OWNED BY %s TO %s", identifier(r.name), identifier(c.cfg.ReassignTo)),
			what: fmt.Sprintf("reassign what the account owns in database %q", database), needs: needs,
			about: fmt.Sprintf("the role %q to reassign to", c.cfg.ReassignTo),
		},
		{
			sql:  "DROP OWNED BY " + identifier(r.name),
			what: fmt.Sprintf("drop the rights of the account in database %q", database), needs: needs,
		},
		commit(),
	}
}
