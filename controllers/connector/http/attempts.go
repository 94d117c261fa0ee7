// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// maxAttempts bounds what is remembered of changes whose fate is not known.
const maxAttempts = 10_000

// attempt is what stays the same when a change is repeated that was never answered.
type attempt struct {
	key, random string
	// sent tells whether the same is sent again: an idempotency key must not be used for something else.
	sent [sha256.Size]byte
}

// attempts remembers the changes that were sent and never answered. The zero value is ready.
type attempts struct {
	mu         sync.Mutex
	unanswered map[string]attempt
}

func (a *attempts) get(action, owner string) attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.unanswered[action+" "+owner]; ok {
		return known
	}
	return newAttempt()
}

func newAttempt() attempt { return attempt{key: rand.Text(), random: rand.Text()} }

// open says whether a change was sent and never answered.
func (a *attempts) open(action, owner string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.unanswered[action+" "+owner]
	return ok
}

// ended remembers an attempt that was not answered, and forgets one that was.
func (a *attempts) ended(action, owner string, what attempt, answered bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case answered:
		delete(a.unanswered, action+" "+owner)
	case a.unanswered == nil || len(a.unanswered) >= maxAttempts:
		a.unanswered = map[string]attempt{action + " " + owner: what}
	default:
		a.unanswered[action+" "+owner] = what
	}
}

func fingerprint(r outbound.Request) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", r.Method, r.Path, r.Query.Encode(), r.Header, r.Body))
}

// locks keeps two changes of one account apart: most applications know no other way. The zero value is ready.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits until nobody holds key, or ctx ends.
func (l *locks) lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		held, ok := l.take(key)
		if ok {
			return func() { l.release(key, held) }, nil
		}
		select {
		case <-held:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another change of the account: %w", ctx.Err())
		}
	}
}

// take returns a channel that is closed when key is free again, and whether it is ours to close.
func (l *locks) take(key string) (held chan struct{}, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held, taken := l.held[key]; taken {
		return held, false
	}
	if l.held == nil {
		l.held = map[string]chan struct{}{}
	}
	held = make(chan struct{})
	l.held[key] = held
	return held, true
}

func (l *locks) release(key string, held chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, key)
	close(held)
}
