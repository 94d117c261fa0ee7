// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/rabbitmq"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const canary = "canary-p4ssw0rd-do-not-tell"

// mark is how application.yaml writes an owner.
const mark = "scim-owner:"

// theBroker is the real RabbitMQ that the tests of this package share. The first test that needs it starts it.
var theBroker struct {
	once sync.Once
	app  *rabbitmq.App
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if theBroker.app != nil {
		if err := theBroker.app.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func broker(t testing.TB) *rabbitmq.App {
	t.Helper()
	theBroker.once.Do(func() {
		var app apps.App
		if app, theBroker.err = rabbitmq.Start(context.WithoutCancel(t.Context()), apps.Options{}); theBroker.err == nil {
			theBroker.app = app.(*rabbitmq.App)
		}
	})
	if theBroker.err != nil {
		t.Fatal(theBroker.err)
	}
	return theBroker.app
}

// toLoopback is the policy of every test: nothing else is connected to.
func toLoopback() egress.Policy {
	return egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// rabbitConfig is the documented specification, for a broker that is reached at that URL.
func rabbitConfig(t testing.TB, app *rabbitmq.App, base string) Config {
	t.Helper()
	cfg := read(t, rabbitmq.Specification()).config()
	cfg.Client.URL, cfg.Client.AllowPlaintext, cfg.Client.Dial = base, true, toLoopback().DialContext
	cfg.Client.Credential, _ = app.Credential()
	return cfg
}

// way is a way to the broker that counts.
type way struct {
	app    *rabbitmq.App
	url    string
	calls  atomic.Int64
	writes atomic.Int64
}

func newWay(t testing.TB, app *rabbitmq.App) *way {
	t.Helper()
	target, err := url.Parse(strings.TrimSuffix(app.Application().Connector.HTTP.Endpoint.URL, "/api"))
	if err != nil {
		t.Fatal(err)
	}
	w := &way{app: app}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.calls.Add(1)
		changes := w.changes(r)
		answer := &statusRecorder{ResponseWriter: out}
		proxy.ServeHTTP(answer, r)
		if changes && answer.status < 300 {
			w.writes.Add(1)
			w.settle(r)
		}
	}))
	t.Cleanup(server.Close)
	w.url = server.URL + "/api"
	return w
}

// changes tells what changes something: all but reading, and closing connections where there are none.
func (w *way) changes(r *http.Request) bool {
	name, closes := strings.CutPrefix(r.URL.Path, "/api/connections/username/")
	if !closes {
		return r.Method != http.MethodGet
	}
	open, err := w.app.Connections(r.Context(), name)
	return err == nil && open > 0
}

// settle waits until the broker has noticed that connections are closed, so that closing them again counts as nothing.
func (w *way) settle(r *http.Request) {
	name, closes := strings.CutPrefix(r.URL.Path, "/api/connections/username/")
	if !closes {
		return
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if open, err := w.app.Connections(r.Context(), name); err != nil || open == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// TestConformance runs the suite on a real broker, with the documented specification and a user that has the documented rights.
func TestConformance(t *testing.T) {
	app := broker(t)
	connectortest.Run(t, connectortest.Subject{
		Secrets: []string{canary},
		New: func(t testing.TB) connectortest.System {
			to := newWay(t, app)
			breaks, lies := faulty(t, to)
			return connectortest.System{
				Connector: open(t, rabbitConfig(t, app, "http://"+breaks.Address()+"/api")),
				Faults:    bothFaults(breaks, lies),
				CountOf: func(t testing.TB, userName string) int {
					if readUser(t, app, userName) == nil {
						return 0
					}
					return 1
				},
				Calls:           func() int { return int(to.calls.Load()) },
				MostConnections: func() int { return breaks.Counts().Most },
				MaxConnections:  8,
				Roles:           []string{"management", "monitoring", "policymaker"},
				Writes:          func() int { return int(to.writes.Load()) },
				HasAccess:       hasAccess(app),
				Damage:          damages(app),
				Foreign:         foreigners(app),
				Unmarked:        unmarked(app),
				Keys:            []connector.Key{connector.KeyUserName},
				Open:            opening(app),
			}
		},
		Failing: map[connector.Kind]func(testing.TB) connector.Connector{
			connector.KindDenied: func(t testing.TB) connector.Connector {
				cfg := rabbitConfig(t, app, app.Application().Connector.HTTP.Endpoint.URL)
				cfg.Client.Credential = map[string][]byte{"username": []byte("scim-controller"), "password": []byte(canary)}
				return open(t, cfg)
			},
			connector.KindUnavailable: func(t testing.TB) connector.Connector {
				return open(t, rabbitConfig(t, app, "http://"+cluster.FreeAddress(t)))
			},
		},
		Hanging: func(t testing.TB) (connector.Connector, <-chan struct{}) {
			address := cluster.FreeAddress(t)
			return open(t, rabbitConfig(t, app, "http://"+address)), faults.Silence(t, address)
		},
		Truncated: func(t testing.TB) connector.Connector {
			return open(t, rabbitConfig(t, app, cutting(t)))
		},
	})
}

// faulty is a way to the broker on which connections break and answers are wrong when they are told to be.
func faulty(t testing.TB, to *way) (*faults.Proxy, *faults.HTTP) {
	t.Helper()
	lies, err := faults.ListenHTTP(cluster.FreeAddress(t), to.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lies.Close() })
	breaks, err := faults.Listen(cluster.FreeAddress(t), lies.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = breaks.Close() })
	return breaks, lies
}

