// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wire is a network between a program and its API server that fails as real ones do: without a word.
package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

// Wire passes TCP connections on to one address. It is safe for concurrent use.
type Wire struct {
	listener net.Listener
	target   string
	done     sync.WaitGroup

	mu    sync.Mutex
	lines []*line
}

// line is one connection, which goes on until it is dead: then it is open, and nothing comes through.
type line struct {
	near, far net.Conn
	dead      chan struct{}
}

// Listen starts a Wire to the host of an API server. Close ends it.
func Listen(ctx context.Context, apiServer string) (*Wire, error) {
	target, err := url.Parse(apiServer)
	if err != nil {
		return nil, fmt.Errorf("parse the URL of the API server: %w", err)
	}
	ports, err := cluster.FreePorts(1)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])))
	if err != nil {
		return nil, fmt.Errorf("listen before the API server: %w", err)
	}
	w := &Wire{listener: listener, target: target.Host}
	w.done.Go(func() { w.accept(ctx) })
	return w, nil
}

// URL is what to use in the place of the API server's.
func (w *Wire) URL() string { return "https://" + w.listener.Addr().String() }

// Break has nothing more come through any connection that is open now. Nobody is told. New connections work.
func (w *Wire) Break() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		close(l.dead)
	}
	w.lines = nil
}

// Close ends everything.
func (w *Wire) Close() error {
	err := w.listener.Close()
	w.Break()
	w.done.Wait()
	return err
}

func (w *Wire) accept(ctx context.Context) {
	var broken []*line
	for {
		near, err := w.listener.Accept()
		if err != nil {
			break
		}
		far, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		l := &line{near: near, far: far, dead: make(chan struct{})}
		broken = append(broken, l)
		w.mu.Lock()
		w.lines = append(w.lines, l)
		w.mu.Unlock()
		w.done.Go(func() { l.pass(near, far) })
		w.done.Go(func() { l.pass(far, near) })
	}
	for _, l := range broken {
		_ = errors.Join(l.near.Close(), l.far.Close())
	}
}

// pass copies in one direction until an end is closed, or the line is dead.
func (l *line) pass(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-l.dead:
			_, _ = io.Copy(io.Discard, from) // until Close
			return
		default:
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}
