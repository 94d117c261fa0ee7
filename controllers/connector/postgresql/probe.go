// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// oldest is the version that we need: pg_terminate_backend waits since 14.
const oldest = 140000

// self is the role that we log in as.
type self struct {
	version                                      int
	standby, superuser, createRole, maySignalAll bool
}

// Probe implements connector.Prober.
func (c *Connector) Probe(ctx context.Context) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	names := c.membersOf(nil)
	if c.cfg.ReassignTo != "" {
		names = append(names, c.cfg.ReassignTo)
	}
	var we []self
	var known []knownRole
	err := c.send(ctx, reading(statement{what: "ask what we may do", sql: ourselves}, &we, scanSelf), reading(askRoles(names), &known, scanKnown))
	if err != nil {
		return err
	}
	if len(we) != 1 {
		return connector.Unavailablef(changedWait, "ask what we may do: the server does not know us")
	}
	return c.judge(we[0], known)
}

func scanSelf(rows pgx.Rows) ([]self, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s self, err error) {
		err = row.Scan(&s.version, &s.standby, &s.superuser, &s.createRole, &s.maySignalAll)
		return s, err
	})
}

// judge says whether accounts can be kept.
func (c *Connector) judge(we self, known []knownRole) error {
	switch {
	case we.version < oldest:
		return connector.Deniedf("the server is older than PostgreSQL %d", oldest/10000)
	case we.standby:
		return connector.Unavailablef(refusedWait, "the server is a standby, and cannot be written to")
	}
	if err := grantable(known, c.membersOf(nil), []string{}); err != nil {
		return err
	}
	if missing := c.missing(we, known); len(missing) > 0 {
		return connector.Deniedf("the credential lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

// missing are the rights that we lack.
func (c *Connector) missing(we self, known []knownRole) []string {
	if we.superuser {
		return nil
	}
	var missing []string
	if !we.createRole {
		missing = append(missing, "the attribute CREATEROLE")
	}
	if !we.maySignalAll {
		missing = append(missing, needsSignal)
	}
	for _, k := range known {
		isRole := slices.Contains(c.membersOf(nil), k.name)
		if isRole && !k.admin && we.version >= grantorsSince {
			missing = append(missing, fmt.Sprintf("ADMIN OPTION on role %q", k.name))
		}
		if k.name == c.cfg.ReassignTo && !k.usable {
			missing = append(missing, fmt.Sprintf("membership in %q, which inherits its rights", k.name))
		}
	}
	if c.cfg.ReassignTo != "" && !slices.ContainsFunc(known, func(k knownRole) bool { return k.name == c.cfg.ReassignTo }) {
		missing = append(missing, fmt.Sprintf("a role %q to reassign to", c.cfg.ReassignTo))
	}
	slices.Sort(missing)
	if more := len(missing) - maxListed; more > 0 {
		missing = append(missing[:maxListed], fmt.Sprintf("and %d more", more))
	}
	return missing
}
