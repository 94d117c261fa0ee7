// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReduced(t *testing.T) {
	observed := Account{Owner: "ns/a", ExternalID: "1", UserName: "old", State: Active, Roles: []string{"!b", "a", "c"}, Profile: map[string]string{"email": "x"}}
	kept := Account{Owner: "ns/a", ExternalID: "1", UserName: "old", State: Active}
	with := func(a Account, roles []string) Account {
		a.Roles = roles
		return a
	}
	off := observed
	off.State = Suspended
	for name, tc := range map[string]struct {
		reason         string
		observed, want Account
		reduced        Account
	}{
		"roles":     {"a role that is not wanted goes, one that is wanted and not there does not come", observed, Account{Owner: "ns/a", State: Active, UserName: "new", Roles: []string{"a", "d"}}, with(kept, []string{"a"})},
		"damaged":   {"a damaged role goes even if it is wanted", observed, Account{Owner: "ns/a", State: Active, Roles: []string{"a", "b", "c"}}, with(kept, []string{"a", "c"})},
		"none":      {"all roles go if none is wanted", observed, Account{Owner: "ns/a", State: Active, Roles: []string{}}, with(kept, []string{})},
		"unmanaged": {"roles that are not managed stay", observed, Account{Owner: "ns/a", State: Active}, kept},
		"suspend":   {"suspending is nothing but taking away", observed, Account{Owner: "ns/a", State: Suspended, Roles: []string{"z"}}, Account{Owner: "ns/a", State: Suspended, Roles: []string{"z"}}},
		"suspended": {"nobody is activated", off, Account{Owner: "ns/a", State: Active, Roles: []string{"a"}}, Account{Owner: "ns/a", ExternalID: "1", UserName: "old", State: Suspended, Roles: []string{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.reduced, Reduced(tc.observed, tc.want)); diff != "" {
				t.Errorf("%s:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestReducedGivesNothing: whatever is observed and wanted, nothing of what is left was not there, and nothing stays that is not wanted.
func TestReducedGivesNothing(t *testing.T) {
	const seed = 4
	random := rand.New(rand.NewPCG(seed, seed))
	some := func(of ...string) (picked []string) {
		for _, role := range of {
			if random.IntN(2) == 0 {
				picked = append(picked, role)
			}
		}
		return picked
	}
	state := func() State { return []State{Active, Suspended}[random.IntN(2)] }
	for range 5000 {
		observed := Account{Owner: "ns/a", UserName: "old", State: state(), Roles: some("a", "b", "!c", DamagedPrefix+UnknownRole)}
		want := Account{Owner: "ns/a", UserName: "new", State: state(), Roles: some("a", "b", "c", "d")}
		reduced := Reduced(observed, want)
		if want.State == Active && (reduced.State != observed.State || reduced.UserName != observed.UserName || reduced.Profile != nil) {
			t.Fatalf("seed %d: %+v of %+v and %+v", seed, reduced, observed, want)
		}
		for _, role := range reduced.Roles {
			if want.State == Active && (!slices.Contains(observed.Roles, role) || !slices.Contains(want.Roles, role)) {
				t.Fatalf("seed %d: role %s of %+v and %+v", seed, role, observed, want)
			}
		}
		if again := Reduced(reduced, want); want.State == Active && !cmp.Equal(reduced, again) {
			t.Fatalf("seed %d: reduced again, %+v is %+v", seed, reduced, again)
		}
	}
}
