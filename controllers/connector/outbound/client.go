// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// Keys of a credential beside those of an [Authentication]. Each is PEM.
const (
	// KeyAuthorities holds the only authorities that are trusted.
	KeyAuthorities = "ca.crt"
	// KeyCertificate and KeyPrivateKey are a client certificate.
	KeyCertificate = "tls.crt"
	// KeyPrivateKey belongs to KeyCertificate.
	KeyPrivateKey = "tls.key"
)

const (
	defaultTimeout     = 15 * time.Second
	defaultConnections = 8
	// maxBody bounds an answer: a page of 1,000 users has about 2 MiB.
	maxBody = 8 << 20
	// maxHeader bounds what comes before it.
	maxHeader = 64 << 10
	userAgent = "scim-operator"
)

// DialFunc connects to an address. It decides which addresses are allowed: see package egress.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Config is everything that a client is opened with.
type Config struct {
	// URL is what every path is put behind. It has no query.
	URL string
	// AllowPlaintext lets URL and the token endpoint be http.
	AllowPlaintext bool
	// ProxyURL is the proxy; empty means that of the environment.
	ProxyURL string
	// Timeout bounds each request, zero means 15 s.
	Timeout time.Duration
	// MaxConnections bounds the pool, zero means 8.
	MaxConnections int
	// Dial connects; nil means egress.Policy's zero value.
	Dial DialFunc
	// Authentication says which keys of Credential are sent, and how.
	Authentication Authentication
	// Credential holds the secrets by key.
	Credential map[string][]byte
}

// Client sends requests to one application. It is safe for concurrent use.
type Client struct {
	base *url.URL
	http *http.Client
	auth authenticator
}

// Open returns a client. It makes no request. A configuration that cannot work is Invalid, and the error says which part and never what it holds.
func Open(cfg Config) (*Client, error) {
	base, err := parse("url", cfg.URL, cfg.AllowPlaintext)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport, Timeout: cfg.timeout(), CheckRedirect: stay}
	auth, err := newAuthenticator(cfg, client)
	if err != nil {
		return nil, err
	}
	return &Client{base: base, http: client, auth: auth}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// stay ends a request at a redirect, which would carry the credential to wherever it points.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (cfg Config) timeout() time.Duration {
	if cfg.Timeout > 0 {
		return cfg.Timeout
	}
	return defaultTimeout
}

func newTransport(cfg Config) (*http.Transport, error) {
	proxy, err := proxyFunc(cfg.ProxyURL)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := TLSConfig(cfg.Credential)
	if err != nil {
		return nil, err
	}
	dial := cfg.Dial
	if dial == nil {
		dial = egress.Policy{}.DialContext
	}
	connections := cfg.MaxConnections
	if connections == 0 {
		connections = defaultConnections
	}
	return &http.Transport{
		Proxy: proxy, DialContext: dial, TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true,
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, MaxIdleConns: 2 * connections, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: maxHeader,
	}, nil
}

// TLSConfig returns how to speak TLS with a credential: which authorities it trusts, and the client certificate that it has.
func TLSConfig(credential map[string][]byte) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if pem := credential[KeyAuthorities]; len(pem) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, connector.Invalidf("the Secret's %s has no certificate in PEM", KeyAuthorities)
		}
	}
	certificate, key := credential[KeyCertificate], credential[KeyPrivateKey]
	if len(certificate) == 0 && len(key) == 0 {
		return config, nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, connector.Invalidf("the Secret's %s and %s are not a certificate and its key in PEM", KeyCertificate, KeyPrivateKey)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func proxyFunc(proxyURL string) (func(*http.Request) (*url.URL, error), error) {
	if proxyURL == "" {
		fromEnvironment := httpproxy.FromEnvironment().ProxyFunc()
		return func(r *http.Request) (*url.URL, error) { return fromEnvironment(r.URL) }, nil
	}
	proxy, err := url.Parse(proxyURL)
	if err != nil || proxy.Host == "" || proxy.User != nil {
		return nil, connector.Invalidf("the proxyURL cannot be used")
	}
	return http.ProxyURL(proxy), nil
}

// parse takes an absolute URL that is nothing but scheme, host and path.
func parse(field, raw string, plaintext bool) (*url.URL, error) {
	parsed, err := url.Parse(raw)
	switch {
	case err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return nil, connector.Invalidf("the %s is not an absolute URL of host and path alone", field)
	case parsed.Scheme != "https" && (parsed.Scheme != "http" || !plaintext):
		return nil, connector.Invalidf("the %s is not https", field)
	}
	parsed.Path, parsed.RawPath = strings.TrimRight(parsed.Path, "/"), strings.TrimRight(parsed.RawPath, "/")
	return parsed, nil
}
