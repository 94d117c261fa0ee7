// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"fmt"
	"slices"
)

// Verb names a method of a connector.
type Verb string

// The verbs of [connector.Connector] and of what a connector may be beside.
const (
	VerbObserve Verb = "Observe"
	VerbApply   Verb = "Apply"
	VerbDelete  Verb = "Delete"
	VerbProbe   Verb = "Probe"
	VerbFind    Verb = "Find"
	VerbAdopt   Verb = "Adopt"
	VerbList    Verb = "List"
	VerbRevoke  Verb = "Revoke"
)

// Writes says whether the verb may change something in the application.
func (v Verb) Writes() bool {
	switch v {
	case VerbApply, VerbDelete, VerbAdopt, VerbRevoke:
		return true
	default:
		return false
	}
}

// Call is one call of a [Memory].
type Call struct {
	// Verb is the method. A List is one call, however many pages it reads.
	Verb Verb
	// Owner is whose account it was about, empty for Probe, Find and List.
	Owner string
	// Changed says that it changed something in the application.
	Changed bool
}

// traffic is what a Memory remembers of its calls, guarded by Memory.mu.
type traffic struct {
	calls   []*Call
	before  func(context.Context, Call) error
	after   func(context.Context, Call) error
	running int
	most    int
}

// Calls returns every call since the beginning or [Memory.ForgetCalls], in the order in which they arrived.
func (m *Memory) Calls() []Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := make([]Call, len(m.traffic.calls))
	for i, c := range m.traffic.calls {
		calls[i] = *c
	}
	return calls
}

// Count returns how many calls there were of any of those verbs, of all if none is named.
func (m *Memory) Count(verbs ...Verb) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	count := 0
	for _, c := range m.traffic.calls {
		if len(verbs) == 0 || slices.Contains(verbs, c.Verb) {
			count++
		}
	}
	return count
}

// MostAtOnce returns how many calls were under way at the same time, at most.
func (m *Memory) MostAtOnce() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.traffic.most
}

// ForgetCalls makes Calls, Count and MostAtOnce begin anew.
func (m *Memory) ForgetCalls() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.traffic.calls, m.traffic.most = nil, m.traffic.running
}

// Before has hook run at the beginning of every later call, when the call counts as under way and nothing is locked. The hook may wait, on a
// channel of the test say, and an error of it ends the call. Before(nil) takes it away.
func (m *Memory) Before(hook func(ctx context.Context, call Call) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.traffic.before = hook
}

// After has hook run at the end of every later call that went well, with nothing locked. An error of it takes the place of the answer, and what
// was done stays done: that is how an answer is lost. After(nil) takes it away.
func (m *Memory) After(hook func(ctx context.Context, call Call) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.traffic.after = hook
}

// Writes returns how many changes were made through the connector.
func (m *Memory) Writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// call does f as that call, with m locked.
func (m *Memory) call(ctx context.Context, c Call, f func() error) error {
	before, after := m.begin(&c)
	defer m.end()
	if before != nil {
		if err := before(ctx, c); err != nil {
			return err
		}
	}
	if err := m.do(ctx, &c, f); err != nil || after == nil {
		return err
	}
	return after(ctx, c)
}

func (m *Memory) do(ctx context.Context, c *Call, f func() error) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	writes := m.writes
	err := f()
	c.Changed = m.writes != writes
	return err
}

func (m *Memory) begin(c *Call) (before, after func(context.Context, Call) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.traffic.calls = append(m.traffic.calls, c)
	m.traffic.running++
	m.traffic.most = max(m.traffic.most, m.traffic.running)
	return m.traffic.before, m.traffic.after
}

func (m *Memory) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.traffic.running--
}

// enter locks m, unless it returns an error.
func (m *Memory) enter(ctx context.Context) error {
	m.mu.Lock()
	err := m.fault
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("call application: %w", ctx.Err())
	}
	reached := m.reached
	if err != nil || reached != nil {
		m.mu.Unlock()
	}
	if err != nil || reached == nil {
		return err
	}
	select {
	case reached <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return fmt.Errorf("call application: %w", ctx.Err())
}
