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
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// leaversTimeout bounds one way of deactivating everybody, which takes about half a minute.
const leaversTimeout = 10 * time.Minute

// leavers are the times of one way of leaving, sorted.
type leavers struct {
	what   string
	sorted []time.Duration
}

// measureAllLeavers has people leave in every way. One at a time, with the guards and without, is done in turns, so that both meet the
// same machine.
func measureAllLeavers(ctx context.Context, s *stack.Stack, scim *idp.Client, o options) ([]leavers, error) {
	const turns = 4
	ways := []leavers{
		{what: fmt.Sprintf("%d users, one at a time, without a guard", o.leavers)}, {what: fmt.Sprintf("%d users, one at a time, guarded", o.leavers)},
		{what: fmt.Sprintf("%d users, %d at a time, guarded", o.leavers, o.concurrency)},
	}
	frame.Progress(fmt.Sprintf("deactivate %d users in each of %d ways", o.leavers, len(ways)))
	for turn := range turns {
		for i, policy := range []v1alpha1.GuardPolicy{v1alpha1.GuardDisabled, v1alpha1.GuardEnabled} {
			if err := guard(ctx, s, policy); err != nil {
				return nil, err
			}
			times, err := measureLeavers(ctx, s, scim, fmt.Sprintf("single-%d-%d", turn, i), o.leavers/turns, 1)
			if err != nil {
				return nil, err
			}
			ways[i].sorted = append(ways[i].sorted, times...)
		}
	}
	for i := range ways {
		slices.Sort(ways[i].sorted)
	}
	var err error
	ways[2].sorted, err = measureLeavers(ctx, s, scim, "many", o.leavers, o.concurrency)
	return ways, err
}

// guard switches the removal guards of the directory and the application off, or on with limits that nobody reaches.
func guard(ctx context.Context, s *stack.Stack, policy v1alpha1.GuardPolicy) error {
	const limit = 1_000_000
	patch := fmt.Appendf(nil, `{"spec":{"removalGuard":{"policy":%q,"reversible":{"count":%d},"irreversible":{"count":%d}}}}`, policy, limit, limit)
	for _, o := range []client.Object{
		&v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: stack.SampleDirectory}},
		&v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Namespace: stack.SampleNamespace, Name: stack.SampleApplication}},
	} {
		if err := s.Client.Patch(ctx, o, client.RawPatch("application/merge-patch+json", patch)); err != nil {
			return fmt.Errorf("set the removal guard: %w", err)
		}
		if err := s.WaitReady(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// measureLeavers creates n users, waits for their RoleBindings, deactivates so many at a time, and returns the sorted times
// from each 2xx until a watch shows that the RoleBinding is gone.
func measureLeavers(ctx context.Context, s *stack.Stack, scim *idp.Client, prefix string, n, concurrency int) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, leaversTimeout)
	defer cancel()
	bindings, err := s.WatchBindings(ctx, stack.SampleTarget)
	if err != nil {
		return nil, err
	}
	ids, name := make([]string, n), func(i int) string { return fmt.Sprintf("%s-%d@acme.test", prefix, i) }
	_, err = meter.Timed(ctx, n, concurrency, func(ctx context.Context, i int) error {
		answer, err := scim.Post(ctx, idp.EntraUser(idp.Person{UserName: name(i)}))
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
		times[i], err = leave(ctx, scim, bindings, ids[i], name(i))
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

func leave(ctx context.Context, scim *idp.Client, bindings *stack.Bindings, id, userName string) (time.Duration, error) {
	answer, err := scim.Patch(ctx, id, idp.EntraPatch("active", false))
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
