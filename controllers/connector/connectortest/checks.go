// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"errors"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func observeNothing(t testing.TB, s Subject) {
	r := start(t, s)
	r.wantNoWrites("observing", func() {
		observed, err := r.conn.Observe(r.Context(), r.account(r.Roles[0]))
		if !errors.Is(err, connector.ErrNotFound) || observed != nil {
			r.Errorf("Observe = %s, %v, want ErrNotFound", describe(observed), err)
		}
	})
}

func applyThenInSync(t testing.TB, s Subject) {
	r := start(t, s)
	for _, roles := range [][]string{r.Roles[:2], r.Roles[:1], {}} {
		want := r.account(roles...)
		applied := r.apply(nil, want)
		if !connector.InSync(&applied, want) {
			r.Errorf("Apply returned %s for %s", describe(&applied), describe(&want))
		}
		observed := r.wantInSync(want)
		if observed.ExternalID != applied.ExternalID {
			r.Errorf("Observe says externalID %q, Apply said %q", observed.ExternalID, applied.ExternalID)
		}
		r.wantAccess(want.UserName, roles...)
	}
}

func applyTwice(t testing.TB, s Subject) {
	r := start(t, s)
	want := r.account(r.Roles[:2]...)
	before := r.Writes()
	r.apply(nil, want)
	if r.Writes() == before {
		r.Error("creating an account made no write: Writes does not count")
	}
	observed := r.wantInSync(want)
	r.wantNoWrites("applying again", func() { r.apply(observed, want) })
	r.wantNoWrites("applying again after a stale look", func() { r.apply(nil, want) })
	r.wantInSync(want)
}

func drift(t testing.TB, s Subject) {
	r := start(t, s)
	if len(r.Damage) == 0 {
		r.Fatal("the subject has no Damage")
	}
	for name, damage := range r.Damage {
		want := r.account(r.Roles[:2]...)
		r.apply(nil, want)
		damage(r.TB, want)
		observed := r.observe(want)
		if connector.InSync(observed, want) {
			r.Errorf("%s: not seen: observed %s", name, describe(observed))
			continue
		}
		r.apply(observed, want)
		r.wantInSync(want)
		r.wantAccess(want.UserName, want.Roles...)
		if r.Failed() {
			r.Fatalf("%s: not repaired", name)
		}
	}
}

func suspend(t testing.TB, s Subject) {
	r := start(t, s)
	active := r.account(r.Roles[:2]...)
	want := suspended(active)
	r.apply(nil, active)
	r.wantAccess(active.UserName, active.Roles...)
	applied := r.apply(r.observe(active), want)
	if applied.State != connector.Suspended {
		r.Errorf("Apply returned %s", describe(&applied))
	}
	r.wantAccess(active.UserName)
	r.wantSuspended(s, want)
	r.wantNoWrites("suspending again", func() { r.apply(r.observe(want), want) })
}

// wantSuspended checks that Observe says so, in the way that fits the system.
func (r *run) wantSuspended(s Subject, want connector.Account) {
	r.Helper()
	observed := r.wantInSync(want)
	if nothing := observed == nil; nothing != s.SuspendedLeavesNothing {
		r.Errorf("observed %s of a suspended account, and SuspendedLeavesNothing is %v", describe(observed), s.SuspendedLeavesNothing)
	}
}

func suspendNobody(t testing.TB, s Subject) {
	r := start(t, s)
	want := suspended(r.account(r.Roles[0]))
	r.wantNoWrites("suspending somebody who has no account", func() { r.apply(nil, want) })
	if observed := r.observe(want); observed != nil {
		r.Errorf("suspending created %s", describe(observed))
	}
}

func suspendIsNeverRefused(t testing.TB, s Subject) {
	r := start(t, s)
	active := r.account(r.Roles[:2]...)
	r.apply(nil, active)
	want := suspended(withRoles(active, "no-such-role"))
	if _, err := r.conn.Apply(r.Context(), r.observe(want), want); err != nil {
		r.Errorf("suspending an account with an unknown role: %v", err)
	}
	r.wantAccess(active.UserName)
}

func reactivate(t testing.TB, s Subject) {
	r := start(t, s)
	want := r.account(r.Roles[:2]...)
	r.apply(nil, want)
	r.apply(r.observe(want), suspended(want))
	observed := r.observe(want)
	if connector.InSync(observed, want) {
		r.Fatalf("a suspended account is in sync with an active one: %s", describe(observed))
	}
	r.apply(observed, want)
	r.wantInSync(want)
	r.wantAccess(want.UserName, want.Roles...)
}

