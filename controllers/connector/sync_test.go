// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector_test

import (
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func account(change ...func(*connector.Account)) connector.Account {
	a := connector.Account{
		Owner: "team/crm-1", UserName: "alice", State: connector.Active,
		Roles: []string{"editor", "viewer"}, Profile: map[string]string{"title": "Dr"},
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func roles(names ...string) func(*connector.Account) {
	return func(a *connector.Account) { a.Roles = names }
}

func state(s connector.State) func(*connector.Account) {
	return func(a *connector.Account) { a.State = s }
}

func profile(p map[string]string) func(*connector.Account) {
	return func(a *connector.Account) { a.Profile = p }
}

func TestInSync(t *testing.T) {
	observed := func(change ...func(*connector.Account)) *connector.Account {
		a := account(change...)
		return &a
	}
	for name, tc := range map[string]struct {
		reason   string
		observed *connector.Account
		want     connector.Account
		inSync   bool
	}{
		"Equal":              {"nothing differs", observed(), account(), true},
		"NoneWantActive":     {"it must be created", nil, account(), false},
		"NoneWantSuspended":  {"no account is made for somebody inactive", nil, account(state(connector.Suspended)), true},
		"BothSuspended":      {"", observed(state(connector.Suspended)), account(state(connector.Suspended)), true},
		"SuspendedOtherwise": {"a suspended account has no use of roles", observed(state(connector.Suspended), roles("x")), account(state(connector.Suspended)), true},
		"SuspendedForeign":   {"somebody else's is none of ours", observed(state(connector.Suspended), func(a *connector.Account) { a.Owner = "" }), account(state(connector.Suspended)), false},
		"StateDiffers":       {"", observed(state(connector.Suspended)), account(), false},
		"StillActive":        {"a leaver's account must be suspended", observed(), account(state(connector.Suspended)), false},
		"ForeignOwner":       {"people must hear of it", observed(func(a *connector.Account) { a.Owner = "" }), account(), false},
		"Renamed":            {"", observed(func(a *connector.Account) { a.UserName = "Alice" }), account(), false},
		"ExternalIDDiffers":  {"a hint is no drift", observed(func(a *connector.Account) { a.ExternalID = "7" }), account(), true},
		"NilRoles":           {"nil is unmanaged", observed(), account(roles()), true},
		"EmptyRoles":         {"empty is none", observed(), account(func(a *connector.Account) { a.Roles = []string{} }), false},
		"NoRolesBothForms":   {"nil observed is none", observed(func(a *connector.Account) { a.Roles = nil }), account(func(a *connector.Account) { a.Roles = []string{} }), true},
		"RoleOrder":          {"roles are a set", observed(roles("viewer", "editor")), account(), true},
		"RoleTwice":          {"roles are a set", observed(roles("viewer", "editor", "viewer")), account(), true},
		"RoleMissing":        {"", observed(roles("editor")), account(), false},
		"RoleTooMany":        {"", observed(roles("admin", "editor", "viewer")), account(), false},
		"RoleDamaged":        {"a damaged role is not the role", observed(roles("!editor", "viewer")), account(), false},
		"StaleBeside":        {"the role and a leftover of it", observed(roles("!viewer", "editor", "viewer")), account(), false},
		"NoProfileWanted":    {"attributes not named are unmanaged", observed(), account(profile(nil)), true},
		"ProfileDiffers":     {"", observed(profile(map[string]string{"title": "Mr"})), account(), false},
		"ProfileMissing":     {"", observed(profile(nil)), account(), false},
		"ProfileMore":        {"attributes not named are unmanaged", observed(profile(map[string]string{"title": "Dr", "x": "y"})), account(), true},
		"ProfileWantEmpty":   {"empty equals absent", observed(profile(nil)), account(profile(map[string]string{"title": ""})), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := connector.InSync(tc.observed, tc.want); got != tc.inSync {
				t.Errorf("InSync = %v, want %v: %s", got, tc.inSync, tc.reason)
			}
		})
	}
}

func TestInSyncChangesNothing(t *testing.T) {
	observed, want := account(roles("viewer", "editor")), account(roles("b", "a"))
	connector.InSync(&observed, want)
	if observed.Roles[0] != "viewer" || want.Roles[0] != "b" {
		t.Errorf("InSync sorted its arguments: %v, %v", observed.Roles, want.Roles)
	}
}
