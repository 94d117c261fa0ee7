// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/token"
	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/hack/buffer"
	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const (
	basePath = "/scim/v2/team-a/acme"
	baseURL  = "https://scim.example.com" + basePath
	knownID  = "0b0f0d6e-9f5c-4c53-9d6e-6f0f0a7b1c01"
	minimal  = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann@example.com"}`
)

// api is the handler under test with everything around it.
type api struct {
	handler http.Handler
	store   *store
	groups  *groupStore
	token   string // of team-a/acme
	other   string // of team-a/other
	logs    *buffer.Locked
	cache   *objects
	served  []Served
}

// newAPI returns a handler with the real authenticator over a cache with two directories, and a store in memory.
func newAPI(t testing.TB, change ...func(*Options)) *api {
	t.Helper()
	token, other := newToken(t, 1), newToken(t, 2)
	a := &api{store: newStore(), token: token.Reveal(), other: other.Reveal(), logs: &buffer.Locked{}}
	a.groups = newGroupStore(a.store)
	a.cache = cacheOf(t, token, other)
	o := Options{
		Users:  a.store,
		Groups: a.groups,
		Auth:   a.cache.authenticator(),
		Log:    slog.New(slog.NewJSONHandler(a.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    time.Now,
		Limits: noFailureLimits(),
		Served: a.count,
	}
	for _, c := range change {
		c(&o)
	}
	a.handler = NewHandler(o)
	return a
}

// noFailureLimits are the limits for tests that are about something else than how often a stranger may fail.
func noFailureLimits() Limits {
	l := DefaultLimits()
	l.SourceFailures = directory.Rate{PerSecond: 1e9, Burst: 1e9}
	l.Failures = l.SourceFailures
	return l
}

func (a *api) count(s Served) {
	a.store.mu.Lock()
	defer a.store.mu.Unlock()
	a.served = append(a.served, s)
}

// settle changes the spec of team-a/acme.
func (a *api) settle(change func(*v1alpha1.ScimDirectorySpec)) *api {
	change(&a.cache.directories[0].Spec)
	a.cache.directories[0].Generation++
	return a
}

func newToken(t testing.TB, number byte) token.Token {
	t.Helper()
	tok, err := token.New(rand.NewChaCha8([32]byte{number}))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// cacheOf returns what auth reads, for team-a/acme and team-a/other with one token each.
func cacheOf(t testing.TB, acme, other token.Token) *objects {
	t.Helper()
	c := &objects{}
	for _, name := range []string{"acme", "other"} {
		tok := map[string]token.Token{"acme": acme, "other": other}[name]
		d := v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name, UID: types.UID("uid of " + name)}}
		d.Spec.Limits = v1alpha1.DirectoryLimits{RequestsPerSecond: 100_000, Burst: 1_000_000}
		d.Status.URL = "https://scim.example.com/scim/v2/team-a/" + name
		s := v1alpha1.ScimToken{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name}}
		s.Spec.DirectoryRef.Name = name
		s.Status.Credentials = []v1alpha1.TokenCredential{{KeyID: tok.KeyID(), SHA256: tok.SHA256()}}
		c.directories, c.tokens = append(c.directories, d), append(c.tokens, s)
	}
	return c
}

// objects is an API server with directories and tokens, for lists only. Every list is newer than the one before.
type objects struct {
	client.Reader
	directories []v1alpha1.ScimDirectory
	tokens      []v1alpha1.ScimToken
	mu          sync.Mutex
	lists       atomic.Int64
}

func (o *objects) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	version := strconv.FormatInt(o.lists.Add(1), 10)
	switch out := list.(type) {
	case *v1alpha1.ScimTokenList:
		out.Items = slices.Clone(o.tokens)
		for i := range out.Items {
			out.Items[i].ResourceVersion = version
		}
	case *v1alpha1.ScimDirectoryList:
		out.Items = slices.Clone(o.directories)
		for i := range out.Items {
			out.Items[i].ResourceVersion = version
		}
	}
	list.SetResourceVersion(version)
	return nil
}

// current is the real authenticator, which knows what the objects are at the time of each request.
type current struct {
	*auth.Authenticator
	objects *objects
}

func (o *objects) authenticator() current {
	table := auth.NewTable([]string{metav1.NamespaceAll}, func() time.Time { return time.Unix(1700000000, 0) })
	return current{auth.New(auth.Options{Table: table, Profiles: directory.NewProfiles(nil), Now: time.Now}), o}
}

func (c current) Authenticate(ctx context.Context, header http.Header, want auth.Scope) (auth.Identity, error) {
	c.objects.mu.Lock()
	defer c.objects.mu.Unlock()
	if err := c.Table.Refresh(ctx, c.objects, metav1.NamespaceAll); err != nil {
		return auth.Identity{}, err
	}
	return c.Authenticator.Authenticate(ctx, header, want)
}

// request is one call of the API. Without a token of its own it presents the right one.
type request struct {
	method, target, body string
	header               http.Header
}

func (q request) with(t testing.TB, token string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), q.method, "http://attacker.example"+basePath, strings.NewReader(q.body))
	target, err := url.ParseRequestURI("http://attacker.example" + q.target)
	if err != nil {
		t.Fatal(err)
	}
	r.URL, r.RequestURI = target, q.target
	for name, values := range q.header {
		r.Header[name] = values
	}
	if q.body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", scim.MediaType)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// call serves q with the right token.
