// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
)

// Subject is a connector as the suite sees it. Fields are required unless they say otherwise.
type Subject struct {
	// New returns the system to test: a fresh connector, on a downstream that may be shared with earlier systems. The
	// suite never uses an Owner or a user name twice.
	New func(t testing.TB) System
	// SuspendedLeavesNothing says that an account is nothing but its roles: a suspended one, or one without roles, leaves no trace downstream.
	SuspendedLeavesNothing bool
	// Secrets must appear in no error: the credentials that connectors are opened with.
	Secrets []string
	// Failing returns connectors whose downstream is in trouble, by what every verb must then return: at least Denied
	// (a refused credential) and Unavailable (nobody answers).
	Failing map[connector.Kind]func(t testing.TB) connector.Connector
	// Hanging returns a connector whose downstream accepts requests and never answers. reached delivers when the first
	// request has arrived.
	Hanging func(t testing.TB) (conn connector.Connector, reached <-chan struct{})
	// Truncated returns a connector whose downstream stops answering in the middle of a list. Needed of those that are a Lister.
	Truncated func(t testing.TB) connector.Connector
	// Many is how many accounts SuspendMany takes: 1,000 if it is zero, and 100 with -short.
	Many int
}

// System is one connector with hooks into the system behind it.
type System struct {
	// Connector is what is tested.
	Connector connector.Connector
	// Roles are at least three names of roles that can be wanted.
	Roles []string
	// Profile are attributes that the system keeps, with values. Empty if it keeps none, that is, if the connector is not Profiled.
	Profile map[string]string
	// Writes returns how many changes the connector has made downstream so far.
	Writes func() int
	// HasAccess says, by other means than the connector, whether somebody of that user name can use that role now.
	// The suite asks again for some seconds, since systems may take a moment to notice.
	HasAccess func(t testing.TB, userName, role string) bool
	// Damage are ways to break an active account that has Roles[0] and Roles[1], one for each thing that the connector manages.
	Damage map[string]func(t testing.TB, acct connector.Account)
	// Foreign are ways in which somebody else's account can stand in the way of ours.
	Foreign map[string]Foreign
	// Unmarked makes an account that bears nobody's mark: active, with the user name, roles and profile of like, as somebody would who
	// works in the system itself. It returns how to read all of its present state but the mark. Needed of those that are an Adopter or a Lister.
	Unmarked func(t testing.TB, like connector.Account) (state func() string)
	// Keys are what an Adopter finds accounts by, and Shared those of them that two accounts can have in common.
	Keys, Shared []connector.Key
	// Open opens a session or whatever else outlives access with an active account, and returns how to tell whether it is alive. Needed
	// of those that are a Revoker which revokes.
	Open func(t testing.TB, acct connector.Account) (alive func() bool)
	// Faults are what can go wrong between this connector and the system, by name. Optional, and what package faults is for: open the
	// connector with the address of a [faults.Proxy] or a [faults.HTTP], and collect what their Faults return. All other hooks reach the
	// system by a way of their own, which has no faults.
	Faults map[string]faults.Fault
	// CountOf returns how many accounts of that user name there are downstream, whoever's they are, by other means than the connector.
	// Needed of those that have Faults and are no Lister.
	CountOf func(t testing.TB, userName string) int
	// Calls returns how many calls the connector has made downstream so far, reads and writes alike: statements, operations or requests,
	// whatever one round trip is. Optional; with it the suite suspends a thousand accounts and counts.
	Calls func() int
	// MostConnections returns how many connections the connector has had open at the same time, at most, and MaxConnections is how many it
	// is configured to. Optional, together.
	MostConnections func() int
	MaxConnections  int
}

// Foreign is an account of somebody else.
type Foreign struct {
	// Create makes it, where the connector would make like or close by, and returns how to read its whole present
	// state, including whatever counts its changes.
	Create func(t testing.TB, like connector.Account) (state func() string)
	// Conflicts says that ours cannot exist beside it.
	Conflicts bool
}

// check is one promise of the contract.
type check struct {
	name string
	run  func(t testing.TB, s Subject)
}

// Run checks every promise of the contract as a subtest of its own. Those of a capability are for the connectors that have it.
func Run(t *testing.T, s Subject) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

func checks() []check {
	return append(checksOfHealth(), checksOfFaults()...)
}

