// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	"github.com/scim-operator/scim-operator/hack/apps"
	app "github.com/scim-operator/scim-operator/hack/apps/scim"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// server is a real SCIM server as the tests see it.
type server struct {
	// url and token are what the connector has, and reader may only read.
	url, token, reader string
	// hasAccess asks the application, and not SCIM, where it can be asked.
	hasAccess func(ctx context.Context, userName, role string) (bool, error)
	// profile are attributes that it keeps, and lets be taken away.
	profile map[string]string
	// shared are keys that two users can have in common.
	shared []connector.Key
	// followsGroups says that users show their groups a moment after they changed.
	followsGroups bool
	// showsGroups says that users show their groups.
	showsGroups bool
	// forget takes away all users but so many that were made last. Only where it can are faults tried, since each takes accounts of its own.
	forget func(ctx context.Context, keep int) error
	// many is how many accounts it can be asked to suspend in a test; zero means as many as the suite wants.
	many int
}

// started are the servers that the tests share. Each is started by the first test that needs it.
var started struct {
	mu      sync.Mutex
	servers map[string]*server
	stops   []func() error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range started.stops {
		if err := stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// starters start each of the servers.
func starters() map[string]func(context.Context) (*server, func() error, error) {
	return map[string]func(context.Context) (*server, func() error, error){
		"scimmy": startScimmy, "better-auth": startBetterAuth, "scim-server": startScimServer,
	}
}

func serverNamed(t testing.TB, name string) *server {
	t.Helper()
	started.mu.Lock()
	defer started.mu.Unlock()
	if s := started.servers[name]; s != nil {
		return s
	}
	s, stop, err := starters()[name](context.WithoutCancel(t.Context())) // it outlives the test that happens to be first
	if err != nil {
		t.Fatal(err)
	}
	if started.servers == nil {
		started.servers = map[string]*server{}
	}
	started.servers[name] = s
	started.stops = append(started.stops, stop)
	return s
}

func startScimmy(ctx context.Context) (*server, func() error, error) {
	s, err := app.StartScimmy(ctx, apps.Options{})
	if err != nil {
		return nil, nil, err
	}
	return &server{
		url: s.URL, token: s.Token, reader: s.ReaderToken, hasAccess: s.HasRole, shared: []connector.Key{connector.KeyEmail}, showsGroups: true, forget: s.Forget, many: 50,
		profile: map[string]string{
			"displayName": "Zoe Doe", "email": "zoe@example.org", "title": "Boss", "name.givenName": "Zoe",
			enterpriseDepartment: "Sales", `phoneNumbers[type eq "work"].value`: "555-1234",
		},
	}, s.Stop, nil
}

const enterpriseDepartment = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"

// startBetterAuth: an address is that of one user only and every user has one, as every user has a display name.
func startBetterAuth(ctx context.Context) (*server, func() error, error) {
	b, err := app.StartBetterAuth(ctx, apps.Options{})
	if err != nil {
		return nil, nil, err
	}
	return &server{
		url: b.URL, token: b.Token, reader: b.ReaderToken,
		hasAccess: func(ctx context.Context, userName, role string) (bool, error) {
			return betterAuthLets(ctx, b, userName, role)
		},
	}, b.Stop, nil
}

// betterAuthLets has somebody sign in. People do so by address, which is the first user name that they had, and stays theirs when they are
// renamed: then nobody has the old name any more.
func betterAuthLets(ctx context.Context, b *app.BetterAuth, userName, role string) (bool, error) {
	named, err := b.Users(ctx, fmt.Sprintf("userName eq %q", userName))
	if err != nil {
		return false, err
	}
	addressed, err := b.Users(ctx, fmt.Sprintf("emails.value eq %q", userName))
	if err != nil || len(named) == 0 && len(addressed) > 0 {
		return false, err
	}
	_ = b.Welcome(ctx, userName) // who is not there gets no password
	return b.HasRole(ctx, userName, v1alpha1.RoleName(role))
}

// startScimServer starts the product. It lets nobody in to anything, so that access is what it says of its users and groups.
func startScimServer(ctx context.Context) (*server, func() error, error) {
	const name = "downstream"
	k, err := stack.Start(ctx, stack.Options{Namespaces: []string{name}})
	if err != nil {
		return nil, nil, err
	}
	stop := func() error { return errors.Join(k.Stop(), k.RemoveLogs()) }
	meta := metav1.ObjectMeta{Namespace: name, Name: name}
	token := &v1alpha1.ScimToken{ObjectMeta: meta, Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: name}}}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = errors.Join(k.Client.Create(ctx, &v1alpha1.ScimDirectory{ObjectMeta: meta, Spec: v1alpha1.ScimDirectorySpec{Limits: stack.Unlimited()}}), k.Client.Create(ctx, token))
	if err == nil {
		err = k.WaitReady(ctx, token)
	}
	secret := ""
	if err == nil {
		secret, err = k.Token(ctx, name, name)
	}
	if err == nil {
		err = k.WaitServed(ctx, name, name, secret)
	}
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	s := &server{
		url: k.Servers[0].BaseURL(name, name), token: secret, shared: []connector.Key{connector.KeyEmail}, followsGroups: true, showsGroups: true,
		profile: map[string]string{"email": "zoe@example.org", "title": "Boss", enterpriseDepartment: "Sales"},
	}
	s.hasAccess = s.isActiveMember
	for _, group := range app.Groups() {
		if _, err := s.send(ctx, http.MethodPost, "/Groups", map[string]any{"displayName": group}); err != nil {
			return nil, nil, errors.Join(err, stop())
		}
	}
	return s, stop, nil
}

