// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestWaiting(t *testing.T) {
	w := newWaiting(2)
	conn := map[string]net.Conn{}
	for _, name := range []string{"a", "b", "c", "d"} {
		conn[name], _ = net.Pipe()
	}
	for i, step := range []struct {
		reason, conn string
		state        http.ConnState
		closes       string
	}{
		{"the first", "a", http.StateNew, ""},
		{"the second", "b", http.StateNew, ""},
		{"it asks", "a", http.StateActive, ""},
		{"there is room again", "c", http.StateNew, ""},
		{"it was answered, and the one that never asked has waited longest", "a", http.StateIdle, "b"},
		{"net/http tells of the end too", "b", http.StateClosed, ""},
		{"the next one", "d", http.StateNew, "c"},
		{"it goes by itself", "a", http.StateClosed, ""},
		{"there is room again", "b", http.StateNew, ""},
		{"it asks for something else than HTTP", "d", http.StateHijacked, ""},
	} {
		got := w.change(conn[step.conn], step.state == http.StateNew || step.state == http.StateIdle)
		if got != conn[step.closes] {
			t.Errorf("step %d (%s): another connection is closed than %q", i, step.reason, step.closes)
		}
	}
	if w.order.Len() != 1 || len(w.at) != 1 {
		t.Errorf("%d and %d connections are remembered", w.order.Len(), len(w.at))
	}
}

// TestTooManyWait: when more connections wait than may, who asks is served, and who has waited longest is closed.
func TestTooManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		r := a.start(t, Server{Drain: 2 * readHeaderTimeout})
		first := r.dial(t)
		send(t, first, "GET / HTTP/1.1\r\n")
		for range maxWaiting {
			r.dial(t)
		}
		start := time.Now()
		if _, err := first.Read(make([]byte, 1)); err == nil || time.Since(start) != 0 {
			t.Errorf("the oldest one is open after %s: %v", time.Since(start), err)
		}
		conn := r.dial(t)
		send(t, conn, a.head("GET", one, "Connection: close\r\n"))
		if response, body := answer(t, conn); response.StatusCode != http.StatusOK || time.Since(start) != 0 {
			t.Errorf("%d after %s: %s", response.StatusCode, time.Since(start), body)
		}
		r.end(t)
	})
}