func checksOfHealth() []check {
	return []check{
		{"ObserveNothing", observeNothing},
		{"ApplyThenInSync", applyThenInSync},
		{"ApplyTwice", applyTwice},
		{"Drift", drift},
		{"Suspend", suspend},
		{"SuspendNobody", suspendNobody},
		{"SuspendIsNeverRefused", suspendIsNeverRefused},
		{"Reactivate", reactivate},
		{"RoleChange", roleChange},
		{"NilRoles", nilRoles},
		{"EmptyRoles", emptyRoles},
		{"UnknownRole", unknownRole},
		{"Rename", rename},
		{"Foreign", foreign},
		{"DeleteTwice", deleteTwice},
		{"DeleteOnlyOwn", deleteOnlyOwn},
		{"OddNames", oddNames},
		{"OddValues", oddValues},
		{"Ended", ended},
		{"Cancelled", cancelled},
		{"Failing", failing},
		{"TwoAtOnce", twoAtOnce},
		{"ManyAtOnce", manyAtOnce},
		{"Profile", profile},
		{"Find", find},
		{"FindOnlyUnmarked", findOnlyUnmarked},
		{"FindShared", findShared},
		{"Adopt", adopt},
		{"AdoptAtOnce", adoptAtOnce},
		{"List", list},
		{"ListCutShort", listCutShort},
		{"Revoke", revoke},
		{"SuspendMany", suspendMany},
	}
}

// run is one check in progress: a system, and the connector with every error read.
type run struct {
	testing.TB
	System
	conn *errorReader
}

func start(t testing.TB, s Subject) *run {
	t.Helper()
	sys := s.New(t)
	if len(sys.Roles) < 3 {
		t.Fatalf("the subject has %d roles, the suite needs 3", len(sys.Roles))
	}
	sys.Roles = slices.Sorted(slices.Values(sys.Roles))
	return &run{TB: t, System: sys, conn: &errorReader{Connector: sys.Connector, t: t, secrets: s.Secrets}}
}

// account returns an active account, never used before, with the given roles.
func (r *run) account(roles ...string) connector.Account {
	id := rand.Text()[:10]
	if roles == nil {
		roles = []string{}
	}
	return connector.Account{
		Owner: "suite/account-" + id, UserName: "Zoe-" + id + "@example.com", State: connector.Active, Roles: roles, Profile: r.Profile,
	}
}

func (r *run) apply(observed *connector.Account, want connector.Account) connector.Account {
	r.Helper()
	applied, err := r.conn.Apply(r.Context(), observed, want)
	if err != nil {
		r.Fatalf("Apply: %v", err)
	}
	return applied
}

// observe returns the account, nil if there is none.
func (r *run) observe(want connector.Account) *connector.Account {
	r.Helper()
	observed, err := observe(r.Context(), r.conn, want)
	if err != nil {
		r.Fatalf("Observe: %v", err)
	}
	return observed
}

func (r *run) wantInSync(want connector.Account) *connector.Account {
	r.Helper()
	observed := r.observe(want)
	if !connector.InSync(observed, want) {
		r.Fatalf("observed %s, which is not in sync with %s", describe(observed), describe(&want))
	}
	return observed
}

// wantAccess checks that the user has exactly those of the system's roles.
func (r *run) wantAccess(userName string, roles ...string) {
	r.Helper()
	for _, role := range r.Roles {
		want := slices.Contains(roles, role)
		if !eventually(r.Context(), func() bool { return r.HasAccess(r.TB, userName, role) == want }) {
			r.Errorf("access through role %q is %v, want %v", role, !want, want)
		}
	}
}

// wantNoWrites checks that f changes nothing downstream.
func (r *run) wantNoWrites(what string, f func()) {
	r.Helper()
	before := r.Writes()
	f()
	if n := r.Writes() - before; n != 0 {
		r.Errorf("%s made %d writes, want none", what, n)
	}
}

// settle does what the reconciler does until the account is in sync.
func settle(ctx context.Context, conn connector.Connector, want connector.Account) error {
	const tries = 20
	var err error
	for range tries {
		var observed *connector.Account
		if observed, err = observe(ctx, conn, want); err != nil {
			return err
		}
		if connector.InSync(observed, want) {
			return nil
		}
		_, err = conn.Apply(ctx, observed, want)
		if kind := connector.KindOf(err); err != nil && kind != connector.KindUnavailable {
			return err
		}
	}
	return &notSettled{err}
}

type notSettled struct{ last error }

func (n *notSettled) Error() string {
	if n.last != nil {
		return "not in sync after 20 tries, last: " + n.last.Error()
	}
	return "not in sync after 20 tries"
}
