// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	"github.com/scim-operator/scim-operator/hack/apps"
	app "github.com/scim-operator/scim-operator/hack/apps/webhook"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const canary = "canary-d0-not-tell"

// world is the application, and a witness before it that holds every request and answer to the description of the contract.
type world struct {
	app     *app.App
	witness *witness
}

// theWorld is started by TestMain and shared by all tests.
var theWorld world

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	started, err := app.Launch(context.Background(), apps.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = started.Stop() }()
	theWorld.app = started
	return m.Run()
}

// inWorld returns the application with a witness that reports to t.
func inWorld(t testing.TB) world {
	t.Helper()
	w := world{app: theWorld.app, witness: &witness{t: t, description: readDescription(t)}}
	w.witness.start(t, w.app)
	return w
}

// witness forwards to the application.
type witness struct {
	t           testing.TB
	description *description
	server      *httptest.Server
	requests    atomic.Int32
}

type exchange struct{ body []byte }

type exchangeKey struct{}

func (w *witness) start(t testing.TB, a *app.App) {
	target, err := url.Parse(a.URL())
	if err != nil {
		t.Fatal(err)
	}
	credential, _ := a.Credential()
	trust, err := outbound.TLSConfig(credential)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: trust}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host },
		Transport:      transport,
		ModifyResponse: w.judge,
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.requests.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, exchange{body})))
	}))
	_ = w.server.Listener.Close()
	w.server.Listener, w.server.EnableHTTP2 = cluster.Listen(t), true
	w.server.StartTLS()
	t.Cleanup(func() { w.server.Close(); transport.CloseIdleConnections() })
}

func (w *witness) judge(answer *http.Response) error {
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(said))
	sent := answer.Request.Context().Value(exchangeKey{}).(exchange)
	path := strings.TrimPrefix(answer.Request.URL.EscapedPath(), "/contract")
	if err := w.description.judge(answer.Request, path, sent.body, answer.StatusCode, said); err != nil {
		w.t.Errorf("not as described: %v\nrequest: %s\nanswer: %s", err, sent.body, said)
	}
	return nil
}

func loopback() outbound.DialFunc {
	return egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.DialContext
}

// config is how the application is reached by the witness.
func (w world) config() Config {
	credential, _ := w.app.Credential()
	credential[outbound.KeyAuthorities] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.witness.server.Certificate().Raw})
	return Config{
		Endpoint: outbound.Config{
			URL: w.witness.server.URL + "/contract", Dial: loopback(), Credential: credential, Authentication: outbound.Authentication{Scheme: outbound.Bearer},
		},
		Roles: []string{"admin", "reader", "writer"}, Attributes: []string{"department", "displayName", "email"}, Operations: []Operation{List, Adopt, Revoke},
	}
}

func open(t testing.TB, cfg Config) connector.Connector {
	t.Helper()
	conn, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.(io.Closer).Close() })
	return conn
}

// plain is a configuration for a server of a test.
func plain(url string) Config {
	return Config{
		Endpoint: outbound.Config{
			URL: url, AllowPlaintext: true, Dial: loopback(), Authentication: outbound.Authentication{Scheme: outbound.Bearer},
			Credential: map[string][]byte{"token": []byte(canary), KeySigning: []byte(canary)},
		},
		Roles: []string{"admin", "reader", "writer"}, Attributes: []string{"department", "displayName", "email"}, Operations: []Operation{List, Adopt, Revoke},
	}
}

// TestConformance runs the suite on the application over TLS, with every request and answer held to the description.
func TestConformance(t *testing.T) {
	w := inWorld(t)
	connectortest.Run(t, w.subject(w.system))
	w.usedAll(t)
}

// TestConformanceUnderFaults runs it again without TLS, so that what is between can give wrong answers as well as break connections.
func TestConformanceUnderFaults(t *testing.T) {
	w := inWorld(t)
	connectortest.Run(t, w.subject(w.faultySystem))
}

func (w world) subject(system func(testing.TB) connectortest.System) connectortest.Subject {
	credential, _ := w.app.Credential()
	return connectortest.Subject{
		Secrets: []string{canary, string(credential["token"]), string(credential[KeySigning])},
		New:     system,
		Failing: map[connector.Kind]func(testing.TB) connector.Connector{
			connector.KindDenied: func(t testing.TB) connector.Connector {
				cfg := w.config()
				cfg.Endpoint.Credential["token"] = []byte(canary)
				return open(t, cfg)
			},
			connector.KindUnavailable: func(t testing.TB) connector.Connector {
				return open(t, plain("http://"+cluster.FreeAddress(t)))
			},
		},
		Hanging:   hanging,
		Truncated: func(t testing.TB) connector.Connector { return open(t, plain(truncating(t))) },
	}
}

