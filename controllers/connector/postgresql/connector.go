// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// tries is how often Apply looks again when somebody was faster.
const tries = 5

// Connector implements connector.Connector and all of its capabilities, and io.Closer.
type Connector struct {
	cfg  Config
	pool *pgxpool.Pool
	// page is how many roles a page of a list has.
	page int
	// reassigning has room for one: what a leaver owns is handed over one account at a time, since it takes connections beside the pool.
	reassigning chan struct{}
}

// Open returns a connector for that server. It makes no connection; use Probe to see whether it works. A configuration that cannot work is Invalid. Nothing is taken from
// the environment or from files of libpq.
func Open(ctx context.Context, cfg Config) (connector.Connector, error) {
	conn, err := open(ctx, cfg, nil)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// open is Open with somebody who sees every statement, for tests.
func open(ctx context.Context, cfg Config, tracer pgx.QueryTracer) (*Connector, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	pool, err := newPool(ctx, cfg, tracer)
	if err != nil {
		return nil, err
	}
	return &Connector{cfg: cfg, pool: pool, page: pageSize, reassigning: make(chan struct{}, 1)}, nil
}

// Close lets go of all connections.
func (c *Connector) Close() error {
	c.pool.Close()
	return nil
}

// bounded gives a call the time of its statements and no more, so that a server which accepts everything and answers nothing holds nobody.
func (c *Connector) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, connectTimeout+2*c.cfg.StatementTimeout+patience)
}

// Observe implements connector.Connector. It never returns an account of another owner.
func (c *Connector) Observe(ctx context.Context, want connector.Account) (*connector.Account, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	found, err := query(ctx, c, c.findMarked(want.Owner), scanRoles)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, connector.ErrNotFound
	}
	acct := c.observed(worst(found), want)
	return &acct, nil
}

// worst is the one of several roles with the same mark by which the account is judged: one that can still be used.
func worst(found []serverRole) serverRole {
	for _, r := range found {
		if r.canLogin || r.sessions > 0 {
			return r
		}
	}
	return found[0]
}

// Apply implements connector.Connector. It decides by what is there and does not look at what was observed before.
func (c *Connector) Apply(ctx context.Context, _ *connector.Account, want connector.Account) (connector.Account, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	if want.State == connector.Suspended {
		return c.suspend(ctx, want)
	}
	if err := c.check(want); err != nil {
		return connector.Account{}, err
	}
	for try := 1; ; try++ {
		stored, err := c.activate(ctx, want)
		if err == nil || !errors.Is(err, errChanged) || try == tries {
			return stored, err
		}
	}
}

// check returns an error for what can never be an active account here.
func (c *Connector) check(want connector.Account) error {
	return errors.Join(checkOwner(want.Owner), checkUserName(want.UserName), c.checkRoles(want.Roles), c.checkProfile(want.Profile))
}

// activate looks, decides, and does it in one transaction that holds only if nothing has changed in between.
func (c *Connector) activate(ctx context.Context, want connector.Account) (connector.Account, error) {
	found, known, err := c.look(ctx, want)
	if err != nil {
		return connector.Account{}, err
	}
	if len(found) > 1 {
		return connector.Account{}, connector.Conflictf("several roles bear the mark of this account: remove the comment from all but one")
	}
	changes, conditions := c.decide(found, want)
	if len(changes) == 0 {
		return c.observed(found[0], want), nil
	}
	if err := grantable(known, c.membersOf(want.Roles), want.Roles); err != nil {
		return connector.Account{}, err
	}
	return c.transact(ctx, want, changes, conditions)
}

// look asks for the account and for the roles that are wanted.
func (c *Connector) look(ctx context.Context, want connector.Account) (found []serverRole, known []knownRole, err error) {
	asked := []string{}
	if want.Roles != nil {
		asked = c.membersOf(want.Roles)
	}
	err = c.send(ctx, reading(c.findMarked(want.Owner), &found, scanRoles), reading(askRoles(asked), &known, scanKnown))
	return found, known, err
}

// conditions are what must be so before and after the changes.
type conditions struct{ before, after statement }

// decide returns what to change, nothing if all is right.
func (c *Connector) decide(found []serverRole, want connector.Account) ([]statement, conditions) {
	if len(found) == 0 {
		return c.create(want), conditions{
			before: statement{what: "see that the account is not there", sql: wantNobody, args: []any{mark(want.Owner)}},
		}
	}
	r := found[0]
	return c.update(r, want), conditions{before: only(want.Owner, r.oid, r.name), after: only(want.Owner, r.oid, want.UserName)}
}

func only(owner, oid, name string) statement {
	return statement{what: "see that the account is the same", sql: wantOnly, args: []any{mark(owner), oid, name}}
}

// transact changes an account that is, or becomes, active. The second condition is judged when our changes keep everybody else from changing the same role.
func (c *Connector) transact(ctx context.Context, want connector.Account, changes []statement, cond conditions) (connector.Account, error) {
	all := []statement{begin(), {what: "wait for others of ours", sql: lockOwner, args: []any{mark(want.Owner)}}, cond.before}
	all = append(all, changes...)
	if cond.after.sql != "" {
		all = append(all, cond.after)
	}
	var stored []serverRole
	all = append(all, commit(), reading(c.findMarked(want.Owner), &stored, scanRoles))
	if err := c.send(ctx, all...); err != nil {
		return connector.Account{}, err
	}
	if len(stored) != 1 {
		return connector.Account{}, connector.Unavailablef(changedWait, "the role of the account was changed meanwhile").Because(errChanged)
	}
	return c.observed(stored[0], want), nil
}

// knownRole is a role of the server that accounts may become members of.
type knownRole struct {
	name string
	// powerful says that it is or inherits a role with powers, which nobody gets from us.
	powerful bool
	// admin and usable say whether we have ADMIN OPTION on it, and its rights.
	admin, usable bool
}

func askRoles(names []string) statement {
	return statement{what: "look at the roles of the application", sql: serverRoles, args: []any{names}}
}

func scanKnown(rows pgx.Rows) ([]knownRole, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (k knownRole, err error) {
		err = row.Scan(&k.name, &k.powerful, &k.admin, &k.usable)
		return k, err
	})
}

// grantable returns an error unless all those roles are there and without powers.
func grantable(known []knownRole, memberOf, wanted []string) error {
	if wanted == nil {
		return nil
	}
	for _, name := range memberOf {
		i := slices.IndexFunc(known, func(k knownRole) bool { return k.name == name })
		switch {
		case i < 0:
			return connector.Invalidf("the server has no role %q", name)
		case known[i].powerful:
			return tooPowerful(name)
		}
	}
	return nil
}

func tooPowerful(name string) error {
	return connector.Invalidf("role %q of the server is given to nobody: it is or inherits one with SUPERUSER, CREATEROLE, REPLICATION, BYPASSRLS, "+
		"or access to the files or programs of the server", name)
}
