// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// ParseProxies reads the networks of the proxies that are trusted to say where a request comes from. One that has every
// address is refused: each client could then say so of itself.
func ParseProxies(cidrs []string) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, cidr := range cidrs {
		network, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network such as 10.0.0.0/8", cidr)
		}
		if network.Bits() == 0 {
			return nil, fmt.Errorf("%q has every address, so every client could choose its own: name the networks of the proxies", cidr)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// sourceOf returns the address that a request comes from; it is not valid if the connection has none.
func sourceOf(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return source(peer.Addr(), r.Header["X-Forwarded-For"], proxies)
}

// source is the nearest address that is not one of our proxies: each of them has added, at the end of X-Forwarded-For, the
// one that it was asked from, and what is further left came from the outside. A hop that is no address ends the search at
// the proxy that wrote it. Without a trusted peer the header is the client's own and is not read. RFC 7239 Forwarded never
// is: no proxy in front of us would have to write both, and of two headers a client could write the other.
func source(peer netip.Addr, forwarded []string, proxies []netip.Prefix) netip.Addr {
	at := plain(peer)
	for i := len(forwarded) - 1; i >= 0; i-- {
		for rest, more := forwarded[i], true; more && contains(proxies, at); {
			var hop string
			rest, hop, more = lastHop(rest)
			next, ok := parseHop(hop)
			if !ok {
				return at
			}
			at = next
		}
	}
	return at
}

// lastHop cuts the last element off a list. more is false when nothing is left of it.
func lastHop(list string) (rest, hop string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// parseHop reads an address, with or without a port.
func parseHop(hop string) (netip.Addr, bool) {
	hop = strings.Trim(hop, " \t")
	if addr, err := netip.ParseAddr(hop); err == nil {
		return plain(addr), true
	}
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return plain(withPort.Addr()), true
	}
	if inner, ok := strings.CutPrefix(hop, "["); ok && strings.HasSuffix(inner, "]") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return plain(addr), err == nil && addr.Is6()
	}
	return netip.Addr{}, false
}

// plain is the one form of an address that networks are compared with: IPv4 as such, and without a zone.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}
