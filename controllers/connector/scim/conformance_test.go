// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
	app "github.com/scim-operator/scim-operator/hack/apps/scim"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

const canary = "canary-t0ken-do-not-tell"

// TestConformance runs the suite on a server that we did not write and on our own.
func TestConformance(t *testing.T) {
	for _, name := range []string{"scimmy", "scim-server"} {
		t.Run(name, func(t *testing.T) { connectortest.Run(t, subject(serverNamed(t, name))) })
	}
}

// subject is a server as the suite sees it.
func subject(s *server) connectortest.Subject {
	open := func(t testing.TB, address, token string) *Connector { return openWith(t, config(address, token)) }
	return connectortest.Subject{
		Secrets: []string{canary, s.token},
		Many:    s.many,
		New: func(t testing.TB) connectortest.System {
			s.leave(t, 0)
			w := newWire(t, s.url)
			way := newFaultyWay(t, w.url)
			return connectortest.System{
				Connector:       open(t, way.url, s.token),
				Faults:          s.faults(t, way),
				CountOf:         s.countOf,
				Calls:           s.calls(way),
				MostConnections: func() int { return way.bytes.Counts().Most }, MaxConnections: 8,
				Roles:     app.Groups(),
				Profile:   s.profile,
				Writes:    w.Writes,
				HasAccess: s.lets,
				Damage:    s.damages(),
				Foreign:   s.foreigners(),
				Unmarked:  s.byHand,
				Keys:      []connector.Key{connector.KeyUserName, connector.KeyEmail},
				Shared:    s.shared,
			}
		},
		Truncated: func(t testing.TB) connector.Connector { return open(t, truncating(t, s.url), s.token) },
		Failing: map[connector.Kind]func(testing.TB) connector.Connector{
			connector.KindDenied:      func(t testing.TB) connector.Connector { return open(t, s.url, canary) },
			connector.KindUnavailable: func(t testing.TB) connector.Connector { return open(t, "http://"+cluster.FreeAddress(t), canary) },
		},
		Hanging: func(t testing.TB) (connector.Connector, <-chan struct{}) {
			address := cluster.FreeAddress(t)
			return open(t, "http://"+address, canary), faults.Silence(t, address)
		},
	}
}

// faultyWay is between a connector and a wire, and breaks on demand.
type faultyWay struct {
	url   string
	bytes *faults.Proxy
	http  *faults.HTTP
}

func newFaultyWay(t testing.TB, target string) faultyWay {
	t.Helper()
	base, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	requests, err := faults.ListenHTTP(cluster.FreeAddress(t), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = requests.Close() })
	way, err := faults.Listen(cluster.FreeAddress(t), requests.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = way.Close() })
	return faultyWay{url: "http://" + way.Address() + base.Path, bytes: way, http: requests}
}

// keptUsers is more than any scene of the suite makes.
const keptUsers = 8

// faults are those of bytes and of requests. All are tried; those that differ most at every request of everything that the connector does.
func (s *server) faults(t testing.TB, way faultyWay) map[string]faults.Fault {
	if s.forget == nil {
		return nil
	}
	all := way.http.Faults(nil)
	maps.Copy(all, way.bytes.Faults())
	for name, fault := range all {
		inject, isTelling := fault.Inject, slices.Contains(tellingFaults(), name)
		fault.Inject = func(after int) func() int {
			s.leave(t, keptUsers)
			if after > 1 && !isTelling {
				return func() int { return 0 }
			}
			return inject(after)
		}
		all[name] = fault
	}
	return all
}

// leave forgets what earlier checks made, where that is possible.
func (s *server) leave(t testing.TB, keep int) {
	t.Helper()
	if s.forget == nil {
		return
	}
	if err := s.forget(t.Context(), keep); err != nil {
		t.Fatal(err)
	}
}

// tellingFaults are those that differ most.
func tellingFaults() []string {
	return []string{"500 after it is done", "a page for people, before it is done", "another's answer, before it is done", "half of the JSON"}
}

// calls counts requests, where users show their groups: elsewhere it takes one more for each role to see them.
func (s *server) calls(way faultyWay) func() int {
	if !s.showsGroups {
		return nil
	}
	return way.http.Requests
}

// truncating answers the first page of a small list of users and no other.
func truncating(t testing.TB, target string) string {
	w := newWire(t, target)
	var pages atomic.Int32
	w.harm = func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		query := r.URL.Query()
		if !strings.HasSuffix(r.URL.Path, usersPath) || query.Has("filter") {
			return false
		}
		if pages.Add(1) > 1 {
			cut(rw)
			return true
		}
		query.Set("count", "2")
		r.URL.RawQuery = query.Encode()
		return false
	}
	return w.url
}

