// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures the product on one machine, in one run:
//
//   - users created by SCIM per second, against the same objects (a ScimName and a ScimUser each) created through the API
//     server alone by as many clients; the controller rests meanwhile, so that both have the machine to themselves;
//   - the time from the 2xx of a PATCH active:false to the removal of the RoleBinding, one leaver at a time and many at once, and
//     one at a time again with removal guards that count them.
//
// The programs, the API server, etcd and the client share the machine: ratios count, absolute rates do not.
package main

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// options are the flags.
type options struct {
	users, concurrency, rounds, leavers int
}

func main() {
	var o options
	flag.IntVar(&o.users, "users", 300, "how many users each round creates, by SCIM and again through the API server")
	flag.IntVar(&o.concurrency, "concurrency", 16, "how many requests are under way at a time")
	flag.IntVar(&o.rounds, "rounds", 4, "how many rounds; the two ways take turns")
	flag.IntVar(&o.leavers, "leavers", 200, "how many users are deactivated in each way")
	flag.Parse()
	settings := stack.Options{
		ControllerManager: true, ControllerArgs: []string{"--leader-elect=false"}, // it is killed, and its Lease would have to run out
	}
	frame.Main("bench", settings, func(ctx context.Context, s *stack.Stack) error { return measure(ctx, s, o) })
}

func measure(ctx context.Context, s *stack.Stack, o options) error {
	token, err := s.Acme(ctx)
	if err != nil {
		return err
	}
	client := idp.New(s.Servers[0].BaseURL(stack.SampleNamespace, stack.SampleDirectory), token)
	times, err := measureAllLeavers(ctx, s, client, o)
	if err != nil {
		return err
	}
	frame.Progress(fmt.Sprintf("create %d users by SCIM and as many through the API server, %d at a time", o.rounds*o.users, o.concurrency))
	rates, err := compareCreation(ctx, s, client, o)
	if err != nil {
		return err
	}
	const row = "%-52s %12s %12s\n"
	fmt.Printf("\n"+row, fmt.Sprintf("CREATED PER SECOND, %d AT A TIME", o.concurrency), "USERS/S", "RATIO")
	fmt.Printf(row, "SCIM POST", fmt.Sprintf("%.0f", rates.scim), fmt.Sprintf("%.2f", rates.scim/rates.raw))
	fmt.Printf(row, "ScimName + ScimUser through the API server", fmt.Sprintf("%.0f", rates.raw), "1")
	fmt.Printf("\n"+row, "2xx OF active:false TO REMOVAL OF THE ROLEBINDING", "P50", "P99")
	for _, way := range times {
		fmt.Printf(row, way.what, milliseconds(way.sorted, 50), milliseconds(way.sorted, 99))
	}
	return nil
}

func milliseconds(sorted []time.Duration, percent int) string {
	return fmt.Sprintf("%.0f ms", float64(meter.Percentile(sorted, percent))/float64(time.Millisecond))
}
