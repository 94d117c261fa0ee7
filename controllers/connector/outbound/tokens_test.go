// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func withTokens(url string) Authentication {
	return Authentication{Scheme: OAuth2, TokenURL: url, Scopes: []string{"users"}, Audience: "app"}
}

func clientKeys() map[string][]byte {
	return map[string][]byte{"clientID": []byte("id"), "clientSecret": []byte("s3cret\n")}
}

// issuer issues token-1, token-2 and so on.
type issuer struct {
	issued atomic.Int32
	// before is called before each answer, if it is set.
	before func()
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := i.issued.Add(1)
	if i.before != nil {
		i.before()
	}
	id, secret, _ := r.BasicAuth()
	if err := r.ParseForm(); err != nil || id != "id" || secret != "s3cret" || r.Form.Get("scope") != "users" || r.Form.Get("audience") != "app" {
		http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"bearer","expires_in":3600}`, n)
}

// openWithTokens returns a client of an application that answers as app does.
func openWithTokens(t testing.TB, issuer, app http.HandlerFunc) *Client {
	return open(t, Config{
		URL: serve(t, app).URL, AllowPlaintext: true, Authentication: withTokens(serve(t, issuer).URL + "/token"), Credential: clientKeys(),
	})
}

func TestTokenIsKept(t *testing.T) {
	var i issuer
	client := openWithTokens(t, i.ServeHTTP, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Token", r.Header.Get("Authorization")) })
	for range 3 {
		answer, err := get(t, client)
		if err != nil || answer.Header.Get("X-Token") != "Bearer token-1" {
			t.Fatalf("answer is %v, %v", answer.Header, err)
		}
	}
}

// TestTokenIsRefused has an application that takes no token before token-n: one refresh, and one more try.
func TestTokenIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		good           string
		status         int
		issued, served int32
	}{
		"Once":   {"Bearer token-2", 200, 2, 2},
		"Always": {"", 401, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var i issuer
			var served atomic.Int32
			client := openWithTokens(t, i.ServeHTTP, func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				if body, _ := io.ReadAll(r.Body); string(body) != "{}" {
					t.Errorf("body is %q", body)
				}
				if r.Header.Get("Authorization") != tc.good {
					w.WriteHeader(http.StatusUnauthorized)
				}
			})
			answer, err := client.Do(t.Context(), Request{What: "make", Method: http.MethodPost, Body: []byte("{}")})
			if err != nil || answer.Status != tc.status || i.issued.Load() != tc.issued || served.Load() != tc.served {
				t.Errorf("%d, %v after %d tokens and %d requests, want %d after %d and %d",
					answer.Status, err, i.issued.Load(), served.Load(), tc.status, tc.issued, tc.served)
			}
		})
	}
}

func TestConstantCredentialIsTriedOnce(t *testing.T) {
	var served atomic.Int32
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { served.Add(1); w.WriteHeader(http.StatusUnauthorized) })
	client := open(t, Config{URL: server.URL, AllowPlaintext: true, Authentication: Authentication{Scheme: Basic}, Credential: basicKeys("u")})
	if answer, err := get(t, client); err != nil || answer.Status != 401 || served.Load() != 1 {
		t.Errorf("%d, %v after %d requests", answer.Status, err, served.Load())
	}
}

// TestManyWaitForOneToken has the first of them give up while the token is on its way.
func TestManyWaitForOneToken(t *testing.T) {
	reached, goOn := make(chan struct{}), make(chan struct{})
	i := issuer{before: func() { close(reached); <-goOn }} // a second one would panic
	client := openWithTokens(t, i.ServeHTTP, func(http.ResponseWriter, *http.Request) {})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { _, err := client.Do(ctx, Request{What: "look", Method: http.MethodGet}); first <- err }()
	<-reached
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if answer, err := get(t, client); err != nil || answer.Status != 200 {
				t.Errorf("%d, %v", answer.Status, err)
			}
		})
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first got %v, want its context's", err)
	}
	close(goOn)
	all.Wait()
	if n := i.issued.Load(); n != 1 {
		t.Errorf("%d tokens were issued", n)
	}
}

// TestManyAreRefusedAtOnce has one token revoked while many use it.
func TestManyAreRefusedAtOnce(t *testing.T) {
	var i issuer
	const many = 8
	var old sync.WaitGroup
	old.Add(many)
	client := openWithTokens(t, i.ServeHTTP, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			old.Done()
			old.Wait()
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			if answer, err := get(t, client); err != nil || answer.Status != 200 {
				t.Errorf("%d, %v", answer.Status, err)
			}
		})
	}
	all.Wait()
	if n := i.issued.Load(); n != 2 {
		t.Errorf("%d tokens were issued, want 2", n)
	}
}

func TestIssuerInTrouble(t *testing.T) {
	answers := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Location", "https://elsewhere.example.com")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, tc := range map[string]struct {
		issuer  http.HandlerFunc
		kind    connector.Kind
		message string
		after   time.Duration
	}{
		"Refuses":          {answers(401, `{"error":"invalid_client"}`), connector.KindDenied, "refuses the credential (401)", 0},
		"RefusesScope":     {answers(400, `{"error":"invalid_scope"}`), connector.KindDenied, "refuses the credential (400)", 0},
		"RefusesWith200":   {answers(200, `{"error":"invalid_client"}`), connector.KindDenied, "refuses the credential (200)", 0},
		"TooMany":          {answers(429, ``), connector.KindUnavailable, "cannot do it now", 7 * time.Second},
		"Broken":           {answers(503, ``), connector.KindUnavailable, "cannot do it now", 7 * time.Second},
		"Redirects":        {answers(302, ``), connector.KindUnavailable, "redirects", time.Minute},
		"NoJSON":           {answers(200, `<html>`), connector.KindUnavailable, "what the issuer answers is none", 0},
		"NoToken":          {answers(200, `{}`), connector.KindUnavailable, "what the issuer answers is none", 0},
		"TokenOfTwoLines":  {answers(200, `{"access_token":"a\nb"}`), connector.KindUnavailable, "", 0},
		"ConnectionBroken": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, connector.KindUnavailable, "does not answer", 0},
	} {
		t.Run(name, func(t *testing.T) {
			client := openWithTokens(t, tc.issuer, func(http.ResponseWriter, *http.Request) { t.Error("the application was asked") })
			_, err := get(t, client)
			wantKind(t, err, tc.kind, tc.message)
			if after := connector.RetryAfter(err); after != tc.after {
				t.Errorf("to be tried again after %s, want %s", after, tc.after)
			}
		})
	}
	t.Run("Hangs", func(t *testing.T) {
		client := open(t, Config{
			URL: "https://app.example.com", AllowPlaintext: true, Timeout: 50 * time.Millisecond, Credential: clientKeys(),
			Authentication: withTokens(raw(t, func(_ net.Conn, over <-chan struct{}) { <-over })),
		})
		_, err := get(t, client)
		wantKind(t, err, connector.KindUnavailable, "in time")
	})
}
