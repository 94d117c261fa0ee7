// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/hack/bench/frame"
)

// tooMany wrong answers in a row end a worker: it would only measure how fast the server refuses.
const tooMany = 20

// measureAll measures every kind of request and counts the users that it made.
func (b *bench) measureAll(ctx context.Context) error {
	before := b.arrivals.last.Load()
	wrong := 0
	for _, k := range kinds(b.target, b.people, &b.arrivals) {
		frame.Progress(fmt.Sprintf("%s, with %d users", k.name, b.people.total))
		r, err := b.measureKind(ctx, k)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		wrong += r.failures
		b.report.measured(r)
	}
	b.people.total += int(b.arrivals.last.Load() - before)
	if wrong > 0 { // nobody knows which were posted
		var err error
		b.people.total, err = b.count()
		return err
	}
	return b.catchUp(ctx)
}

// result is what was measured of one kind of request.
type result struct {
	kind    string
	workers int
	// refused is the status of a kind that the server does not know; 0 otherwise.
	refused int
	// times are sorted. failures is how many of them were wrong answers, failure is one of those.
	times    []time.Duration
	failures int
	failure  error
	took     time.Duration
	spent    spent
}

func (b *bench) measureKind(ctx context.Context, k kind) (result, error) {
	r := result{kind: k.name, workers: b.workers(k)}
	found, err := b.ask(k.source(0)(nil, nil), k.status)
	var other *unexpected
	if k.optional && errors.As(err, &other) && other.status < http.StatusInternalServerError {
		r.refused = other.status
		return r, nil
	}
	if err == nil {
		err = k.check(found)
	}
	if err != nil {
		return r, err
	}
	before, err := b.cost.read(ctx, b.server)
	if err != nil {
		return r, err
	}
	stop := b.profile(ctx, k)
	r.run(ctx, b, k)
	stop()
	after, err := b.cost.read(ctx, b.server)
	r.spent = after.minus(before)
	slices.Sort(r.times)
	return r, errors.Join(err, ctx.Err())
}

func (b *bench) workers(k kind) int {
	n := b.options.concurrency
	if k.scans && b.options.scans > 0 {
		n = min(n, b.options.scans)
	}
	if k.own {
		n = min(n, len(b.people.ids))
	}
	return n
}

// run lets all workers send requests until the time is over. The last ones are waited for, and count.
func (r *result) run(ctx context.Context, b *bench, k kind) {
	workers := make([]worker, r.workers)
	start := time.Now()
	until := start.Add(b.options.seconds)
	var group errgroup.Group
	for i := range workers {
		group.Go(func() error {
			workers[i].run(ctx, b.target, k.source(i), k.status, until)
			return nil
		})
	}
	_ = group.Wait() // the workers keep their errors
	r.took = time.Since(start)
	for _, w := range workers {
		r.times = append(r.times, w.times...)
		r.failures += w.failures
		if r.failure == nil {
			r.failure = w.failure
		}
	}
}

// worker sends one request after the other over one connection.
type worker struct {
	times    []time.Duration
	failures int
	failure  error
}

func (w *worker) run(ctx context.Context, t target, next source, want int, until time.Time) {
	var (
		line   *wire
		buffer []byte
		inARow int
	)
	for time.Now().Before(until) && ctx.Err() == nil && inARow < tooMany {
		if line == nil {
			var err error
			if line, err = t.dial(); err != nil {
				w.fail(err)
				return
			}
		}
		buffer = next(buffer[:0], line.body.Bytes())
		start := time.Now()
		status, err := line.do(buffer)
		w.times = append(w.times, time.Since(start))
		switch {
		case err != nil:
			w.fail(err)
			_ = line.conn.Close()
			line = nil
			inARow++
		case status != want:
			w.fail(&unexpected{status: status, body: line.body.String()})
			inARow++
		default:
			inARow = 0
		}
	}
	if line != nil {
		_ = line.conn.Close()
	}
}

func (w *worker) fail(err error) {
	w.failures++
	if w.failure == nil {
		w.failure = err
	}
}