// lets asks the application whether somebody is let in to what a role is for.
func (s *server) lets(t testing.TB, userName, role string) bool {
	t.Helper()
	has, err := s.hasAccess(t.Context(), userName, role)
	if err != nil {
		t.Fatal(err)
	}
	return has
}

// countOf asks by another way than the connector's.
func (s *server) countOf(t testing.TB, userName string) int {
	t.Helper()
	found, err := s.list(t.Context(), usersPath, attrUserName, userName)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// idOf returns the id of an account's user.
func (s *server) idOf(t testing.TB, acct connector.Account) string {
	t.Helper()
	r, err := s.userNamed(t.Context(), acct.UserName)
	if err != nil || r == nil {
		t.Fatalf("no user: %v", err)
	}
	return r.text(attrID)
}

// damages break an account that has the roles auditor and reader.
func (s *server) damages() map[string]func(testing.TB, connector.Account) {
	replace := func(path string, value any) func(testing.TB, connector.Account) {
		return func(t testing.TB, acct connector.Account) {
			s.must(t, http.MethodPatch, usersPath+"/"+s.idOf(t, acct), patchBody(operation{Op: "replace", Path: path, Value: value}))
		}
	}
	all := map[string]func(testing.TB, connector.Account){
		"left a group": func(t testing.TB, acct connector.Account) {
			id := s.idOf(t, acct)
			s.patchGroup(t, "reader", id, operation{Op: "remove", Path: fmt.Sprintf("members[value eq %q]", id)}, false)
		},
		"joined a group":   func(t testing.TB, acct connector.Account) { s.join(t, "writer", s.idOf(t, acct)) },
		"deactivated":      replace(attrActive, false),
		"another title":    replace("title", "Thief"),
		"another division": replace(enterpriseDepartment, "Crime"),
		"another name": func(t testing.TB, acct connector.Account) {
			replace(attrUserName, "x"+acct.UserName)(t, acct)
		},
	}
	return all
}

// foreigners are users of others.
func (s *server) foreigners() map[string]connectortest.Foreign {
	foreign := func(conflicts bool, change func(like connector.Account, body map[string]any)) connectortest.Foreign {
		return connectortest.Foreign{Conflicts: conflicts, Create: func(t testing.TB, like connector.Account) func() string {
			body := map[string]any{attrSchemas: []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, attrUserName: like.UserName, attrActive: true}
			change(like, body)
			id := s.must(t, http.MethodPost, usersPath, body).text(attrID)
			s.join(t, "reader", id)
			return func() string { return s.read(t, id, true) }
		}}
	}
	marked := func(mark string) func(connector.Account, map[string]any) {
		return func(_ connector.Account, body map[string]any) {
			body[attrExternalID] = mark + body[attrUserName].(string)
		}
	}
	return map[string]connectortest.Foreign{
		"our name, no mark":               foreign(true, func(connector.Account, map[string]any) {}),
		"our name, another owner":         foreign(true, marked("other/account-")),
		"our name, mark of somebody else": foreign(true, marked("00u1")),
		"our name in another case":        foreign(true, func(like connector.Account, body map[string]any) { body[attrUserName] = strings.ToUpper(like.UserName) }),
		"another name, a mark that is longer": foreign(false, func(like connector.Account, body map[string]any) {
			body[attrUserName], body[attrExternalID] = "x"+like.UserName, like.Owner+"x"
		}),
	}
}

// read returns the state of a user, with its groups. Whole is also what counts its changes and the mark.
func (s *server) read(t testing.TB, id string, whole bool) string {
	t.Helper()
	r := s.must(t, http.MethodGet, usersPath+"/"+id, nil)
	if !whole {
		delete(r, attrExternalID)
		delete(r, attrMeta)
	}
	var roles []string
	for _, role := range app.Groups() {
		if member, err := s.isMember(t.Context(), id, role); err != nil || member {
			roles = append(roles, fmt.Sprint(role, err))
		}
	}
	slices.Sort(roles)
	text, err := json.Marshal(r)
	return fmt.Sprint(string(text), roles, err)
}

// byHand makes an account as an administrator of the application would.
func (s *server) byHand(t testing.TB, like connector.Account) func() string {
	t.Helper()
	c := Connector{config: config(s.url, s.token)}
	body := c.newUser(like)
	delete(body, attrExternalID)
	id := s.must(t, http.MethodPost, usersPath, body).text(attrID)
	for _, role := range like.Roles {
		s.join(t, role, id)
	}
	return func() string { return s.read(t, id, false) }
}
