// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

const (
	defaultTimeout     = 15 * time.Second
	defaultConnections = 8
	// maxBody bounds an answer unless the configuration does: a page of 1,000 users has about 2 MiB.
	maxBody = 8 << 20
	// maxHeader bounds what comes before it.
	maxHeader = 64 << 10
	userAgent = "scim-operator"
)

// DialFunc connects to an address. It decides which addresses are allowed: see package egress.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Config is everything that a client is opened with. Printed, it shows nothing of what it holds.
type Config struct {
	// URL is what every path is put behind. It has no query.
	URL string
	// AllowPlaintext lets URL and the token endpoint be http.
	AllowPlaintext bool
	// ProxyURL is the proxy, for https alone; empty means that of the environment.
	ProxyURL string
	// Timeout bounds each request, zero means 15 s. It does not count the time until it is the request's turn.
	Timeout time.Duration
	// MaxConnections bounds the connections and the requests that are under way, zero means 8.
	MaxConnections int
	// MaxAnswer bounds the body of an answer, as unpacked, in bytes; zero means 8 MiB.
	MaxAnswer int64
	// Dial connects; nil means egress.Policy's zero value.
	Dial DialFunc
	// Authentication says which keys of Credential are sent, and how.
	Authentication Authentication
	// Credential holds the secrets by key.
	Credential map[string][]byte
	// Sign, if it is set, adds headers to a request that is otherwise complete, each time that it is sent.
	Sign func(r *http.Request, body []byte)
}

// Format keeps the credential, and whatever else was pasted into the wrong field, out of logs.
func (Config) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "outbound.Config{...}") }

// Client sends requests to one application. It is safe for concurrent use. Printed, it shows nothing of what it holds.
type Client struct {
	base *url.URL
	http *http.Client
	auth authenticator
	sign func(r *http.Request, body []byte)
	// maxAnswer is that of Config.
	maxAnswer int64
	// turns has an element for each request that is under way.
	turns chan struct{}
}

// Format does for Client what it does for [Config].
func (Client) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "outbound.Client{...}") }

// Open returns a client. It makes no request. A configuration that cannot work is Invalid, and the error says which part and never what it holds.
func Open(cfg Config) (*Client, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.MaxConnections <= 0 {
		cfg.MaxConnections = defaultConnections
	}
	if cfg.MaxAnswer <= 0 {
		cfg.MaxAnswer = maxBody
	}
	if cfg.Dial == nil {
		cfg.Dial = egress.Policy{}.DialContext
	}
	base, err := parse("url", cfg.URL, cfg.AllowPlaintext)
	if err != nil {
		return nil, err
	}
	auth, targets, err := newAuthenticator(cfg)
	if err != nil {
		return nil, err
	}
	proxy, err := newProxy(cfg, append(targets, base)...)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := TLSConfig(cfg.Credential)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: newTransport(cfg, proxy, tlsConfig), Timeout: cfg.Timeout, CheckRedirect: stay}
	return &Client{base: base, http: client, auth: auth, sign: cfg.Sign, maxAnswer: cfg.MaxAnswer, turns: make(chan struct{}, cfg.MaxConnections)}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// stay ends a request at a redirect, which would carry the credential to wherever it points.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func newTransport(cfg Config, proxy proxyFunc, tlsConfig *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy: proxy.of, OnProxyConnectResponse: connected, DialContext: cfg.Dial, TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true,
		MaxConnsPerHost: cfg.MaxConnections, MaxIdleConnsPerHost: cfg.MaxConnections, MaxIdleConns: 2 * cfg.MaxConnections,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: maxHeader,
	}
}

// parse takes an absolute URL that is nothing but scheme, host and path.
func parse(field, raw string, plaintext bool) (*url.URL, error) {
	parsed, err := url.Parse(raw)
	switch {
	case err != nil || parsed.Hostname() == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "":
		return nil, connector.Invalidf("the %s is not an absolute URL of host and path alone", field)
	case parsed.Scheme != "https" && (parsed.Scheme != "http" || !plaintext):
		return nil, connector.Invalidf("the %s is not https", field)
	}
	return parsed, nil
}

// below returns base with an escaped path behind its own, or false if that is not what a server would see.
func below(base *url.URL, path string) (*url.URL, bool) {
	escaped := strings.TrimRight(base.EscapedPath(), "/") + path
	unescaped, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, false
	}
	target := *base
	target.Path, target.RawPath = unescaped, escaped
	return &target, target.EscapedPath() == escaped // it is not if there is something to escape still, and then "%2f" would become "/"
}
