// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

// keep observes the account and applies what differs, as far as the application lets it.
func (v *visit) keep(ctx context.Context) error {
	if v.leaving() {
		return v.carryOut(ctx, nil, decision{apply: &v.want, verdict: inSync()})
	}
	observed, err := v.observe(ctx)
	if err != nil {
		return err
	}
	d := decide(v.facts(observed))
	if !v.mayAdopt(observed, d) {
		return v.carryOut(ctx, observed, d)
	}
	return v.adopt(ctx, observed, d)
}

// leaving reports whether the account was seen to have access and shall not have it any more. There is nothing to compare then, and
// looking takes time that a leaver has.
func (v *visit) leaving() bool {
	return v.acct.Spec.State == v1alpha1.AccountSuspended && v.acct.Status.State == v1alpha1.AccountActive && !v.dry()
}

// carryOut does what was decided, and reports it.
func (v *visit) carryOut(ctx context.Context, observed *connector.Account, d decision) error {
	if d.apply != nil {
		if err := v.confirm(ctx); err != nil {
			return err
		}
		applied, err := v.Apply(ctx, observed, *d.apply)
		if err != nil {
			return err
		}
		v.tellApplied(observed, applied, d)
		observed = &applied
	}
	v.seen(observed)
	if err := v.afterTakingAway(ctx, observed, d); err != nil {
		return err
	}
	v.conclude(d)
	return nil
}

// confirm returns errOutdated unless the API server says the same as the ScimAccount, and, when that gives access, that its user
// is active. Suspending needs no such word.
func (v *visit) confirm(ctx context.Context) error {
	if v.want.State == connector.Suspended {
		return nil
	}
	return errors.Join(v.confirmAccount(ctx), v.confirmUser(ctx))
}

func (v *visit) confirmAccount(ctx context.Context) error {
	var live v1alpha1.ScimAccount
	err := v.Live.Get(ctx, client.ObjectKeyFromObject(v.acct), &live)
	same := live.UID == v.acct.UID && live.Generation == v.acct.Generation && live.DeletionTimestamp.IsZero()
	return confirmed(same, err)
}

func (v *visit) confirmUser(ctx context.Context) error {
	var user v1alpha1.ScimUser
	err := v.Live.Get(ctx, client.ObjectKey{Namespace: v.acct.Namespace, Name: v.acct.Spec.UserRef.Name}, &user)
	active := user.Spec.State == v1alpha1.StateActive && user.DeletionTimestamp.IsZero() && user.Spec.DeletedAt.IsZero() &&
		user.Annotations[v1alpha1.AnnotationSuspend] == ""
	return confirmed(active, err)
}

func confirmed(yes bool, err error) error {
	if apierrors.IsNotFound(err) || err == nil && !yes {
		return errOutdated
	}
	return err
}

// afterTakingAway revokes what an account without access has opened: once, and again whenever its access was taken away again.
func (v *visit) afterTakingAway(ctx context.Context, observed *connector.Account, d decision) error {
	switch {
	case v.want.State == connector.Active:
		v.acct.Status.Revocation = nil
		return nil
	case v.dry() || !v.ours(observed) || d.apply == nil && v.acct.Status.Revocation != nil:
		return nil
	}
	return v.revoke(ctx, *observed)
}

// revoke ends what acct has opened, and says what became of it. Until that is known the status says nothing of it.
func (v *visit) revoke(ctx context.Context, acct connector.Account) error {
	v.acct.Status.Revocation = nil
	became := connector.Revocation{Sessions: connector.NotSupported, Tokens: connector.NotSupported}
	if v.revoker != nil {
		revoked, err := v.revoker.Revoke(ctx, acct)
		if err != nil {
			return err
		}
		became = revoked
	}
	v.acct.Status.Revocation = &v1alpha1.Revocation{
		Sessions: v1alpha1.RevocationState(became.Sessions), Tokens: v1alpha1.RevocationState(became.Tokens),
	}
	return nil
}
