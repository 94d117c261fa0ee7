// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/hack/cluster"
)

// relay stands between a connector and slapd, speaks TLS with the one and none with the other, and so sees every message.
type relay struct {
	listener net.Listener
	server   string

	mu            sync.Mutex
	calls, writes int
	onAnswer      func(tag ber.Tag, request *ber.Packet) fate
}

// fate is what a relay does with an answer.
type fate int

const (
	passOn fate = iota
	cutOff
)

func newRelay(t testing.TB, w world) *relay {
	t.Helper()
	pair, err := tls.X509KeyPair(w.Serving.Certificate, w.Serving.Key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", cluster.FreeAddress(t), &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: listener, server: w.Plain}
	var all sync.WaitGroup
	all.Go(func() { r.accept(&all) })
	t.Cleanup(func() { _ = listener.Close(); all.Wait() })
	return r
}

func (r *relay) url() string { return "ldaps://" + r.listener.Addr().String() }

func (r *relay) accept(all *sync.WaitGroup) {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{relay: r, client: client, server: server, asked: map[int64]*ber.Packet{}}
		all.Go(l.ask)
		all.Go(l.answer)
	}
}

func (r *relay) count(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// Writes are the changes that the directory made.
func (r *relay) Writes() (n int) {
	r.count(func() { n = r.writes })
	return n
}

// Calls are the requests, without those that open a connection.
func (r *relay) Calls() (n int) {
	r.count(func() { n = r.calls })
	return n
}

// intercept has f decide about every answer that ends a request, or is an entry of a search.
func (r *relay) intercept(f func(tag ber.Tag, request *ber.Packet) fate) {
	r.count(func() { r.onAnswer = f })
}

// link is one connection through a relay.
type link struct {
	relay          *relay
	client, server net.Conn
	mu             sync.Mutex
	asked          map[int64]*ber.Packet
	over           sync.Once
}

func (l *link) end() {
	l.over.Do(func() {
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

func (l *link) ask() {
	defer l.end()
	for {
		packet, raw, err := readMessage(l.client)
		if err != nil {
			return
		}
		tag := packet.Children[1].Tag
		l.mu.Lock()
		l.asked[packet.Children[0].Value.(int64)] = packet
		l.mu.Unlock()
		l.relay.count(func() {
			if tag != ldapv3.ApplicationBindRequest && tag != ldapv3.ApplicationUnbindRequest && tag != ldapv3.ApplicationAbandonRequest {
				l.relay.calls++
			}
		})
		if _, err := l.server.Write(raw); err != nil {
			return
		}
	}
}

func (l *link) answer() {
	defer l.end()
	for {
		packet, raw, err := readMessage(l.server)
		if err != nil || l.decide(packet) == cutOff {
			return
		}
		if _, err := l.client.Write(raw); err != nil {
			return
		}
	}
}

func (l *link) decide(answer *ber.Packet) fate {
	l.mu.Lock()
	request := l.asked[answer.Children[0].Value.(int64)]
	l.mu.Unlock()
	tag := answer.Children[1].Tag
	l.relay.mu.Lock()
	defer l.relay.mu.Unlock()
	if isWrite(tag) && answer.Children[1].Children[0].Value == int64(0) {
		l.relay.writes++
	}
	if l.relay.onAnswer == nil {
		return passOn
	}
	return l.relay.onAnswer(tag, request)
}

func isWrite(tag ber.Tag) bool {
	return slices.Contains([]ber.Tag{
		ldapv3.ApplicationAddResponse, ldapv3.ApplicationDelResponse, ldapv3.ApplicationModifyResponse, ldapv3.ApplicationModifyDNResponse,
	}, tag)
}

// readMessage returns a message, and the bytes that it was.
func readMessage(from io.Reader) (*ber.Packet, []byte, error) {
	var raw bytes.Buffer
	packet, err := ber.ReadPacket(io.TeeReader(from, &raw))
	return packet, raw.Bytes(), err
}
