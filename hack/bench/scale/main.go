// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command scale measures a large group on one machine, in one run:
//
//   - the PUT of all members in one request, the PUT of the same, and the PUT of one in another's place, with the slices that each
//     writes;
//   - the GET of the group with and without its members;
//   - single adds, so many at a time, to that group and to groups of ten: the two take turns, so that both meet the same machine.
//     A group of ten is a new one each turn, or it would not stay small;
//   - how much an add makes etcd grow, from etcd's own metrics, and the memory of scim-server.
//
// The users are written as scim-server would write them. scim-controller is killed before, so that only what serves SCIM is
// measured. Everything shares the machine: ratios count, absolute times do not.
package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/bench/people"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// options are the flags.
type options struct {
	members, adds, concurrency int
	budget                     time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.members, "members", 50_000, "how many members the large group has")
	flag.IntVar(&o.adds, "adds", 10_000, "how many members are added to it one by one, and as many to groups of ten")
	flag.IntVar(&o.concurrency, "concurrency", 8, "how many adds are under way at a time")
	flag.DurationVar(&o.budget, "budget", 5*time.Minute, "when to stop adding, if that is sooner")
	flag.Parse()
	frame.Main("scale", stack.Options{}, func(ctx context.Context, s *stack.Stack) error { return measure(ctx, s, o) })
}

// site is what every measurement needs.
type site struct {
	*stack.Stack
	idp    *idp.Client
	etcd   *meter.Etcd
	people []string
}

func measure(ctx context.Context, s *stack.Stack, o options) error {
	w, err := prepare(ctx, s, o)
	if err != nil {
		return err
	}
	idle, err := memory(ctx, s.Servers[0])
	if err != nil {
		return err
	}
	frame.Progress(fmt.Sprintf("put a group of %d members, and read it", o.members))
	whole, err := measureWhole(ctx, w, o.members)
	if err != nil {
		return err
	}
	frame.Progress(fmt.Sprintf("add up to %d members one by one, to that group and to groups of ten", o.adds))
	large, small, err := measureAdds(ctx, w, whole.group, o)
	if err != nil {
		return err
	}
	used, err := memory(ctx, s.Servers[0])
	if err != nil {
		return err
	}
	whole.print(o.members)
	printAdds(large, small, o)
	fmt.Printf("\n%-58s %12s\n", "MEMORY OF SCIM-SERVER (RESIDENT)", "MIB")
	fmt.Printf("%-58s %12d\n", fmt.Sprintf("%d users, no group", len(w.people)), idle)
	fmt.Printf("%-58s %12d\n", "greatest during the PUTs and GETs of the group", whole.memory)
	fmt.Printf("%-58s %12d\n", "after the single adds", used)
	return nil
}

// prepare makes a directory and its users.
func prepare(ctx context.Context, s *stack.Stack, o options) (*site, error) {
	token, err := s.Acme(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Controller.Kill(); err != nil {
		return nil, err
	}
	w := &site{Stack: s, idp: idp.New(s.Servers[0].BaseURL(stack.SampleNamespace, stack.SampleDirectory), token)}
	if w.etcd, err = meter.NewEtcd(ctx, s.Cluster.Etcd().Pid()); err != nil {
		return nil, err
	}
	frame.Progress(fmt.Sprintf("write %d users", o.members+o.adds))
	writer, err := people.NewWriter(ctx, s)
	if err != nil {
		return nil, err
	}
	writer.Progress = frame.Progress
	w.people, err = writer.WriteAll(ctx, 0, o.members+o.adds)
	return w, err
}
