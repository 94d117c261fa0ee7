// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/hack/bench/meter"
)

// report is all that was measured.
type report struct {
	phases []phase
}

// phase is what was measured with one number of users.
type phase struct {
	users    int
	results  []result
	starts   []start
	memories []memory
}

// start is one start of the server.
type start struct {
	took  time.Duration
	usage meter.Usage
}

// memory is that of the server at one moment, with the size of etcd's database; in bytes.
type memory struct {
	when           string
	users          int
	usage          meter.Usage
	heap, database int64
}

func (r *report) begin(users int) { r.phases = append(r.phases, phase{users: users}) }

func (r *report) last() *phase { return &r.phases[len(r.phases)-1] }

func (r *report) measured(what result) { r.last().results = append(r.last().results, what) }

func (r *report) remember(m memory) { r.last().memories = append(r.last().memories, m) }

func (r *report) started(took time.Duration, usage meter.Usage) {
	r.last().starts = append(r.last().starts, start{took, usage})
}

// failure tells of wrong answers.
func (r *report) failure() error {
	var errs []error
	for _, p := range r.phases {
		for _, result := range p.results {
			if result.failures > 0 {
				errs = append(errs, fmt.Errorf("%s, with %d users: %d wrong answers, one of them: %w", result.kind, p.users, result.failures, result.failure))
			}
		}
	}
	return errors.Join(errs...)
}

// write prints the tables, and writes them to a file where one was asked for.
func (r *report) write(o options) error {
	text := r.markdown(o)
	fmt.Print("\n", text)
	if o.out == "" {
		return nil
	}
	return os.WriteFile(o.out, []byte(text), 0o600)
}

func (r *report) markdown(o options) string {
	var b strings.Builder
	for _, p := range r.phases {
		p.writeRequests(&b, o)
	}
	row(&b, "memory of scim-server, MiB", "users", "resident", "peak", "heap in use", "etcd's database")
	row(&b, "---", "---:", "---:", "---:", "---:", "---:")
	for _, p := range r.phases {
		for _, m := range p.memories {
			row(&b, m.when, fmt.Sprint(m.users), mebibytes(m.usage.Resident), mebibytes(m.usage.Peak), mebibytes(m.heap), mebibytes(m.database))
		}
	}
	b.WriteString("\n")
	row(&b, "start of scim-server, to ready", "ms", "resident MiB", "peak MiB", "CPU s")
	row(&b, "---", "---:", "---:", "---:", "---:")
	for _, p := range r.phases {
		for _, s := range p.starts {
			row(&b, fmt.Sprintf("with %d users and more", p.users), milliseconds(s.took), mebibytes(s.usage.Resident), mebibytes(s.usage.Peak),
				fmt.Sprintf("%.1f", s.usage.CPU.Seconds()))
		}
	}
	return b.String()
}

func (p *phase) writeRequests(b *strings.Builder, o options) {
	fmt.Fprintf(b, "%d users, %s for each kind of request:\n\n", p.users, o.seconds)
	row(b, "request", "at a time", "req/s", "p50 ms", "p99 ms", "requests", "errors", "API calls each", "server CPU s/1000", "API server and etcd", "client")
	row(b, "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:")
	for _, r := range p.results {
		row(b, r.cells()...)
	}
	b.WriteString("\n")
}

// cells are those of one row.
func (r *result) cells() []string {
	if r.refused != 0 {
		return []string{r.kind, fmt.Sprint(r.workers), fmt.Sprintf("n/a (%d)", r.refused), "", "", "", "", "", "", "", ""}
	}
	n := float64(len(r.times))
	each := func(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000/n) }
	return []string{
		r.kind, fmt.Sprint(r.workers), fmt.Sprintf("%.1f", n/r.took.Seconds()),
		milliseconds(meter.Percentile(r.times, 50)), milliseconds(meter.Percentile(r.times, 99)),
		fmt.Sprint(len(r.times)), fmt.Sprint(r.failures), fmt.Sprintf("%.2f", float64(r.spent.calls)/n),
		each(r.spent.server), each(r.spent.cluster), each(r.spent.client),
	}
}

func row(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
}

// mebibytes of nothing are unknown.
func mebibytes(bytes int64) string {
	if bytes == 0 {
		return "n/a"
	}
	return fmt.Sprintf("%.0f", float64(bytes)/(1<<20))
}
