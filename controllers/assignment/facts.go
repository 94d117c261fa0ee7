// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
	"github.com/scim-operator/scim-operator/controllers/membership"
)

// facts reads what the decision is made from, out of the cache.
func (r *Reconciler) facts(ctx context.Context, req reconcile.Request) (Facts, error) {
	f := Facts{Now: r.Clock.Now()}
	user, err := userFrom(ctx, r.Client, req)
	if err != nil {
		return f, err
	}
	f.User = user
	here := client.InNamespace(req.Namespace)
	var (
		applications v1alpha1.ScimApplicationList
		grants       v1alpha1.ScimGrantList
		accounts     v1alpha1.ScimAccountList
		directories  v1alpha1.ScimDirectoryList
	)
	err = errors.Join(
		r.Client.List(ctx, &applications, here, client.UnsafeDisableDeepCopy),
		r.Client.List(ctx, &grants, here, client.UnsafeDisableDeepCopy),
		r.Client.List(ctx, &directories, here, client.UnsafeDisableDeepCopy),
		r.Client.List(ctx, &accounts, here, client.MatchingFields{index.ByUser: req.Name}, client.UnsafeDisableDeepCopy),
	)
	f.Applications, f.Grants, f.Present = pointers(applications.Items), pointers(grants.Items), pointers(accounts.Items)
	f.Directories = pointers(directories.Items)
	if err != nil || user == nil {
		return f, err
	}
	if f.seesGroups() {
		if f.Groups, err = membership.GroupsOf(ctx, r.Client, req.Namespace, req.Name); err != nil {
			return f, err
		}
	}
	f.Waiting, err = r.waiting(ctx, user)
	return f, err
}

func pointers[T any](items []T) []*T {
	all := make([]*T, len(items))
	for i := range items {
		all[i] = &items[i]
	}
	return all
}

// userFrom reads the ScimUser through from, nil if there is none.
func userFrom(ctx context.Context, from client.Reader, req reconcile.Request) (*v1alpha1.ScimUser, error) {
	user := &v1alpha1.ScimUser{}
	if err := from.Get(ctx, req.NamespacedName, user); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return user, nil
}

// waiting returns the accounts that wait for the person to come back: those of an earlier ScimUser with the same externalId that was deleted.
func (r *Reconciler) waiting(ctx context.Context, user *v1alpha1.ScimUser) (accounts []*v1alpha1.ScimAccount, err error) {
	if user.Spec.ExternalID == "" {
		return nil, nil
	}
	var same v1alpha1.ScimAccountList
	err = r.Client.List(ctx, &same, client.InNamespace(user.Namespace), client.MatchingFields{index.ByExternalID: user.Spec.ExternalID}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	for i := range same.Items {
		account := &same.Items[i]
		if account.Spec.UserRef.Name == user.Name {
			continue
		}
		left, err := r.left(ctx, user, account)
		if err != nil {
			return nil, err
		}
		if left {
			accounts = append(accounts, account)
		}
	}
	return accounts, nil
}

// left reports whether the user of an account is deleted. One that the cache does not have is asked for: it may be new.
func (r *Reconciler) left(ctx context.Context, user *v1alpha1.ScimUser, account *v1alpha1.ScimAccount) (bool, error) {
	former := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: user.Namespace, Name: account.Spec.UserRef.Name}}
	holder, err := userFrom(ctx, r.Client, former)
	if err == nil && holder == nil {
		holder, err = userFrom(ctx, r.Live, former)
	}
	return isGone(holder), err
}

// applicationOf returns the application of an account that is as spec says, nil if there is none.
func applicationOf(f Facts, spec *v1alpha1.ScimAccountSpec) *v1alpha1.ScimApplication {
	return find(f.Applications, spec.ApplicationRef.Name)
}

// ended reports whether a ScimAccount has nothing left to say: its account is seen to be gone, and it no longer counts in any window of a
// removal guard.
func ended(f Facts, account *v1alpha1.ScimAccount) bool {
	return account.Spec.State == v1alpha1.AccountDeleted && account.Status.State == v1alpha1.AccountDeleted &&
		status.IsAccountReady(account) && !countsUntil(f, account).After(f.Now)
}

// countsUntil is when a deletion stops to count, the zero time if it does not count.
func countsUntil(f Facts, account *v1alpha1.ScimAccount) time.Time {
	app := applicationOf(f, &account.Spec)
	if app == nil || !app.DeletionTimestamp.IsZero() || !account.DeletionTimestamp.IsZero() {
		return time.Time{}
	}
	return guard.TombstoneUntil(&account.Spec, app, directoryOf(f, app))
}

// windowEnd is when the first deletion stops to count, of those that still do: the others wait for their application, and not for time.
func windowEnd(f Facts) (end time.Time) {
	for _, account := range f.Present {
		if until := countsUntil(f, account); account.Spec.State == v1alpha1.AccountDeleted && until.After(f.Now) {
			end = earliest(end, until)
		}
	}
	return end
}

// directoryOf returns the directory of an application, nil if it is gone: its guard is gone with it.
func directoryOf(f Facts, app *v1alpha1.ScimApplication) *v1alpha1.ScimDirectory {
	return find(f.Directories, app.Spec.DirectoryRef.Name)
}
