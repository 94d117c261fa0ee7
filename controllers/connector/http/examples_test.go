// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	"github.com/scim-operator/scim-operator/hack/apps/rabbitmq"
)

// standIn answers as the public documentation of an application says. What it does not know is an error of the example.
type standIn struct {
	*http.ServeMux
	// mu is held by every request.
	mu sync.Mutex
	// users are the accounts as the application shows them, by what the test calls them.
	users  map[string]object
	writes int
	// stranger makes an account that is not ours.
	stranger func(userName string) object
	// usable says whether the application would let the user in.
	usable func(object) bool
}

type object = map[string]any

func newStandIn() *standIn {
	return &standIn{ServeMux: http.NewServeMux(), users: map[string]object{}}
}

// on answers a request. A nil answer has no body; an int is a status.
func (s *standIn) on(t testing.TB, pattern string, answer func(r *http.Request, in object) (status int, out any)) {
	s.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		var in object
		if r.ContentLength > 0 {
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				t.Errorf("%s: %v", pattern, err)
			}
		}
		if r.Method != http.MethodGet {
			s.writes++
		}
		status, out := answer(r, in)
		if out != nil {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(status)
		if out != nil {
			_ = json.NewEncoder(w).Encode(out)
		}
	})
}

// by finds a user by one of its members.
func (s *standIn) by(member, value string) (key string, found object) {
	for key, user := range s.users {
		if fmt.Sprint(user[member]) == value {
			return key, user
		}
	}
	return "", nil
}

func orNotFound(user object) (int, any) {
	if user == nil {
		return http.StatusNotFound, object{"message": "not found"}
	}
	return http.StatusOK, user
}

// example is a page with a stand-in for its application.
type example struct {
	serve func(t testing.TB, s *standIn)
	// base is where the API begins on the server.
	base       string
	credential map[string][]byte
	roles      []string
	profile    map[string]string
	// gone says that a suspended account is not there any more; fixed that names cannot be changed.
	gone, fixed bool
	// lists and revokes say what the connector can do.
	lists, revokes bool
}

func examples() map[string]example {
	basic := map[string][]byte{"username": []byte("scim-controller"), "password": []byte(canary)}
	token := map[string][]byte{"token": []byte(canary)}
	person := map[string]string{"displayName": "Zoe", "email": "zoe@example.com"}
	return map[string]example{
		"grafana": {serve: grafana, base: "/api", credential: basic, roles: []string{"Viewer", "Editor"}, profile: person, revokes: true},
		"github":  {serve: github, credential: token, roles: []string{"owner"}, gone: true, fixed: true},
		"gitlab": {
			serve: gitlab, base: "/api/v4", credential: token, roles: []string{"platform-developer", "platform-maintainer"}, profile: person, lists: true,
		},
		"keycloak": {
			serve: keycloak, base: "/admin/realms/acme", credential: map[string][]byte{"clientID": []byte("scim-controller"), "clientSecret": []byte(canary)},
			roles: []string{"engineers", "auditors"}, profile: map[string]string{"email": "zoe@example.com", "firstName": "Zoe", "lastName": "Zimmer"},
			lists: true, revokes: true,
		},
		"vault": {serve: vault, base: "/v1", credential: token, roles: []string{"engineer", "auditor"}, profile: map[string]string{"alias": "zoe"}},
	}
}

// TestExamples plays the life of an account with the ScimApplication of each page against what stands in for the application.
func TestExamples(t *testing.T) {
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			s := newStandIn()
			s.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				t.Errorf("the application does not know %s %s", r.Method, r.URL)
				w.WriteHeader(http.StatusNotFound)
			})
			e.serve(t, s)
			server := httptest.NewServer(s)
			defer server.Close()
			cfg := pageOf(t, name).config()
			cfg.Client.URL, cfg.Client.AllowPlaintext, cfg.Client.Dial, cfg.Client.Credential = server.URL+e.base, true, toLoopback().DialContext, e.credential
			if cfg.Client.Authentication.Scheme == outbound.OAuth2 {
				cfg.Client.Authentication.TokenURL = server.URL + "/token"
			}
			p := &play{T: t, example: e, app: s, conn: open(t, cfg), ids: map[string]string{}}
			p.life()
			p.strangers()
		})
	}
}

