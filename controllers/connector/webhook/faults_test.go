// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	app "github.com/scim-operator/scim-operator/hack/apps/webhook"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// between puts a handler before the application. next has the application do what is asked.
func (w world) between(t testing.TB, wrong func(rw http.ResponseWriter, r *http.Request, next func() *httptest.ResponseRecorder)) connector.Connector {
	credential, _ := w.app.Credential()
	trust, err := outbound.TLSConfig(credential)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: trust}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := w.config()
	target, err := url.Parse(w.app.URL())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Endpoint.AllowPlaintext = true
	cfg.Endpoint.URL = serve(t, func(rw http.ResponseWriter, r *http.Request) {
		wrong(rw, r, func() *httptest.ResponseRecorder {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			r.Body = io.NopCloser(bytes.NewReader(body)) // for who asks twice
			out := r.Clone(r.Context())
			out.Body = io.NopCloser(bytes.NewReader(body))
			out.URL.Scheme, out.URL.Host, out.RequestURI = target.Scheme, target.Host, ""
			answer, err := transport.RoundTrip(out)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			defer answer.Body.Close()
			recorder := httptest.NewRecorder()
			recorder.WriteHeader(answer.StatusCode)
			_, _ = io.Copy(recorder, answer.Body)
			return recorder
		})
	}) + "/contract"
	return open(t, cfg)
}

func tell(rw http.ResponseWriter, answer *httptest.ResponseRecorder) {
	rw.WriteHeader(answer.Code)
	_, _ = rw.Write(answer.Body.Bytes())
}

// TestAnswersAreLost has the application do what every first request of a method asks, and the answer get lost.
func TestAnswersAreLost(t *testing.T) {
	w := inWorld(t)
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			var seen atomic.Int32
			conn := w.between(t, func(rw http.ResponseWriter, r *http.Request, next func() *httptest.ResponseRecorder) {
				answer := next()
				if r.Method == method && seen.Add(1)%2 == 1 {
					panic(http.ErrAbortHandler)
				}
				tell(rw, answer)
			})
			want := connector.Account{Owner: "lost/" + strings.ToLower(method), UserName: "lost-" + method, State: connector.Active, Roles: []string{"reader"}}
			again := func(what string, call func() error) {
				t.Helper()
				if err := call(); err != nil && connector.KindOf(err) != connector.KindUnavailable {
					t.Fatalf("%s: %v", what, err)
				}
				if err := call(); err != nil && connector.KindOf(err) != connector.KindUnavailable {
					t.Fatalf("%s again: %v", what, err)
				}
			}
			again("Apply", func() error { _, err := conn.Apply(t.Context(), nil, want); return err })
			observed, err := conn.Observe(t.Context(), want)
			if err != nil || !connector.InSync(observed, want) {
				t.Fatalf("observed %+v, %v", observed, err)
			}
			if n := count(t, conn, want.UserName); n != 1 {
				t.Errorf("there are %d accounts", n)
			}
			again("Revoke", func() error { _, err := conn.(connector.Revoker).Revoke(t.Context(), want); return err })
			again("Delete", func() error { return conn.Delete(t.Context(), want) })
			if _, found := w.app.Account(want.UserName); found {
				t.Error("it was not deleted")
			}
		})
	}
}

func count(t testing.TB, conn connector.Connector, userName string) (n int) {
	for a, err := range conn.(connector.Lister).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if a.UserName == userName {
			n++
		}
	}
	return n
}

// TestAdoptionIsAnsweredLate adopts twice for the same owner, since the first answer was lost.
func TestAdoptionIsAnsweredLate(t *testing.T) {
	w := inWorld(t)
	w.app.Add(app.Account{UserName: "late", State: "Active", Roles: []string{"reader"}})
	var seen atomic.Int32
	conn := w.between(t, func(rw http.ResponseWriter, r *http.Request, next func() *httptest.ResponseRecorder) {
		answer := next()
		if strings.HasSuffix(r.URL.Path, "/adopt") && seen.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
		tell(rw, answer)
	})
	adopter := conn.(connector.Adopter)
	found, err := adopter.Find(t.Context(), connector.KeyUserName, "LATE")
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	if _, err := adopter.Adopt(t.Context(), found[0], "late/one"); connector.KindOf(err) != connector.KindUnavailable {
		t.Fatalf("Adopt: %v", err)
	}
	if adopted, err := adopter.Adopt(t.Context(), found[0], "late/one"); err != nil || adopted.Owner != "late/one" {
		t.Errorf("Adopt: %+v, %v", adopted, err)
	}
}

