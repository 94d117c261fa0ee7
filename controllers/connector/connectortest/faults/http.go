// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// maxBody bounds what is kept of a body.
	maxBody = 16 << 20
	// maxEarlier bounds how many answers are remembered.
	maxEarlier = 64
)

// HTTP forwards requests to a plain HTTP server, and answers some in its place. It must not be copied and is safe for concurrent use. Make
// one with [ListenHTTP].
type HTTP struct {
	server    *url.URL
	listener  net.Listener
	front     *http.Server
	transport *http.Transport

	mu       sync.Mutex
	plan     httpPlan
	seen     int // matching requests since the plan
	struck   int
	requests int
	earlier  []exchange // the newest answer of the server to each sort of request
}

// httpPlan is what an HTTP does.
type httpPlan struct {
	answer   Answer
	after    int
	once     bool
	done     bool // the server gets the request first
	matching func(*http.Request) bool
}

// exchange is a request and what the server said to it.
type exchange struct {
	request *http.Request
	body    []byte
	// status, header and said are the server's, if it was asked. With an error it was, and said nothing.
	status int
	header http.Header
	said   []byte
	// another is what the server said to another request of that method, nil if there was none.
	another *exchange
}

// ListenHTTP returns an HTTP at that loopback address to the server at that URL, of which only scheme and host matter. Close it.
func ListenHTTP(address, server string) (*HTTP, error) {
	parsed, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("parse the URL of the server: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the HTTP proxy: %w", err)
	}
	h := &HTTP{server: parsed, listener: listener, transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	h.front = &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = h.front.Serve(listener) }()
	return h, nil
}

// Address is where it listens.
func (h *HTTP) Address() string { return h.listener.Addr().String() }

// URL is that of Address.
func (h *HTTP) URL() string { return "http://" + h.Address() }

// Close ends it, and every connection.
func (h *HTTP) Close() error {
	h.transport.CloseIdleConnections()
	if err := h.front.Close(); err != nil {
		return fmt.Errorf("close the HTTP proxy: %w", err)
	}
	return nil
}

// Requests returns how many requests have arrived.
func (h *HTTP) Requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests
}

// ServeHTTP implements [http.Handler].
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	x := &exchange{request: r, body: body}
	wrong, done := h.judge(r)
	if wrong == nil || done {
		if err := h.ask(x); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	x.another = h.remember(x)
	if wrong == nil {
		wrong = truth
	}
	wrong(w, x)
}

// judge returns the wrong answer that a request gets, if any, and whether the server is asked nevertheless.
func (h *HTTP) judge(r *http.Request) (wrong Answer, done bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests++
	p := h.plan
	if p.answer == nil || p.matching != nil && !p.matching(r) {
		return nil, false
	}
	h.seen++
	if h.seen <= p.after || p.once && h.struck > 0 {
		return nil, false
	}
	h.struck++
	return p.answer, p.done
}

// ask has the server answer. The Host stays what the client says, so that links in answers lead through h again.
func (h *HTTP) ask(x *exchange) error {
	out := x.request.Clone(x.request.Context())
	out.URL.Scheme, out.URL.Host = h.server.Scheme, h.server.Host
	out.RequestURI, out.Close = "", false
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
	response, err := h.transport.RoundTrip(out)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	x.said, err = io.ReadAll(io.LimitReader(response.Body, maxBody))
	x.status, x.header = response.StatusCode, response.Header
	return err
}

// remember keeps a good answer that says something, and returns the newest one of the same method to another request.
func (h *HTTP) remember(x *exchange) (another *exchange) {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := h.earlier[:0]
	for _, e := range h.earlier {
		same := e.request.Method == x.request.Method
		other := e.request.RequestURI != x.request.RequestURI || !bytes.Equal(e.body, x.body)
		if same && other {
			another = &e
		}
		if !same || other {
			kept = append(kept, e)
		}
	}
	h.earlier = kept
	if x.status/100 == 2 && len(x.said) > 0 {
		h.earlier = append(h.earlier, *x)
	}
	h.earlier = h.earlier[max(0, len(h.earlier)-maxEarlier):]
	return another
}

// follow changes the plan, and says how often the last one struck.
func (h *HTTP) follow(next httpPlan) (struck int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	struck = h.struck
	h.plan, h.seen, h.struck = next, 0, 0
	return struck
}
