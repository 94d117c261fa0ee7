// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// statement is one statement and what its failures mean.
type statement struct {
	sql  string
	args []any
	// what it does, as people read about it.
	what string
	// needs is the right that is missing when it is refused.
	needs string
	// about is what cannot be stored when the server does not take the value; "" where no value is ours.
	about string
	// read is given the rows; nil if nobody wants them.
	read func(pgx.Rows) error
}

// grantorsSince is the version since which each grantor takes back his own grants only.
const grantorsSince = 160000

const (
	needsCreateRole = "the attribute CREATEROLE, and since PostgreSQL 16 ADMIN OPTION on the role of the account"
	needsAdmin      = "the attribute CREATEROLE, and since PostgreSQL 16 ADMIN OPTION on that role"
	needsSuperuser  = "rights that only a superuser has"
)

// update returns what makes the role equal to want. Access is taken away before it is given.
func (c *Connector) update(r serverRole, want connector.Account) []statement {
	var all []statement
	if want.Roles != nil {
		all = append(all, c.revokes(r, want.Roles)...)
	}
	all = append(all, loseAttributes(r)...)
	if r.name != want.UserName {
		all = append(all, statement{
			sql:  fmt.Sprintf("ALTER ROLE %s RENAME TO %s", identifier(r.name), identifier(want.UserName)),
			what: "rename the role of the account", needs: needsCreateRole, about: "the user name",
		})
	}
	all = append(all, c.alter(r, want)...)
	for _, role := range c.cfg.Roles {
		if held, _ := r.holds(role.MemberOf); !held && slices.Contains(want.Roles, role.Name) {
			all = append(all, statement{
				sql:  fmt.Sprintf("GRANT %s TO %s", identifier(role.MemberOf), identifier(want.UserName)),
				what: fmt.Sprintf("grant %q", role.MemberOf), needs: needsAdmin, about: fmt.Sprintf("role %q", role.Name),
			})
		}
	}
	return all
}

// create returns what makes the account. The role is nobody's between the first two statements, which is why they are in one transaction.
func (c *Connector) create(want connector.Account) []statement {
	fresh := serverRole{name: want.UserName, canLogin: true, connectionLimit: -1}
	return append([]statement{
		{sql: "CREATE ROLE " + identifier(want.UserName) + " LOGIN", what: "create the role of the account", needs: needsCreateRole, about: "the user name"},
		comment(want.UserName, mark(want.Owner)),
	}, c.update(fresh, want)...)
}

func comment(name, text string) statement {
	return statement{
		sql:  fmt.Sprintf("COMMENT ON ROLE %s IS %s", identifier(name), literal(text)),
		what: "mark the role of the account", needs: needsCreateRole,
	}
}

// revokes takes away the configured roles that are not wanted, and the right to give away those that are.
func (c *Connector) revokes(r serverRole, wanted []string) []statement {
	var all []statement
	for _, role := range c.cfg.Roles {
		for _, m := range r.memberships {
			keep := slices.Contains(wanted, role.Name)
			if m.Role != role.MemberOf || keep && !m.Admin {
				continue
			}
			all = append(all, revocation(r, m, keep))
		}
	}
	return all
}

func revocation(r serverRole, m membership, adminOnly bool) statement {
	var sql strings.Builder
	sql.WriteString("REVOKE ")
	if adminOnly {
		sql.WriteString("ADMIN OPTION FOR ")
	}
	fmt.Fprintf(&sql, "%s FROM %s", identifier(m.Role), identifier(r.name))
	if r.version >= grantorsSince {
		fmt.Fprintf(&sql, " GRANTED BY %s", identifier(m.Grantor))
	}
	return statement{
		sql: sql.String(), what: fmt.Sprintf("revoke %q", m.Role),
		needs: needsAdmin + ", and the rights of the role that granted it",
	}
}

