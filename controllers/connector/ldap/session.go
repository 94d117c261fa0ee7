// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// The keys of the credential that are not of TLS.
const (
	keyUserName = "username"
	keyPassword = "password"
)

const (
	// maxAnswer bounds what a request may answer, as it comes over the network.
	maxAnswer = 64 << 20
	// startTLSOperation is RFC 4511 section 4.14.
	startTLSOperation = "1.3.6.1.4.1.1466.20037"
)

// errTooLarge is what reading more than maxAnswer ends with.
var errTooLarge = errors.New("the answer is too large")

// dialer makes sessions.
type dialer struct {
	dial               DialFunc
	address            string
	config             *tls.Config
	isTLS, plaintext   bool
	userName, password string
	timeout            time.Duration
}

func newDialer(s settings) (*dialer, error) {
	config, err := outbound.TLSConfig(s.Credential)
	if err != nil {
		return nil, err
	}
	config.ServerName = s.host
	d := &dialer{
		dial: s.Dial, address: s.address, config: config, isTLS: s.isTLS, plaintext: s.AllowPlaintext, timeout: s.Timeout,
		userName: strings.TrimSpace(string(s.Credential[keyUserName])), password: strings.TrimRight(string(s.Credential[keyPassword]), "\r\n"),
	}
	external := len(config.Certificates) > 0 && d.password == ""
	if !external && (d.userName == "" || d.password == "") {
		return nil, connector.Invalidf("the Secret has neither the keys %q and %q nor a client certificate", keyUserName, keyPassword)
	}
	return d, nil
}

// session is one bound connection. One request runs on it at a time.
type session struct {
	*ldapv3.Conn
	wire *meter
	// used is when it was last put back.
	used time.Time
}

// open connects and binds. Everything ends with ctx.
func (d *dialer) open(ctx context.Context) (*session, error) {
	raw, err := d.dial(ctx, "tcp", d.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	wire := &meter{Conn: raw, left: maxAnswer}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	secured, err := d.secure(ctx, wire)
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	conn := ldapv3.NewConn(secured, secured != net.Conn(wire))
	conn.Start()
	if err := d.bind(conn); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return &session{Conn: conn, wire: wire}, nil
}

// secure begins TLS: at once for ldaps://, after StartTLS for ldap://, and not at all if that is allowed.
func (d *dialer) secure(ctx context.Context, raw net.Conn) (net.Conn, error) {
	switch {
	case d.isTLS:
	case d.plaintext:
		return raw, nil
	default:
		if err := startTLS(raw); err != nil {
			return nil, err
		}
	}
	secured := tls.Client(raw, d.config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("begin TLS: %w", err)
	}
	return secured, nil
}

// startTLS asks for TLS. It reads the answer and not a byte more: what follows in the clear was put there by somebody else, and breaks
// the handshake. The library's own StartTLS would hide why a handshake fails.
func startTLS(raw net.Conn) error {
	request := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(1), ""))
	operation := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldapv3.ApplicationExtendedRequest, nil, "")
	operation.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, startTLSOperation, ""))
	request.AppendChild(operation)
	if _, err := raw.Write(request.Bytes()); err != nil {
		return fmt.Errorf("ask for TLS: %w", err)
	}
	answer, err := ber.ReadPacket(raw)
	if err != nil {
		return fmt.Errorf("ask for TLS: %w", err)
	}
	return ldapv3.GetLDAPError(answer)
}

func (d *dialer) bind(conn *ldapv3.Conn) error {
	if d.password == "" {
		return conn.ExternalBind()
	}
	return conn.Bind(d.userName, d.password)
}

// meter stops reading when too much has come.
type meter struct {
	net.Conn
	mu   sync.Mutex
	left int
}

// refill begins the next answer.
func (m *meter) refill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = maxAnswer
}

// Read implements net.Conn.
func (m *meter) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left -= n; m.left < 0 {
		return n, errors.Join(errTooLarge, m.Close())
	}
	return n, err
}

// isOver reports whether too much has come.
func (m *meter) isOver() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.left < 0
}
