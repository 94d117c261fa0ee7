// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// tunnel is a proxy that takes every name for server, and tells of each.
func tunnel(t testing.TB, server *httptest.Server, asked chan<- string) *httptest.Server {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		inside, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		outside, _, err := http.NewResponseController(w).Hijack() // before it is answered: what comes then is not for the server any more
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(outside, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(inside, outside); _ = inside.Close() }()
		go func() { _, _ = io.Copy(outside, inside); _ = outside.Close() }()
	})
}

func TestProxy(t *testing.T) {
	server := serveTLS(t, nil, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Token", r.Header.Get("Authorization")) })
	asked := make(chan string, 1)
	proxy := tunnel(t, server, asked)
	credential := trusting(server)
	credential["token"] = []byte("t0ken")
	client := open(t, Config{URL: "https://example.com/x", ProxyURL: proxy.URL, Credential: credential, Authentication: Authentication{Scheme: Bearer}})
	answer, err := get(t, client)
	if err != nil || answer.Header.Get("X-Token") != "Bearer t0ken" {
		t.Fatalf("answer is %+v, %v", answer.Header, err)
	}
	if got := <-asked; got != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked %q", got)
	}
}

func TestProxyDoesNotLetThrough(t *testing.T) {
	for _, status := range []int{302, 403, 407, 502} {
		proxy := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "do not tell", status) })
		_, err := get(t, open(t, Config{URL: "https://example.com", ProxyURL: proxy.URL}))
		wantKind(t, err, connector.KindUnavailable, "the proxy does not let it through")
	}
}

// TestProxyIsDialledLikeEverything keeps a proxyURL from being a way to addresses that are forbidden.
func TestProxyIsDialledLikeEverything(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	for _, scheme := range []string{"http://", "https://", "socks5://"} {
		client := open(t, Config{URL: "https://example.com", ProxyURL: scheme + proxy.Listener.Addr().String(), Dial: egress.Policy{}.DialContext})
		_, err := get(t, client)
		wantKind(t, err, connector.KindDenied, "--allow-egress")
	}
}

func TestTargetsBehindProxy(t *testing.T) {
	for host, allowed := range map[string]bool{
		"app.example.com": true, "10.1.2.3": true, "192.0.2.7": true, "[2001:db8::1]": true, "xn--bcher-kva.example": true, "bücher.example": true, "a1.b2": true, "app.example.com.": true,
		"169.254.169.254": false, "127.0.0.1": false, "127.9.9.9": false, "0.0.0.0": false, "[::1]": false, "[fe80::1]": false, "[::ffff:127.0.0.1]": false, "[fd00:ec2::254]": false,
		"[64:ff9b::7f00:1]": false, "localhost": false, "LocalHost.": false, "x.localhost": false, "127.1": false, "2130706433": false, "0x7f000001": false, "0x7f.1": false, "0177.0.0.1": false,
		"127.0.0.1.": false, "１２７.０.０.１": false, "127。0。0。1": false, "ⓛocalhost": false, "169.254.169.254.": false,
	} {
		t.Run(host, func(t *testing.T) {
			_, err := Open(Config{URL: "https://" + host + "/x", ProxyURL: "http://proxy.example.com:3128"})
			if allowed != (err == nil) {
				t.Errorf("Open: %v", err)
			}
			if !allowed {
				wantKind(t, err, connector.KindDenied, "")
			}
			_, err = Open(Config{
				URL: "https://app.example.com", ProxyURL: "http://proxy.example.com:3128", Authentication: withTokens("https://" + host), Credential: clientKeys(),
			})
			if allowed != (err == nil) {
				t.Errorf("Open with that issuer: %v", err)
			}
		})
	}
}

// TestProxyOfTheEnvironment is chosen by whoever runs the controller, so plain HTTP goes through it. Addresses near the proxy are refused as well.
func TestProxyOfTheEnvironment(t *testing.T) {
	asked := make(chan string, 1)
	proxy := serve(t, func(_ http.ResponseWriter, r *http.Request) { asked <- r.RequestURI })
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("NO_PROXY", "direct.example.com")
	if _, err := get(t, plain(t, "http://app.example.com")); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != "http://app.example.com/thing" {
		t.Errorf("the proxy was asked for %q", got)
	}
	_, err := Open(Config{URL: "https://169.254.169.254"})
	wantKind(t, err, connector.KindDenied, "")
	t.Setenv("HTTPS_PROXY", "http://[broken")
	if _, err := Open(Config{URL: "https://app.example.com"}); err != nil {
		wantKind(t, err, connector.KindInvalid, "environment")
	}
}
