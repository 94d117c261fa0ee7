// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/stack/idp"
)

// leaversTimeout bounds one way of deactivating everybody, which takes about half a minute.
const leaversTimeout = 10 * time.Minute

// measureLeavers creates n users, waits for their RoleBindings, deactivates so many at a time, and returns the sorted times
// from each 2xx until a watch shows that the RoleBinding is gone.
func measureLeavers(ctx context.Context, s *stack.Stack, client *idp.Client, prefix string, n, concurrency int) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, leaversTimeout)
	defer cancel()
	bindings, err := s.WatchBindings(ctx, stack.SampleTarget)
	if err != nil {
		return nil, err
	}
	ids, name := make([]string, n), func(i int) string { return fmt.Sprintf("%s-%d@acme.test", prefix, i) }
	_, err = meter.Timed(ctx, n, concurrency, func(ctx context.Context, i int) error {
		answer, err := client.Post(ctx, idp.EntraUser(idp.Person{UserName: name(i)}))
		ids[i] = answer.ID()
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range n {
		if _, err := bindings.Wait(ctx, name(i), true); err != nil {
			return nil, err
		}
	}
	if err := waitReady(ctx, s, ids); err != nil { // the statuses of the arrivals are not to be in the way
		return nil, err
	}
	times := make([]time.Duration, n)
	_, err = meter.Timed(ctx, n, concurrency, func(ctx context.Context, i int) (err error) {
		times[i], err = leave(ctx, client, bindings, ids[i], name(i))
		return err
	})
	slices.Sort(times)
	return times, err
}

func waitReady(ctx context.Context, s *stack.Stack, ids []string) error {
	for _, id := range ids {
		user := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: id}}
		if err := s.WaitReady(ctx, user); err != nil {
			return err
		}
	}
	return nil
}

func leave(ctx context.Context, client *idp.Client, bindings *stack.Bindings, id, userName string) (time.Duration, error) {
	answer, err := client.Patch(ctx, id, idp.EntraPatch("active", false))
	answered := time.Now()
	if err != nil {
		return 0, err
	}
	if answer.Status != http.StatusOK {
		return 0, fmt.Errorf("deactivate user: got %s, want status 200", answer)
	}
	gone, err := bindings.Wait(ctx, userName, false)
	return max(0, gone.Sub(answered)), err
}
