// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// Proxy forwards TCP connections to a server, and breaks them as it is told. It must not be copied and is safe for concurrent use. Make one
// with [Listen].
//
// It thinks in exchanges: one begins with the first bytes that the client says after the server has spoken (or at the beginning of a
// connection), and its answer begins with the next bytes of the server. A TLS handshake is an exchange or two, a query is one, and so is a
// request over HTTP/1.1. Where many talk at once over one connection, exchanges run into each other and are fewer than what was asked.
type Proxy struct {
	server   string
	listener net.Listener
	pumps    sync.WaitGroup

	mu        sync.Mutex
	plan      plan
	seen      int // exchanges since Set
	struck    int // since Set
	links     map[*link]bool
	counts    Counts
	listening bool
}

// Counts is what went through a [Proxy].
type Counts struct {
	// Open are the connections that are open now, Most those that were open at the same time at most, and Total all.
	Open, Most, Total int
	// Exchanges are how often a client asked, those of handshakes included.
	Exchanges int
}

// plan is what a Proxy does.
type plan struct {
	mode    mode
	after   int           // exchanges that pass before it strikes
	once    bool          // it strikes once
	let     int           // modeReset: bytes of the answer that still get through
	latency time.Duration // of each chunk, either way
}

type mode int

const (
	modePass   mode = iota
	modeRefuse      // resets when the client asks, and the server hears nothing
	modeReset       // resets when the answer begins, and the client hears nothing, or no more than the beginning
	modeDown        // resets every connection
	modeSilent      // swallows everything
)

// Listen returns a Proxy at that loopback address to that server, which passes everything through. Close it.
func Listen(address, server string) (*Proxy, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the proxy: %w", err)
	}
	p := &Proxy{server: server, listener: listener, links: map[*link]bool{}, listening: true}
	p.pumps.Go(p.accept)
	return p, nil
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Close breaks every connection and returns when nothing is left of them.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.listening = false
	p.resetLinks(func(*link) bool { return true })
	p.mu.Unlock()
	err := p.listener.Close()
	p.pumps.Wait()
	return err
}

// Counts returns what went through until now, or since [Proxy.ForgetCounts].
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := p.counts
	counts.Open = len(p.links)
	return counts
}

// ForgetCounts begins to count anew. Connections that are open count as those of now.
func (p *Proxy) ForgetCounts() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = Counts{Most: len(p.links), Total: len(p.links)}
}

// Faults are all that can go wrong on the way, by name.
func (p *Proxy) Faults() map[string]Fault {
	return map[string]Fault{
		"a slow network":                          {Harmless: true, Inject: p.inject(plan{latency: 5 * time.Millisecond})},
		"a reset before the system hears":         {Once: true, Inject: p.inject(plan{mode: modeRefuse, once: true})},
		"a reset after the system has done it":    {Once: true, Inject: p.inject(plan{mode: modeReset, once: true})},
		"a reset in the middle of the answer":     {Once: true, Inject: p.inject(plan{mode: modeReset, once: true, let: 11})},
		"every answer is lost":                    {Inject: p.inject(plan{mode: modeReset})},
		"a system that is down":                   {Inject: p.inject(plan{mode: modeDown})},
		"a system that goes silent, connected on": {Silent: true, Inject: p.inject(plan{mode: modeSilent})},
	}
}

// inject is the Fault.Inject of a plan.
func (p *Proxy) inject(wanted plan) func(int) func() int {
	return func(after int) func() int {
		wanted.after = after
		p.follow(wanted)
		return func() int { return p.follow(plan{}) }
	}
}

// follow changes the plan and says how often the last one struck. Connections on which something was lost are broken now, as nobody
// could make sense of what comes next.
func (p *Proxy) follow(next plan) (struck int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	struck = p.struck
	p.plan, p.seen, p.struck = next, 0, 0
	p.resetLinks(func(l *link) bool { return l.lost || l.doomed || next.mode == modeDown && next.after == 0 })
	return struck
}

// resetLinks is called with mu locked.
func (p *Proxy) resetLinks(which func(*link) bool) {
	for l := range p.links {
		if which(l) {
			l.reset()
		}
	}
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.take(conn.(*net.TCPConn))
	}
}

// take makes a link of a connection and begins to serve it.
func (p *Proxy) take(client *net.TCPConn) {
	l := &link{proxy: p, client: client, over: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links[l] = true
	p.counts.Total++
	p.counts.Most = max(p.counts.Most, len(p.links))
	if down := p.plan.mode == modeDown && p.strikes(); down || !p.listening {
		l.reset()
		delete(p.links, l)
		return
	}
	p.pumps.Go(l.serve)
}

// strikes says whether the plan's turn has come, and counts it. It is called with mu locked.
func (p *Proxy) strikes() bool {
	if p.seen < p.plan.after || p.plan.once && p.struck > 0 {
		return false
	}
	p.struck++
	return true
}
