// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// giveAll makes the grants and waits until everybody has both accounts. Somebody leaves meanwhile.
func (b *bench) giveAll(ctx context.Context) error {
	idle, _, err := b.memory()
	if err != nil {
		return err
	}
	b.note("memory of scim-controller, users without accounts", "%d MiB", idle)
	if err := meter.ResetPeak(b.Controller.Pid()); err != nil {
		return err
	}
	bound, err := b.count(ctx, stack.SampleTarget, secondTarget)
	if err != nil {
		return err
	}
	before, err := b.writes(ctx)
	if err != nil {
		return err
	}
	frame.Progress("make the grants")
	start := time.Now()
	for _, application := range []string{stack.SampleApplication, second} {
		everyone := grant(b.meta("all-"+application), application, v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone})
		if err := b.Client.Create(ctx, everyone); err != nil {
			return err
		}
	}
	if err := bound.wait(ctx, func(c counts) bool { return c.added > 0 }); err != nil {
		return err
	}
	b.note("time to the first account", "%s", meter.Milliseconds(time.Since(start)))
	if err := b.leave(ctx, bound); err != nil {
		return err
	}
	if err := bound.wait(ctx, func(c counts) bool { return c.added >= 2*b.users }); err != nil {
		return err
	}
	took := time.Since(start)
	b.note("time to all accounts", "%.1f s", took.Seconds())
	b.note("accounts a second", "%.0f", float64(2*b.users)/took.Seconds())
	return b.costs(ctx, start, before)
}

// leave deactivates somebody while all others wait.
func (b *bench) leave(ctx context.Context, bound *counter) error {
	answer, err := b.idp.Patch(ctx, b.leaver, idp.OktaPatch(false))
	if err == nil && answer.Status != http.StatusOK {
		err = fmt.Errorf("deactivate the leaver: got %s", answer)
	}
	if err != nil {
		return err
	}
	answered, came := time.Now(), bound.now().added
	if err := bound.wait(ctx, func(c counts) bool { return c.removed > 0 }); err != nil {
		return err
	}
	took, waiting := time.Since(answered), 2*b.users-came
	came = bound.now().addedAtRemoval - came
	b.note(fmt.Sprintf("came in before the leaver was out, of %d who waited", waiting), "%d (%.2f %%), after %s", came, 100*float64(came)/float64(waiting), meter.Milliseconds(took))
	return nil
}

// costs waits until the statuses are written too.
func (b *bench) costs(ctx context.Context, start time.Time, before map[string]int) error {
	last, err := b.untilQuiet(ctx)
	if err != nil {
		return err
	}
	b.note("time to the last status", "%.1f s", last.Sub(start).Seconds())
	after, err := b.writes(ctx)
	if err != nil {
		return err
	}
	total := 0
	for _, resource := range slices.Sorted(maps.Keys(after)) {
		if n := after[resource] - before[resource]; n > 0 {
			total += n
			b.note("writes for each account: "+resource, "%.3f", float64(n)/float64(2*b.users))
		}
	}
	b.note("writes for each account, all", "%.3f", float64(total)/float64(2*b.users))
	resident, peak, err := b.memory()
	b.note("memory of scim-controller, at its peak and afterwards", "%d MiB, %d MiB", peak, resident)
	return err
}

// restart starts the controller anew, which has nothing to do.
func (b *bench) restart(ctx context.Context) error {
	frame.Progress("kill and restart the controller")
	before, err := b.writes(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := b.Controller.Restart(ctx); err != nil {
		return err
	}
	b.note("time from kill to ready", "%.1f s", time.Since(start).Seconds())
	fence, err := b.fence(ctx)
	if err != nil {
		return err
	}
	b.note("time from kill until a user who comes then has both accounts", "%.1f s", fence.Sub(start).Seconds())
	if _, err := b.untilQuiet(ctx); err != nil {
		return err
	}
	after, err := b.writes(ctx)
	b.note("writes of the restart, those for that user among them", "%d", sum(after)-sum(before))
	_, peak, memoryErr := b.memory()
	b.note("memory of scim-controller after the restart, at its peak", "%d MiB", peak)
	if err == nil {
		err = memoryErr
	}
	return err
}

// fence lets somebody come and waits for both accounts.
func (b *bench) fence(ctx context.Context) (time.Time, error) {
	bound, err := b.count(ctx, stack.SampleTarget, secondTarget)
	if err != nil {
		return time.Time{}, err
	}
	answer, err := b.idp.Post(ctx, idp.EntraUser(idp.Person{UserName: "fence@acme.test"}))
	if err != nil || answer.ID() == "" {
		return time.Time{}, fmt.Errorf("post: %s, %w", answer, err)
	}
	err = bound.wait(ctx, func(c counts) bool { return c.added >= 2 })
	return time.Now(), err
}

// steadyState watches for a while what is written and read when nothing happens.
func (b *bench) steadyState(ctx context.Context) error {
	if b.steady == 0 {
		return nil
	}
	frame.Progress(fmt.Sprintf("leave it alone for %s", b.steady))
	writes, err := b.writes(ctx)
	if err != nil {
		return err
	}
	reads, err := b.reads(ctx)
	if err != nil {
		return err
	}
	timer := time.NewTimer(b.steady)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := b.writes(ctx)
	if err != nil {
		return err
	}
	readsAfter, err := b.reads(ctx)
	b.note(fmt.Sprintf("writes in %s of a steady state", b.steady), "%d", sum(after)-sum(writes))
	b.note("readings of the applications in that time, for each account", "%.2f", float64(readsAfter-reads)/float64(2*b.users))
	if err == nil && sum(after) != sum(writes) {
		err = fmt.Errorf("a steady state wrote: before %v, after %v", writes, after)
	}
	return err
}

func sum(of map[string]int) (total int) {
	for _, n := range of {
		total += n
	}
	return total
}

// reads counts the GETs and LISTs of RoleBindings: the controller reads them, and nobody else does.
func (b *bench) reads(ctx context.Context) (int, error) {
	reads, err := b.Cluster.Reads(ctx)
	return reads["rbac.authorization.k8s.io/rolebindings"], err
}