// send is a request of the application's administrator. An answer that is not a success is an error.
func (s *server) send(ctx context.Context, method, path string, in any) (resource, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/scim+json")
	response, err := (&http.Client{}).Do(request)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	r, _ := decode(text)
	return r, nil
}

// must is send for what cannot fail.
func (s *server) must(t testing.TB, method, path string, in any) resource {
	t.Helper()
	r, err := s.send(t.Context(), method, path, in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// list returns what a filter selects.
func (s *server) list(ctx context.Context, path, attribute, value string) ([]resource, error) {
	filter, err := equals(attribute, value)
	if err != nil {
		return nil, err
	}
	page, err := s.send(ctx, http.MethodGet, path+"?"+url.Values{"filter": {filter}}.Encode(), nil)
	return page.entries("Resources"), err
}

func (s *server) userNamed(ctx context.Context, userName string) (resource, error) {
	found, err := s.list(ctx, usersPath, attrUserName, userName)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (s *server) groupNamed(ctx context.Context, name string) (string, error) {
	found, err := s.list(ctx, groupsPath, attrDisplayName, name)
	if err != nil || len(found) != 1 {
		return "", errors.Join(err, fmt.Errorf("%d groups %s", len(found), name))
	}
	return found[0].text(attrID), nil
}

// isMember reads the group.
func (s *server) isMember(ctx context.Context, id, role string) (bool, error) {
	group, err := s.groupNamed(ctx, role)
	if err != nil {
		return false, err
	}
	r, err := s.send(ctx, http.MethodGet, groupsPath+"/"+group, nil)
	return slices.ContainsFunc(r.entries(attrMembers), func(e resource) bool { return e.text(attrValue) == id }), err
}

func (s *server) isActiveMember(ctx context.Context, userName, role string) (bool, error) {
	r, err := s.userNamed(ctx, userName)
	if err != nil || r == nil || r.text(attrActive) == "false" {
		return false, err
	}
	return s.isMember(ctx, r.text(attrID), role)
}

// patchGroup changes the members of a group, and waits until the user shows it, since the suite looks at once.
func (s *server) patchGroup(t testing.TB, role, id string, op operation, member bool) {
	t.Helper()
	group, err := s.groupNamed(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	s.must(t, http.MethodPatch, groupsPath+"/"+group, patchBody(op))
	if !s.followsGroups {
		return
	}
	deadline := time.Now().Add(30 * time.Second)
	for (user{resource: s.must(t, http.MethodGet, usersPath+"/"+id, nil)}).isIn(group) != member {
		if time.Now().After(deadline) {
			t.Fatal("the user never shows the group")
		}
	}
}

func (s *server) join(t testing.TB, role, id string) {
	t.Helper()
	s.patchGroup(t, role, id, operation{Op: "add", Path: attrMembers, Value: valuesOf([]string{id})}, true)
}

// allowed lets tests connect to loopback.
func allowed() outbound.DialFunc {
	return egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.DialContext
}

// config is that of a connector at an address.
func config(address, token string) Config {
	cfg := Config{Endpoint: outbound.Config{
		URL: address, AllowPlaintext: true, Dial: allowed(), Timeout: 30 * time.Second,
		Authentication: outbound.Authentication{Scheme: outbound.Bearer}, Credential: map[string][]byte{"token": []byte(token)},
	}}
	for _, group := range app.Groups() {
		cfg.Roles = append(cfg.Roles, Role{Name: group})
	}
	return cfg
}

func openWith(t testing.TB, cfg Config) *Connector {
	t.Helper()
	conn, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.(*Connector).Close() })
	return conn.(*Connector)
}

// wire is between a connector and a server: it counts, and can do harm.
type wire struct {
	url string

	mu     sync.Mutex
	writes int
	// harm, if not nil, may answer in place of the server, or after it.
	harm func(w http.ResponseWriter, r *http.Request, forward http.Handler) bool
}

// newWire puts a wire before a server.
func newWire(t testing.TB, target string) *wire {
	t.Helper()
	base, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: base.Scheme, Host: base.Host}) },
		ErrorLog: nil, Transport: &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
	}
	w := &wire{}
	w.url = listen(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.serve(rw, r, proxy) })) + base.Path
	return w
}

// listen serves on loopback below the ephemeral ports.
func listen(t testing.TB, handler http.Handler) string {
	t.Helper()
	listener := cluster.Listen(t)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

func (w *wire) serve(rw http.ResponseWriter, r *http.Request, proxy http.Handler) {
	w.mu.Lock()
	harm := w.harm
	w.mu.Unlock()
	counted := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		status := &statusWriter{ResponseWriter: rw, status: http.StatusOK}
		proxy.ServeHTTP(status, r)
		if r.Method != http.MethodGet && status.status < 300 {
			w.mu.Lock()
			w.writes++
			w.mu.Unlock()
		}
	})
	if harm == nil || !harm(rw, r, counted) {
		counted.ServeHTTP(rw, r)
	}
}

// Writes returns how many changes went through.
func (w *wire) Writes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writes
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) {
	if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = connection.Close()
	}
}
