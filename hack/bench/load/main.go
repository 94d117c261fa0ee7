// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command load measures one scim-server with few and with many users, on one machine, in one run:
//
//   - every kind of request over connections that stay open, as many at a time with few users as with many: how many a second, how
//     long each took, how much processor time it cost and how many requests it made the API server answer;
//   - the memory of scim-server, and the time from the start of its process until /readyz answers 200.
//
// The many users are written as scim-server would write them. scim-controller is killed before, so that only what serves SCIM is
// measured. Client, server, API server and etcd share the machine: compare the columns of one run, not those of two machines.
// Any answer but the expected one fails the run, after the table was written.
package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// options are the flags.
type options struct {
	few, users, concurrency, scans, restarts int
	seconds, settle                          time.Duration
	memory, out, profiles                    string
	// race is for the test, whose programs are built already with the race detector; it is no flag.
	race bool
}

func main() {
	o := parseOptions()
	frame.Main("load", settings(o), func(ctx context.Context, s *stack.Stack) error { return measure(ctx, s, o) })
}

func parseOptions() options {
	var o options
	var seconds, settle float64
	flag.IntVar(&o.few, "few", 10, "how many users there are at first")
	flag.IntVar(&o.users, "users", 100_000, "how many users there are then")
	flag.IntVar(&o.concurrency, "concurrency", 16, "how many requests are under way at a time")
	flag.IntVar(&o.scans, "scans", 0, "how many requests are under way at a time that may have to look at every user; 0 means as many")
	flag.IntVar(&o.restarts, "restarts", 3, "how often the time until ready is measured")
	flag.Float64Var(&seconds, "seconds", 8, "how long each kind of request is measured")
	flag.Float64Var(&settle, "settle", 130, "how many seconds the server is left alone before its idle memory is read; Go collects every two minutes")
	flag.StringVar(&o.memory, "memory", "3GiB", "GOMEMLIMIT of scim-server; empty means that of the chart")
	flag.StringVar(&o.out, "out", "", "file for the tables in Markdown; they are printed too")
	flag.StringVar(&o.profiles, "profiles", "", "directory for a processor profile of scim-server under each kind of request with many users; needs perf")
	flag.Parse()
	o.seconds, o.settle = time.Duration(seconds*float64(time.Second)), time.Duration(settle*float64(time.Second))
	return o
}

func settings(o options) stack.Options {
	settings := stack.Options{Race: o.race}
	if o.memory != "" {
		settings.Values = []string{"server.goMemLimit=" + o.memory}
	}
	return settings
}

// measure writes the tables of what there is also when something failed.
func measure(ctx context.Context, s *stack.Stack, o options) error {
	b, err := prepare(ctx, s, o)
	if err != nil {
		return err
	}
	for _, n := range []int{o.few, o.users} {
		if err = b.phase(ctx, n); err != nil {
			break
		}
	}
	return errors.Join(err, b.report.write(o), b.report.failure())
}
