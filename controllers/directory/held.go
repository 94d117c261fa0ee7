// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"maps"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
)

// spokenTo reports whether somebody asked for something, by the spec or by an annotation.
func spokenTo(before, after client.Object) bool {
	return enqueue.SpecChanged(before, after) || !maps.Equal(before.GetAnnotations(), after.GetAnnotations())
}

// heldByDirectory reports whether the guard of a directory holds a change of a.
func heldByDirectory(a *v1alpha1.ScimAccount) bool {
	return a.Spec.Held != nil && a.Spec.Held.By == v1alpha1.HeldByDirectory
}

func heldOtherwise(before, after client.Object) bool {
	a, b := before.(*v1alpha1.ScimAccount), after.(*v1alpha1.ScimAccount) // watched as that type
	return !equality.Semantic.DeepEqual(a.Spec.Held, b.Spec.Held)
}

// holder is the directory that holds a change of an account.
func (r *Reconciler) holder(ctx context.Context, o client.Object) []reconcile.Request {
	account := o.(*v1alpha1.ScimAccount) // watched as that type
	if !heldByDirectory(account) {
		return nil
	}
	app := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: account.Namespace, Name: account.Spec.ApplicationRef.Name}, app); err != nil {
		return nil // without its application, an account belongs to no directory
	}
	return enqueue.Named(o, app.Spec.DirectoryRef.Name)
}

// publish says what the guard of dir holds over all applications, and hears what people decided.
func (r *Reconciler) publish(ctx context.Context, dir *v1alpha1.ScimDirectory) (told func(), again bool, err error) {
	accounts, err := r.held(ctx, dir)
	if err != nil {
		return nil, false, err
	}
	told, again = r.Publisher.Update(guard.Page{
		Object: dir, Kind: guard.KindDirectory, Removals: &dir.Status.Removals, Conditions: &dir.Status.Conditions, Accounts: guard.HeldAmong(accounts),
	})
	return told, again, nil
}

// held are the accounts of the applications of dir of which a change is held by a directory. It costs what is held, however many
// accounts there are.
func (r *Reconciler) held(ctx context.Context, dir *v1alpha1.ScimDirectory) (ours []v1alpha1.ScimAccount, err error) {
	var accounts v1alpha1.ScimAccountList
	here := client.InNamespace(dir.Namespace)
	err = r.Client.List(ctx, &accounts, here, client.MatchingFields{index.ByHeld: string(v1alpha1.HeldByDirectory)}, client.UnsafeDisableDeepCopy)
	if err != nil || len(accounts.Items) == 0 {
		return nil, err
	}
	var applications v1alpha1.ScimApplicationList
	err = r.Client.List(ctx, &applications, here, client.MatchingFields{index.ByDirectory: dir.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i := range applications.Items {
		names[applications.Items[i].Name] = true
	}
	for i := range accounts.Items {
		if names[accounts.Items[i].Spec.ApplicationRef.Name] {
			ours = append(ours, accounts.Items[i])
		}
	}
	return ours, nil
}
