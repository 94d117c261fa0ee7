// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"slices"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// plan is what must change so that the accounts of a user are the wanted ones.
type plan struct {
	remove []*v1alpha1.ScimAccount // no longer wanted
	reduce []entitlement           // suspended or with fewer roles, and nothing added
	give   []entitlement           // created, activated or with more roles
}

func (p plan) empty() bool { return len(p.remove)+len(p.reduce)+len(p.give) == 0 }

// diff compares what a user shall have with the accounts that are there. An account that is being deleted is left to finish:
// if it is wanted again, that begins when it is gone.
func diff(wanted []entitlement, present []v1alpha1.ScimAccount) plan {
	var p plan
	unseen := map[string]entitlement{}
	for _, w := range wanted {
		unseen[w.application] = w
	}
	for i := range present {
		account := &present[i]
		w, isWanted := unseen[account.Spec.ApplicationRef.Name]
		delete(unseen, account.Spec.ApplicationRef.Name)
		switch {
		case !account.DeletionTimestamp.IsZero():
		case !isWanted:
			p.remove = append(p.remove, account)
		case equal(account, w):
		case gives(account, w):
			p.give = append(p.give, w)
		default:
			p.reduce = append(p.reduce, w)
		}
	}
	for _, w := range wanted {
		if _, missing := unseen[w.application]; missing {
			p.give = append(p.give, w)
		}
	}
	return p
}

func equal(account *v1alpha1.ScimAccount, w entitlement) bool {
	roles := slices.Sorted(slices.Values(account.Spec.Roles))
	return account.Spec.UserName == w.userName && account.Spec.State == v1alpha1.AccountState(w.state) && slices.Equal(roles, w.roles)
}

// gives reports whether w is more than account: another name counts, since it is somebody else's login.
func gives(account *v1alpha1.ScimAccount, w entitlement) bool {
	if w.state == v1alpha1.StateSuspended {
		return false
	}
	more := slices.ContainsFunc(w.roles, func(r v1alpha1.RoleName) bool { return !slices.Contains(account.Spec.Roles, r) })
	return more || account.Spec.State != v1alpha1.AccountState(w.state) || account.Spec.UserName != w.userName
}
