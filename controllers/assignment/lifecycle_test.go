// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func one[T any](o *T) []*T { return []*T{o} }

// TestStateTable goes through the table of lifecycle.go, row by row.
func TestStateTable(t *testing.T) {
	const (
		deactivatedNow, userDeleted, accessLost, retainedNow, lockedNow, appDeleted = v1alpha1.StateDeactivated, v1alpha1.StateUserDeleted,
			v1alpha1.StateAccessLost, v1alpha1.StateRetained, v1alpha1.StateLocked, v1alpha1.StateApplicationDeleted
		toDelete, toRetain = v1alpha1.RemovalDelete, v1alpha1.RemovalRetain
	)
	granting, week := one(makeGrant("g", everyone(), "a")), at(168)
	for name, tc := range map[string]struct {
		reason  string
		user    *user
		app     *scimApp
		grants  []*grant
		present *account
		want    *account // nil: nothing is wanted
	}{
		"joiner":                  {"a grant makes an account", makeUser(), makeApp(), granting, nil, of()},
		"settled":                 {"and keeps it", makeUser(), makeApp(), granting, of(), of()},
		"nobody":                  {"without a grant there is nothing", makeUser(), makeApp(), nil, nil, nil},
		"other directory":         {"an application has the users of its directory", makeUser(), makeApp(func(a *scimApp) { a.Spec.DirectoryRef = ref("other") }), granting, nil, nil},
		"lost, Suspend":           {"access goes, the account stays", makeUser(), makeApp(), nil, of(), of(is(suspended, accessLost), withRoles(), noGrants)},
		"lost, Delete":            {"the same, and a time is set", makeUser(), makeApp(onLostAccess(toDelete)), nil, of(), of(is(suspended, accessLost), withRoles(), noGrants, deleteAfter(week))},
		"lost, Delete, no grace":  {"suspended first, or what holds the deletion would keep somebody in", makeUser(), makeApp(onLostAccess(toDelete), grace(0)), nil, of(), of(is(suspended, accessLost), withRoles(), noGrants, deleteAfter(at(0)))},
		"lost, Delete, time over": {"the time has come", makeUser(), makeApp(onLostAccess(toDelete)), nil, of(is(suspended, accessLost), withRoles(), noGrants, deleteAfter(at(0))), of(is(deleted, accessLost), withRoles(), noGrants, deleteAfter(at(0)))},
		"lost, Delete, waiting":   {"the time does not move", makeUser(), makeApp(onLostAccess(toDelete)), nil, of(is(suspended, accessLost), withRoles(), noGrants, deleteAfter(at(1))), of(is(suspended, accessLost), withRoles(), noGrants, deleteAfter(at(1)))},
		"lost, now Suspend":       {"no policy deletes any more", makeUser(), makeApp(), nil, of(is(suspended, accessLost), withRoles(), noGrants, deleteAfter(at(-1))), of(is(suspended, accessLost), withRoles(), noGrants)},
		"lost, Retain":            {"all is as it was, but for the reason", makeUser(), makeApp(onLostAccess(toRetain)), nil, of(withRoles("a", "b")), of(withRoles("a", "b"), is(active, retainedNow), noGrants)},
		"lost, Retain, suspended": {"who is out stays out", makeUser(), makeApp(onLostAccess(toRetain)), nil, of(is(suspended, accessLost), withRoles(), deleteAfter(at(-1))), of(is(suspended, retainedNow), withRoles(), noGrants)},
		"back in time":            {"a grant restores, and nothing is to be deleted", makeUser(), makeApp(onLostAccess(toDelete)), granting, of(is(suspended, accessLost), withRoles(), deleteAfter(at(1))), of()},
		"back from deletion":      {"even what is Deleted, in the same object", makeUser(), makeApp(onLostAccess(toDelete)), granting, of(is(deleted, accessLost), withRoles(), deleteAfter(at(-9))), of()},

		"leaver":                    {"roles stay, for those who come back", makeUser(deactivated), makeApp(), granting, of(), of(is(suspended, deactivatedNow))},
		"leaver, Delete":            {"and a time is set", makeUser(deactivated), makeApp(onDeactivation(toDelete)), granting, of(), of(is(suspended, deactivatedNow), deleteAfter(week))},
		"leaver, Delete, time over": {"the time has come", makeUser(deactivated), makeApp(onDeactivation(toDelete)), granting, of(is(suspended, deactivatedNow), deleteAfter(at(-1))), of(is(deleted, deactivatedNow), withRoles(), deleteAfter(at(-1)))},
		"leaver, Deleted":           {"what is deleted is not made to be deleted", makeUser(deactivated), makeApp(onDeactivation(toDelete)), granting, of(is(deleted, deactivatedNow), withRoles(), deleteAfter(at(-1))), of(is(deleted, deactivatedNow), withRoles(), deleteAfter(at(-1)))},
		"leaver who lost it":        {"onLostAccess means nothing while a grant matches", makeUser(deactivated), makeApp(onLostAccess(toDelete)), granting, of(), of(is(suspended, deactivatedNow))},
		"preboarding":               {"an account before the first day", makeUser(deactivated), makeApp(), granting, nil, of(is(suspended, deactivatedNow))},
		"preboarding, Delete":       {"nothing is made to be deleted", makeUser(deactivated), makeApp(onDeactivation(toDelete)), granting, nil, nil},
		"leaver, none":              {"roles stay, grants do not", makeUser(deactivated), makeApp(), nil, of(), of(is(suspended, deactivatedNow), noGrants)},
		"leaver, none, Delete":      {"one policy is enough", makeUser(deactivated), makeApp(onDeactivation(toDelete)), nil, of(), of(is(suspended, deactivatedNow), noGrants, deleteAfter(week))},
		"leaver, none, lost Delete": {"whichever", makeUser(deactivated), makeApp(onLostAccess(toDelete)), nil, of(), of(is(suspended, deactivatedNow), noGrants, deleteAfter(week))},
		"leaver, none, Retain":      {"who is not active is never retained", makeUser(deactivated), makeApp(onLostAccess(toRetain)), nil, of(), of(is(suspended, deactivatedNow), noGrants)},
		"leaver, none, none":        {"nothing is made", makeUser(deactivated), makeApp(), nil, nil, nil},

		"deleted":             {"roles go", makeUser(deletedByIdP), makeApp(), granting, of(), of(is(suspended, userDeleted), withRoles(), noGrants)},
		"deleted, going":      {"an object that goes is as good as gone", makeUser(goingUser), makeApp(), granting, of(), of(is(suspended, userDeleted), withRoles(), noGrants)},
		"deleted, gone":       {"no object", nil, makeApp(), granting, of(), of(is(suspended, userDeleted), withRoles(), noGrants)},
		"deleted, Delete":     {"one policy is enough", nil, makeApp(onDeactivation(toDelete)), granting, of(), of(is(suspended, userDeleted), withRoles(), noGrants, deleteAfter(week))},
		"deleted, lost":       {"whichever", nil, makeApp(onLostAccess(toDelete)), granting, of(), of(is(suspended, userDeleted), withRoles(), noGrants, deleteAfter(week))},
		"deleted, Retain":     {"nobody who is deleted is retained", nil, makeApp(onLostAccess(toRetain)), granting, of(), of(is(suspended, userDeleted), withRoles(), noGrants)},
		"deleted, no account": {"nothing is made", makeUser(deletedByIdP), makeApp(), granting, nil, nil},
		"deleted, Deleted":    {"what is deleted says why", nil, makeApp(), granting, of(is(deleted, accessLost), withRoles()), of(is(deleted, accessLost), withRoles(), noGrants)},
		"deleted, grace runs": {"since the deactivation", nil, makeApp(onDeactivation(toDelete)), nil, of(is(suspended, deactivatedNow), deleteAfter(at(2))), of(is(suspended, userDeleted), withRoles(), noGrants, deleteAfter(at(2)))},

		"locked":                {"the kill switch", makeUser(lockedBy), makeApp(), granting, of(), of(is(suspended, lockedNow))},
		"locked, no account":    {"is there before the account", makeUser(lockedBy), makeApp(), granting, nil, of(is(suspended, lockedNow))},
		"locked, nothing":       {"and makes none", makeUser(lockedBy), makeApp(), nil, nil, nil},
		"locked, lost":          {"whatever the grants say", makeUser(lockedBy), makeApp(onLostAccess(toRetain)), nil, of(), of(is(suspended, lockedNow), noGrants)},
		"locked, deactivated":   {"and the identity provider", makeUser(lockedBy, deactivated), makeApp(), granting, of(), of(is(suspended, lockedNow))},
		"locked, deleted":       {"nothing is deleted", makeUser(lockedBy, deletedByIdP), makeApp(onDeactivation(toDelete), grace(0)), nil, of(), of(is(suspended, lockedNow), withRoles(), noGrants, deleteAfter(at(0)))},
		"locked, app deleted":   {"not even here", makeUser(lockedBy), makeApp(goingApp), granting, of(), of(is(suspended, lockedNow), withRoles())},
		"unlocked":              {"as it was", makeUser(), makeApp(), granting, of(is(suspended, lockedNow)), of()},
		"unlocked by emptiness": {"the same", makeUser(unlocked), makeApp(), granting, of(is(suspended, lockedNow)), of()},
		"locked, gone":          {"nobody lifted it", nil, makeApp(onDeactivation(toDelete), grace(0)), nil, of(is(suspended, lockedNow), withRoles(), noGrants, deleteAfter(at(-5))), of(is(suspended, lockedNow), withRoles(), noGrants, deleteAfter(at(-5)))},

		"app deleted":                {"at once", makeUser(), makeApp(goingApp), granting, of(), of(is(deleted, appDeleted), withRoles())},
		"app deleted, leaver":        {"whoever it is", makeUser(deactivated), makeApp(goingApp), granting, of(is(suspended, deactivatedNow)), of(is(deleted, appDeleted), withRoles())},
		"app deleted, none":          {"nothing is made", makeUser(), makeApp(goingApp), granting, nil, nil},
		"app deleted, Deleted":       {"what is deleted says why", makeUser(), makeApp(goingApp), nil, of(is(deleted, accessLost), withRoles()), of(is(deleted, accessLost), withRoles())},
		"app lets go":                {"the account stays and nobody keeps it", makeUser(), makeApp(goingApp, retained), granting, of(), nil},
		"account deleted":            {"as with the application", makeUser(), makeApp(), granting, of(goingAccount), of(goingAccount, is(deleted, appDeleted), withRoles())},
		"account deleted and locked": {"what goes cannot be kept", makeUser(lockedBy), makeApp(), granting, of(goingAccount), of(goingAccount, is(deleted, appDeleted), withRoles())},
	} {
		t.Run(name, func(t *testing.T) {
			facts := Facts{User: tc.user, Applications: one(tc.app), Grants: tc.grants}
			if tc.present != nil {
				facts.Present = one(tc.present)
			}
			var want []Wanted
			if tc.want != nil {
				want = []Wanted{{Name: "app-id", Spec: decided(&tc.want.Spec), Unconditional: tc.want.Spec.Reason == lockedNow}}
			}
			if diff := cmp.Diff(want, decideNow(t, facts).Wanted); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestReleased checks that accounts whose application is gone, or lets go, are not decided about.
func TestReleased(t *testing.T) {
	for reason, apps := range map[string][]*scimApp{
		"gone":    nil,
		"lets go": {makeApp(goingApp, retained)},
	} {
		for _, u := range []*user{nil, makeUser(), makeUser(lockedBy), makeUser(deletedByIdP)} {
			d := decideNow(t, Facts{User: u, Applications: apps, Present: one(of())})
			if len(d.Wanted) != 0 || len(d.Released) != 1 {
				t.Errorf("%s: wanted %v, released %v", reason, d.Wanted, d.Released)
			}
			if steps, over := Plan(d, one(of()), never); len(steps) != 0 || len(over) != 1 {
				t.Errorf("%s: steps %v, over %v", reason, steps, over)
			}
		}
	}
}

// TestNext checks when time alone changes something.
func TestNext(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		app     *scimApp
		grants  []*grant
		present []*account
		want    time.Time
	}{
		"nothing":             {"nothing is going on", makeApp(), one(makeGrant("g", everyone(), "a")), nil, time.Time{}},
		"begins":              {"a grant that begins", makeApp(), one(window(makeGrant("g", everyone(), "a"), 1, 2)), nil, at(1).Time},
		"ends":                {"a grant that ends", makeApp(), one(window(makeGrant("g", everyone(), "a"), -1, 2)), nil, at(2).Time},
		"over":                {"one that has ended", makeApp(), one(window(makeGrant("g", everyone(), "a"), -2, 0)), nil, time.Time{}},
		"somebody else's":     {"it concerns others", makeApp(), one(window(makeGrant("g", only("bob"), "a"), 1, 2)), nil, time.Time{}},
		"to be deleted":       {"the grace ends", makeApp(onLostAccess(v1alpha1.RemovalDelete), grace(3)), nil, one(of()), at(3).Time},
		"begins before":       {"a grant comes before that", makeApp(onLostAccess(v1alpha1.RemovalDelete), grace(3)), one(window(makeGrant("g", everyone(), "a"), 2, 5)), one(of()), at(2).Time},
		"else":                {"another's end is the beginning of EveryoneElse", makeApp(), []*grant{makeGrant("e", everyoneElse(), "b"), window(makeGrant("g", only("ann"), "a"), -1, 4)}, nil, at(4).Time},
		"failing, unrecorded": {"a grant that gives nothing", makeApp(), one(window(makeGrant("g", whoever("1 / 0 == 1"), "a"), 1, 4)), nil, time.Time{}},
		"no account possible": {"there is none before and none after", makeApp(onDeactivation(v1alpha1.RemovalDelete), goingApp), one(window(makeGrant("g", everyone(), "a"), 1, 4)), nil, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := decideNow(t, Facts{User: makeUser(), Applications: one(tc.app), Grants: tc.grants, Present: tc.present})
			if !got.Next.Equal(tc.want) {
				t.Errorf("%s: Next is %s, want %s", tc.reason, got.Next, tc.want)
			}
		})
	}
}
