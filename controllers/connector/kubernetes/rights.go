// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// maxLacking bounds how many missing rights a message lists.
const maxLacking = 5

// right is something that our credential may do, within the RBAC group.
type right struct{ verb, resource, name string }

// needs are rights and the namespaces where they are needed, "" for the whole cluster.
type needs map[right][]string

// Probe implements connector.Prober: it asks the API server about every right that the documentation of the package
// lists, and returns Denied with those that are missing.
func (c *Connector) Probe(ctx context.Context) error {
	missing, err := c.missing(ctx, c.needs())
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return lacking(missing)
	}
	return nil
}

func (c *Connector) needs() needs {
	all := needs{{verb: "list", resource: roleBindings}: {""}, {verb: "list", resource: clusterRoleBindings}: {""}}
	for _, role := range c.roles {
		for _, s := range role.slots() {
			resource := binding{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace}}.resource()
			for _, r := range []right{{verb: "create", resource: resource}, {verb: "delete", resource: resource}, bindRight(role.ref())} {
				if !slices.Contains(all[r], s.namespace) {
					all[r] = append(all[r], s.namespace)
				}
			}
		}
	}
	return all
}

// missing returns the needs that are not granted, in words and sorted.
func (c *Connector) missing(ctx context.Context, all needs) ([]string, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	var mu sync.Mutex
	var missing []string
	for r, namespaces := range all {
		group.Go(func() error {
			lacks, err := c.missingIn(ctx, r, namespaces)
			mu.Lock()
			defer mu.Unlock()
			missing = append(missing, lacks...)
			return err
		})
	}
	err := group.Wait()
	slices.Sort(missing)
	return missing, err
}

// missingIn asks for the whole cluster first, since that answers for all namespaces at once.
func (c *Connector) missingIn(ctx context.Context, r right, namespaces []string) ([]string, error) {
	everywhere, err := c.may(ctx, r, "")
	if err != nil || everywhere {
		return nil, err
	}
	var missing []string
	for _, namespace := range namespaces {
		granted := false
		if namespace != "" {
			if granted, err = c.may(ctx, r, namespace); err != nil {
				return nil, err
			}
		}
		if !granted {
			missing = append(missing, r.in(namespace))
		}
	}
	return missing, nil
}

func (c *Connector) may(ctx context.Context, r right, namespace string) (bool, error) {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: rbacv1.GroupName, Version: "v1", Verb: r.verb, Resource: r.resource, Name: r.name, Namespace: namespace,
		},
	}}
	answer, err := c.reviews.Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return false, classify(operation{what: "ask for our rights"}, err)
	}
	return answer.Status.Allowed, nil
}

func (r right) in(namespace string) string {
	if r.name != "" {
		return fmt.Sprintf("%s on %s %q%s", r.verb, r.resource, r.name, where(namespace))
	}
	return fmt.Sprintf("%s on %s%s", r.verb, r.resource, where(namespace))
}

func lacking(missing []string) *connector.Error {
	if more := len(missing) - maxLacking; more > 0 {
		missing = append(slices.Clone(missing[:maxLacking]), fmt.Sprintf("and %d more", more))
	}
	return connector.Deniedf("the credential lacks rights of the group %s: %s", rbacv1.GroupName, strings.Join(missing, ", "))
}
