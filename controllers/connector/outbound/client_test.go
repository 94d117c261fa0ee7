// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outbound

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

func loopback() egress.Policy {
	return egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// serve answers with handler over plain HTTP.
func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener = cluster.Listen(t)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// raw hands every connection to talk, which may do with it what no HTTP server would. The test's end closes it, and over.
func raw(t testing.TB, talk func(conn net.Conn, over <-chan struct{})) (url string) {
	t.Helper()
	listener, over := cluster.Listen(t), make(chan struct{})
	var all sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); close(over); all.Wait() })
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { <-over; _ = conn.Close() }()
			all.Go(func() { defer conn.Close(); talk(conn, over) })
		}
	})
	return "http://" + listener.Addr().String()
}

func open(t testing.TB, cfg Config) *Client {
	t.Helper()
	if cfg.Dial == nil {
		cfg.Dial = loopback().DialContext
	}
	client, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func plain(t testing.TB, url string) *Client {
	t.Helper()
	return open(t, Config{URL: url, AllowPlaintext: true})
}

func get(t testing.TB, client *Client) (Response, error) {
	t.Helper()
	return client.Do(t.Context(), Request{What: "look", Method: http.MethodGet, Path: "/thing"})
}

func wantKind(t testing.TB, err error, kind connector.Kind, message string) {
	t.Helper()
	if connector.KindOf(err) != kind || !strings.Contains(connector.Message(err), message) {
		t.Errorf("error is %q %q, want %s with %q", connector.KindOf(err), connector.Message(err), kind, message)
	}
}

func TestDo(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", strings.Join([]string{
			r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.Header.Get("Accept"), r.Header.Get("X-Mine"), r.Header.Get("Authorization"),
		}, " "))
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(body)
	})
	client := open(t, Config{
		URL: server.URL + "/base%2Fpath/", AllowPlaintext: true,
		Authentication: Authentication{Scheme: Bearer}, Credential: map[string][]byte{"token": []byte("t0ken\n")},
	})
	answer, err := client.Do(t.Context(), Request{
		What: "try", Method: http.MethodPut, Path: "/a%2Fb/c", Query: map[string][]string{"q": {"1 2"}}, Body: []byte("{}"),
		Header: http.Header{"X-Mine": {"yes"}, "Authorization": {"mine"}}, Accept: "text/plain",
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = "PUT /base%2Fpath/a%2Fb/c?q=1+2 application/json text/plain yes Bearer t0ken"
	if got := answer.Header.Get("X-Saw"); got != want {
		t.Errorf("the server saw %q, want %q", got, want)
	}
	if answer.Status != http.StatusTeapot || string(answer.Body) != "{}" {
		t.Errorf("answer is %d %q", answer.Status, answer.Body)
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"NoURL":       func(c *Config) { c.URL = "" },
		"NoHost":      func(c *Config) { c.URL = "https:///x" },
		"PortAlone":   func(c *Config) { c.URL = "https://:443/" },
		"Plaintext":   func(c *Config) { c.URL = "http://app.example.com" },
		"OtherScheme": func(c *Config) { c.URL, c.AllowPlaintext = "ftp://app.example.com", true },
		"User":        func(c *Config) { c.URL = "https://u:p@app.example.com" },
		"Query":       func(c *Config) { c.URL = "https://app.example.com/?x" },
		"EmptyQuery":  func(c *Config) { c.URL = "https://app.example.com/?" },
		"Fragment":    func(c *Config) { c.URL = "https://app.example.com/#x" },
		"Scheme":      func(c *Config) { c.Authentication.Scheme = "Digest" },
		"NoToken":     func(c *Config) { c.Authentication.Scheme = Bearer },
		"TwoLines":    func(c *Config) { c.Authentication.Scheme = Bearer; c.Credential["token"] = []byte("a\nb") },
		"Control":     func(c *Config) { c.Authentication.Scheme = Bearer; c.Credential["token"] = []byte("a\x01b") },
		"NoHeader":    func(c *Config) { c.Authentication.Scheme = Header; c.Credential["token"] = []byte("a") },
		"NoUsername":  func(c *Config) { c.Authentication.Scheme = Basic; c.Credential["password"] = []byte("a") },
		"NoPassword":  func(c *Config) { c.Authentication.Scheme = Basic; c.Credential["username"] = []byte("a") },
		"Colon":       func(c *Config) { c.Authentication.Scheme = Basic; c.Credential = basicKeys("a:b") },
		"NoTokenURL":  func(c *Config) { c.Authentication.Scheme = OAuth2; c.Credential = clientKeys() },
		"PlaintextToken": func(c *Config) {
			c.Authentication = withTokens("http://issuer.example.com")
			c.Credential = clientKeys()
		},
		"NoClientID":       func(c *Config) { c.Authentication = withTokens("https://issuer.example.com") },
		"Authorities":      func(c *Config) { c.Credential[KeyAuthorities] = []byte("none") },
		"CertificateAlone": func(c *Config) { c.Credential[KeyCertificate] = []byte("none") },
		"ProxyScheme":      func(c *Config) { c.ProxyURL = "ftp://proxy.example.com" },
		"ProxyUser":        func(c *Config) { c.ProxyURL = "http://u:p@proxy.example.com" },
		"ProxyPortAlone":   func(c *Config) { c.ProxyURL = "http://:3128" },
		"ProxyAndPlaintext": func(c *Config) {
			c.URL, c.AllowPlaintext, c.ProxyURL = "http://app.example.com", true, "http://proxy.example.com"
		},
		"ProxyAndPlaintextToken": func(c *Config) {
			c.AllowPlaintext, c.ProxyURL = true, "http://proxy.example.com"
			c.Authentication, c.Credential = withTokens("http://issuer.example.com"), clientKeys()
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{URL: "https://app.example.com", Credential: map[string][]byte{}}
			change(&cfg)
			_, err := Open(cfg)
			wantKind(t, err, connector.KindInvalid, "")
		})
	}
}