// play is the life of an account in progress.
type play struct {
	*testing.T
	example
	app  *standIn
	conn connector.Connector
	// ids are the externalIDs that the reconciler remembers, by owner.
	ids map[string]string
}

func (p *play) life() {
	if err := p.conn.(connector.Prober).Probe(p.Context()); err != nil {
		p.Errorf("Probe: %v", err)
	}
	want := connector.Account{Owner: "acme/zoe", UserName: "Zoe.Zimmer", State: connector.Active, Roles: p.roles[:1], Profile: p.profile}
	p.wantNone(want)
	p.apply(want)
	p.wantSilence(want)
	if len(p.roles) > 1 {
		want.Roles = p.roles[1:2]
	} else {
		want.Roles = []string{}
	}
	p.apply(want)
	for attribute := range p.profile {
		if attribute != "alias" {
			want.Profile = maps.Clone(want.Profile)
			want.Profile[attribute] = "new-" + want.Profile[attribute]
			p.apply(want)
		}
	}
	p.suspend(want)
	p.apply(want)
	p.rename(&want)
	if lister, ok := p.conn.(connector.Lister); ok != p.lists {
		p.Errorf("it lists: %v", ok)
	} else if ok {
		p.wantListed(lister, want)
	}
	p.remove(want)
}

// want has what the reconciler remembers.
func (p *play) remembered(want connector.Account) connector.Account {
	want.ExternalID = p.ids[want.Owner]
	return want
}

func (p *play) observe(want connector.Account) *connector.Account {
	p.Helper()
	observed, err := p.conn.Observe(p.Context(), p.remembered(want))
	if err != nil && !errors.Is(err, connector.ErrNotFound) {
		p.Fatalf("Observe: %v", err)
	}
	return observed
}

func (p *play) wantNone(want connector.Account) {
	p.Helper()
	if observed := p.observe(want); observed != nil {
		p.Fatalf("observed %+v", observed)
	}
}

func (p *play) apply(want connector.Account) {
	p.Helper()
	stored, err := p.conn.Apply(p.Context(), p.observe(want), p.remembered(want))
	if err != nil {
		p.Fatalf("Apply %+v: %v", want, err)
	}
	p.ids[want.Owner] = stored.ExternalID
	if !connector.InSync(&stored, want) {
		p.Fatalf("Apply returned %+v for %+v", stored, want)
	}
	p.wantSilence(want)
	if _, user := p.app.named(want.UserName); user == nil || p.app.usable(user) != (want.State == connector.Active) {
		p.Errorf("the application has %v for %+v", user, want)
	}
}

// named finds a user whatever the application calls the login name.
func (s *standIn) named(userName string) (string, object) {
	for _, member := range []string{"login", "username", "name"} {
		for key, user := range s.users {
			if name, ok := user[member].(string); ok && strings.EqualFold(name, userName) {
				return key, user
			}
		}
	}
	return "", nil
}

func (p *play) wantSilence(want connector.Account) {
	p.Helper()
	before := p.app.writes
	observed := p.observe(want)
	if !connector.InSync(observed, want) {
		p.Fatalf("observed %+v, want %+v", observed, want)
	}
	if _, err := p.conn.Apply(p.Context(), observed, p.remembered(want)); err != nil || p.app.writes != before {
		p.Errorf("applying again: %v, %d writes", err, p.app.writes-before)
	}
}

func (p *play) suspend(want connector.Account) {
	p.Helper()
	want.State = connector.Suspended
	if _, err := p.conn.Apply(p.Context(), p.observe(want), p.remembered(want)); err != nil {
		p.Fatalf("suspend: %v", err)
	}
	if observed := p.observe(want); (observed == nil) != p.gone || !connector.InSync(observed, want) {
		p.Errorf("suspended, observed %+v", observed)
	}
	if _, user := p.app.named(want.UserName); user != nil && p.app.usable(user) {
		p.Errorf("the application would let %v in", user)
	}
	before := p.app.writes
	if _, err := p.conn.(connector.Revoker).Revoke(p.Context(), p.remembered(want)); err != nil || (p.app.writes > before) != p.revokes {
		p.Errorf("Revoke: %v, %d writes", err, p.app.writes-before)
	}
}

