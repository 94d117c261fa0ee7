// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// TestSuiteCatches runs the suite against every defect and wants it to fail where it must.
func TestSuiteCatches(t *testing.T) {
	for name, d := range defects() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject := memorySubject(func(m *Memory) connector.Connector {
				b := &broken{Memory: m}
				d.damage(b)
				return b
			})
			for _, c := range checks() {
				if !slices.Contains(d.caught, c.name) {
					continue
				}
				if complaints := rehearse(t, short, c, subject); len(complaints) == 0 {
					t.Errorf("%s found nothing wrong", c.name)
				}
			}
		})
	}
}

// TestSoundConnectorRehearses keeps the rehearsals honest: what they complain of in a defect is the defect, and not the rehearsal.
func TestSoundConnectorRehearses(t *testing.T) {
	subject := memorySubject(func(m *Memory) connector.Connector { return m })
	for _, c := range checks() {
		if complaints := rehearse(t, long, c, subject); len(complaints) > 0 {
			t.Errorf("%s: %v", c.name, complaints)
		}
	}
}

// TestEveryCheckCatchesSomething keeps checks honest: one that no defect can fail proves nothing.
func TestEveryCheckCatchesSomething(t *testing.T) {
	var caught []string
	for _, d := range defects() {
		caught = append(caught, d.caught...)
	}
	for _, c := range checks() {
		if !slices.Contains(caught, c.name) {
			t.Errorf("no defect is caught by %s", c.name)
		}
	}
	for _, name := range caught {
		if !slices.ContainsFunc(checks(), func(c check) bool { return c.name == name }) {
			t.Errorf("there is no check %s", name)
		}
	}
}

// TestSuiteWantsACompleteSubject checks that a subject cannot pass by leaving hooks out.
func TestSuiteWantsACompleteSubject(t *testing.T) {
	for name, tc := range map[string]struct {
		check  string
		remove func(*Subject, *System)
	}{
		"Roles":   {"ObserveNothing", func(_ *Subject, s *System) { s.Roles = s.Roles[:2] }},
		"Damage":  {"Drift", func(_ *Subject, s *System) { s.Damage = nil }},
		"Foreign": {"Foreign", func(_ *Subject, s *System) { s.Foreign = nil }},
		"Failing": {"Failing", func(s *Subject, _ *System) { s.Failing = nil }},
		"Writes":  {"ApplyTwice", func(_ *Subject, s *System) { s.Writes = func() int { return 0 } }},
		"Calls":   {"SuspendMany", func(_ *Subject, s *System) { s.Calls = func() int { return 0 } }},
		"Most":    {"SuspendMany", func(_ *Subject, s *System) { s.MostConnections = func() int { return 0 } }},
		"Max":     {"SuspendMany", func(_ *Subject, s *System) { s.MaxConnections = 0 }},
		"CountOf": {"FaultsCreate", func(_ *Subject, s *System) {
			s.CountOf, s.Connector = nil, struct{ connector.Connector }{s.Connector}
			s.Profile = nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			subject := memorySubject(func(m *Memory) connector.Connector { return m })
			complete := subject.New
			subject.New = func(t testing.TB) System {
				s := complete(t)
				tc.remove(&subject, &s)
				return s
			}
			tc.remove(&subject, &System{Roles: []string{"a", "b", "c"}})
			index := slices.IndexFunc(checks(), func(c check) bool { return c.name == tc.check })
			if len(rehearse(t, short, checks()[index], subject)) == 0 {
				t.Errorf("%s passed without %s", tc.check, name)
			}
		})
	}
}

const (
	// short is how long a rehearsal with a broken connector goes on: some checks wait for what never comes.
	short = time.Second
	// long is more than a sound connector needs on a machine that does ten other things.
	long = 30 * time.Second
)

// rehearse runs a check for that long at most and returns what it complained about.
func rehearse(t *testing.T, patience time.Duration, c check, s Subject) []string {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stage := &recorder{TB: t, ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(stage, s)
	}()
	<-done
	stage.mu.Lock()
	defer stage.mu.Unlock()
	return stage.complaints
}

// recorder is a test that notes its failures and is none. Its context ends soon, so that checks which wait for what a
// broken connector never does give up.
type recorder struct {
	testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Helper()                  {}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.complaints) > 0
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.complaints = append(r.complaints, fmt.Sprintf(format, args...))
}

func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }
