// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ErrForbidden is in the error of a connection to an address that connectors may not use.
var ErrForbidden = errors.New("address is not allowed for connectors")

// dialTimeout bounds connecting, so that an address that drops packets does not hold a worker.
const dialTimeout = 10 * time.Second

// Policy says where to. The zero value allows every address but loopback, link-local (the cloud's metadata services),
// unspecified and multicast ones and AWS's metadata service on IPv6. Private networks are allowed: that is where
// applications are.
type Policy struct {
	// Allow are exceptions from what is forbidden otherwise.
	Allow []netip.Prefix
	// Deny is forbidden too, before Allow: the API server's service address, say.
	Deny []netip.Prefix
}

// DialContext connects like net.Dialer.DialContext, or returns an error that wraps [ErrForbidden]. It fits
// http.Transport and rest.Config.
func (p Policy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Control: p.control}
	return dialer.DialContext(ctx, network, address)
}

// control sees each address that a name resolved to, just before the connection is made.
func (p Policy) control(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("parse resolved address: %w", err)
	}
	if network != "tcp4" && network != "tcp6" || !p.Allows(target.Addr()) {
		return ErrForbidden
	}
	return nil
}

// Allows reports whether connectors may connect to the address.
func (p Policy) Allows(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	switch {
	case within(p.Deny, addr):
		return false
	case within(p.Allow, addr):
		return true
	}
	return !addr.IsLoopback() && !addr.IsLinkLocalUnicast() && !addr.IsUnspecified() && !addr.IsMulticast() &&
		!within(neverMeant(), addr)
}

// neverMeant are addresses that no application has, beside those that netip knows.
func neverMeant() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("fd00:ec2::254/128"),  // AWS instance metadata over IPv6
		netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud instance metadata
		netip.MustParsePrefix("0.0.0.0/8"),          // "this network": Linux takes it for loopback
		netip.MustParsePrefix("255.255.255.255/32"), // broadcast
		netip.MustParsePrefix("64:ff9b::/96"),       // NAT64: every IPv4 address in disguise
	}
}

func within(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
