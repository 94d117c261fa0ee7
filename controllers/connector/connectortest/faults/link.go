// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"net"
	"sync"
	"time"
)

// link is a connection through a [Proxy].
type link struct {
	proxy  *Proxy
	client *net.TCPConn
	server *net.TCPConn  // nil where the server was never called
	over   chan struct{} // closed when the link ends

	// These are guarded by proxy.mu.
	asked  bool // the client has said something that is not answered yet
	doomed bool // the answer to it will be lost
	lost   bool // something was swallowed
	ended  bool
}

// fate is what becomes of some bytes.
type fate struct {
	let   int  // how many get through
	reset bool // the connection ends behind them
	delay time.Duration
}

// serve pumps both ways until both are over.
func (l *link) serve() {
	defer l.finish()
	if !l.call() {
		return
	}
	if l.server == nil {
		l.pump(l.client, nil, l.asks)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.pump(l.client, l.server, l.asks) })
	both.Go(func() { l.pump(l.server, l.client, l.answers) })
	both.Wait()
}

// call connects to the server, unless it is to be silent.
func (l *link) call() bool {
	l.proxy.mu.Lock()
	silent := l.proxy.plan.mode == modeSilent && l.proxy.seen >= l.proxy.plan.after
	l.lost = l.lost || silent
	l.proxy.mu.Unlock()
	if silent {
		return true
	}
	conn, err := net.DialTimeout("tcp", l.proxy.server, 10*time.Second)
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if err != nil {
		l.reset()
		return false
	}
	l.server = conn.(*net.TCPConn)
	if l.ended { // it was reset while the server was called
		_ = l.server.Close()
		return false
	}
	return true
}

// pump forwards what arrives, as judge says of each chunk. At the end of one way it tells the other side and leaves the other way alone.
func (l *link) pump(from, to *net.TCPConn, judge func(n int) fate) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			its := judge(n)
			if !l.forward(to, buffer[:min(n, its.let)], its.delay) || its.reset {
				l.end()
				return
			}
		}
		if err == nil {
			continue
		}
		if to != nil {
			_ = to.CloseWrite()
		}
		return
	}
}

// forward writes, after a delay, and says whether the link lives on.
func (l *link) forward(to *net.TCPConn, chunk []byte, delay time.Duration) bool {
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-l.over:
			return false
		}
	}
	if to == nil || len(chunk) == 0 {
		return true
	}
	_, err := to.Write(chunk)
	return err == nil
}

// asks judges bytes of the client.
func (l *link) asks(n int) fate {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	pass := fate{let: n, delay: p.plan.latency}
	begins := !l.asked
	l.asked = true
	if l.lost {
		return fate{}
	}
	if !begins {
		return pass
	}
	p.counts.Exchanges++
	strikes := p.plan.mode != modePass && p.strikes()
	p.seen++
	if !strikes {
		return pass
	}
	switch p.plan.mode {
	case modeRefuse, modeDown:
		return fate{reset: true}
	case modeSilent:
		l.lost = true
		return fate{}
	default:
		l.doomed = true
		return pass
	}
}

// answers judges bytes of the server.
func (l *link) answers(n int) fate {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	l.asked = false
	switch {
	case l.doomed:
		return fate{let: min(n, p.plan.let), reset: true}
	case l.lost || p.plan.mode == modeSilent && p.struck > 0:
		l.lost = true
		return fate{}
	}
	return fate{let: n, delay: p.plan.latency}
}

// end resets the link, which the client sees as an error and never as a proper end.
func (l *link) end() {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.reset()
}

// reset is called with proxy.mu locked.
func (l *link) reset() {
	_ = l.client.SetLinger(0)
	l.close()
}

// close is called with proxy.mu locked.
func (l *link) close() {
	if !l.ended {
		l.ended = true
		close(l.over)
	}
	_ = l.client.Close()
	if l.server != nil {
		_ = l.server.Close()
	}
}

// finish ends the link in peace, if it has not ended otherwise.
func (l *link) finish() {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.close()
	delete(l.proxy.links, l)
}
