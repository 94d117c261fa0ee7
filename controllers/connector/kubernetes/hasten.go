// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// hasten takes away, one by one and by name, the bindings of the roles that a leaver is known to have. A consistent list waits for
// the API server's watch cache, which took 90 ms here after any other write; a read by name does not wait. This is not the last
// word: the list that follows finds whatever is left, and reports whatever fails, so errors end here. Without the right to get
// bindings it does nothing.
func (c *Connector) hasten(ctx context.Context, want connector.Account) {
	if want.State != connector.Suspended || want.Owner == "" {
		return
	}
	var known []binding
	for at, s := range c.slotsByPlace(want.Owner) {
		if slices.Contains(want.Roles, s.role.Name) {
			known = append(known, binding{ObjectMeta: metav1.ObjectMeta{Namespace: at.namespace, Name: at.name}})
		}
	}
	_ = each(known, func(b binding) error {
		found, err := c.get(ctx, b.place())
		if err != nil || !found.bears(want.Owner) {
			return err
		}
		return c.remove(ctx, found)
	})
}

func (c *Connector) get(ctx context.Context, at place) (binding, error) {
	if at.namespace == "" {
		b, err := c.rbac.ClusterRoleBindings().Get(ctx, at.name, metav1.GetOptions{})
		if err != nil {
			return binding{}, err
		}
		return binding{b.ObjectMeta, b.RoleRef, b.Subjects}, nil
	}
	b, err := c.rbac.RoleBindings(at.namespace).Get(ctx, at.name, metav1.GetOptions{})
	if err != nil {
		return binding{}, err
	}
	return binding{b.ObjectMeta, b.RoleRef, b.Subjects}, nil
}