func bothFaults(breaks *faults.Proxy, lies *faults.HTTP) map[string]faults.Fault {
	all := lies.Faults(nil)
	maps.Copy(all, breaks.Faults())
	return all
}

// cutting answers every request with half of a list.
func cutting(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`[{"name":"a","password_hash":"","tags":[]},`))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// hasAccess logs in with a password that an administrator sets when the account is new. A password never unlocks an account here.
func hasAccess(app *rabbitmq.App) func(testing.TB, string, string) bool {
	return func(t testing.TB, userName, role string) bool {
		t.Helper()
		u, err := app.Read(t.Context(), userName)
		if err == nil && u != nil && u.PasswordHash == "" {
			err = app.Welcome(t.Context(), userName)
		}
		var tags []string
		switch {
		case err != nil || u == nil:
		case strings.Contains(userName, ":"): // which no user name by Basic can have (RFC 7617)
			tags, err = u.Tags, app.Login(t.Context(), userName)
		default:
			tags, err = app.Tags(t.Context(), userName)
		}
		if err != nil && !isRefused(err) {
			t.Fatal(err)
		}
		return err == nil && slices.Contains(tags, role)
	}
}

func write(t testing.TB, app *rabbitmq.App, u rabbitmq.User) {
	t.Helper()
	if err := app.Write(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

func readUser(t testing.TB, app *rabbitmq.App, userName string) *rabbitmq.User {
	t.Helper()
	u, err := app.Read(t.Context(), userName)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// damages break an account that has the roles management and monitoring.
func damages(app *rabbitmq.App) map[string]func(testing.TB, connector.Account) {
	changed := func(change func(*rabbitmq.User)) func(testing.TB, connector.Account) {
		return func(t testing.TB, acct connector.Account) {
			u := readUser(t, app, acct.UserName)
			change(u)
			write(t, app, *u)
		}
	}
	return map[string]func(testing.TB, connector.Account){
		"a role gone": changed(func(u *rabbitmq.User) {
			u.Tags = slices.DeleteFunc(u.Tags, func(tag string) bool { return tag == "monitoring" })
		}),
		"a role too many":  changed(func(u *rabbitmq.User) { u.Tags = append(u.Tags, "policymaker") }),
		"an administrator": changed(func(u *rabbitmq.User) { u.Tags = append(u.Tags, "administrator") }),
		"a tag of nothing": changed(func(u *rabbitmq.User) { u.Tags = append(u.Tags, "whatever") }),
		"locked":           changed(func(u *rabbitmq.User) { u.PasswordHash = "c2NpbS1sb2Nr" + u.PasswordHash }),
		"gone": func(t testing.TB, acct connector.Account) {
			if err := app.Remove(t.Context(), acct.UserName); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// foreigners are users of others.
func foreigners(app *rabbitmq.App) map[string]connectortest.Foreign {
	foreign := func(conflicts bool, change func(like connector.Account, u *rabbitmq.User)) connectortest.Foreign {
		return connectortest.Foreign{Conflicts: conflicts, Create: func(t testing.TB, like connector.Account) func() string {
			u := rabbitmq.User{Name: like.UserName, PasswordHash: "", Tags: []string{"management"}}
			change(like, &u)
			write(t, app, u)
			return func() string { return fmt.Sprintf("%+v", readUser(t, app, u.Name)) }
		}}
	}
	return map[string]connectortest.Foreign{
		"no mark":      foreign(true, func(connector.Account, *rabbitmq.User) {}),
		"another mark": foreign(true, func(_ connector.Account, u *rabbitmq.User) { u.Tags = append(u.Tags, mark+"other/account") }),
		"two marks": foreign(true, func(like connector.Account, u *rabbitmq.User) {
			u.Tags = append(u.Tags, mark+"other/account", mark+like.Owner)
		}),
		"a longer mark": foreign(true, func(like connector.Account, u *rabbitmq.User) { u.Tags = append(u.Tags, mark+like.Owner+"x") }),
		"another name":  foreign(false, func(_ connector.Account, u *rabbitmq.User) { u.Name += ".admin" }),
		"another case":  foreign(false, func(_ connector.Account, u *rabbitmq.User) { u.Name = strings.ToUpper(u.Name) }),
	}
}

// unmarked makes a user as an administrator would. Its state is all but the mark.
func unmarked(app *rabbitmq.App) func(testing.TB, connector.Account) func() string {
	return func(t testing.TB, like connector.Account) func() string {
		write(t, app, rabbitmq.User{Name: like.UserName, Tags: slices.Clone(like.Roles)})
		return func() string {
			u := readUser(t, app, like.UserName)
			u.Tags = slices.DeleteFunc(u.Tags, func(tag string) bool { return strings.HasPrefix(tag, mark) })
			return fmt.Sprintf("%+v", *u)
		}
	}
}

// opening opens a connection by AMQP.
func opening(app *rabbitmq.App) func(testing.TB, connector.Account) func() bool {
	return func(t testing.TB, acct connector.Account) func() bool {
		if err := app.Welcome(t.Context(), acct.UserName); err != nil {
			t.Fatal(err)
		}
		alive, err := app.Open(t.Context(), acct.UserName)
		if err != nil {
			t.Fatal(err)
		}
		return func() bool { return alive(t.Context()) }
	}
}
