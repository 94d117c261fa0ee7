// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/bench/frame"
	"github.com/scim-operator/scim-operator/hack/bench/meter"
	"github.com/scim-operator/scim-operator/hack/bench/people"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	// catchUpTimeout bounds the wait until the server has seen what was written, which takes a moment.
	catchUpTimeout = 5 * time.Minute
	// restartTimeout bounds a start of the server.
	restartTimeout = 10 * time.Minute
)

// bench is what every measurement needs.
type bench struct {
	*stack.Stack
	options options
	server  *stack.Program
	target  target
	writer  *people.Writer
	cost    *costs
	// people are those that were written; arrivals those that were posted.
	people   population
	arrivals newcomers
	report   report
}

func prepare(ctx context.Context, s *stack.Stack, o options) (*bench, error) {
	token, err := s.Acme(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Controller.Kill(); err != nil {
		return nil, err
	}
	b := &bench{Stack: s, options: o, server: s.Servers[0], target: newTarget(s.Servers[0], token)}
	if b.cost, err = newCosts(ctx, s); err != nil {
		return nil, err
	}
	if b.writer, err = people.NewWriter(ctx, s); err != nil {
		return nil, err
	}
	b.writer.Progress = frame.Progress
	first, err := people.Check(ctx, s, idp.New(b.server.BaseURL(stack.SampleNamespace, stack.SampleDirectory), token), 0)
	b.people = population{ids: []string{first}, total: 1}
	return b, err
}

// phase measures everything with n users.
func (b *bench) phase(ctx context.Context, n int) error {
	if err := b.load(ctx, n); err != nil {
		return err
	}
	b.report.begin(n)
	if err := b.idle(ctx, "idle after the users were written"); err != nil {
		return err
	}
	if err := b.measureAll(ctx); err != nil {
		return err
	}
	if err := b.note(ctx, "after the requests above, peak under them"); err != nil {
		return err
	}
	return b.measureStarts(ctx)
}

// load writes as many users as are missing and waits until the server has them.
func (b *bench) load(ctx context.Context, n int) error {
	missing := n - b.people.total
	frame.Progress(fmt.Sprintf("write %d users, to make them %d", max(0, missing), max(n, b.people.total)))
	start := time.Now()
	ids, err := b.writer.WriteAll(ctx, people.Person(len(b.people.ids)), max(0, missing))
	if err != nil {
		return err
	}
	b.people.ids, b.people.total = append(b.people.ids, ids...), b.people.total+len(ids)
	frame.Progress(fmt.Sprintf("written in %s", time.Since(start).Round(time.Second)))
	return b.catchUp(ctx)
}

// catchUp waits until the server counts all users.
func (b *bench) catchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	last := -1
	err := stack.Poll(ctx, func(context.Context) (bool, error) {
		var err error
		last, err = b.count()
		return last == b.people.total, err
	})
	if err != nil {
		return fmt.Errorf("wait until the server has %d users (it has %d): %w", b.people.total, last, err)
	}
	return nil
}

// count asks the server how many users there are.
func (b *bench) count() (int, error) {
	found, err := b.ask(b.target.request(nil, http.MethodGet, "/Users?count=0", nil), http.StatusOK)
	return found.TotalResults, err
}

// ask sends one request over a connection of its own.
func (b *bench) ask(request []byte, want int) (found answer, err error) {
	w, err := b.target.dial()
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = w.conn.Close() }()
	status, err := w.do(request)
	if err != nil {
		return answer{}, err
	}
	if status != want {
		return answer{}, &unexpected{status: status, body: w.body.String()}
	}
	return found, json.Unmarshal(w.body.Bytes(), &found)
}

// unexpected is an answer of another status than was expected.
type unexpected struct {
	status int
	body   string
}

func (u *unexpected) Error() string { return fmt.Sprintf("got %d %.200s", u.status, u.body) }

// measureStarts restarts the server some times. What counts is the time from the start of the process to the first 200 of
// /readyz, which is asked every 50 ms.
func (b *bench) measureStarts(ctx context.Context) error {
	for i := range b.options.restarts {
		frame.Progress(fmt.Sprintf("restart scim-server, %d of %d", i+1, b.options.restarts))
		if err := b.server.Kill(); err != nil {
			return err
		}
		if err := b.start(ctx); err != nil {
			return err
		}
	}
	if b.options.restarts == 0 {
		return nil
	}
	return b.idle(ctx, "idle after a start")
}

func (b *bench) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	start := time.Now()
	if err := b.server.Restart(ctx); err != nil {
		return err
	}
	took := time.Since(start)
	usage, err := meter.ReadUsage(b.server.Pid())
	if err != nil {
		return err
	}
	b.report.started(took, usage)
	has, err := b.count()
	if err == nil && has != b.people.total {
		err = fmt.Errorf("it has %d users, want %d", has, b.people.total)
	}
	if err != nil {
		return fmt.Errorf("the server says that it is ready and is not: %w", err)
	}
	return nil
}

// idle notes the memory once the garbage of what was before is collected, and lets the peak begin anew.
func (b *bench) idle(ctx context.Context, when string) error {
	frame.Progress(fmt.Sprintf("leave scim-server alone for %s", b.options.settle))
	select {
	case <-time.After(b.options.settle):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := b.note(ctx, when); err != nil {
		return err
	}
	return meter.ResetPeak(b.server.Pid())
}

// note takes down the memory of the server.
func (b *bench) note(ctx context.Context, when string) error {
	usage, err := meter.ReadUsage(b.server.Pid())
	if err != nil {
		return err
	}
	database, err := b.cost.etcd.Read(ctx)
	if err != nil {
		return err
	}
	b.report.remember(memory{when: when, users: b.people.total, usage: usage, heap: heapInUse(ctx, b.server), database: int64(database[meter.InUse])})
	return nil
}
