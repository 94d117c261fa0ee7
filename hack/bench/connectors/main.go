// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command connectors measures how soon a real application does what an identity provider says, on one machine, in one run, one person after
// another, with the programs and the chart's settings:
//
//   - from the 201 of a POST until the account is in the application;
//   - from the 2xx of a PATCH active:false until the application itself refuses the login;
//   - from the 2xx of a PATCH active:true until the first login that works. Those whom the application wants to be given a password again are
//     counted and not measured.
//
// The application is asked again 2 ms after each answer, so that a login is part of each time. Everything shares the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/catalogue"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/story"
)

// patience bounds what is done with one person, which takes less than a second.
const patience = time.Minute

func main() {
	name := flag.String("app", "postgres", "the application: "+strings.Join(catalogue.Names(), ", "))
	n := flag.Int("n", 100, "how many people")
	flag.Parse()
	start, err := catalogue.Find(*name)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "connectors:", err)
		os.Exit(1)
	}
	frame.Main("connectors", stack.Options{ControllerArgs: story.ControllerArgs()}, func(ctx context.Context, s *stack.Stack) error {
		return measure(ctx, s, *name, start, *n)
	})
}

// times are what one way of acting took, sorted.
type times struct {
	what   string
	sorted []time.Duration
}

func measure(ctx context.Context, s *stack.Stack, name string, start catalogue.Start, n int) (err error) {
	app, err := start(ctx, apps.Options{Progress: frame.Progress})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Stop()) }()
	site, err := story.Set(ctx, s, app, story.Options{Namespace: stack.SampleNamespace, Application: name, Unguarded: true})
	if err != nil {
		return err
	}
	b := &bench{Site: site, people: make([]person, n)}
	joined, err := b.each(ctx, "create", b.join)
	if err != nil {
		return err
	}
	left, err := b.each(ctx, "deactivate", b.leave)
	if err != nil {
		return err
	}
	back, err := b.each(ctx, "reactivate", b.comeBack)
	if err != nil {
		return err
	}
	report(app.Title(), times{"201 of a POST to the account in the application", joined},
		times{"2xx of active:false to the refused login", left}, times{"2xx of active:true to a login that works", back})
	if b.welcomed > 0 {
		fmt.Printf("%d of %d had to be given a password again and are not measured\n", b.welcomed, n)
	}
	return nil
}

// bench has people come and go.
type bench struct {
	*story.Site

	people   []person
	welcomed int
}

// person is one with an account.
type person struct{ id, login string }

// each acts with one person after another and returns the sorted times of those whom it measured.
func (b *bench) each(ctx context.Context, what string, act func(ctx context.Context, i int) (took time.Duration, measured bool, err error)) ([]time.Duration, error) {
	frame.Progress(fmt.Sprintf("%s %d users, one at a time", what, len(b.people)))
	var all []time.Duration
	for i := range b.people {
		took, measured, err := b.one(ctx, i, act)
		if err != nil {
			return nil, b.Explain(fmt.Errorf("%s user %d: %w", what, i, err))
		}
		if measured {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return all, nil
}

func (b *bench) one(ctx context.Context, i int, act func(ctx context.Context, i int) (time.Duration, bool, error)) (time.Duration, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return act(ctx, i)
}

// join makes an account with which its holder can log in.
func (b *bench) join(ctx context.Context, i int) (took time.Duration, measured bool, err error) {
	p := idp.Person{UserName: fmt.Sprintf("user%d@acme.test", i), ExternalID: fmt.Sprint(i), GivenName: "Given", FamilyName: "Family"}
	who := &b.people[i]
	if who.id, who.login, took, err = b.Join(ctx, p); err != nil {
		return 0, false, err
	}
	if err := b.Welcome(ctx, who.login); err != nil {
		return 0, false, err
	}
	_, err = b.WaitLogin(ctx, who.id, who.login)
	return took, true, err
}

func (b *bench) leave(ctx context.Context, i int) (took time.Duration, measured bool, err error) {
	who := b.people[i]
	answered, err := b.Activate(ctx, who.id, false)
	if err != nil {
		return 0, false, err
	}
	err = b.WaitRefused(ctx, who.login)
	return time.Since(answered), true, err
}

func (b *bench) comeBack(ctx context.Context, i int) (took time.Duration, measured bool, err error) {
	who := b.people[i]
	answered, err := b.Activate(ctx, who.id, true)
	if err != nil {
		return 0, false, err
	}
	welcomed, err := b.WaitLogin(ctx, who.id, who.login)
	if welcomed {
		b.welcomed++
	}
	return time.Since(answered), !welcomed, err
}

func report(title string, all ...times) {
	const row = "%-68s %6s %12s %12s\n"
	fmt.Printf("\n"+row, strings.ToUpper(title)+", ONE AT A TIME", "N", "P50", "P99")
	for _, t := range all {
		fmt.Printf(row, t.what, fmt.Sprint(len(t.sorted)), meter.Milliseconds(meter.Percentile(t.sorted, 50)), meter.Milliseconds(meter.Percentile(t.sorted, 99)))
	}
}
