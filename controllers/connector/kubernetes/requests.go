// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"slices"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"

	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// pageSize bounds what one list answers.
	pageSize = 500
	// parallel bounds the requests of one call, so that one account with many roles does not crowd others out.
	parallel = 8
	// soon is when to try again after losing a race.
	soon = time.Second
	// finalizerWait is when to look again at a binding that somebody's finalizer holds.
	finalizerWait = 10 * time.Second
)

// live returns all bindings that bear the owner's mark, sorted by place.
func (c *Connector) live(ctx context.Context, owner string) ([]binding, error) {
	if owner == "" {
		return nil, connector.Invalidf("the account has no owner")
	}
	marked := metav1.ListOptions{LabelSelector: AccountLabel + "=" + accountLabel(owner)}
	var namespaced, clusterWide []binding
	var group errgroup.Group
	group.Go(func() (err error) { namespaced, err = c.listNamespaced(ctx, "", marked); return err })
	group.Go(func() (err error) { clusterWide, err = c.listClusterWide(ctx, marked); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(append(namespaced, clusterWide...), func(b binding) bool { return !b.bears(owner) })
	sortByPlace(found)
	return found, nil
}

func (c *Connector) listNamespaced(ctx context.Context, namespace string, opts metav1.ListOptions) (found []binding, err error) {
	err = c.visitNamespaced(ctx, namespace, opts, func(b binding) error { found = append(found, b); return nil })
	return found, err
}

func (c *Connector) listClusterWide(ctx context.Context, opts metav1.ListOptions) (found []binding, err error) {
	err = c.visitClusterWide(ctx, opts, func(b binding) error { found = append(found, b); return nil })
	return found, err
}

func (c *Connector) visitNamespaced(ctx context.Context, namespace string, opts metav1.ListOptions, visit func(binding) error) error {
	err := inPages(ctx, opts, visit, func(opts metav1.ListOptions) (runtime.Object, error) {
		return c.rbac.RoleBindings(namespace).List(ctx, opts)
	})
	return c.explainList(ctx, listing(roleBindings, namespace), err)
}

func (c *Connector) visitClusterWide(ctx context.Context, opts metav1.ListOptions, visit func(binding) error) error {
	err := inPages(ctx, opts, visit, func(opts metav1.ListOptions) (runtime.Object, error) {
		return c.rbac.ClusterRoleBindings().List(ctx, opts)
	})
	return c.explainList(ctx, listing(clusterRoleBindings, ""), err)
}

func (c *Connector) explainList(ctx context.Context, op operation, err error) error {
	if errors.Is(err, errEnough) {
		return err
	}
	return c.explain(ctx, op, err)
}

// inPages visits everything that is listed, and stops at the first error.
func inPages(ctx context.Context, opts metav1.ListOptions, visit func(binding) error, page func(metav1.ListOptions) (runtime.Object, error)) error {
	pages := pager.New(pager.SimplePageFunc(page))
	pages.PageSize = pageSize
	return pages.EachListItem(ctx, opts, func(object runtime.Object) error {
		switch b := object.(type) {
		case *rbacv1.RoleBinding:
			return visit(binding{b.ObjectMeta, b.RoleRef, b.Subjects})
		case *rbacv1.ClusterRoleBinding:
			return visit(binding{b.ObjectMeta, b.RoleRef, b.Subjects})
		}
		return nil
	})
}

// create makes the binding. One that is there already may be the work of another Apply at the same time.
func (c *Connector) create(ctx context.Context, b binding) error {
	meta := metav1.ObjectMeta{Name: b.Name, Namespace: b.Namespace, Labels: b.Labels, Annotations: b.Annotations}
	var err error
	if b.Namespace == "" {
		_, err = c.rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: b.ref, Subjects: b.subjects}, metav1.CreateOptions{})
	} else {
		_, err = c.rbac.RoleBindings(b.Namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: b.ref, Subjects: b.subjects}, metav1.CreateOptions{})
	}
	if apierrors.IsAlreadyExists(err) {
		return c.judgeExisting(ctx, b)
	}
	return c.explain(ctx, creating(b), err)
}

// judgeExisting looks at what stands where b should be made.
func (c *Connector) judgeExisting(ctx context.Context, b binding) error {
	named := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, b.Name).String()}
	list := c.listClusterWide
	if b.Namespace != "" {
		list = func(ctx context.Context, opts metav1.ListOptions) ([]binding, error) {
			return c.listNamespaced(ctx, b.Namespace, opts)
		}
	}
	found, err := list(ctx, named)
	switch {
	case err != nil:
		return err
	case len(found) == 0 || found[0].bears(b.Annotations[OwnerAnnotation]) && !found[0].same(b):
		return connector.Unavailablef(soon, "%s: it is being changed by somebody else", creating(b).what)
	case found[0].bears(b.Annotations[OwnerAnnotation]):
		return nil
	}
	return connector.Conflictf("%s: %q exists and does not bear the account's mark", creating(b).what, b.Name)
}

// remove deletes exactly the binding that was seen, not one that has taken its name since.
func (c *Connector) remove(ctx context.Context, b binding) error {
	opts := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(b.UID))}
	var err error
	if b.Namespace == "" {
		err = c.rbac.ClusterRoleBindings().Delete(ctx, b.Name, opts)
	} else {
		err = c.rbac.RoleBindings(b.Namespace).Delete(ctx, b.Name, opts)
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return c.explain(ctx, deleting(b), err)
	case len(b.Finalizers) > 0:
		return connector.Unavailablef(finalizerWait, "%s: a finalizer holds it and the access stays until then", deleting(b).what)
	}
	return nil
}

// each acts on all bindings, whatever becomes of the others.
func each(bindings []binding, act func(binding) error) error {
	var group errgroup.Group
	group.SetLimit(parallel)
	errs := make([]error, len(bindings))
	for i, b := range bindings {
		group.Go(func() error {
			errs[i] = act(b)
			return nil
		})
	}
	_ = group.Wait() // no function returns an error; they are all in errs
	return errors.Join(errs...)
}
