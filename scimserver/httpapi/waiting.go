// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// maxWaiting is how many connections may be open on which no request is being answered. Each takes up to 50 KiB.
const maxWaiting = 4096

// waiting bounds the connections that wait for a request, the first one or the next. Above the bound the one that has waited
// longest is closed, and not the newest refused: whoever has something to ask is always served, and memory stays bounded. A
// bound for each source would be one for all clients of a proxy. It is safe for concurrent use.
type waiting struct {
	max   int
	mu    sync.Mutex
	order list.List // of net.Conn, that which has waited longest first
	at    map[net.Conn]*list.Element
}

func newWaiting(limit int) *waiting { return &waiting{max: limit, at: map[net.Conn]*list.Element{}} }

// note is http.Server.ConnState.
func (w *waiting) note(conn net.Conn, state http.ConnState) {
	if last := w.change(conn, state == http.StateNew || state == http.StateIdle); last != nil {
		_ = last.Close()
	}
}

// change returns the connection that is to be closed, nil if none is. Of TLS it is the one below: to take leave of who does not
// read would take time.
func (w *waiting) change(conn net.Conn, waits bool) net.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, ok := w.at[conn]; ok {
		w.order.Remove(known)
		delete(w.at, conn)
	}
	if !waits {
		return nil
	}
	w.at[conn] = w.order.PushBack(conn)
	if w.order.Len() <= w.max {
		return nil
	}
	oldest, _ := w.order.Remove(w.order.Front()).(net.Conn)
	delete(w.at, oldest)
	if secured, ok := oldest.(*tls.Conn); ok {
		return secured.NetConn()
	}
	return oldest
}
