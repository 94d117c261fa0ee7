// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
)

const (
	// turn is how many members are added before the other kind of group has its turn.
	turn = 50
	// smallGroup is how many members the other kind of group has at first.
	smallGroup = 10
)

// adds is what was measured of single adds to one kind of group.
type adds struct {
	times []time.Duration
	took  time.Duration
	grown growth
}

// measureAdds adds members to the large group and to small ones by turns, until there are enough or the time is over.
func measureAdds(ctx context.Context, w *site, group string, o options) (large, small adds, err error) {
	until := time.Now().Add(o.budget)
	newcomers := w.people[len(w.people)-o.adds:]
	for number := 0; len(newcomers) > 0 && time.Now().Before(until); number++ {
		some := newcomers[:min(turn, len(newcomers))]
		newcomers = newcomers[len(some):]
		if err := large.add(ctx, w, group, some, o.concurrency); err != nil {
			return large, small, err
		}
		answer, err := w.idp.PostGroup(ctx, idp.Group(fmt.Sprintf("Small %d", number), w.people[:smallGroup]...))
		if err == nil && answer.Status != http.StatusCreated {
			err = fmt.Errorf("post group: got %s", answer)
		}
		if err == nil {
			err = small.add(ctx, w, answer.ID(), some, o.concurrency)
		}
		if err != nil {
			return large, small, err
		}
	}
	slices.Sort(large.times)
	slices.Sort(small.times)
	return large, small, nil
}

func (a *adds) add(ctx context.Context, w *site, group string, people []string, concurrency int) error {
	before, err := w.etcd.Read(ctx)
	if err != nil {
		return err
	}
	times := make([]time.Duration, len(people))
	took, err := meter.Timed(ctx, len(people), concurrency, func(ctx context.Context, i int) error {
		start := time.Now()
		answer, err := w.idp.PatchGroup(ctx, group, idp.EntraAdd(people[i]))
		times[i] = time.Since(start)
		if err == nil && answer.Status != http.StatusNoContent {
			err = fmt.Errorf("add member: got %s", answer)
		}
		return err
	})
	if err != nil {
		return err
	}
	after, err := w.etcd.Read(ctx)
	if err != nil {
		return err
	}
	a.times, a.took = append(a.times, times...), a.took+took
	a.grown.add(before, after, len(people))
	return nil
}

func printAdds(large, small adds, o options) {
	const row = "%-30s %9s %9s %9s %9s %13s %13s %13s\n"
	fmt.Printf("\n"+row, fmt.Sprintf("SINGLE ADDS, %d AT A TIME", o.concurrency), "ADDS", "ADDS/S", "P50", "P99", "PUTS PER ADD", "B PUT/ADD", "DB B/ADD")
	for _, r := range []struct {
		what string
		adds
	}{{fmt.Sprintf("to a group of %d", o.members), large}, {fmt.Sprintf("to groups of %d", smallGroup), small}} {
		n := float64(len(r.times))
		fmt.Printf(row, r.what, fmt.Sprint(len(r.times)), fmt.Sprintf("%.0f", n/r.took.Seconds()),
			meter.Milliseconds(meter.Percentile(r.times, 50)), meter.Milliseconds(meter.Percentile(r.times, 99)),
			fmt.Sprintf("%.2f", r.grown.puts/n), fmt.Sprintf("%.0f", r.grown.bytes/n), r.grown.database())
	}
	fmt.Printf("%-30s %9s %9.2f %9.2f\n", "large : small", "", ratio(small.took, large.took), ratio(meter.Percentile(large.times, 50), meter.Percentile(small.times, 50)))
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