func roleChange(t testing.TB, s Subject) {
	r := start(t, s)
	other := r.account(r.Roles[:2]...)
	r.apply(nil, other)
	want := r.account(r.Roles[0], r.Roles[1])
	r.apply(nil, want)
	for _, roles := range [][]string{{r.Roles[1], r.Roles[2]}, {r.Roles[2]}, r.Roles[:3]} {
		want = withRoles(want, roles...)
		r.apply(r.observe(want), want)
		r.wantInSync(want)
		r.wantAccess(want.UserName, roles...)
	}
	r.wantInSync(other)
	r.wantAccess(other.UserName, other.Roles...)
}

func nilRoles(t testing.TB, s Subject) {
	r := start(t, s)
	created := r.account(r.Roles[:2]...)
	r.apply(nil, created)
	want := withRoles(created)
	r.wantInSync(want)
	r.wantNoWrites("applying with nil roles", func() { r.apply(r.observe(want), want) })
	r.wantAccess(want.UserName, created.Roles...)
	r.wantInSync(created)
}

func emptyRoles(t testing.TB, s Subject) {
	r := start(t, s)
	want := r.account(r.Roles[:2]...)
	r.apply(nil, want)
	want.Roles = []string{}
	observed := r.observe(want)
	if connector.InSync(observed, want) {
		r.Fatalf("no roles wanted, and in sync with %s", describe(observed))
	}
	r.apply(observed, want)
	r.wantInSync(want)
	r.wantAccess(want.UserName)
}

func unknownRole(t testing.TB, s Subject) {
	r := start(t, s)
	want := r.account(r.Roles[0])
	r.apply(nil, want)
	for _, unknown := range []string{"no-such-role", connector.DamagedPrefix + r.Roles[0], ""} {
		asked := withRoles(want, r.Roles[1], unknown)
		r.wantNoWrites("wanting an unknown role", func() {
			_, err := r.conn.Apply(r.Context(), r.observe(want), asked)
			if connector.KindOf(err) != connector.KindInvalid {
				r.Errorf("Apply with the unknown role %q returned %v, want Invalid", unknown, err)
			}
		})
	}
	r.wantInSync(want)
	r.wantAccess(want.UserName, r.Roles[0])
}

func rename(t testing.TB, s Subject) {
	r := start(t, s)
	old := r.account(r.Roles[:2]...)
	r.apply(nil, old)
	want := with(old, func(a *connector.Account) { a.UserName = "New" + a.UserName })
	observed := r.observe(want)
	if connector.InSync(observed, want) {
		r.Fatalf("another name is in sync with %s", describe(observed))
	}
	before := r.Writes()
	if _, err := r.conn.Apply(r.Context(), observed, want); err != nil {
		if connector.KindOf(err) != connector.KindInvalid || r.Writes() != before {
			r.Errorf("renaming returned %v after %d writes, want success, or Invalid and nothing changed", err, r.Writes()-before)
		}
		r.wantInSync(old)
		return
	}
	r.wantInSync(want)
	r.wantAccess(want.UserName, want.Roles...)
	r.wantAccess(old.UserName)
}

func deleteTwice(t testing.TB, s Subject) {
	r := start(t, s)
	want := r.account(r.Roles[:2]...)
	r.apply(nil, want)
	observed := r.wantInSync(want)
	for range 2 {
		if err := r.conn.Delete(r.Context(), *observed); err != nil {
			r.Fatalf("Delete: %v", err)
		}
		r.wantAccess(want.UserName)
	}
	if again := r.observe(want); again != nil {
		r.Errorf("after Delete there is %s", describe(again))
	}
	r.apply(nil, want)
	r.wantInSync(want)
	r.wantAccess(want.UserName, want.Roles...)
}

// deleteOnlyOwn deletes an account whose name another account of ours took over meanwhile.
func deleteOnlyOwn(t testing.TB, s Subject) {
	r := start(t, s)
	left := r.account(r.Roles[0])
	r.apply(nil, left)
	observed := r.wantInSync(left)
	if err := r.conn.Delete(r.Context(), *observed); err != nil {
		r.Fatalf("Delete: %v", err)
	}
	successor := with(r.account(r.Roles[0]), func(a *connector.Account) { a.UserName = left.UserName })
	r.apply(nil, successor)
	r.wantNoWrites("deleting the predecessor again", func() {
		if err := r.conn.Delete(r.Context(), *observed); err != nil && connector.KindOf(err) != connector.KindConflict {
			r.Errorf("Delete: %v", err)
		}
	})
	r.wantInSync(successor)
}
