// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// left is the account "app-old" of a person who left, whose ScimUser was "old".
func left(change ...func(*account)) *account {
	gone := func(a *account) {
		a.Name, a.Spec.UserRef = "app-old", ref("old")
		a.Spec.State, a.Spec.Reason, a.Spec.Roles, a.Spec.Grants = suspended, v1alpha1.StateUserDeleted, nil, nil
	}
	return changed(of(gone), change...)
}

func externalID(id string) func(*user)  { return func(u *user) { u.Spec.ExternalID = id } }
func knownAs(id string) func(*account)  { return func(a *account) { a.Spec.ExternalID = id } }
func lockedAccount(a *account)          { a.Spec.State, a.Spec.Reason = suspended, v1alpha1.StateLocked }
func called(name string) func(*account) { return func(a *account) { a.Name = name } }
func otherDirectory(a *scimApp)         { a.Spec.DirectoryRef = ref("other") }
func takenOver(change ...func(*account)) *account {
	return changed(of(func(a *account) { a.Name = "app-old" }), change...)
}

func TestContinuity(t *testing.T) {
	granting := one(makeGrant("g", everyone(), "a"))
	for name, tc := range map[string]struct {
		reason           string
		user             *user
		app              *scimApp
		grants           []*grant
		present, waiting []*account
		want             string // the ScimAccount that is the user's, empty: none
		locked           bool
	}{
		"comes back":          {"the same externalId is the same person", makeUser(), makeApp(), granting, nil, one(left()), "app-old", false},
		"comes back, deleted": {"even to what is Deleted", makeUser(), makeApp(), granting, nil, one(left(is(deleted, v1alpha1.StateUserDeleted))), "app-old", false},
		"comes back, out":     {"suspended, as an account would be made", makeUser(deactivated), makeApp(), granting, nil, one(left()), "app-old", false},
		"not granted":         {"it goes on waiting", makeUser(), makeApp(), nil, nil, one(left()), "", false},
		"retained":            {"nobody is given what waits because it is retained", makeUser(), makeApp(onLostAccess(v1alpha1.RemovalRetain)), nil, nil, one(left(is(active, v1alpha1.StateGranted))), "", false},
		"recycled name":       {"another externalId is another person", makeUser(externalID("x2")), makeApp(), granting, nil, one(left()), "app-id", false},
		"without externalId":  {"nobody knows who that is", makeUser(externalID("")), makeApp(), granting, nil, one(left(knownAs(""))), "app-id", false},
		"has one":             {"nobody has two", makeUser(), makeApp(), granting, one(of()), one(left()), "app-id", false},
		"going":               {"what goes cannot be kept", makeUser(), makeApp(), granting, nil, one(left(goingAccount)), "app-id", false},
		"deleted again":       {"who is deleted comes back to nothing", makeUser(deletedByIdP), makeApp(), granting, nil, one(left()), "", false},
		"two, one deleted":    {"what is there before what is not", makeUser(), makeApp(), granting, nil, []*account{left(called("a"), is(deleted, v1alpha1.StateUserDeleted)), left(called("b"))}, "b", false},

		"locked, comes back":   {"the kill switch comes along", makeUser(), makeApp(), granting, nil, one(left(lockedAccount)), "app-old", true},
		"locked, not granted":  {"before the account does", makeUser(), makeApp(), nil, nil, one(left(lockedAccount)), "", true},
		"locked, taken over":   {"and stays", makeUser(), makeApp(), granting, one(takenOver(lockedAccount)), nil, "app-old", true},
		"lifted":               {"until somebody lifts it", makeUser(unlocked), makeApp(), granting, one(takenOver(lockedAccount)), nil, "app-old", false},
		"lifted before":        {"or has", makeUser(unlocked), makeApp(), granting, nil, one(left(lockedAccount)), "app-old", false},
		"locked twice":         {"anew", makeUser(lockedBy), makeApp(), granting, one(takenOver()), nil, "app-old", true},
		"own lock lifted":      {"the annotation was taken away", makeUser(), makeApp(), granting, one(of(lockedAccount)), nil, "app-id", false},
		"locked, new account":  {"a second account does not evade it", makeUser(), makeApp(), granting, one(of()), one(left(lockedAccount)), "app-id", true},
		"somebody else's lock": {"another externalId", makeUser(externalID("x2")), makeApp(), granting, nil, one(left(lockedAccount)), "app-id", false},
		"another directory's":  {"an externalId means something in its directory only", makeUser(), makeApp(otherDirectory), granting, nil, one(left(lockedAccount)), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := decideNow(t, Facts{User: tc.user, Applications: one(tc.app), Grants: tc.grants, Present: tc.present, Waiting: tc.waiting})
			got := ""
			for _, w := range d.Wanted {
				got += w.Name
				if w.Spec.UserRef.Name != "id" || w.Spec.ExternalID != tc.user.Spec.ExternalID {
					t.Errorf("%s: the account is that of %q, known as %q", tc.reason, w.Spec.UserRef.Name, w.Spec.ExternalID)
				}
				if isLocked := w.Spec.Reason == v1alpha1.StateLocked; isLocked != tc.locked || w.Unconditional != tc.locked {
					t.Errorf("%s: reason %s, unconditional %v", tc.reason, w.Spec.Reason, w.Unconditional)
				}
			}
			if got != tc.want || d.Locked != tc.locked {
				t.Errorf("%s: the account is %q, want %q; locked %v, want %v", tc.reason, got, tc.want, d.Locked, tc.locked)
			}
		})
	}
}

// TestTwoAccounts checks that a second account in one application, which only a race could make, has no access.
func TestTwoAccounts(t *testing.T) {
	facts := Facts{User: makeUser(), Applications: one(makeApp()), Grants: one(makeGrant("g", everyone(), "a")), Present: []*account{of(), takenOver(noGrants)}}
	for _, w := range decideNow(t, facts).Wanted {
		if wantActive := w.Name == "app-id"; (w.Spec.State == active) != wantActive {
			t.Errorf("%s is %s", w.Name, w.Spec.State)
		}
	}
}