// TestSuspendingCostsTwoRequests counts what 1,000 leavers cost, and how many connections that takes.
func TestSuspendingCostsTwoRequests(t *testing.T) {
	w := inWorld(t)
	conn := w.system(t).Connector
	const leavers = 1000
	for i := range leavers {
		if _, err := conn.Apply(t.Context(), nil, numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	before := w.witness.requests.Load()
	for i := range leavers {
		want := numbered(i)
		want.State = connector.Suspended
		observed, err := conn.Observe(t.Context(), want)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Apply(t.Context(), observed, want); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.(connector.Revoker).Revoke(t.Context(), want); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.witness.requests.Load() - before; got > 3*leavers {
		t.Errorf("%d requests for %d leavers", got, leavers)
	}
}

func numbered(i int) connector.Account {
	name := "many-" + strings.Repeat("x", i%3) + time.Duration(i).String()
	return connector.Account{Owner: "many/" + name, UserName: name, State: connector.Active, Roles: []string{"reader"}, Profile: map[string]string{"email": name + "@example.com"}}
}

// TestSignatures alters a signed request on its way, and sends it again.
func TestSignatures(t *testing.T) {
	w := inWorld(t)
	for name, tc := range map[string]struct {
		change func(*http.Request)
		times  int
		kind   connector.Kind
	}{
		"Right":     {func(*http.Request) {}, 1, ""},
		"Twice":     {func(*http.Request) {}, 2, connector.KindDenied},
		"Method":    {func(r *http.Request) { r.Method = http.MethodDelete }, 1, connector.KindDenied},
		"Path":      {func(r *http.Request) { r.URL.Path += "x" }, 1, connector.KindDenied},
		"Query":     {func(r *http.Request) { r.URL.RawQuery = "x=1" }, 1, connector.KindDenied},
		"Body":      {func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2 }, 1, connector.KindDenied},
		"Timestamp": {func(r *http.Request) { r.Header.Set(headerTimestamp, "1") }, 1, connector.KindDenied},
		"Nonce":     {func(r *http.Request) { r.Header.Set(headerNonce, "x") }, 1, connector.KindDenied},
		"None":      {func(r *http.Request) { r.Header.Del(headerSignature) }, 1, connector.KindDenied},
		"Token":     {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 1, connector.KindDenied},
	} {
		t.Run(name, func(t *testing.T) {
			conn := w.between(t, func(rw http.ResponseWriter, r *http.Request, next func() *httptest.ResponseRecorder) {
				tc.change(r)
				answer := next()
				for range tc.times - 1 {
					answer = next()
				}
				tell(rw, answer)
			})
			_, err := conn.Apply(t.Context(), nil, connector.Account{Owner: "signed/nobody", State: connector.Suspended})
			if connector.KindOf(err) != tc.kind {
				t.Errorf("suspending nobody: %v", err)
			}
			_, err = conn.Observe(t.Context(), connector.Account{Owner: "signed/nobody"})
			if name == "Twice" && !errors.Is(err, connector.ErrNotFound) {
				t.Errorf("reading twice: %v", err)
			}
		})
	}
	t.Run("OldSignature", func(t *testing.T) {
		timestamp := "1700000000"
		conn := w.between(t, func(rw http.ResponseWriter, r *http.Request, next func() *httptest.ResponseRecorder) {
			credential, _ := w.app.Credential()
			r.Header.Set(headerTimestamp, timestamp)
			r.Header.Set(headerSignature, "v1="+signature(credential[KeySigning], timestamp, r.Header.Get(headerNonce), r.Method, r.URL.RequestURI(), nil))
			tell(rw, next())
		})
		if _, err := conn.Observe(t.Context(), connector.Account{Owner: "signed/nobody"}); connector.KindOf(err) != connector.KindDenied {
			t.Errorf("Observe: %v", err)
		}
	})
}

// TestSignatureIsAsDocumented has been computed with
//
//	printf 'v1\n1700000000\nNONCE\nPUT\n/scim-operator/v1/accounts/acme/jane\n%s\n' "$(printf '{"state":"Suspended"}' | sha256sum | cut -d' ' -f1)" |
//	  openssl dgst -sha256 -hmac 0123456789abcdef
func TestSignatureIsAsDocumented(t *testing.T) {
	const want = "4139656491ccdedd06431daba957add68b7ba53de940770e17d35a6254474e74"
	got := signature([]byte("0123456789abcdef"), "1700000000", "NONCE", "PUT", "/scim-operator/v1/accounts/acme/jane", []byte(`{"state":"Suspended"}`))
	if got != want {
		t.Errorf("signature is %s", got)
	}
}

func TestSigningKeyIsLongEnough(t *testing.T) {
	for _, key := range []string{"", "\n", "short", "0123456789abcde\n"} {
		cfg := plain("https://app.example.com")
		cfg.Endpoint.Credential[KeySigning] = []byte(key)
		if _, err := Open(t.Context(), cfg); connector.KindOf(err) != connector.KindInvalid {
			t.Errorf("%q: %v", key, err)
		}
	}
}

// TestHangingConnectionIsGivenUp is about an answer that stops in the middle.
func TestHangingConnectionIsGivenUp(t *testing.T) {
	over := make(chan struct{})
	listener := cluster.Listen(t)
	t.Cleanup(func() { close(over) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(c net.Conn) {
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"id\"")
				<-over
				_ = c.Close()
			}(conn)
		}
	}()
	cfg := plain("http://" + listener.Addr().String())
	cfg.Endpoint.Timeout = 50 * time.Millisecond
	for verb, call := range verbs(open(t, cfg)) {
		if err := call(t.Context()); connector.KindOf(err) != connector.KindUnavailable {
			t.Errorf("%s: %v", verb, err)
		}
	}
}
