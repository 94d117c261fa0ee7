// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package stranger

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Loris is connections on which a request was begun and does not end. One that the server closes is opened again.
type Loris struct {
	// Host is where to connect to.
	Host string
	// Connections are open at a time.
	Connections int
	// Beginning is what is sent on each.
	Beginning string

	open atomic.Int64
}

// Open is how many connections are open now.
func (l *Loris) Open() int { return int(l.open.Load()) }

// Run keeps the connections open until ctx ends, which is no error.
func (l *Loris) Run(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	for range l.Connections {
		group.Go(func() error {
			for groupCtx.Err() == nil {
				if err := l.hold(groupCtx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// hold opens one connection and returns when either side has closed it.
func (l *Loris) hold(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: answerTimeout}).DialContext(ctx, "tcp", l.Host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	if _, err := io.WriteString(conn, l.Beginning); err != nil {
		return nil // closed by the other side: it may
	}
	l.open.Add(1)
	defer l.open.Add(-1)
	_, _ = io.Copy(io.Discard, conn)
	return nil
}
