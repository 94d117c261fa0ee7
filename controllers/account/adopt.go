// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

// mayAdopt reports whether an account that was there before may be ours: there is none that bears our mark and none of somebody else in
// its place, and either one is about to be made or there may be one to suspend. What drifted is put right before it is looked for
// elsewhere only if the application says so, and what is held is not made in this way either.
func (v *visit) mayAdopt(observed *connector.Account, d decision) bool {
	free := observed == nil || observed.Owner == ""
	if v.app.Spec.Adoption.Policy != v1alpha1.AdoptionByKey || v.adopter == nil || v.keyValue() == "" || !free {
		return false
	}
	if v.want.State == connector.Suspended {
		held := v.acct.Spec.Held
		return held == nil || held.Change != v1alpha1.ChangeCreate
	}
	return d.apply != nil || v.dry()
}

// keyValue is what the account of the user has as its key; empty when the user has none.
func (v *visit) keyValue() string {
	switch v.app.Spec.Adoption.Key {
	case v1alpha1.AdoptionKeyUserName:
		return v.acct.Spec.UserName
	case v1alpha1.AdoptionKeyEmail:
		return v.acct.Spec.Email
	case v1alpha1.AdoptionKeyExternalID:
		return v.acct.Spec.ExternalID
	default:
		return ""
	}
}

// adopt takes over the one account that has the key, and does with it what is decided then. d is what is done if there is none.
func (v *visit) adopt(ctx context.Context, observed *connector.Account, d decision) error {
	found, err := v.find(ctx)
	switch {
	case err != nil:
		return err
	case found == nil:
		return v.carryOut(ctx, observed, d)
	case v.dry():
		return v.carryOut(ctx, observed, decision{pending: adoptionKind(v.want), verdict: dryRun()})
	}
	if allowed, err := v.approved(*found); err != nil || !allowed {
		return err
	}
	adopted, err := v.takeOver(ctx, *found)
	if err != nil {
		return err
	}
	return v.carryOut(ctx, &adopted, decide(v.facts(&adopted)))
}

func adoptionKind(want connector.Account) v1alpha1.ChangeKind {
	if want.State == connector.Suspended {
		return v1alpha1.ChangeSuspend
	}
	return v1alpha1.ChangeChange
}

// find returns the account that has the key; nil if there is none, or nothing to suspend. Of several nobody can tell whose they are.
func (v *visit) find(ctx context.Context) (*connector.Account, error) {
	found, err := v.adopter.Find(ctx, connector.Key(v.app.Spec.Adoption.Key), v.keyValue())
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(slices.Clone(found), func(a connector.Account) bool { return a.Owner != "" })
	usable := slices.ContainsFunc(found, func(a connector.Account) bool { return a.State == connector.Active })
	switch {
	case len(found) == 0 || v.want.State == connector.Suspended && !usable:
		return nil, nil
	case len(found) > 1:
		return nil, connector.Conflictf("the key of adoption is ambiguous: more than one account in the application has it")
	case found[0].ExternalID == "":
		return nil, connector.Conflictf("the account to adopt has no identifier in the application")
	}
	return &found[0], nil
}

// approved reports whether found may be taken over, and says in the status what that waits for if it may not. A privileged account is
// not taken over by an e-mail alone: whoever can set the e-mail of a user would get it.
func (v *visit) approved(found connector.Account) (bool, error) {
	if v.app.Spec.Adoption.Key != v1alpha1.AdoptionKeyEmail || !privileged(found.Roles, v.app.Spec.Adoption.PrivilegedRoles) {
		return true, nil
	}
	digest := v.digest(found)
	v.seen(nil)
	v.acct.Status.Adoption = &v1alpha1.AdoptionStatus{ExternalID: found.ExternalID, Key: v.app.Spec.Adoption.Key, Digest: digest}
	switch digest {
	case v.acct.Annotations[v1alpha1.AnnotationReject]:
		return false, connector.Conflictf("somebody refused to take the account over that was found by e-mail")
	case v.acct.Annotations[v1alpha1.AnnotationApprove]:
		return true, nil
	}
	v.conclude(decision{verdict: pendingAdoption(digest)})
	return false, nil
}

// privileged reports whether roles has one of those that need approval, be it damaged.
func privileged(roles []string, which []v1alpha1.RoleName) bool {
	return slices.ContainsFunc(roles, func(role string) bool {
		return slices.Contains(which, v1alpha1.RoleName(strings.TrimPrefix(role, connector.DamagedPrefix)))
	})
}

// digest names exactly this adoption: another account, other roles, or another user is another one.
func (v *visit) digest(found connector.Account) string {
	return digestOf([]any{
		v.want.Owner, v.acct.Spec.UserRef.Name, v.app.Spec.Adoption.Key, v.keyValue(),
		found.ExternalID, found.UserName, slices.Sorted(slices.Values(found.Roles)),
	})
}

// takeOver puts our mark on found. That it is adopted is written down before: if we end in between, the mark alone would say that the
// account is ours to bring in line.
func (v *visit) takeOver(ctx context.Context, found connector.Account) (connector.Account, error) {
	if err := v.confirmAdoption(ctx); err != nil {
		return connector.Account{}, err
	}
	before := v.acct.DeepCopy()
	v.acct.Status.Adoption = &v1alpha1.AdoptionStatus{ExternalID: found.ExternalID, Key: v.app.Spec.Adoption.Key, Generation: v.acct.Generation}
	if err := v.Client.Status().Patch(ctx, v.acct.DeepCopy(), client.MergeFrom(before)); err != nil {
		return connector.Account{}, err
	}
	adopted, err := v.adopter.Adopt(ctx, found, v.want.Owner)
	if connector.KindOf(err) == connector.KindConflict {
		v.acct.Status.Adoption = nil // after any other error the mark may be there
	}
	if err != nil {
		return connector.Account{}, err
	}
	v.event(corev1.EventTypeNormal, "Adopted", "Adopt", "took over the account that was in the application before")
	return adopted, nil
}

// confirmAdoption asks the API server for its word, also when an account is taken over to be suspended.
func (v *visit) confirmAdoption(ctx context.Context) error {
	if err := v.confirmAccount(ctx); err != nil || v.want.State == connector.Suspended {
		return err
	}
	return v.confirmUser(ctx)
}
