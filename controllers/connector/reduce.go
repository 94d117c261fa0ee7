// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector

import "slices"

// Reduced is what is left of observed when only that is done of want which takes away. Applying it gives nothing:
//
//	want Suspended   want itself: every access goes
//	want Active      observed as it is, with those of its roles that are wanted
//
// A damaged role may be more than it stands for, so it goes too. What is not named in want.Roles, because they are nil, stays.
func Reduced(observed, want Account) Account {
	if want.State == Suspended {
		return want
	}
	reduced := observed
	reduced.Profile = nil // attributes that are not named stay as they are
	reduced.Roles = nil
	if want.Roles == nil {
		return reduced
	}
	reduced.Roles = []string{}
	for _, role := range roleSet(observed.Roles) {
		if slices.Contains(want.Roles, role) {
			reduced.Roles = append(reduced.Roles, role)
		}
	}
	return reduced
}
