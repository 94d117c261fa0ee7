// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// patience is how long sessions get to end, and connections that are being opened to be seen.
	patience = 2 * time.Second
	// startingWait is when to look again for those that took longer.
	startingWait = 5 * time.Second

	// pollInterval is how often is asked for them.
	pollInterval = 20 * time.Millisecond

	needsSignal = "membership in pg_signal_backend"
)

// suspend closes what bears the mark, ends its sessions, and takes its roles away if they are ours to give. It waits for no lock that the leaver can hold.
func (c *Connector) suspend(ctx context.Context, want connector.Account) (connector.Account, error) {
	found, err := query(ctx, c, c.findMarked(want.Owner), scanRoles)
	if err != nil {
		return connector.Account{}, err
	}
	nobody := connector.Account{Owner: want.Owner, UserName: want.UserName, State: connector.Suspended, Roles: []string{}}
	if len(found) == 0 {
		return nobody, nil
	}
	if !slices.ContainsFunc(found, func(r serverRole) bool { return r.canLogin || r.sessions > 0 || c.wouldLose(r, want) }) {
		return c.observed(found[0], want), nil
	}
	stored, err := c.closeAll(ctx, found, want)
	if err != nil {
		return connector.Account{}, err
	}
	if len(stored) == 0 {
		return nobody, nil
	}
	return c.observed(worst(stored), want), nil
}

// wouldLose reports whether there are roles to take away. Roles that are not managed stay, as nobody could give them back, and so do those that others have granted
// and only they may revoke: they are worth nothing to who is not let in.
func (c *Connector) wouldLose(r serverRole, want connector.Account) bool {
	return want.Roles != nil && len(revocable(r).memberships) > 0
}

func revocable(r serverRole) serverRole {
	r.memberships = slices.DeleteFunc(slices.Clone(r.memberships), func(m membership) bool { return !m.Ours })
	return r
}

// closeAll takes all access from those roles in one round trip. Each part is a transaction of its own, the most urgent first: what closes the door must not fail for
// want of what comes after it.
func (c *Connector) closeAll(ctx context.Context, found []serverRole, want connector.Account) ([]serverRole, error) {
	var all []statement
	for _, r := range found {
		all = append(all, shut(r, want.Owner)...)
	}
	var late []int64
	all = append(all, sweep(want.Owner, &late)...)
	all = append(all, begin())
	for _, r := range found {
		if c.wouldLose(r, want) {
			all = append(all, c.revokes(revocable(r), nil)...)
		}
	}
	var left []serverRole
	all = append(all, commit(), reading(c.findMarked(want.Owner), &left, scanRoles))
	if err := c.send(ctx, all...); err != nil {
		return nil, err
	}
	if err := c.awaitLate(ctx, want.Owner, late); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(left, func(r serverRole) bool { return r.canLogin || r.sessions > 0 }) {
		return nil, connector.Unavailablef(changedWait, "suspend the account: a session of it has not ended yet")
	}
	return left, nil
}

// shut makes one role NOLOGIN. Its sessions go first, for one that is changing its own role would make us wait.
func shut(r serverRole, owner string) []statement {
	var all []statement
	if r.sessions > 0 {
		all = append(all, statement{what: "end the sessions of the account", needs: needsSignal, sql: hurry, args: []any{r.oid}})
	}
	if !r.canLogin {
		return all
	}
	return append(all, begin(), statement{
		sql:  fmt.Sprintf("ALTER ROLE %s NOLOGIN", identifier(r.name)),
		what: "suspend the account", needs: needsOf(r),
	}, statement{what: "see that the account is the same", sql: wantNamed, args: []any{mark(owner), r.oid, r.name}}, commit())
}

func needsOf(r serverRole) string {
	if slices.Contains(r.powers, "SUPERUSER") || slices.Contains(r.powers, "REPLICATION") {
		return needsSuperuser + ", since the account got " + strings.Join(r.powers, ", ") + " behind our back"
	}
	return needsCreateRole
}

// sweep ends what is open. late are the connections that cannot be told yet: who was let in before the door was closed may be one of them.
func sweep(owner string, late *[]int64) []statement {
	return []statement{
		reading(statement{what: "look for connections that are being opened", sql: starting}, late, scanPIDs),
		{what: "look for sessions", sql: lookAnew},
		{
			what: "end the sessions of the account", needs: needsSignal, sql: terminate,
			args: []any{mark(owner), patience.Milliseconds()},
		},
	}
}

func scanPIDs(rows pgx.Rows) ([]int64, error) { return pgx.CollectRows(rows, pgx.RowTo[int64]) }

// awaitLate sweeps until every one of those connections has gone or is known. Those that came later were judged by the role as it is now.
func (c *Connector) awaitLate(ctx context.Context, owner string, late []int64) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for left := patience / pollInterval; len(late) > 0; left-- {
		if left == 0 {
			return connector.Unavailablef(startingWait, "end the sessions of the account: a connection is being opened, and nobody can tell yet for whom")
		}
		select {
		case <-ctx.Done():
			return ended(ctx, statement{what: "end the sessions of the account"}, nil)
		case <-tick.C:
		}
		var still []int64
		if err := c.send(ctx, sweep(owner, &still)...); err != nil {
			return err
		}
		late = slices.DeleteFunc(late, func(pid int64) bool { return !slices.Contains(still, pid) })
	}
	return nil
}

// Revoke implements connector.Revoker. There are no tokens: who has a password or a certificate logs in anew, which a suspended role cannot.
func (c *Connector) Revoke(ctx context.Context, acct connector.Account) (connector.Revocation, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	var late []int64
	if err := c.send(ctx, sweep(acct.Owner, &late)...); err != nil {
		return connector.Revocation{}, err
	}
	if err := c.awaitLate(ctx, acct.Owner, late); err != nil {
		return connector.Revocation{}, err
	}
	return connector.Revocation{Sessions: connector.Revoked, Tokens: connector.NotNeeded}, nil
}
