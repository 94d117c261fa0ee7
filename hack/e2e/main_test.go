// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/scim-operator/scim-operator/hack/stack"
)

// lazy is a stack that is started by the first test that needs it.
type lazy struct {
	once sync.Once
	// s and err are set by once.
	s   *stack.Stack
	err error
}

// shared is the stack of all tests that leave the programs alone.
var shared lazy

func TestMain(m *testing.M) {
	code := m.Run()
	if err := shared.stop(code == 0); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// lessInShort is how often something random is tried: often, or with -short as often as there is time for.
func lessInShort(often, short int) int {
	if testing.Short() {
		return short
	}
	return often
}

// get starts the stack if it does not run yet.
func (l *lazy) get(t *testing.T) *stack.Stack {
	t.Helper()
	l.once.Do(func() {
		// It outlives the test that happens to come first.
		l.s, l.err = stack.Start(context.WithoutCancel(t.Context()), stack.Options{
			APIServers: 2, Servers: 2, ControllerManager: true, Race: raceEnabled,
			// Who fails to authenticate again and again from one address is answered otherwise; a test may say that it comes from another one.
			Values: []string{"server.trustedProxies={127.0.0.1/32}"},
		})
	})
	if l.err != nil {
		t.Fatal(l.err)
	}
	return l.s
}

func (l *lazy) stop(passed bool) error {
	if l.s == nil {
		return nil
	}
	if !passed {
		_, _ = fmt.Fprintln(os.Stderr, "logs of the shared stack:", l.s.LogDir())
		return l.s.Stop()
	}
	return errors.Join(l.s.Stop(), l.s.RemoveLogs())
}

// ownStack starts a stack for one test and stops it afterwards. The logs stay when the test failed.
func ownStack(t *testing.T, o stack.Options) *stack.Stack {
	t.Helper()
	o.Race = raceEnabled
	s, err := stack.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := s.Stop()
		if t.Failed() {
			t.Log("logs:", s.LogDir())
		} else {
			err = errors.Join(err, s.RemoveLogs())
		}
		if err != nil {
			t.Error(err)
		}
	})
	return s
}
