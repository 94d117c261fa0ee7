// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

// echo is a server that answers every line with the line, and counts those it has seen.
type echo struct{ lines atomic.Int64 }

func (e *echo) listen(t *testing.T) string {
	t.Helper()
	listener := cluster.Listen(t)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { e.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); all.Wait() })
	return listener.Addr().String()
}

func (e *echo) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		e.lines.Add(1)
		if _, err := fmt.Fprintln(conn, lines.Text()); err != nil {
			return
		}
	}
}

func start(t *testing.T) (*Proxy, *echo) {
	t.Helper()
	e := &echo{}
	server := e.listen(t)
	p, err := Listen(cluster.FreeAddress(t), server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p, e
}

// dial is a connection through p.
func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask says a line and returns what comes back until the line or the connection ends.
func ask(conn net.Conn, line string) (string, error) {
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", err
	}
	heard, err := bufio.NewReader(conn).ReadString('\n')
	return heard, err
}

func wantEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	if heard, err := ask(conn, "hello"); heard != "hello\n" || err != nil {
		t.Fatalf("heard %q, %v", heard, err)
	}
}

func TestProxyBreaksConnections(t *testing.T) {
	for name, tc := range map[string]struct {
		fault string
		heard string
		did   int64 // lines that the server has seen, of the one that was broken
	}{
		"BeforeTheSystemHears": {"a reset before the system hears", "", 0},
		"AfterItIsDone":        {"a reset after the system has done it", "", 1},
		"InTheMiddle":          {"a reset in the middle of the answer", "twelve bytes"[:11], 1},
		"Down":                 {"a system that is down", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, e := start(t)
			conn := dial(t, p)
			wantEcho(t, conn)
			lift := p.Faults()[tc.fault].Inject(2)
			wantEcho(t, conn)
			wantEcho(t, conn)
			heard, err := ask(conn, "twelve bytes")
			if heard != tc.heard || err == nil || errors.Is(err, io.EOF) {
				t.Errorf("heard %q, %v, want %q and a reset", heard, err, tc.heard)
			}
			if struck := lift(); struck != 1 || e.lines.Load() != 3+tc.did {
				t.Errorf("struck %d times, the server has seen %d lines", struck, e.lines.Load())
			}
			wantEcho(t, dial(t, p))
		})
	}
}

func TestProxyStrikesOnce(t *testing.T) {
	p, _ := start(t)
	lift := p.Faults()["a reset before the system hears"].Inject(0)
	if _, err := ask(dial(t, p), "hello"); err == nil {
		t.Error("the first was not broken")
	}
	wantEcho(t, dial(t, p))
	if struck := lift(); struck != 1 {
		t.Errorf("struck %d times", struck)
	}
	lift = p.Faults()["every answer is lost"].Inject(0)
	for range 3 {
		if _, err := ask(dial(t, p), "hello"); err == nil {
			t.Error("an answer got through")
		}
	}
	if struck := lift(); struck != 3 {
		t.Errorf("struck %d times", struck)
	}
}

// TestProxyIsDown breaks connections on which nothing is going on, and those to come.
func TestProxyIsDown(t *testing.T) {
	p, _ := start(t)
	idle := dial(t, p)
	wantEcho(t, idle)
	lift := p.Faults()["a system that is down"].Inject(0)
	if _, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the idle connection ends with %v", err)
	}
	if _, err := ask(dial(t, p), "hello"); err == nil {
		t.Error("a new connection works")
	}
	lift()
	wantEcho(t, dial(t, p))
}

func TestProxyIsSilent(t *testing.T) {
	p, e := start(t)
	before := dial(t, p)
	wantEcho(t, before)
	lift := p.Faults()["a system that goes silent, connected on"].Inject(0)
	conns := []net.Conn{before, dial(t, p)}
	for _, conn := range conns {
		if _, err := fmt.Fprintln(conn, "hello"); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d bytes, %v", n, err)
		}
	}
	lift()
	for _, conn := range conns {
		_ = conn.SetReadDeadline(time.Time{})
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a connection with lost bytes goes on")
		}
	}
	if e.lines.Load() != 1 {
		t.Errorf("the server has seen %d lines, want none of those that were said to the silence", e.lines.Load())
	}
	wantEcho(t, dial(t, p))
}

func TestProxyIsSlow(t *testing.T) {
	p, _ := start(t)
	lift := p.Faults()["a slow network"].Inject(0)
	defer lift()
	began := time.Now()
	wantEcho(t, dial(t, p))
	if took := time.Since(began); took < 10*time.Millisecond {
		t.Errorf("two chunks took %s", took)
	}
}

func TestProxyCounts(t *testing.T) {
	p, _ := start(t)
	first, second := dial(t, p), dial(t, p)
	for _, conn := range []net.Conn{first, first, second} {
		wantEcho(t, conn)
	}
	if got, want := p.Counts(), (Counts{Open: 2, Most: 2, Total: 2, Exchanges: 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	_ = first.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for p.Counts().Open > 1 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
	p.ForgetCounts()
	wantEcho(t, dial(t, p))
	if got, want := p.Counts(), (Counts{Open: 2, Most: 2, Total: 2, Exchanges: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestProxyCloses(t *testing.T) {
	p, _ := start(t)
	conn := dial(t, p)
	wantEcho(t, conn)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := ask(conn, "hello"); err == nil || p.Counts().Open != 0 {
		t.Errorf("a connection outlives the proxy: %+v", p.Counts())
	}
}
