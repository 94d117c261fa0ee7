// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Step is one change of one ScimAccount. Whether it is carried out now or held is not decided here.
type Step struct {
	// Name of the ScimAccount.
	Name string
	// Present is the ScimAccount as it is, nil if it is to be made.
	Present *v1alpha1.ScimAccount
	// Want is what it shall be, without lostAccessAt, deletedAt and held.
	Want v1alpha1.ScimAccountSpec
	// Kind of the change.
	Kind v1alpha1.ChangeKind
	// Gives says that something is given: what it rests on must be confirmed first. Another name counts, since it is somebody else's login.
	Gives bool
	// Loses says that access is lost that can be given back: the account or a role of it, where it could be used.
	Loses bool
	// Deletes says that the account is deleted downstream, which cannot be undone.
	Deletes bool
	// Unconditional says that nothing may hold it: it is the kill switch.
	Unconditional bool
	// UsedGroups are those of Wanted.
	UsedGroups []string
}

// Plan says what must change so that the ScimAccounts are the wanted ones, what takes away first, and which of them are over and to be deleted.
// present are all that Decide knew, those that wait too: nothing happens to those that are not wanted. ended says of one that is
// Deleted whether its time is over.
//
// A change that is held is in the plan again every time. It is carried out when [Applied] differs from what is there.
func Plan(d Decision, present []*v1alpha1.ScimAccount, ended func(*v1alpha1.ScimAccount) bool) (steps []Step, over []*v1alpha1.ScimAccount) {
	over = slices.DeleteFunc(slices.Clone(d.Released), isGoing)
	for i := range d.Wanted {
		want := &d.Wanted[i]
		account := find(present, want.Name)
		if account != nil && account.Spec.State == v1alpha1.AccountDeleted && want.Spec.State == v1alpha1.AccountDeleted && ended(account) {
			if !isGoing(account) {
				over = append(over, account)
			}
			continue
		}
		if account == nil || account.Spec.Held != nil || !isEqual(&want.Spec, &account.Spec) {
			steps = append(steps, stepTo(want, account))
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.turn(), b.turn()) })
	return steps, over
}

// find returns the one of that name, nil if there is none.
func find[T client.Object](all []T, name string) (found T) {
	for _, o := range all {
		if o.GetName() == name {
			return o
		}
	}
	return found
}

func isGoing(account *v1alpha1.ScimAccount) bool { return !account.DeletionTimestamp.IsZero() }

// turn orders the steps: what gives nothing, what gives and takes, what only gives.
func (s *Step) turn() int {
	switch {
	case !s.Gives:
		return 0
	case s.Loses:
		return 1
	default:
		return 2
	}
}

// stepTo is the step from account, nil if there is none, to what is wanted.
func stepTo(want *Wanted, account *v1alpha1.ScimAccount) Step {
	before := &v1alpha1.ScimAccountSpec{}
	if account != nil {
		before = &account.Spec
	}
	s := Step{Name: want.Name, Present: account, Want: want.Spec, Unconditional: want.Unconditional, UsedGroups: want.UsedGroups}
	s.Gives = gives(before, &want.Spec)
	s.Loses = loses(before, &want.Spec)
	s.Deletes = want.Spec.State == v1alpha1.AccountDeleted && before.State != v1alpha1.AccountDeleted
	s.Kind = s.kind(before)
	return s
}

func (s *Step) kind(before *v1alpha1.ScimAccountSpec) v1alpha1.ChangeKind {
	switch {
	case s.Deletes:
		return v1alpha1.ChangeDelete
	case s.Present == nil || isUnmade(before) && s.Want.State == v1alpha1.AccountActive:
		return v1alpha1.ChangeCreate
	case s.Loses && s.Want.State != v1alpha1.AccountActive:
		return v1alpha1.ChangeSuspend
	case s.Loses && !s.Gives:
		return v1alpha1.ChangeReduce
	default:
		return v1alpha1.ChangeChange
	}
}

// isUnmade reports whether there is nothing downstream: it was deleted, or making it is held.
func isUnmade(spec *v1alpha1.ScimAccountSpec) bool {
	return spec.State == v1alpha1.AccountDeleted || (spec.Held != nil && spec.Held.Change == v1alpha1.ChangeCreate)
}

// gives reports whether one can do something after that one could not do before.
func gives(before, after *v1alpha1.ScimAccountSpec) bool {
	if after.State != v1alpha1.AccountActive {
		return false
	}
	sameNames := before.UserRef == after.UserRef && before.UserName == after.UserName && before.DisplayName == after.DisplayName && before.Email == after.Email &&
		slices.Equal(before.Attributes, after.Attributes)
	return before.State != v1alpha1.AccountActive || !sameNames || !includes(before.Roles, after.Roles)
}

// loses reports whether one could do something before that one cannot do after.
func loses(before, after *v1alpha1.ScimAccountSpec) bool {
	return before.State == v1alpha1.AccountActive && (after.State != v1alpha1.AccountActive || !includes(after.Roles, before.Roles))
}

// includes reports whether all of some are among all.
func includes(all, some []v1alpha1.RoleName) bool {
	return !slices.ContainsFunc(some, func(role v1alpha1.RoleName) bool { return !slices.Contains(all, role) })
}

// Applied is the spec that is written for a step, held or not. What the removal guard remembers stays. Where it equals the present one, there is
// nothing to write.
//
// A change that is held leaves the account as it was. Where there was none, it shows what waits on one that cannot be used: suspended, without
// roles, and not made downstream.
func Applied(s Step, held *v1alpha1.HeldChange) v1alpha1.ScimAccountSpec {
	spec := s.Want
	switch {
	case held == nil && s.Present != nil:
		spec.LostAccessAt, spec.DeletedAt = s.Present.Spec.LostAccessAt, s.Present.Spec.DeletedAt
	case held != nil && s.Present != nil:
		spec = s.Present.Spec
	case held != nil:
		spec.State, spec.Roles, spec.Grants = v1alpha1.AccountSuspended, nil, nil
	}
	spec.Held = held
	return spec
}

// Digest identifies what an account would be, for held.digest: the state, why, the names and the roles. When it would be deleted
// and by which grants it has its roles is no part of it, so that time and grants that change nothing do not make it another change.
func Digest(spec *v1alpha1.ScimAccountSpec) string {
	what := decided(spec)
	what.DeleteAfter, what.Grants = nil, nil
	text, err := json.Marshal(what)
	if err != nil {
		panic(err) // a struct of strings
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
