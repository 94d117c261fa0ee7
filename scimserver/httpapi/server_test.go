// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are in memory, so that a synctest bubble can hold both ends and the clock.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(t testing.TB) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	select {
	case p.conns <- far:
	case <-p.closed:
		t.Fatal("the listener is closed")
	}
	return near
}

// running is a server in a bubble.
type running struct {
	*pipes
	stop  context.CancelFunc
	ended chan error
}

func (a *api) start(t *testing.T, s Server) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{pipes: newPipes(), stop: cancel, ended: make(chan error, 1)}
	s.Handler, s.Log = a.handler, discard()
	go func() { r.ended <- s.Serve(ctx, r.pipes) }()
	return r
}

func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// head is a request line and headers, with the token of a.
func (a *api) head(method, target string, more ...string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n", method, target, a.token, strings.Join(more, ""))
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// answer reads one response and its body.
func answer(t *testing.T, conn net.Conn) (*http.Response, string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestSlowHeadersAreCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAPI(t).start(t, Server{Drain: time.Second})
		start := time.Now()
		conn := r.dial(t)
		send(t, conn, "GET /scim/v2/team-a/acme/Users HTTP/1.1\r\nHost: x\r\n")
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("answered half a request")
		}
		if took := time.Since(start); took != readHeaderTimeout {
			t.Errorf("cut off after %s, want %s", took, readHeaderTimeout)
		}
		r.end(t)
	})
}

// TestIdleStrangersDoNotBlock: half-open connections take no slot from anybody.
func TestIdleStrangersDoNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(o *Options) { o.Limits.InFlight = 2 })
		r := a.start(t, Server{Drain: 2 * readHeaderTimeout})
		for range 500 {
			send(t, r.dial(t), "POST /scim/v2/team-a/acme/Users HTTP/1.1\r\nX")
		}
		conn := r.dial(t)
		start := time.Now()
		send(t, conn, a.head("GET", one, "Connection: close\r\n"))
		if response, body := answer(t, conn); response.StatusCode != http.StatusOK || time.Since(start) != 0 {
			t.Errorf("%d after %s: %s", response.StatusCode, time.Since(start), body)
		}
		r.end(t)
	})
}

func TestSlowBodyIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		r := a.start(t, Server{Drain: time.Second})
		start := time.Now()
		conn := r.dial(t)
		send(t, conn, a.head("POST", basePath+"/Users", "Content-Type: application/json\r\nContent-Length: 100\r\n")+"{")
		response, body := answer(t, conn)
		if response.StatusCode != http.StatusRequestTimeout || time.Since(start) != readTimeout {
			t.Errorf("%d after %s", response.StatusCode, time.Since(start))
		}
		checkErrorBody(t, strings.NewReader(body), http.StatusRequestTimeout)
		r.end(t)
	})
}

// TestStuckStoreIsAnAnswer: a request whose store never answers ends inside its time, with a 503.
func TestStuckStoreIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		a.store.before = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		r := a.start(t, Server{Drain: time.Second})
		start := time.Now()
		conn := r.dial(t)
		send(t, conn, a.head("GET", one))
		response, body := answer(t, conn)
		if took := time.Since(start); response.StatusCode != http.StatusServiceUnavailable || took > DefaultLimits().Request {
			t.Errorf("%d after %s", response.StatusCode, took)
		}
		if response.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		checkErrorBody(t, strings.NewReader(body), http.StatusServiceUnavailable)
		r.end(t)
	})
}

// TestDeafClientIsCutOff: who does not read the answer holds nothing for longer than the time of a request.
func TestDeafClientIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(o *Options) { o.Limits.InFlight = 1 })
		r := a.start(t, Server{Drain: time.Second})
		start := time.Now()
		conn := r.dial(t)
		send(t, conn, a.head("GET", one))
		synctest.Wait()
		time.Sleep(DefaultLimits().Request + time.Second) //nolint:forbidigo // by the clock of the bubble; outside no time passes
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read after %s: %v, want the connection closed", time.Since(start), err)
		}
		r.end(t)
	})
}

func TestHeaderLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		r := a.start(t, Server{Drain: time.Second})
		for size, want := range map[int]int{maxHeaderBytes - 1024: http.StatusOK, maxHeaderBytes + 8192: http.StatusRequestHeaderFieldsTooLarge} {
			conn := r.dial(t)
			go func() {
				_, _ = io.WriteString(conn, a.head("GET", one, "Connection: close\r\nX-Long: "+strings.Repeat("x", size)+"\r\n"))
			}()
			if response, _ := answer(t, conn); response.StatusCode != want {
				t.Errorf("%d bytes of header: %d, want %d", size, response.StatusCode, want)
			}
			_ = conn.Close()
		}
		r.end(t)
	})
}

// TestOptionsStarIsAuthenticated: net/http would answer it by itself.
func TestOptionsStarIsAuthenticated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		r := a.start(t, Server{Drain: time.Second})
		for token, want := range map[string]int{"x": http.StatusUnauthorized, a.token: http.StatusNotFound} {
			conn := r.dial(t)
			send(t, conn, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n")
			response, body := answer(t, conn)
			if response.StatusCode != want {
				t.Errorf("%d, want %d", response.StatusCode, want)
			}
			checkErrorBody(t, strings.NewReader(body), want)
		}
		r.end(t)
	})
}

// TestGracefulStop: a request under way when the server is told to stop gets its answer; requests during the delay are
// served and their connections closed; readiness goes before the listener does.
func TestGracefulStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		entered, leave := make(chan struct{}), make(chan struct{})
		a.store.before = func(context.Context) error {
			entered <- struct{}{}
			<-leave
			return nil
		}
		readiness := &Readiness{}
		readiness.Start()
		const delay = 5 * time.Second
		r := a.start(t, Server{Delay: delay, Drain: 25 * time.Second, Stopping: readiness.Stop})
		slow := r.dial(t)
		send(t, slow, a.head("GET", one))
		<-entered

		start := time.Now()
		r.stop()
		synctest.Wait()
		if readiness.Ready() {
			t.Error("ready while stopping")
		}
		late := r.dial(t)
		send(t, late, a.head("GET", basePath+"/ServiceProviderConfig"))
		if response, _ := answer(t, late); response.StatusCode != http.StatusOK || !response.Close {
			t.Errorf("during the delay: %d, close %t", response.StatusCode, response.Close)
		}
		select {
		case err := <-r.ended:
			t.Fatalf("ended with a request under way: %v", err)
		case <-r.closed:
		}
		if took := time.Since(start); took != delay {
			t.Errorf("listened for %s after it was told to stop, want %s", took, delay)
		}
		close(leave)
		if response, _ := answer(t, slow); response.StatusCode != http.StatusOK {
			t.Errorf("the request under way got %d", response.StatusCode)
		}
		if err := <-r.ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestStopDoesNotWaitForever: a request that outlasts the drain is cut off and reported.
func TestStopDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		entered, leave := make(chan struct{}), make(chan struct{})
		a.store.before = func(context.Context) error {
			close(entered)
			<-leave
			return nil
		}
		r := a.start(t, Server{Drain: time.Second})
		send(t, r.dial(t), a.head("GET", one))
		<-entered
		r.stop()
		if err := <-r.ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v, want a deadline", err)
		}
		close(leave)
	})
}

func TestServeReportsItsListener(t *testing.T) {
	broken := newPipes()
	_ = broken.Close()
	err := (&Server{Handler: http.NotFoundHandler(), Log: discard()}).Serve(t.Context(), broken)
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestHealth(t *testing.T) {
	readiness := &Readiness{}
	h := NewHealthHandler(readiness)
	status := func(path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, bytes.NewReader(nil)))
		return w.Code
	}
	steps := []struct {
		reason string
		do     func()
		want   int
	}{
		{"not before the caches are filled", func() {}, http.StatusServiceUnavailable},
		{"from then on", readiness.Start, http.StatusOK},
		{"not while stopping", readiness.Stop, http.StatusServiceUnavailable},
		{"and never again", readiness.Start, http.StatusServiceUnavailable},
	}
	for _, step := range steps {
		step.do()
		if got := status("/readyz"); got != step.want {
			t.Errorf("%s: /readyz is %d, want %d", step.reason, got, step.want)
		}
		if got := status("/healthz"); got != http.StatusOK {
			t.Errorf("%s: /healthz is %d", step.reason, got)
		}
	}
}
