// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"sync"
	"time"
)

// maxIdle is how long a session may wait for its next request: firewalls and servers forget sooner or later.
const maxIdle = time.Minute

// pool keeps as many sessions as it may and no more. Those who find none free wait for one.
type pool struct {
	dialer *dialer
	places chan struct{}

	mu     sync.Mutex
	idle   []*session
	closed bool
}

func newPool(d *dialer, size int) *pool {
	return &pool{dialer: d, places: make(chan struct{}, size)}
}

// with has f use a session. Whatever happens, it returns soon after ctx ends: the session is cut off then. A session on which f ends with a
// failure of the network is not used again. reused says whether the session had been used before, so that its end may be an old story.
func (p *pool) with(ctx context.Context, f func(*session) error) (reused bool, err error) {
	select {
	case p.places <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-p.places }()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s := p.take()
	if reused = s != nil; !reused {
		if s, err = p.dialer.open(ctx); err != nil {
			return false, err
		}
	}
	s.wire.refill()
	stop := context.AfterFunc(ctx, s.cut)
	err = f(s)
	if !stop() || isBroken(err) {
		s.cut()
		return reused, err
	}
	p.put(s)
	return reused, err
}

// take returns the session that was used last, nil if there is none.
func (p *pool) take() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		s := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if !s.IsClosing() && time.Since(s.used) < maxIdle {
			return s
		}
		s.cut()
	}
	return nil
}

func (p *pool) put(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || s.IsClosing() {
		s.cut()
		return
	}
	s.used = time.Now()
	p.idle = append(p.idle, s)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.idle {
		s.cut()
	}
	p.idle = nil
}

// cut ends a session. Its reader sees that and ends the rest.
func (s *session) cut() { _ = s.wire.Close() }
