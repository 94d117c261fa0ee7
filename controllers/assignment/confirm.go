// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"context"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/membership"
)

var (
	// errBehind makes a user be decided about again a little later.
	errBehind = errors.New("the cache does not have the user yet")
	// errNotReleased is the same for an account.
	errNotReleased = errors.New("the cache does not have the application yet as it is")
)

// sure decides, and does so again with what the API server says until all is confirmed that the decision rests on where a stale cache
// could give what was taken, or take from those who are here: the user, and for each grant that gives, the grant and its groups.
func (r *Reconciler) sure(ctx context.Context, req reconcile.Request, f *Facts) (work, error) {
	todo := r.decide(*f)
	if !todo.gives() && (f.User != nil || todo.empty()) {
		return todo, nil
	}
	if err := r.confirmUser(ctx, req, f); err != nil {
		return work{}, err
	}
	var known basis
	for {
		todo = r.decide(*f)
		more := basisOf(todo.steps).without(known)
		if more.empty() {
			return todo, nil
		}
		if err := r.confirm(ctx, req, f, more); err != nil {
			return work{}, err
		}
		known = known.and(more) // what is decided now may rest on others: then once more
	}
}

func (r *Reconciler) confirmUser(ctx context.Context, req reconcile.Request, f *Facts) error {
	cached := f.User
	live, err := userFrom(ctx, r.Live, req)
	f.User = live
	if err == nil && live != nil && cached == nil {
		err = errBehind
	}
	return err
}

// basis are the names of the grants and groups that access rests on.
type basis struct{ grants, groups []string }

// basisOf is the basis of every step that gives something.
func basisOf(steps []Step) (b basis) {
	for i := range steps {
		if !steps[i].Gives {
			continue
		}
		b.groups = append(b.groups, steps[i].UsedGroups...)
		b.grants = append(b.grants, namesOf(steps[i].Want.Grants)...)
	}
	return basis{sorted(b.grants), sorted(b.groups)}
}

func (b basis) empty() bool { return len(b.grants)+len(b.groups) == 0 }

func (b basis) and(more basis) basis {
	return basis{slices.Concat(b.grants, more.grants), slices.Concat(b.groups, more.groups)}
}

func (b basis) without(known basis) basis {
	isIn := func(names []string) func(string) bool {
		return func(name string) bool { return slices.Contains(names, name) }
	}
	return basis{slices.DeleteFunc(b.grants, isIn(known.grants)), slices.DeleteFunc(b.groups, isIn(known.groups))}
}

// confirm replaces, in f, the grants of a basis by what the API server says, and takes out the groups in which the user is not.
func (r *Reconciler) confirm(ctx context.Context, req reconcile.Request, f *Facts, b basis) (err error) {
	if f.Grants, err = r.confirmGrants(ctx, f.Grants, b.grants); err != nil {
		return err
	}
	gone, err := membership.Confirm(ctx, r.Live, r.Client, req.Namespace, req.Name, b.groups)
	if err != nil {
		return err
	}
	f.Groups = slices.DeleteFunc(slices.Clone(f.Groups), func(g *v1alpha1.ScimGroup) bool { return slices.Contains(gone, g.Name) })
	return nil
}

// confirmGrants reads the named ones of grants again.
func (r *Reconciler) confirmGrants(ctx context.Context, grants []*v1alpha1.ScimGrant, names []string) (confirmed []*v1alpha1.ScimGrant, err error) {
	for _, grant := range grants {
		if !slices.Contains(names, grant.Name) {
			confirmed = append(confirmed, grant)
			continue
		}
		live := &v1alpha1.ScimGrant{}
		switch err := r.Live.Get(ctx, client.ObjectKeyFromObject(grant), live); {
		case apierrors.IsNotFound(err):
		case err != nil:
			return nil, err
		default:
			confirmed = append(confirmed, live)
		}
	}
	return confirmed, nil
}

// confirmReleased fails unless the API server says that the application of an account is gone, or lets go of its accounts.
func (r *Reconciler) confirmReleased(ctx context.Context, account *v1alpha1.ScimAccount) error {
	app := &v1alpha1.ScimApplication{}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: account.Namespace, Name: account.Spec.ApplicationRef.Name}, app)
	if err == nil && !letsGo(app) {
		return errNotReleased
	}
	return client.IgnoreNotFound(err)
}
