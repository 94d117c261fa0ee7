// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// closable is a connector that knows whether it was closed.
type closable struct {
	connector.Connector
	closed atomic.Int32
	err    error
}

func (c *closable) Close() error {
	c.closed.Add(1)
	return c.err
}

func opens(c connector.Connector) connector.OpenFunc {
	return func(context.Context) (connector.Connector, error) { return c, nil }
}

func acquire(t *testing.T, c *connector.Cache, version string, open connector.OpenFunc) (connector.Connector, func()) {
	t.Helper()
	conn, release, err := c.Acquire(t.Context(), "app", version, open)
	if err != nil {
		t.Fatal(err)
	}
	return conn, release
}

func TestCacheOpensOncePerVersion(t *testing.T) {
	var cache connector.Cache
	var opened atomic.Int32
	first := &closable{}
	open := func(context.Context) (connector.Connector, error) {
		opened.Add(1)
		return first, nil
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			conn, release, err := cache.Acquire(t.Context(), "app", "1", open)
			if err != nil || conn != connector.Connector(first) {
				t.Errorf("Acquire = %v, %v", conn, err)
				return
			}
			release()
		})
	}
	all.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("opened %d times", n)
	}
	if first.closed.Load() != 0 {
		t.Error("an idle connector was closed")
	}
}

func TestCacheClosesReplacedAfterLastUser(t *testing.T) {
	var cache connector.Cache
	one, two := &closable{}, &closable{}
	_, releaseA := acquire(t, &cache, "1", opens(one))
	_, releaseB := acquire(t, &cache, "1", opens(one))
	got, releaseC := acquire(t, &cache, "2", opens(two))
	if got != connector.Connector(two) {
		t.Fatal("the new version did not replace the old one")
	}
	releaseA()
	releaseA()
	if one.closed.Load() != 0 {
		t.Error("closed while in use: releasing twice counted twice")
	}
	releaseB()
	if one.closed.Load() != 1 {
		t.Errorf("closed %d times after its last user", one.closed.Load())
	}
	releaseC()
	if two.closed.Load() != 0 {
		t.Error("the current connector was closed")
	}
}

func TestCacheClosesIdleWhenReplaced(t *testing.T) {
	var cache connector.Cache
	one, two := &closable{}, &closable{}
	_, release := acquire(t, &cache, "1", opens(one))
	release()
	_, release = acquire(t, &cache, "2", opens(two))
	defer release()
	if one.closed.Load() != 1 {
		t.Errorf("closed %d times", one.closed.Load())
	}
}

func TestCacheForget(t *testing.T) {
	var failed []string
	cache := connector.Cache{CloseFailed: func(key string, err error) { failed = append(failed, key+": "+err.Error()) }}
	one := &closable{err: errors.New("broken pipe")}
	_, release := acquire(t, &cache, "1", opens(one))
	cache.Forget("app")
	cache.Forget("app")
	cache.Forget("other")
	if one.closed.Load() != 0 {
		t.Error("closed while in use")
	}
	release()
	if one.closed.Load() != 1 || len(failed) != 1 || failed[0] != "app: broken pipe" {
		t.Errorf("closed %d times, told %v", one.closed.Load(), failed)
	}
	two := &closable{}
	got, release := acquire(t, &cache, "1", opens(two))
	defer release()
	if got != connector.Connector(two) {
		t.Error("a forgotten connector came back")
	}
}

func TestCacheRemembersNoError(t *testing.T) {
	var cache connector.Cache
	broken := errors.New("bad secret")
	for range 3 {
		_, _, err := cache.Acquire(t.Context(), "app", "1", func(context.Context) (connector.Connector, error) { return nil, broken })
		if !errors.Is(err, broken) {
			t.Fatalf("err = %v", err)
		}
	}
	_, release := acquire(t, &cache, "1", opens(&closable{}))
	release()
}

func TestCacheTurnsPanicIntoError(t *testing.T) {
	var cache connector.Cache
	_, _, err := cache.Acquire(t.Context(), "app", "1", func(context.Context) (connector.Connector, error) { panic("boom") })
	if err == nil {
		t.Fatal("no error")
	}
}

func TestCacheWaiterGivesUpAlone(t *testing.T) {
	var cache connector.Cache
	started, proceed := make(chan struct{}), make(chan struct{})
	one := &closable{}
	open := func(ctx context.Context) (connector.Connector, error) {
		close(started)
		select {
		case <-proceed:
			return one, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	first, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error, 1)
	go func() {
		_, _, err := cache.Acquire(first, "app", "1", open)
		gaveUp <- err
	}()
	<-started
	joined := make(chan struct{})
	got := make(chan error, 1)
	go func() {
		ctx := &signalling{Context: t.Context(), asked: joined}
		_, release, err := cache.Acquire(ctx, "app", "1", open)
		if err == nil {
			release()
		}
		got <- err
	}()
	<-joined
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	close(proceed)
	if err := <-got; err != nil {
		t.Errorf("the other waiter got %v", err)
	}
}

// signalling is a context that says when somebody waits for it.
type signalling struct {
	context.Context
	once  sync.Once
	asked chan struct{}
}

func (s *signalling) Done() <-chan struct{} {
	s.once.Do(func() { close(s.asked) })
	return s.Context.Done()
}

func TestCacheCancelsOpeningNobodyWaitsFor(t *testing.T) {
	var cache connector.Cache
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	open := func(opening context.Context) (connector.Connector, error) {
		cancel()
		<-opening.Done()
		close(ended)
		return nil, opening.Err()
	}
	if _, _, err := cache.Acquire(ctx, "app", "1", open); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	<-ended
	_, release := acquire(t, &cache, "1", opens(&closable{}))
	release()
}

// TestCacheUnderLoad mixes everything: no connector is used after it was closed, and each is closed at most once.
func TestCacheUnderLoad(t *testing.T) {
	var cache connector.Cache
	var mu sync.Mutex
	var all []*closable
	versions := []string{"1", "2", "3"}
	open := func(context.Context) (connector.Connector, error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, &closable{})
		return all[len(all)-1], nil
	}
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for range 200 {
				conn, release, err := cache.Acquire(t.Context(), "app", versions[rand.IntN(len(versions))], open)
				if err != nil {
					t.Error(err)
					return
				}
				if rand.IntN(20) == 0 {
					cache.Forget("app")
				}
				if conn.(*closable).closed.Load() != 0 {
					t.Error("closed while in use")
				}
				release()
			}
		})
	}
	workers.Wait()
	cache.Forget("app")
	for _, c := range all {
		if n := c.closed.Load(); n != 1 {
			t.Fatalf("a connector was closed %d times", n)
		}
	}
}
