// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector

import "slices"

// InSync says whether observed, nil for ErrNotFound, already is what is wanted, so that nothing need be written.
//
//	observed     want        in sync
//	none         Suspended   yes: no account is ever made for somebody who is inactive
//	none         Active      no
//	other Owner  any         no: Apply then returns Conflict, so that people hear of it
//	ours         Suspended   if it is suspended: name, roles and attributes wait until it is active again
//	ours         Active      if userName, state, roles and the wanted attributes are equal
//
// Roles are compared as sets, and not at all if the wanted ones are nil. An attribute that is wanted empty equals one
// that is absent.
func InSync(observed *Account, want Account) bool {
	switch {
	case observed == nil:
		return want.State == Suspended
	case observed.Owner != want.Owner || observed.State != want.State:
		return false
	case want.State == Suspended:
		return true
	}
	return observed.UserName == want.UserName &&
		(want.Roles == nil || slices.Equal(roleSet(observed.Roles), roleSet(want.Roles))) &&
		hasProfile(observed.Profile, want.Profile)
}

func roleSet(roles []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(roles)))
}

func hasProfile(observed, want map[string]string) bool {
	for name, value := range want {
		if observed[name] != value {
			return false
		}
	}
	return true
}
