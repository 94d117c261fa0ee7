// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// OpenFunc opens a connector. Its context ends when nobody waits for the connector any more, and otherwise lives until
// OpenFunc returns: a connector must not hold on to it.
type OpenFunc func(ctx context.Context) (Connector, error)

// Cache keeps opened connectors, one per key. The zero value is ready; it must not be copied, and it is safe for
// concurrent use.
//
// A key is an application, a version is everything that its connector was opened with (the application's generation
// and its Secret's resourceVersion, say). Asking for another version opens a new connector and retires the old one,
// which is closed, if it is an io.Closer, when the last one who uses it is done.
type Cache struct {
	// CloseFailed, if set, is told when a retired connector could not be closed. Nothing else can be done about it.
	CloseFailed func(key string, err error)

	mu      sync.Mutex
	entries map[string]*entry
}

// entry is one opened or opening connector. conn and err are written before opened is closed and never after; the
// rest is guarded by Cache.mu.
type entry struct {
	version string
	opened  chan struct{}
	conn    Connector
	err     error

	cancel  context.CancelFunc // ends the opening
	opening bool
	users   int // those who wait or use, and the opening itself
	retired bool
}

// Acquire returns the connector of that key and version, opening it if need be: once, however many ask at the same
// time. The caller calls release exactly when it is done with the connector; release may be called twice. An error of
// open goes to all who waited and is not remembered, so the next Acquire tries again. If ctx ends first, Acquire
// returns its error; the opening goes on for the others who wait.
func (c *Cache) Acquire(ctx context.Context, key, version string, open OpenFunc) (conn Connector, release func(), err error) {
	e := c.join(ctx, key, version, open)
	release = sync.OnceFunc(func() { c.leave(key, e) })
	select {
	case <-e.opened:
		err = e.err
	case <-ctx.Done():
		err = fmt.Errorf("wait for connector: %w", context.Cause(ctx))
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return e.conn, release, nil
}

// Forget retires the connector of that key, if there is one: the application is gone.
func (c *Cache) Forget(key string) {
	c.mu.Lock()
	idle := c.retire(key, c.entries[key])
	c.mu.Unlock()
	c.closeIdle(key, idle)
}

func (c *Cache) join(ctx context.Context, key, version string, open OpenFunc) *entry {
	c.mu.Lock()
	current := c.entries[key]
	if current != nil && current.version == version {
		current.users++
		c.mu.Unlock()
		return current
	}
	idle := c.retire(key, current)
	e := c.start(ctx, key, version, open)
	c.mu.Unlock()
	c.closeIdle(key, idle)
	return e
}

// start begins an opening that outlives the caller's context, since others may come to wait for it.
func (c *Cache) start(ctx context.Context, key, version string, open OpenFunc) *entry {
	opening, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e := &entry{version: version, opened: make(chan struct{}), cancel: cancel, opening: true, users: 2}
	if c.entries == nil {
		c.entries = map[string]*entry{}
	}
	c.entries[key] = e
	go func() {
		defer cancel()
		conn, err := openSafely(opening, open)
		c.finish(key, e, conn, err)
	}()
	return e
}

// finish publishes the result and ends the opening's own share of the entry. A failed one leaves the cache before
// anybody hears of it, so that whoever asks again opens again.
func (c *Cache) finish(key string, e *entry, conn Connector, err error) {
	c.mu.Lock()
	e.conn, e.err, e.opening = conn, err, false
	e.users--
	if err != nil {
		c.retire(key, e)
	}
	idle := e.retired && e.users == 0
	c.mu.Unlock()
	close(e.opened)
	if idle {
		c.closeIdle(key, e)
	}
}

func (c *Cache) leave(key string, e *entry) {
	c.mu.Lock()
	e.users--
	if e.opening && e.users == 1 {
		c.retire(key, e) // nobody waits but the opening itself
		e.cancel()
	}
	idle := e.retired && e.users == 0
	c.mu.Unlock()
	if idle {
		c.closeIdle(key, e)
	}
}

// retire takes e out of the cache and returns it if nobody uses it, so that the caller closes it outside the lock.
func (c *Cache) retire(key string, e *entry) *entry {
	if e == nil || e.retired {
		return nil
	}
	e.retired = true
	if c.entries[key] == e {
		delete(c.entries, key)
	}
	if e.users > 0 {
		return nil
	}
	return e
}

func (c *Cache) closeIdle(key string, e *entry) {
	if e == nil || e.conn == nil {
		return
	}
	closer, ok := e.conn.(io.Closer)
	if !ok {
		return
	}
	if err := closer.Close(); err != nil && c.CloseFailed != nil {
		c.CloseFailed(key, err)
	}
}

// openSafely turns a panic into an error: it happens on a goroutine of ours, where the reconciler's own recovery does
// not reach.
func openSafely(ctx context.Context, open OpenFunc) (conn Connector, err error) {
	defer func() {
		if p := recover(); p != nil {
			conn, err = nil, fmt.Errorf("open connector: panic: %v", p)
		}
	}()
	return open(ctx)
}
