// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"cmp"
	"slices"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Whose account is it? That of the ScimUser whom userRef names, for as long as there is this ScimUser. Afterwards it waits for the person,
// who is known by the externalId and by nothing else: a userName is given to somebody else one day.
//
// A person who comes back is another ScimUser. Where a grant matches, they get the account that waits instead of a new one: only userRef
// changes, the name of the ScimAccount stays and with it the mark downstream. The kill switch comes back with them.

// AccountName is the name of the ScimAccount that is made for a user in an application: the same at every attempt, so that a stale cache
// cannot make two.
func AccountName(application, user string) string { return application + "-" + user }

// isGone reports whether the identity provider deleted the user.
func isGone(user *v1alpha1.ScimUser) bool {
	return user == nil || !user.DeletionTimestamp.IsZero() || user.Spec.DeletedAt != nil
}

// returning are the accounts that wait for exactly this person. Nobody comes back while they are deleted, or without an externalId.
func returning(f Facts) (accounts []*v1alpha1.ScimAccount) {
	if isGone(f.User) || f.User.Spec.ExternalID == "" {
		return nil
	}
	for _, account := range f.Waiting {
		sameUser := account.Spec.UserRef.Name == f.User.Name
		if !sameUser && account.Spec.ExternalID == f.User.Spec.ExternalID && account.DeletionTimestamp.IsZero() && inDirectory(account, f) {
			accounts = append(accounts, account)
		}
	}
	return accounts
}

// inDirectory reports whether the application of an account serves the directory of the user: an externalId means something only there.
func inDirectory(account *v1alpha1.ScimAccount, f Facts) bool {
	app := applicationOf(f, &account.Spec)
	return app != nil && app.Spec.DirectoryRef == f.User.Spec.DirectoryRef
}

// accountsIn are the accounts in one application, the one to keep first: one that grants gave something, which is the one that was kept
// before, one with the kill switch, one that is not deleted, the youngest.
func accountsIn(app *v1alpha1.ScimApplication, all []*v1alpha1.ScimAccount) (accounts []*v1alpha1.ScimAccount) {
	for _, account := range all {
		if account.Spec.ApplicationRef.Name == app.Name {
			accounts = append(accounts, account)
		}
	}
	slices.SortFunc(accounts, func(a, b *v1alpha1.ScimAccount) int {
		return cmp.Or(
			falseFirst(len(a.Spec.Grants) == 0, len(b.Spec.Grants) == 0),
			falseFirst(a.Spec.Reason != v1alpha1.StateLocked, b.Spec.Reason != v1alpha1.StateLocked),
			falseFirst(a.Spec.State == v1alpha1.AccountDeleted, b.Spec.State == v1alpha1.AccountDeleted),
			b.CreationTimestamp.Compare(a.CreationTimestamp.Time),
			byName(a, b))
	})
	return accounts
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// locked reports whether the kill switch is on. The annotation of the user says so, whatever it says. Without any, a lock stays that is not
// the user's own: the one that an account brought along, or brings, from the same person's earlier ScimUser, and the one of
// somebody whose ScimUser is gone and could not be asked.
func locked(user *v1alpha1.ScimUser, present, returning []*v1alpha1.ScimAccount) bool {
	if user != nil {
		if why, annotated := user.Annotations[v1alpha1.AnnotationSuspend]; annotated {
			return why != ""
		}
	}
	isLocked := func(account *v1alpha1.ScimAccount) bool { return account.Spec.Reason == v1alpha1.StateLocked }
	return slices.ContainsFunc(returning, isLocked) || slices.ContainsFunc(present, func(account *v1alpha1.ScimAccount) bool {
		own := user != nil && account.Name == AccountName(account.Spec.ApplicationRef.Name, user.Name)
		return isLocked(account) && !own
	})
}
