// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/idna"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// errProxy is in the error of a request that the proxy did not let through.
var errProxy = errors.New("the proxy does not connect")

// proxyFunc chooses the proxy of a URL, nil for none.
type proxyFunc func(target *url.URL) (*url.URL, error)

// newProxy returns the proxy of cfg, for the addresses that cfg has. Dialing sees the proxy's address alone, so here is where a target is looked at
// that is behind it: one that is written as an address, in whatever way, is refused where no connector may connect to. A name is resolved by the
// proxy, and what it may mean is for the proxy to decide.
func newProxy(cfg Config, targets ...*url.URL) (proxyFunc, error) {
	proxy, err := chooseProxy(cfg.ProxyURL)
	if err != nil {
		return nil, err
	}
	for _, target := range targets {
		through, err := proxy(target)
		switch {
		case err != nil:
			return nil, connector.Invalidf("the proxy of the environment cannot be used").Because(err)
		case through == nil:
		case cfg.ProxyURL != "" && target.Scheme != "https":
			return nil, connector.Invalidf("a proxyURL needs https: the proxy would read the credential")
		case !mayBeBehindProxy(target.Hostname()):
			return nil, connector.Deniedf("the address is not one that connectors may connect to, nor through a proxy").Because(egress.ErrForbidden)
		}
	}
	return proxy, nil
}

func chooseProxy(proxyURL string) (proxyFunc, error) {
	if proxyURL == "" {
		return httpproxy.FromEnvironment().ProxyFunc(), nil
	}
	proxy, err := url.Parse(proxyURL)
	if err != nil || proxy.Hostname() == "" || proxy.User != nil || !slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme) {
		return nil, connector.Invalidf("the proxyURL cannot be used")
	}
	return func(*url.URL) (*url.URL, error) { return proxy, nil }, nil
}

// mayBeBehindProxy knows addresses and the names of the machine itself. What --allow-egress allows is near us and not near a proxy, so it
// is no exception here.
func mayBeBehindProxy(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return egress.Policy{}.Allows(addr)
	}
	host, err := idna.Lookup.ToASCII(host) // as net/http will: there are more digits in Unicode than ten
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if err != nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return false
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return egress.Policy{}.Allows(addr)
	}
	// 127.1, 0x7f000001 and 2130706433 are addresses to many a resolver. No name has a last label of digits (RFC 3696 section 2).
	last := host[strings.LastIndexByte(host, '.')+1:]
	return strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x")
}

func (p proxyFunc) of(r *http.Request) (*url.URL, error) { return p(r.URL) }

// connected looks at what the proxy says to a CONNECT.
func connected(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return errProxy
	}
	return nil
}
