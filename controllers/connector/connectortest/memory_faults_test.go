// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
)

// errLost is what a caller of a Memory gets when something went wrong on the way.
var errLost = connector.Unavailablef(0, "the connection broke").Because(fmt.Errorf("password %s", canary))

// gate counts the calls that pass, and strikes.
type gate struct {
	mu           sync.Mutex
	seen, struck int
}

// strikes says whether the fault strikes now.
func (g *gate) strikes(after int, once bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen++
	if g.seen <= after || once && g.struck > 0 {
		return false
	}
	g.struck++
	return true
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.struck
}

// hooking is a way to hook into a Memory: before a call or after it.
type hooking func(hook func(context.Context, Call) error)

// inject is the Fault.Inject of something that happens to calls.
func inject(hook hooking, once bool, strike func(context.Context) error) func(int) func() int {
	return func(after int) func() int {
		g := &gate{}
		hook(func(ctx context.Context, _ Call) error {
			if !g.strikes(after, once) {
				return nil
			}
			return strike(ctx)
		})
		return func() int { hook(nil); return g.count() }
	}
}

// slowness is how long a slow application takes.
const slowness = time.Millisecond

// faults are those of an application in memory, where every call is one exchange.
func (m *Memory) faults() map[string]faults.Fault {
	lose := func(context.Context) error { return errLost }
	hang := func(ctx context.Context) error { <-ctx.Done(); return fmt.Errorf("call application: %w", ctx.Err()) }
	wait := func(ctx context.Context) error {
		if end, ok := ctx.Deadline(); ok && time.Until(end) < slowness {
			return hang(ctx) // whoever of the two a busy machine would wake first
		}
		select {
		case <-ctx.Done():
			return hang(ctx)
		case <-time.After(slowness):
			return nil
		}
	}
	return map[string]faults.Fault{
		"down":             {Inject: inject(m.Before, false, lose)},
		"request lost":     {Inject: inject(m.Before, true, lose), Once: true},
		"answer lost":      {Inject: inject(m.After, true, lose), Once: true},
		"answers are lost": {Inject: inject(m.After, false, lose)},
		"slow":             {Inject: inject(m.Before, false, wait), Harmless: true},
		"silent":           {Inject: inject(m.Before, false, hang), Silent: true},
		"list cut short": {Inject: func(after int) func() int {
			m.TruncateList(2 + after)
			return func() int { m.TruncateList(-1); return 1 }
		}},
	}
}

// countOf counts the accounts of that user name.
func (m *Memory) countOf(userName string) (count int) {
	for _, a := range m.Accounts() {
		if a.UserName == userName {
			count++
		}
	}
	return count
}