// usedAll wants the suite to have seen everything that the contract has.
func (w world) usedAll(t *testing.T) {
	want := []string{
		"adopt 200", "adopt 404", "adopt 409", "capabilities 401", "find 200", "find 422", "list 200", "read 200", "read 404",
		"remove 204", "remove 404", "revoke 200", "revoke 404", "write 200", "write 404", "write 409", "write 422",
	}
	for _, seen := range want {
		if !w.witness.description.used[seen] {
			t.Errorf("%s was never seen", seen)
		}
	}
}

func (w world) system(t testing.TB) connectortest.System {
	return connectortest.System{
		Connector: open(t, w.config()),
		Roles:     []string{"admin", "reader", "writer"},
		Profile:   map[string]string{"department": "Räder & Co", "displayName": "Zoë \"Z\" O'Hara", "email": "zoe@example.com"},
		Writes:    w.app.Changes,
		HasAccess: func(t testing.TB, userName, role string) bool {
			has, err := w.app.Opens(t.Context(), userName, role)
			if err != nil {
				t.Fatal(err)
			}
			return has
		},
		Damage:   w.damages(),
		Foreign:  w.foreigners(),
		Unmarked: w.unmarked,
		Keys:     []connector.Key{connector.KeyUserName, connector.KeyEmail},
		Shared:   []connector.Key{connector.KeyEmail},
		Open: func(t testing.TB, acct connector.Account) func() bool {
			alive, err := w.app.Open(t.Context(), acct.UserName)
			if err != nil {
				t.Fatal(err)
			}
			return func() bool { return alive(t.Context()) }
		},
	}
}

// damages are what an administrator can do to an account.
func (w world) damages() map[string]func(testing.TB, connector.Account) {
	edit := func(change func(*app.Account)) func(testing.TB, connector.Account) {
		return func(_ testing.TB, acct connector.Account) { w.app.Edit(acct.UserName, change) }
	}
	return map[string]func(testing.TB, connector.Account){
		"suspended":    edit(func(a *app.Account) { a.State = "Suspended" }),
		"role removed": edit(func(a *app.Account) { a.Roles = a.Roles[:1] }),
		"role added":   edit(func(a *app.Account) { a.Roles = append(a.Roles, "writer") }),
		"unknown role": edit(func(a *app.Account) { a.Roles = append(a.Roles, "of the application's own") }),
		"renamed":      edit(func(a *app.Account) { a.UserName = "other-" + a.UserName }),
		"email":        edit(func(a *app.Account) { a.Profile["email"] = "other@example.com" }),
		"email gone":   edit(func(a *app.Account) { delete(a.Profile, "email") }),
	}
}

func (w world) foreigners() map[string]connectortest.Foreign {
	stranger := func(owner string) connectortest.Foreign {
		return connectortest.Foreign{Conflicts: true, Create: func(t testing.TB, like connector.Account) func() string { return w.add(like, owner) }}
	}
	return map[string]connectortest.Foreign{"unmarked": stranger(""), "of another installation": stranger("other/account"), "mark in another case": stranger("SUITE/account")}
}

func (w world) unmarked(_ testing.TB, like connector.Account) func() string { return w.add(like, "") }

// add makes an account, and returns how to read all of it but the mark.
func (w world) add(like connector.Account, owner string) func() string {
	w.app.Add(app.Account{Owner: owner, UserName: like.UserName, State: "Active", Roles: slices.Clone(like.Roles), Profile: like.Profile})
	return func() string {
		a, _ := w.app.Account(like.UserName)
		a.Owner = ""
		return fmt.Sprintf("%+v", a)
	}
}

// hanging is a connector to something that accepts connections and says nothing.
func hanging(t testing.TB) (connector.Connector, <-chan struct{}) {
	address := cluster.FreeAddress(t)
	return open(t, plain("http://"+address)), faults.Silence(t, address)
}

// serve answers with handler over plain HTTP.
func serve(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener, server.Config.ErrorLog = cluster.Listen(t), log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// truncating serves one page of a list, and breaks the connection in the next.
func truncating(t testing.TB) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") == "" {
			_, _ = io.WriteString(w, `{"cursor":"","accounts":[{"id":"1","owner":"","userName":"u","state":"Active","roles":[],"profile":{}}],"next":"2"}`)
			return
		}
		_, _ = io.WriteString(w, `{"cursor":"2","accounts":[{"id":"2","owner":"","userName":"v","sta`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}
