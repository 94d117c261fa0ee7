// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"maps"
	"math"
	"slices"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// many stands for as many active accounts as an invariant may ask for. It leaves room for sums.
const many = math.MaxInt32

// broken returns the name of the first invariant that forbids c, empty if none does. While other changes are on their way, nobody
// knows which of them will be written: c must be allowed whether all or none of them are.
//
// An invariant that cannot be evaluated forbids what gives a role and nothing else: it must neither keep a leaver in nor give anything.
func (r *Rules) broken(e *entry, c *Change) string {
	if len(r.Invariants) == 0 {
		return ""
	}
	step := stepOf(e, c)
	for _, i := range r.Invariants {
		for _, others := range step.others {
			if step.forbidden(i, others) {
				return i.Name
			}
		}
	}
	return ""
}

// step is a change as invariants see it.
type step struct {
	before, after Account
	lost, gained  []v1alpha1.RoleName
	// others are the counts of active accounts without this one: as they are at least, and at most if that is different.
	others []map[string]int64
}

func stepOf(e *entry, c *Change) *step {
	s := &step{
		before: accountOf(c, c.Before, c.GrantsBefore), after: accountOf(c, c.After, c.Grants),
		lost: minus(c.Before.roles(), c.After.roles()), gained: minus(c.After.roles(), c.Before.roles()),
	}
	low, high := countsOf(e.application.low), countsOf(e.application.high)
	e.roles(func(role v1alpha1.RoleName, certain bool) {
		high[string(role)]--
		if certain {
			low[string(role)]--
		}
	})
	s.others = append(s.others, low)
	if !maps.Equal(low, high) {
		s.others = append(s.others, high)
	}
	return s
}

func accountOf(c *Change, s Standing, grants []string) Account {
	state := v1alpha1.AccountSuspended
	switch {
	case s.Active:
		state = v1alpha1.AccountActive
	case c.Kind == v1alpha1.ChangeDelete && s.equal(c.After):
		state = v1alpha1.AccountDeleted
	}
	return Account{UserName: c.UserName, State: state, Roles: s.Roles, Grants: grants}
}

func minus(a, b []v1alpha1.RoleName) []v1alpha1.RoleName {
	return slices.DeleteFunc(slices.Clone(a), func(role v1alpha1.RoleName) bool { return slices.Contains(b, role) })
}

func countsOf(roles map[v1alpha1.RoleName]int64) map[string]int64 {
	counts := make(map[string]int64, len(roles)+1)
	for role, n := range roles {
		counts[string(role)] = n
	}
	return counts
}

// forbidden reports whether the change makes i false, or is a step further away from what it asks while it is false already.
func (s *step) forbidden(i Invariant, others map[string]int64) bool {
	after, err := i.Holds(s.after, with(others, s.after))
	if err == nil && after {
		return false
	}
	before, failed := i.Holds(s.before, with(others, s.before))
	if err != nil || failed != nil {
		return len(s.gained) > 0
	}
	return before || s.further(i, others)
}

// further reports whether i, which is false after the change, would be true if it were not for the roles that are lost, because it asks
// for more who have them, or for those that are gained, because it asks for fewer.
func (s *step) further(i Invariant, others map[string]int64) bool {
	return s.wouldHold(i, others, s.lost, many) || s.wouldHold(i, others, s.gained, 0)
}

func (s *step) wouldHold(i Invariant, others map[string]int64, roles []v1alpha1.RoleName, n int64) bool {
	if len(roles) == 0 {
		return false
	}
	active := with(others, s.after)
	for _, role := range roles {
		active[string(role)] = n
	}
	holds, err := i.Holds(s.after, active)
	return holds && err == nil
}

// with is others and account.
func with(others map[string]int64, account Account) map[string]int64 {
	active := maps.Clone(others)
	if account.State == v1alpha1.AccountActive {
		for _, role := range account.Roles {
			active[string(role)]++
		}
	}
	return active
}
