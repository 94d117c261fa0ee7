// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"slices"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// serverRole is a role as the catalogue has it.
type serverRole struct {
	oid, name, comment string
	canLogin           bool
	// powers are attributes that no account of ours has, as ALTER ROLE names them.
	powers []string
	// connectionLimit is negative if there is none.
	connectionLimit int
	// validUntil is in RFC 3339 and UTC, "" if it is forever.
	validUntil string
	// settings are "name=value".
	settings []string
	// memberships are those in roles that are configured.
	memberships []membership
	// sessions are how many there are at the moment; zero where nobody asked.
	sessions int
	// version is that of the server: 150014.
	version int
}

// membership is one grant of a role. Since PostgreSQL 16 there may be several of the same role, by different grantors.
type membership struct {
	Role    string `json:"role"`
	Admin   bool   `json:"admin"`
	Grantor string `json:"grantor"`
	// Ours says that we may take it back, as far as the grantor is concerned.
	Ours bool `json:"ours"`
}

// observed is the role as an account. want says in which form the attributes are wanted: those that mean the same are equal.
func (c *Connector) observed(r serverRole, want connector.Account) connector.Account {
	acct := connector.Account{
		Owner: ownerOf(r.comment), ExternalID: r.oid, UserName: r.name, State: connector.Suspended,
		Roles: c.observedRoles(r), Profile: profileOf(r, want.Profile),
	}
	if r.canLogin || want.State == connector.Suspended && r.sessions > 0 {
		// Who is still inside is not suspended yet.
		acct.State = connector.Active
	}
	return acct
}

// observedRoles are the configured roles that it is a member of. One that it could give to others is damaged, and so is an account with powers.
func (c *Connector) observedRoles(r serverRole) []string {
	roles := []string{}
	for _, role := range c.cfg.Roles {
		switch held, admin := r.holds(role.MemberOf); {
		case admin:
			roles = append(roles, connector.DamagedPrefix+role.Name)
		case held:
			roles = append(roles, role.Name)
		}
	}
	if len(r.powers) > 0 {
		roles = append(roles, connector.DamagedPrefix+connector.UnknownRole)
	}
	slices.Sort(roles)
	return roles
}

func (r serverRole) holds(memberOf string) (held, admin bool) {
	for _, m := range r.memberships {
		if m.Role == memberOf {
			held, admin = true, admin || m.Admin
		}
	}
	return held, admin
}
