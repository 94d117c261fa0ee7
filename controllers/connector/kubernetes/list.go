// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

var (
	_ connector.Lister  = (*Connector)(nil)
	_ connector.Revoker = (*Connector)(nil)
)

// errEnough ends a list that nobody wants to see the rest of.
var errEnough = errors.New("enough")

// List implements connector.Lister. Bindings with a mark make up one account for each owner. Without one, each user that a binding gives one of
// the configured roles to is an account of its own, whose ExternalID is "<namespace>/<name>" of the binding ("/<name>" in the
// cluster), for an administrator to find it by; it never holds the user name.
func (c *Connector) List(ctx context.Context) iter.Seq2[connector.Account, error] {
	return func(yield func(connector.Account, error) bool) {
		marked := map[string][]binding{}
		each := func(b binding) error {
			if owner := b.owner(); owner != "" {
				b.ManagedFields = nil // what is kept of a large cluster shall be small
				marked[owner] = append(marked[owner], b)
				return nil
			}
			for _, a := range c.strangers(b) {
				if !yield(a, nil) {
					return errEnough
				}
			}
			return nil
		}
		if err := c.visitAll(ctx, each); err != nil {
			if !errors.Is(err, errEnough) {
				yield(connector.Account{}, err)
			}
			return
		}
		for _, owner := range slices.Sorted(maps.Keys(marked)) {
			sortByPlace(marked[owner])
			if !yield(*c.observed(connector.Account{Owner: owner}, marked[owner]), nil) {
				return
			}
		}
	}
}

func (c *Connector) visitAll(ctx context.Context, each func(binding) error) error {
	if err := c.visitNamespaced(ctx, "", metav1.ListOptions{}, each); err != nil {
		return err
	}
	return c.visitClusterWide(ctx, metav1.ListOptions{}, each)
}

// owner returns whose whole mark the binding carries, "" if it carries none.
func (b binding) owner() string {
	if owner := b.Annotations[OwnerAnnotation]; owner != "" && b.bears(owner) {
		return owner
	}
	return ""
}

// strangers are the users who have one of our roles by a binding that bears nobody's mark.
func (c *Connector) strangers(b binding) []connector.Account {
	roles := c.given(b)
	if len(roles) == 0 || b.DeletionTimestamp != nil {
		return nil
	}
	var accounts []connector.Account
	for i, subject := range b.subjects {
		name, prefixed := strings.CutPrefix(subject.Name, c.prefix)
		if !prefixed || name == "" || subject.Kind != rbacv1.UserKind || strings.HasPrefix(subject.Name, "system:") {
			continue
		}
		id := b.Namespace + "/" + b.Name
		if len(b.subjects) > 1 {
			id = fmt.Sprintf("%s#%d", id, i)
		}
		accounts = append(accounts, connector.Account{ExternalID: id, UserName: name, State: connector.Active, Roles: roles})
	}
	return accounts
}

// given returns the configured roles that the binding is one of the places of, as they would be observed: damaged if there are other places.
func (c *Connector) given(b binding) []string {
	var roles []string
	for _, role := range c.roles {
		inPlace := func(s slot) bool { return s.namespace == b.Namespace }
		switch slots := role.slots(); {
		case b.ref != role.ref() || !slices.ContainsFunc(slots, inPlace):
		case len(slots) == 1:
			roles = append(roles, role.Name)
		default:
			roles = append(roles, connector.DamagedPrefix+role.Name)
		}
	}
	slices.Sort(roles)
	return roles
}

// Revoke implements connector.Revoker. There is nothing to do: the API server asks RBAC at every request, so what a user has opened is
// worth nothing without the bindings.
func (c *Connector) Revoke(ctx context.Context, _ connector.Account) (connector.Revocation, error) {
	if err := ctx.Err(); err != nil {
		return connector.Revocation{}, fmt.Errorf("revoke: %w", err)
	}
	return connector.Revocation{Sessions: connector.NotNeeded, Tokens: connector.NotNeeded}, nil
}