func basicKeys(username string) map[string][]byte {
	return map[string][]byte{"username": []byte(username), "password": []byte("p")}
}

// TestTimeouts has a server stop at every point where one can.
func TestTimeouts(t *testing.T) {
	for name, talk := range map[string]func(net.Conn, <-chan struct{}){
		"Connected": func(_ net.Conn, over <-chan struct{}) { <-over },
		"Header": func(c net.Conn, over <-chan struct{}) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
			<-over
		},
		"Body": func(c net.Conn, over <-chan struct{}) {
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
			<-over
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := open(t, Config{URL: raw(t, talk), AllowPlaintext: true, Timeout: 50 * time.Millisecond})
			_, err := get(t, client)
			wantKind(t, err, connector.KindUnavailable, "does not answer in time")
		})
	}
	t.Run("Connecting", func(t *testing.T) {
		never := func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		client := open(t, Config{URL: "https://app.example.com", Dial: never, Timeout: 50 * time.Millisecond})
		_, err := get(t, client)
		wantKind(t, err, connector.KindUnavailable, "does not answer in time")
	})
}

// TestWaitingIsNotTheApplicationsFault has many wait longer for their turn than one request may take.
func TestWaitingIsNotTheApplicationsFault(t *testing.T) {
	const each = 40 * time.Millisecond
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(each):
		case <-r.Context().Done():
		}
	})
	client := open(t, Config{URL: server.URL, AllowPlaintext: true, MaxConnections: 1, Timeout: 40 * each})
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			if _, err := get(t, client); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestContextsEnd(t *testing.T) {
	reached := make(chan struct{}, 1)
	url := raw(t, func(_ net.Conn, over <-chan struct{}) { reached <- struct{}{}; <-over })
	client := open(t, Config{URL: url, AllowPlaintext: true, MaxConnections: 1})
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 2)
	call := func() { _, err := client.Do(ctx, Request{What: "look", Method: http.MethodGet}); results <- err }
	go call()
	<-reached
	go call() // which waits for its turn
	cancel()
	for range 2 {
		if err := <-results; !errors.Is(err, context.Canceled) || connector.KindOf(err) != connector.KindUnknown {
			t.Errorf("error is %v, want the context's", err)
		}
	}
	deadline, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if _, err := client.Do(deadline, Request{What: "look", Method: http.MethodGet}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want the context's", err)
	}
}

func TestNobodyListens(t *testing.T) {
	listener := cluster.Listen(t)
	_ = listener.Close()
	_, err := get(t, plain(t, "http://"+listener.Addr().String()))
	wantKind(t, err, connector.KindUnavailable, "does not answer")
}