func (p *play) rename(want *connector.Account) {
	p.Helper()
	renamed := *want
	renamed.UserName = "Zoe.Zoll"
	if !p.fixed {
		*want = renamed
		p.apply(renamed)
		return
	}
	before := p.app.writes
	if _, err := p.conn.Apply(p.Context(), p.observe(renamed), p.remembered(renamed)); connector.KindOf(err) != connector.KindInvalid || p.app.writes != before {
		p.Errorf("rename: %v, %d writes", err, p.app.writes-before)
	}
}

func (p *play) wantListed(lister connector.Lister, want connector.Account) {
	p.Helper()
	p.app.users["stranger"] = p.app.stranger("stranger")
	owners := map[string]string{}
	for a, err := range lister.List(p.Context()) {
		if err != nil {
			p.Fatalf("List: %v", err)
		}
		owners[strings.ToLower(a.UserName)] = a.Owner
	}
	if diff := cmp.Diff(map[string]string{strings.ToLower(want.UserName): want.Owner, "stranger": ""}, owners); diff != "" {
		p.Errorf("listed (-want +got):\n%s", diff)
	}
}

func (p *play) remove(want connector.Account) {
	p.Helper()
	observed := p.observe(want)
	for range 2 {
		if err := p.conn.Delete(p.Context(), *observed); err != nil {
			p.Fatalf("Delete: %v", err)
		}
	}
	p.wantNone(want)
	if _, user := p.app.named(want.UserName); user != nil {
		p.Errorf("the application still has %v", user)
	}
}

// strangers are never changed, until they are adopted.
func (p *play) strangers() {
	p.app.users = map[string]object{"max": p.app.stranger("max")}
	want := connector.Account{Owner: "acme/max", UserName: "max", State: connector.Active, Roles: p.roles[:1], Profile: p.profile}
	before := p.app.writes
	for _, wanted := range []connector.Account{want, {Owner: want.Owner, UserName: "max", State: connector.Suspended}} {
		if _, err := p.conn.Apply(p.Context(), p.observe(wanted), wanted); connector.KindOf(err) != connector.KindConflict {
			p.Errorf("Apply beside a stranger: %v", err)
		}
	}
	if err := p.conn.Delete(p.Context(), want); err != nil || p.app.writes != before {
		p.Errorf("Delete of a stranger: %v, %d writes", err, p.app.writes-before)
	}
	adopter, ok := p.conn.(connector.Adopter)
	if !ok {
		p.Fatal("it adopts nobody")
	}
	found, err := adopter.Find(p.Context(), connector.KeyUserName, "max")
	if err != nil || len(found) != 1 {
		p.Fatalf("Find: %+v, %v", found, err)
	}
	adopted, err := adopter.Adopt(p.Context(), found[0], want.Owner)
	if err != nil || adopted.Owner != want.Owner {
		p.Fatalf("Adopt: %+v, %v", adopted, err)
	}
	p.ids[want.Owner] = adopted.ExternalID
	p.apply(want)
}

// TestPageOfRabbitMQ keeps the page, and so what people copy, as it is tested against the real RabbitMQ.
func TestPageOfRabbitMQ(t *testing.T) {
	page, tested := pageOf(t, "rabbitmq"), read(t, rabbitmq.Specification())
	if diff := cmp.Diff(tested, page); diff != "" {
		t.Errorf("docs/connectors/http/rabbitmq.md is not hack/apps/rabbitmq/application.yaml (-tested +page):\n%s", diff)
	}
	if !slices.ContainsFunc(page.Requests, func(r struct {
		To string
		Request
	},
	) bool {
		return r.To == "Suspend"
	}) {
		t.Error("the page was not read")
	}
}