func (a *api) call(t testing.TB, q request) *httptest.ResponseRecorder {
	t.Helper()
	return a.serve(q.with(t, a.token))
}

func (a *api) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w
}

// checkError fails the test unless the response is a SCIM error body of that status.
func checkError(t testing.TB, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != scim.MediaType {
		t.Errorf("Content-Type %q, want %q", got, scim.MediaType)
	}
	checkErrorBody(t, w.Body, status)
}

func checkErrorBody(t testing.TB, body io.Reader, status int) {
	t.Helper()
	var got struct {
		Schemas        []string
		Status, Detail string
	}
	if err := json.NewDecoder(body).Decode(&got); err != nil {
		t.Fatalf("body is not JSON: %v", err)
	}
	wantStatus, _ := json.Marshal(status)
	if len(got.Schemas) != 1 || got.Schemas[0] != "urn:ietf:params:scim:api:messages:2.0:Error" || got.Status != string(wantStatus) || got.Detail == "" {
		t.Errorf("not a SCIM error of status %d: %+v", status, got)
	}
}

// store keeps users in memory, counts its calls, and can be made to do something else first.
type store struct {
	mu            sync.Mutex
	calls         int
	users         map[string]directory.Stored
	preconditions []directory.Precondition
	before        func(ctx context.Context) error
}

func newStore() *store {
	s := &store{users: map[string]directory.Stored{}}
	created := time.Unix(1700000000, 0).UTC()
	s.users[knownID] = directory.Stored{
		ID: knownID, Endpoint: "/Users", Generation: 3, Created: created, LastModified: created,
		Resource: scim.Resource{"userName": "bob@example.com", "active": true, "displayName": "Bob"},
	}
	return s
}

func (s *store) enter(ctx context.Context) error {
	s.mu.Lock()
	s.calls++
	before := s.before
	s.mu.Unlock()
	if before != nil {
		return before(ctx)
	}
	return nil
}

func (s *store) Create(ctx context.Context, dir directory.Directory, r scim.Resource) (directory.Stored, error) {
	if err := s.enter(ctx); err != nil {
		return directory.Stored{}, err
	}
	directory.ChangesOf(ctx).Resource("new", dir.Settings().User, nil, r)
	return directory.Stored{ID: "new", Endpoint: "/Users", Generation: 1, Resource: r}, nil
}

func (s *store) Get(ctx context.Context, _ directory.Directory, id string) (directory.Stored, error) {
	if err := s.enter(ctx); err != nil {
		return directory.Stored{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.users[id]
	if !ok {
		return st, scim.Errorf(http.StatusNotFound, "", "no such user")
	}
	return st, nil
}

func (s *store) Modify(ctx context.Context, dir directory.Directory, id string, p directory.Precondition, change func(scim.Resource) (scim.Resource, error)) (directory.Stored, error) {
	st, err := s.Get(ctx, dir, id)
	if err != nil {
		return st, err
	}
	next, err := change(st.Resource)
	if err != nil {
		return st, err
	}
	directory.ChangesOf(ctx).Resource(id, dir.Settings().User, st.Resource, next)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preconditions = append(s.preconditions, p)
	st.Resource, st.Generation = next, st.Generation+1
	s.users[id] = st
	return st, nil
}

func (s *store) Delete(ctx context.Context, dir directory.Directory, id string, p directory.Precondition) error {
	_, err := s.Get(ctx, dir, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preconditions = append(s.preconditions, p)
	return err
}

func (s *store) List(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error) {
	if err := s.enter(ctx); err != nil {
		return directory.Page{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return listed(dir, q, slices.Collect(maps.Values(s.users))), nil
}

// listed is the answer of a store that has all of these: in the order that q asks for, and then of creation and id.
func listed(dir directory.Directory, q scim.ListQuery, all []directory.Stored) directory.Page {
	all = slices.DeleteFunc(all, func(st directory.Stored) bool {
		return q.Filter != nil && !q.Filter.Match(st.Resource, directory.Common(st, dir))
	})
	order := func(a, b scim.Position) int {
		if c := 0; q.Sort != nil {
			if c = q.Sort.CompareKeys(a.LastKey, b.LastKey); c != 0 {
				return c
			}
		}
		return cmp.Or(a.LastCreated.Compare(b.LastCreated), strings.Compare(a.LastID, b.LastID))
	}
	at := func(st directory.Stored) scim.Position {
		p := scim.Position{LastCreated: st.Created, LastID: st.ID}
		if q.Sort != nil {
			p.LastKey = q.Sort.Key(st.Resource, directory.Common(st, dir))
		}
		return p
	}
	slices.SortFunc(all, func(a, b directory.Stored) int { return order(at(a), at(b)) })
	from := min(q.StartIndex-1, len(all))
	if q.After != nil {
		from = len(all)
		if i := slices.IndexFunc(all, func(st directory.Stored) bool { return order(at(st), *q.After) > 0 }); i >= 0 {
			from = i
		}
	}
	page := directory.Page{Total: len(all), Resources: all[from:min(from+min(q.Count, len(all)), len(all))]}
	if n := len(page.Resources); n > 0 && from+n < len(all) {
		next := at(page.Resources[n-1])
		page.Next = &next
	}
	for i := range page.Resources {
		page.Resources[i].Resource = maps.Clone(page.Resources[i].Resource) // the caller's to change
	}
	return page
}
