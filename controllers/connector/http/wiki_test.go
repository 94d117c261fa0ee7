// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// wiki stands in for the application of docs/connectors/http.md.
func wiki(t testing.TB, s *standIn) {
	next := 0
	add := func(login string) object {
		next++
		return object{"id": next, "login": login, "username": login, "note": "", "name": "", "status": "enabled", "permissions": []any{}}
	}
	s.stranger, s.usable = add, func(u object) bool { return u["status"] == "enabled" }
	s.on(t, "GET /accounts", func(r *http.Request, _ object) (int, any) {
		var all []object
		for _, key := range slices.Sorted(maps.Keys(s.users)) {
			u, q := s.users[key], r.URL.Query()
			if (!q.Has("login") || q.Get("login") == u["login"]) && (!q.Has("note") || q.Get("note") == u["note"]) {
				all = append(all, u)
			}
		}
		at, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		answer := object{"accounts": append([]object{}, all[at:min(at+2, len(all))]...)}
		if at+2 < len(all) {
			answer["next"] = strconv.Itoa(at + 2)
		}
		return 200, answer
	})
	s.on(t, "GET /accounts/{id}", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		return orNotFound(u)
	})
	s.on(t, "POST /accounts", func(_ *http.Request, in object) (int, any) {
		u := add(in["login"].(string))
		maps.Copy(u, in)
		s.users[fmt.Sprint("account ", u["id"])] = u
		return 201, u
	})
	s.on(t, "PATCH /accounts/{id}", func(r *http.Request, in object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		maps.Copy(u, in)
		if login, ok := in["login"]; ok {
			u["username"] = login
		}
		return 200, u
	})
	s.HandleFunc("PUT /accounts/{id}/permissions", func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.writes++
		var in []any
		_ = json.NewDecoder(r.Body).Decode(&in)
		_, u := s.by("id", r.PathValue("id"))
		u["permissions"] = in
	})
	s.on(t, "DELETE /accounts/{id}/sessions", func(*http.Request, object) (int, any) { return 204, nil })
	s.on(t, "DELETE /accounts/{id}", func(r *http.Request, _ object) (int, any) {
		key, _ := s.by("id", r.PathValue("id"))
		delete(s.users, key)
		return 204, nil
	})
}

// wikiAt is the example of docs/connectors/http.md at that URL.
func wikiAt(t testing.TB, url string) Config {
	t.Helper()
	cfg := pageOf(t, "../http").config()
	cfg.Client.URL, cfg.Client.AllowPlaintext, cfg.Client.Dial = url, true, toLoopback().DialContext
	cfg.Client.Credential = map[string][]byte{"token": []byte(canary)}
	return cfg
}

// serving is the example against a handler.
func serving(t testing.TB, handler http.Handler, change func(*Config)) connector.Connector {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := wikiAt(t, server.URL)
	if change != nil {
		change(&cfg)
	}
	return open(t, cfg)
}

// wikiWorld is the example with its stand-in.
func wikiWorld(t testing.TB, change func(*Config)) (connector.Connector, *standIn) {
	t.Helper()
	s := newStandIn()
	wiki(t, s)
	return serving(t, s, change), s
}

func zoe(roles ...string) connector.Account {
	return connector.Account{
		Owner: "acme/zoe", UserName: "zoe@example.com", State: connector.Active, Roles: append([]string{}, roles...), Profile: map[string]string{"displayName": "Zoe"},
	}
}

func apply(t testing.TB, conn connector.Connector, want connector.Account) connector.Account {
	t.Helper()
	stored, err := conn.Apply(t.Context(), nil, want)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}
