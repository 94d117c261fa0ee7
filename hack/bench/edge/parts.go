// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/stack/stranger"
)

// bench is what every part needs.
type bench struct {
	*stack.Stack
	options
	client *idp.Client
	// host and path are those of the directory, user is somebody in it.
	host, path, user string
	tokens           []string
}

// part is what strangers do while the valid client is measured. It ends with its context, which is no error.
type part struct {
	name      string
	strangers func(ctx context.Context) (stranger.Answers, error)
}

// result is one line of the table.
type result struct {
	name    string
	valid   []time.Duration
	failed  int
	took    time.Duration
	answers stranger.Answers
	usage   meter.Usage
	asked   int
}

func measure(ctx context.Context, s *stack.Stack, o options) error {
	b, err := prepare(ctx, s, o)
	if err != nil {
		return err
	}
	nobody := func(ctx context.Context) (stranger.Answers, error) { <-ctx.Done(); return nil, nil }
	var results []result
	for _, p := range []part{
		{"valid client alone", nobody},
		{fmt.Sprintf("with %d wrong tokens a second", o.wrong), b.flood},
		{"alone again", nobody},
		{fmt.Sprintf("with %d half-open connections", o.halfOpen), b.loris},
	} {
		frame.Progress(p.name)
		one, err := b.measure(ctx, p)
		if err != nil {
			return err
		}
		results = append(results, one)
	}
	if err := b.askedByStrangers(ctx, &results[1]); err != nil {
		return err
	}
	printTable(results)
	return nil
}

func prepare(ctx context.Context, s *stack.Stack, o options) (*bench, error) {
	right, err := s.Acme(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Controller.Kill(); err != nil {
		return nil, err
	}
	base := s.Servers[0].BaseURL(stack.SampleNamespace, stack.SampleDirectory)
	at, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	other, err := token.New(rand.NewChaCha8([32]byte{7}))
	if err != nil {
		return nil, err
	}
	b := &bench{Stack: s, options: o, client: idp.New(base, right), host: at.Host, path: at.Path}
	// The first has a right checksum, and is looked up.
	b.tokens = []string{other.Reveal(), right[:len(right)-1] + "_", "garbage"}
	answer, err := b.client.Post(ctx, idp.OktaUser(idp.Person{UserName: "edge@acme.test", GivenName: "E", FamilyName: "D"}))
	if b.user = answer.ID(); err == nil && b.user == "" {
		err = fmt.Errorf("create a user: got %s", answer)
	}
	return b, err
}

// flood presents wrong tokens.
func (b *bench) flood(ctx context.Context) (stranger.Answers, error) {
	return stranger.Flood{Host: b.host, Path: b.path + "/Users", Tokens: b.tokens, Connections: b.connections, PerSecond: b.wrong}.Run(ctx)
}

// loris holds connections with half a request.
func (b *bench) loris(ctx context.Context) (stranger.Answers, error) {
	l := &stranger.Loris{Host: b.host, Connections: b.halfOpen, Beginning: "POST " + b.path + "/Users HTTP/1.1\r\nHost: scim\r\nX-"}
	return nil, l.Run(ctx)
}

// measure lets the valid client ask while the strangers of p do what they do.
func (b *bench) measure(ctx context.Context, p part) (result, error) {
	one := result{name: p.name}
	before, err := meter.ReadUsage(b.Servers[0].Pid())
	if err != nil {
		return one, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	during, stop := context.WithCancel(groupCtx)
	defer stop()
	start := time.Now()
	group.Go(func() (err error) { one.answers, err = p.strangers(during); return err })
	group.Go(func() error { defer stop(); return b.valid(groupCtx, &one) })
	err = group.Wait()
	one.took = time.Since(start)
	after, usageErr := meter.ReadUsage(b.Servers[0].Pid())
	one.usage = meter.Usage{Resident: after.Resident, CPU: after.CPU - before.CPU}
	slices.Sort(one.valid)
	return one, errors.Join(err, usageErr)
}

// valid asks at a fixed rate. The time of a request begins when it is due: one that waits for that before it waits too.
func (b *bench) valid(ctx context.Context, into *result) error {
	start := time.Now()
	for i := range int(b.duration.Seconds() * float64(b.perSecond)) {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(b.perSecond))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(due)):
		}
		answer, err := b.client.Get(ctx, "/Users/"+b.user)
		if err != nil {
			return err
		}
		if answer.Status != http.StatusOK {
			into.failed++
		}
		into.valid = append(into.valid, time.Since(due))
	}
	return nil
}

// askedByStrangers counts what the API server is asked for while there is nobody but strangers.
func (b *bench) askedByStrangers(ctx context.Context, of *result) error {
	frame.Progress("wrong tokens alone")
	before, err := b.asked(ctx)
	if err != nil {
		return err
	}
	flooding, stop := context.WithTimeout(ctx, b.duration/4)
	defer stop()
	if _, err := b.flood(flooding); err != nil {
		return err
	}
	after, err := b.asked(ctx)
	of.asked = after - before
	return err
}

// asked is how often the API server was asked for something of ours.
func (b *bench) asked(ctx context.Context) (n int, err error) {
	reads, err := b.Cluster.Reads(ctx)
	if err != nil {
		return 0, err
	}
	writes, err := b.Cluster.Writes(ctx)
	for _, requests := range []map[string]int{reads, writes} {
		for resource, count := range requests {
			if ours(resource) {
				n += count
			}
		}
	}
	return n, err
}