// TestEgress connects to names, as the addresses that they stand for.
func TestEgress(t *testing.T) {
	server := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for name, host := range map[string]string{"Name": "localhost", "Address": "127.0.0.1", "Mapped": "[::ffff:127.0.0.1]", "Unspecified": "0.0.0.0"} {
		t.Run(name, func(t *testing.T) {
			client := open(t, Config{URL: "http://" + net.JoinHostPort(strings.Trim(host, "[]"), port), AllowPlaintext: true, Dial: egress.Policy{}.DialContext})
			_, err := get(t, client)
			wantKind(t, err, connector.KindDenied, "--allow-egress")
			if !errors.Is(err, egress.ErrForbidden) {
				t.Error("not because of egress")
			}
		})
	}
	t.Run("IssuerOfTokens", func(t *testing.T) {
		client := open(t, Config{
			URL: "https://app.example.com", AllowPlaintext: true, Dial: egress.Policy{}.DialContext,
			Authentication: withTokens("http://localhost:" + port), Credential: clientKeys(),
		})
		_, err := get(t, client)
		wantKind(t, err, connector.KindDenied, "--allow-egress")
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	stranger := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("followed") })
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, stranger.URL, status) })
		answer, err := get(t, plain(t, server.URL))
		if err != nil || answer.Status != status {
			t.Errorf("answer is %d, %v", answer.Status, err)
		}
		wantKind(t, answer.Err("look"), connector.KindUnavailable, "redirects")
	}
}

// TestNothingIsSentTwice closes a connection that was used before, when the next request is read: net/http takes that for an idle connection that
// the server closed, and would send again what may be sent twice.
func TestNothingIsSentTwice(t *testing.T) {
	for method, want := range map[string]int32{http.MethodPost: 1, http.MethodPut: 1, http.MethodPatch: 1, http.MethodDelete: 1, http.MethodGet: 2} {
		t.Run(method, func(t *testing.T) {
			var seen atomic.Int32
			client := plain(t, raw(t, func(c net.Conn, _ <-chan struct{}) {
				buffer := bufio.NewReader(c)
				for served := 0; ; served++ {
					request, err := http.ReadRequest(buffer)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, request.Body)
					if request.URL.Path == "/warm-up" && served == 0 {
						_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
						continue
					}
					if seen.Add(1); served > 0 {
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			}))
			if _, err := client.Do(t.Context(), Request{What: "warm up", Method: http.MethodGet, Path: "/warm-up"}); err != nil {
				t.Fatal(err)
			}
			_, err := client.Do(t.Context(), Request{What: "make", Method: method, Path: "/thing", Body: []byte("{}")})
			if got := seen.Load(); got != want {
				t.Errorf("sent %d times, want %d", got, want)
			}
			if want == 1 {
				wantKind(t, err, connector.KindUnavailable, "does not answer")
			}
		})
	}
}

// counting counts the connections that are open at a time, and the most there were.
type counting struct {
	net.Listener
	now, most atomic.Int32
}

type counted struct {
	net.Conn
	done func()
}

func (c *counted) Close() error { c.done(); return c.Conn.Close() }

func (l *counting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	now := l.now.Add(1)
	for most := l.most.Load(); now > most && !l.most.CompareAndSwap(most, now); most = l.most.Load() {
	}
	return &counted{conn, sync.OnceFunc(func() { l.now.Add(-1) })}, nil
}

func TestPoolIsBounded(t *testing.T) {
	const bound, requests = 3, 60
	for name, protocol := range map[string]string{"HTTP1": "http/1.1", "HTTP2": "h2"} {
		t.Run(name, func(t *testing.T) {
			var now, most, wrong atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := now.Add(1)
				defer now.Add(-1)
				for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
				}
				if (r.ProtoMajor == 2) != (protocol == "h2") {
					wrong.Add(1)
				}
				_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
			}))
			listener := &counting{Listener: cluster.Listen(t)}
			_ = server.Listener.Close()
			server.Listener, server.EnableHTTP2 = listener, protocol == "h2"
			server.TLS = &tls.Config{NextProtos: []string{protocol}}
			server.StartTLS()
			t.Cleanup(server.Close)
			client := open(t, Config{URL: server.URL, MaxConnections: bound, Credential: trusting(server)})
			var all sync.WaitGroup
			for range requests {
				all.Go(func() {
					if _, err := get(t, client); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if wrong.Load() > 0 || listener.most.Load() > bound || most.Load() > bound || most.Load() < 2 {
				t.Errorf("%d of another protocol, %d connections and %d requests at a time, want at most %d", wrong.Load(), listener.most.Load(), most.Load(), bound)
			}
		})
	}
}
