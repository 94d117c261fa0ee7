// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/assignment"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
)

// renamed reports whether an update of a ScimUser matters to grants that do not look at attributes.
func renamed(before, after client.Object) bool {
	a, b := &before.(*v1alpha1.ScimUser).Spec, &after.(*v1alpha1.ScimUser).Spec // watched as that type
	return a.UserName != b.UserName || (a.DeletedAt == nil) != (b.DeletedAt == nil)
}

func anyGrant(*v1alpha1.ScimGrant) bool { return true }

func isForEveryoneElse(grant *v1alpha1.ScimGrant) bool {
	return slices.ContainsFunc(grant.Spec.Subjects, func(s v1alpha1.Subject) bool { return s.Kind == v1alpha1.SubjectEveryoneElse })
}

// seesAttributes reports whether the attributes of a user decide about the grant: by an expression, or by one of another grant.
func seesAttributes(grant *v1alpha1.ScimGrant) bool {
	return grant.Spec.RolesFrom != "" || slices.ContainsFunc(grant.Spec.Subjects, func(s v1alpha1.Subject) bool {
		return s.Kind == v1alpha1.SubjectCondition || s.Kind == v1alpha1.SubjectEveryoneElse
	})
}

// grantsOfUser wakes those grants of every application of the user's directory to whom the user matters.
func (r *Reconciler) grantsOfUser(matters func(*v1alpha1.ScimGrant) bool) func(context.Context, client.Object) []reconcile.Request {
	return func(ctx context.Context, o client.Object) (keys []reconcile.Request) {
		var apps v1alpha1.ScimApplicationList
		directory := o.(*v1alpha1.ScimUser).Spec.DirectoryRef.Name // watched as that type
		err := r.Client.List(ctx, &apps, client.InNamespace(o.GetNamespace()), client.MatchingFields{index.ByDirectory: directory}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil // the cache has not started, and its start wakes everybody
		}
		for i := range apps.Items {
			keys = append(keys, r.grants(ctx, o.GetNamespace(), matters, client.MatchingFields{index.ByApplication: apps.Items[i].Name})...)
		}
		return keys
	}
}

// grantsForEveryoneElse wakes the grants beside one that are for those whom it does not match.
func (r *Reconciler) grantsForEveryoneElse(ctx context.Context, o client.Object) []reconcile.Request {
	grant := o.(*v1alpha1.ScimGrant) // watched as that type
	others := func(g *v1alpha1.ScimGrant) bool { return g.Name != grant.Name && isForEveryoneElse(g) }
	return r.grants(ctx, o.GetNamespace(), others, client.MatchingFields{index.ByApplication: grant.Spec.ApplicationRef.Name})
}

// grantsThatSeeGroups wakes the grants of a namespace to which groups matter. Which directory a slice is of is not looked up: its
// group may be gone, and the work is held back and done once.
func (r *Reconciler) grantsThatSeeGroups(ctx context.Context, o client.Object) []reconcile.Request {
	return r.grants(ctx, o.GetNamespace(), func(g *v1alpha1.ScimGrant) bool { return assignment.SeesGroups(g) || isForEveryoneElse(g) })
}

func (r *Reconciler) grants(ctx context.Context, namespace string, matters func(*v1alpha1.ScimGrant) bool, opts ...client.ListOption) (keys []reconcile.Request) {
	var list v1alpha1.ScimGrantList
	if r.Client.List(ctx, &list, append(opts, client.InNamespace(namespace), client.UnsafeDisableDeepCopy)...) != nil {
		return nil // see grantsOfUser
	}
	for i := range list.Items {
		if matters(&list.Items[i]) {
			keys = append(keys, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return keys
}