// loseAttributes takes away what no account of ours has. Each may need more rights than the other.
func loseAttributes(r serverRole) []statement {
	var all []statement
	for _, power := range r.powers {
		needs := needsSuperuser
		if power == "CREATEROLE" {
			needs = needsCreateRole
		}
		all = append(all, statement{
			sql:  fmt.Sprintf("ALTER ROLE %s NO%s", identifier(r.name), power),
			what: "take " + power + " from the account, which it got behind our back", needs: needs,
		})
	}
	return all
}

// alter returns what changes the role itself, under its new name.
func (c *Connector) alter(r serverRole, want connector.Account) []statement {
	var options []string
	if !r.canLogin {
		options = append(options, "LOGIN")
	}
	if value, wanted := want.Profile[attributeConnectionLimit]; wanted && !sameValue(attributeConnectionLimit, value, r) {
		limit, _ := parseLimit(value) // checkProfile has seen it
		options = append(options, "CONNECTION LIMIT "+strconv.Itoa(limit))
	}
	if value, wanted := want.Profile[attributeValidUntil]; wanted && !sameValue(attributeValidUntil, value, r) {
		options = append(options, "VALID UNTIL "+literal(timestamp(value)))
	}
	var all []statement
	if len(options) > 0 {
		all = append(all, statement{
			sql:  fmt.Sprintf("ALTER ROLE %s %s", identifier(want.UserName), strings.Join(options, " ")),
			what: "change the role of the account", needs: needsCreateRole, about: "the attributes of the account",
		})
	}
	return append(all, c.configure(r, want)...)
}

// timestamp writes a time as the server reads it.
func timestamp(value string) string {
	t, _ := parseTime(value) // checkProfile has seen it
	if t.IsZero() {
		return "infinity"
	}
	return t.Format(time.RFC3339Nano)
}

// configure returns what changes the settings.
func (c *Connector) configure(r serverRole, want connector.Account) []statement {
	var all []statement
	for _, attribute := range slices.Sorted(maps.Keys(want.Profile)) {
		name, isSetting := strings.CutPrefix(attribute, settingPrefix)
		value := want.Profile[attribute]
		if !isSetting || !keepsSetting(name) || sameValue(attribute, value, r) {
			continue
		}
		change := "RESET " + settingName(name)
		if stored := settingValue(name, value); stored != "" {
			change = "SET " + settingName(name) + " TO " + stored
		}
		all = append(all, statement{
			sql: fmt.Sprintf("ALTER ROLE %s %s", identifier(want.UserName), change), what: "change " + attribute, about: attribute,
			needs: fmt.Sprintf("%s, and GRANT SET ON PARAMETER %s for a setting that not everybody may change", needsCreateRole, name),
		})
	}
	return all
}

// settingName quotes every word of a name. keepsSetting has seen it.
func settingName(name string) string {
	words := strings.Split(name, ".")
	for i := range words {
		words[i] = identifier(words[i])
	}
	return strings.Join(words, ".")
}

// settingValue writes a value, "" for one that is empty.
func settingValue(name, value string) string {
	switch {
	case strings.EqualFold(name, searchPath):
		path := splitPath(value)
		for i := range path {
			path[i] = literal(path[i])
		}
		return strings.Join(path, ", ")
	case value == "":
		return ""
	}
	return literal(value)
}

// checkRoles returns an error for a role that is not configured.
func (c *Connector) checkRoles(wanted []string) error {
	for _, name := range wanted {
		if !slices.ContainsFunc(c.cfg.Roles, func(r Role) bool { return r.Name == name }) {
			return connector.Invalidf("role %q is not one of the application's", name)
		}
	}
	return nil
}

// membersOf are the roles of the server behind the wanted roles, all if wanted is nil.
func (c *Connector) membersOf(wanted []string) []string {
	members := []string{}
	for _, role := range c.cfg.Roles {
		if wanted == nil || slices.Contains(wanted, role.Name) {
			members = append(members, role.MemberOf)
		}
	}
	return members
}
