// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const canary = "canary-d0-not-tell"

// leaks reports which form of a canary a text has.
func leaks(text string) bool {
	return strings.Contains(text, canary) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(canary))[:16]) ||
		strings.Contains(text, strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]"))
}

func wantNoCanary(t testing.TB, what string, v any) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if text := fmt.Sprintf(verb, v); leaks(text) || verb == "%x" && strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("%s as %s: %s", what, verb, text)
		}
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "value", v)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "value", v)
	if leaks(logged.String()) {
		t.Errorf("%s in a log: %s", what, &logged)
	}
}

func canaries() map[string][]byte {
	all := map[string][]byte{}
	for _, key := range []string{"token", "username", "password", "clientID", "clientSecret", "signingKey"} {
		all[key] = []byte(canary)
	}
	return all
}

// TestNothingIsToldOfConfiguration puts canaries wherever a configuration can have one.
func TestNothingIsToldOfConfiguration(t *testing.T) {
	for _, scheme := range []Scheme{None, Bearer, Basic, Header, OAuth2} {
		cfg := Config{URL: "https://app.example.com", Credential: canaries(), Authentication: Authentication{
			Scheme: scheme, Header: "X-Key", Prefix: canary, TokenURL: "https://issuer.example.com",
		}}
		client := open(t, cfg)
		wantNoCanary(t, "Config", cfg)
		wantNoCanary(t, "*Config", &cfg)
		wantNoCanary(t, "struct of Config", struct{ C Config }{cfg})
		wantNoCanary(t, "*Client", client)
		wantNoCanary(t, "Client", *client)
		wantNoCanary(t, "struct of Client", struct{ c *Client }{client})
		wantNoCanary(t, "pointer to struct of Client", &struct{ c *Client }{client})
	}
	for name, change := range map[string]func(*Config){
		"URL":         func(c *Config) { c.URL = canary },
		"URLUser":     func(c *Config) { c.URL = "https://u:" + canary + "@app.example.com" },
		"URLQuery":    func(c *Config) { c.URL = "https://app.example.com?key=" + canary },
		"URLPort":     func(c *Config) { c.URL = "https://app.example.com:" + canary },
		"Plaintext":   func(c *Config) { c.URL = "http://app.example.com/" + canary },
		"Proxy":       func(c *Config) { c.ProxyURL = "http://u:" + canary + "@proxy.example.com" },
		"ProxyPort":   func(c *Config) { c.ProxyURL = "http://proxy.example.com:" + canary },
		"TokenURL":    func(c *Config) { c.Authentication = withTokens("https://u:" + canary + "@issuer.example.com") },
		"Scheme":      func(c *Config) { c.Authentication.Scheme = canary },
		"Authorities": func(c *Config) { c.Credential[KeyAuthorities] = []byte(canary) },
		"Certificate": func(c *Config) {
			c.Credential[KeyCertificate], c.Credential[KeyPrivateKey] = []byte(canary), []byte(canary)
		},
		"TwoLines":      func(c *Config) { c.Authentication.Scheme = Bearer; c.Credential["token"] = []byte(canary + "\nx") },
		"Colon":         func(c *Config) { c.Authentication.Scheme = Basic; c.Credential["username"] = []byte(canary + ":x") },
		"HeaderOfTwo":   func(c *Config) { c.Authentication = Authentication{Scheme: Header, Header: canary + " x"} },
		"PrefixOfTwo":   func(c *Config) { c.Authentication = Authentication{Scheme: Header, Header: "X", Prefix: canary + "\n"} },
		"BehindTheWall": func(c *Config) { c.URL, c.ProxyURL = "https://"+canary+".localhost", "http://proxy.example.com" },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{URL: "https://app.example.com", Credential: canaries()}
			change(&cfg)
			_, err := Open(cfg)
			if err == nil {
				t.Fatal("no error")
			}
			wantNoCanary(t, "error", err)
			wantNoCanary(t, "message", connector.Message(err))
		})
	}
}

// TestNothingIsToldOfRequests makes requests full of canaries fail in every way.
func TestNothingIsToldOfRequests(t *testing.T) {
	tells := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://"+canary+".example.com")
		w.Header().Set("Www-Authenticate", canary)
		w.Header().Set("Retry-After", canary)
	}
	answers := func(status int) func(testing.TB) string {
		return func(t testing.TB) string {
			return serve(t, func(w http.ResponseWriter, r *http.Request) {
				tells(w, r)
				w.WriteHeader(status)
				_, _ = io.WriteString(w, `{"error":"`+canary+`"}`)
			}).URL
		}
	}
	servers := map[string]func(testing.TB) string{
		"Nobody": func(t testing.TB) string { l := cluster.Listen(t); _ = l.Close(); return "http://" + l.Addr().String() },
		"Name":   func(testing.TB) string { return "http://" + canary + ".invalid" },
		"Hangs":  func(t testing.TB) string { return raw(t, func(_ net.Conn, over <-chan struct{}) { <-over }) },
		"Garbage": func(t testing.TB) string {
			return raw(t, func(c net.Conn, _ <-chan struct{}) {
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, canary+"\r\n\r\n")
			})
		},
		"CutShort": func(t testing.TB) string {
			return serve(t, func(w http.ResponseWriter, r *http.Request) {
				tells(w, r)
				w.Header().Set("Content-Length", "1000")
				_, _ = io.WriteString(w, canary)
			}).URL
		},
		"Certificate": func(t testing.TB) string { return serveTLS(t, nil, tells).URL },
	}
	for _, status := range []int{301, 400, 401, 403, 404, 407, 409, 418, 429, 500, 503} {
		servers[fmt.Sprint(status)] = answers(status)
	}
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			url := server(t)
			for _, scheme := range []Scheme{Bearer, Basic, Header, OAuth2} {
				wantNoCanary(t, string(scheme), failure(t, url, scheme))
			}
		})
	}
}

// failure makes a request that fails. An OAuth2 client fails at its issuer.
func failure(t testing.TB, url string, scheme Scheme) error {
	t.Helper()
	client := open(t, Config{
		URL: url + "/" + canary, AllowPlaintext: true, Timeout: 100 * time.Millisecond, Credential: canaries(), MaxConnections: 1,
		Authentication: Authentication{Scheme: scheme, Header: "X-Key", Prefix: canary, TokenURL: url + "/" + canary, Audience: canary, Scopes: []string{canary}},
	})
	answer, err := client.Do(t.Context(), Request{
		What: "look", Method: http.MethodPost, Path: "/" + canary, Query: map[string][]string{"q": {canary}}, Body: []byte(canary), Header: http.Header{"X-Mine": {canary}},
	})
	if err == nil {
		err = answer.Err("look")
	}
	if err == nil {
		t.Fatal("it did not fail")
	}
	wantNoCanary(t, "message", connector.Message(err))
	wantNoCanary(t, "*Client", client)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, ended := client.Do(canceled, Request{What: "look", Method: http.MethodGet, Path: "/" + canary})
	if !errors.Is(ended, context.Canceled) {
		t.Errorf("error is %v, want the context's", ended)
	}
	wantNoCanary(t, "the context's error", ended)
	_, invalid := client.Do(t.Context(), Request{What: "look", Method: canary + " ", Path: "/" + canary + "/.."})
	wantNoCanary(t, "an invalid request", invalid)
	return err
}
