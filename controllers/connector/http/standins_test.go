// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// grafana is written from https://grafana.com/docs/grafana/latest/developers/http_api/ (admin, user, org).
func grafana(t testing.TB, s *standIn) {
	next := 100
	add := func(login string) object {
		next++
		return object{"id": next, "login": login, "name": "", "email": "", "isDisabled": false, "isGrafanaAdmin": false, "orgId": 1, "role": "Viewer"}
	}
	s.stranger, s.usable = add, func(u object) bool { return u["isDisabled"] == false }
	s.on(t, "GET /api/users", func(*http.Request, object) (int, any) { return 200, []object{} })
	s.on(t, "GET /api/users/lookup", func(r *http.Request, _ object) (int, any) {
		if !r.URL.Query().Has("loginOrEmail") {
			t.Error("lookup of nobody")
		}
		_, u := s.by("login", r.URL.Query().Get("loginOrEmail"))
		return orNotFound(u)
	})
	s.on(t, "GET /api/users/{id}", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		return orNotFound(u)
	})
	s.on(t, "GET /api/users/{id}/orgs", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		return 200, []object{{"orgId": 1, "name": "Main Org.", "role": u["role"]}, {"orgId": 2, "name": "Other", "role": "Admin"}}
	})
	s.on(t, "POST /api/admin/users", func(_ *http.Request, in object) (int, any) {
		login := in["login"].(string)
		if _, u := s.by("login", login); u != nil {
			return http.StatusPreconditionFailed, object{"message": "user already exists"}
		}
		if len(in["password"].(string)) < 20 || in["OrgId"] != 1.0 {
			t.Errorf("created %v", in)
		}
		u := add(login)
		u["name"], u["email"] = in["name"], in["email"]
		s.users[login] = u
		return 200, object{"id": u["id"], "message": "User created"}
	})
	s.on(t, "PUT /api/users/{id}", func(r *http.Request, in object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		for _, member := range []string{"login", "name", "email"} { // all are replaced
			u[member] = in[member]
		}
		return 200, object{"message": "User updated"}
	})
	s.on(t, "PATCH /api/orgs/1/users/{id}", func(r *http.Request, in object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		u["role"] = in["role"]
		return 200, object{"message": "Organization user updated"}
	})
	for action, disabled := range map[string]bool{"disable": true, "enable": false} {
		s.on(t, "POST /api/admin/users/{id}/"+action, func(r *http.Request, _ object) (int, any) {
			_, u := s.by("id", r.PathValue("id"))
			u["isDisabled"] = disabled
			return 200, object{"message": "User " + action + "d"}
		})
	}
	s.on(t, "POST /api/admin/users/{id}/logout", func(*http.Request, object) (int, any) { return 200, object{"message": "User logged out"} })
	s.on(t, "DELETE /api/admin/users/{id}", func(r *http.Request, _ object) (int, any) {
		key, _ := s.by("id", r.PathValue("id"))
		delete(s.users, key)
		return 200, object{"message": "User deleted"}
	})
}

// github is written from https://docs.github.com/en/rest/orgs/members.
func github(t testing.TB, s *standIn) {
	add := func(login string) object {
		return object{"login": login, "state": "active", "role": "member", "user": object{"login": login, "id": len(login) * 1000}}
	}
	s.stranger, s.usable = add, func(object) bool { return true }
	versioned := func(r *http.Request) {
		if r.Header.Get("X-GitHub-Api-Version") != "2022-11-28" {
			t.Errorf("%s %s has no version", r.Method, r.URL)
		}
	}
	s.on(t, "GET /orgs/acme/members", func(r *http.Request, _ object) (int, any) { versioned(r); return 200, []object{} })
	s.on(t, "GET /orgs/acme/memberships/{login}", func(r *http.Request, _ object) (int, any) {
		versioned(r)
		_, u := s.named(r.PathValue("login"))
		return orNotFound(u)
	})
	s.on(t, "PUT /orgs/acme/memberships/{login}", func(r *http.Request, in object) (int, any) {
		versioned(r)
		login := strings.ToLower(r.PathValue("login"))
		if s.users[login] == nil {
			s.users[login] = add(login)
			s.users[login]["state"] = "pending"
		}
		s.users[login]["role"] = in["role"]
		return 200, s.users[login]
	})
	s.on(t, "DELETE /orgs/acme/memberships/{login}", func(r *http.Request, _ object) (int, any) {
		versioned(r)
		key, u := s.named(r.PathValue("login"))
		if u == nil {
			return 404, object{"message": "Not Found"}
		}
		delete(s.users, key)
		return 204, nil
	})
}

// gitlab is written from https://docs.gitlab.com/api/users/, /user_moderation/ and /members/.
func gitlab(t testing.TB, s *standIn) {
	next := 0
	add := func(username string) object {
		next++
		return object{"id": next, "username": username, "name": "", "email": "", "state": "active", "note": nil, "levels": map[string]int{"7": 50}}
	}
	s.stranger, s.usable = add, func(u object) bool { return u["state"] == "active" }
	s.on(t, "GET /api/v4/users", func(r *http.Request, _ object) (int, any) {
		if name := r.URL.Query().Get("username"); name != "" {
			if _, u := s.named(name); u != nil {
				return 200, []object{u}
			}
			return 200, []object{}
		}
		all := slices.Collect(maps.Values(s.users))
		return 200, append([]object{}, all...)
	})
	s.on(t, "GET /api/v4/users/{id}", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		return orNotFound(u)
	})
	s.on(t, "GET /api/v4/users/{id}/memberships", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		all := []object{}
		for group, level := range u["levels"].(map[string]int) {
			id, _ := strconv.Atoi(group)
			all = append(all, object{"source_id": id, "source_name": "g", "source_type": "Namespace", "access_level": level})
		}
		return 200, all
	})
	s.on(t, "POST /api/v4/users", func(_ *http.Request, in object) (int, any) {
		username := strings.ToLower(in["username"].(string))
		if _, u := s.named(username); u != nil {
			return 409, object{"message": "Username has already been taken"}
		}
		if in["force_random_password"] != true || in["email"] == "" {
			t.Errorf("created %v", in)
		}
		u := add(username)
		u["name"], u["email"], u["note"] = in["name"], in["email"], in["note"]
		s.users[username] = u
		return 201, u
	})
	s.on(t, "PUT /api/v4/users/{id}", func(r *http.Request, in object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		maps.Copy(u, in)
		return 200, u
	})
	for action, state := range map[string]string{"block": "blocked", "unblock": "active"} {
		s.on(t, "POST /api/v4/users/{id}/"+action, func(r *http.Request, _ object) (int, any) {
			_, u := s.by("id", r.PathValue("id"))
			u["state"] = state
			return 201, true
		})
	}
	s.on(t, "DELETE /api/v4/users/{id}", func(r *http.Request, _ object) (int, any) {
		key, _ := s.by("id", r.PathValue("id"))
		delete(s.users, key)
		return 204, nil
	})
	s.on(t, "POST /api/v4/groups/{group}/members", func(r *http.Request, in object) (int, any) {
		_, u := s.by("id", fmt.Sprint(in["user_id"]))
		levels := u["levels"].(map[string]int)
		if levels[r.PathValue("group")] != 0 {
			return 409, object{"message": "Member already exists"}
		}
		levels[r.PathValue("group")] = int(in["access_level"].(float64))
		return 201, object{}
	})
	s.on(t, "DELETE /api/v4/groups/{group}/members/{id}", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		delete(u["levels"].(map[string]int), r.PathValue("group"))
		return 204, nil
	})
}

// keycloak is written from https://www.keycloak.org/docs-api/latest/rest-api/index.html.
func keycloak(t testing.TB, s *standIn) {
	next := 0
	groups := map[string][]string{}
	add := func(username string) object {
		next++
		return object{"id": fmt.Sprintf("id-%d", next), "username": strings.ToLower(username), "enabled": true, "emailVerified": true}
	}
	s.stranger, s.usable = add, func(u object) bool { return u["enabled"] == true }
	const base = " /admin/realms/acme"
	s.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"t","token_type":"Bearer","expires_in":300}`))
	})
	paged := func(r *http.Request, all []object) []object {
		first, _ := strconv.Atoi(r.URL.Query().Get("first"))
		return append([]object{}, all[min(first, len(all)):]...)
	}
	s.on(t, "GET"+base+"/users", func(r *http.Request, _ object) (int, any) {
		if r.Header.Get("Authorization") != "Bearer t" {
			return 401, object{"error": "HTTP 401 Unauthorized"}
		}
		var all []object
		for _, key := range slices.Sorted(maps.Keys(s.users)) {
			u := s.users[key]
			attributes, _ := u["attributes"].(object)
			owner := strings.TrimPrefix(r.URL.Query().Get("q"), "scim-owner:")
			byName := !r.URL.Query().Has("username") || u["username"] == strings.ToLower(r.URL.Query().Get("username"))
			byMark := owner == "" || strings.Contains(fmt.Sprint(attributes["scim-owner"]), owner)
			if byName && byMark {
				all = append(all, u)
			}
		}
		return 200, paged(r, all)
	})
	s.on(t, "GET"+base+"/users/{id}", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		return orNotFound(u)
	})
	s.on(t, "GET"+base+"/users/{id}/groups", func(r *http.Request, _ object) (int, any) {
		all := []object{}
		for _, id := range groups[r.PathValue("id")] {
			all = append(all, object{"id": id, "name": "g", "path": "/g"})
		}
		return 200, paged(r, all)
	})
	s.on(t, "POST"+base+"/users", func(_ *http.Request, in object) (int, any) {
		u := add(in["username"].(string))
		if _, other := s.by("username", u["username"].(string)); other != nil {
			return 409, object{"errorMessage": "User exists with same username"}
		}
		for member, value := range in {
			if member != "username" {
				u[member] = value
			}
		}
		s.users[u["username"].(string)] = u
		return 201, nil
	})
	s.on(t, "PUT"+base+"/users/{id}", func(r *http.Request, in object) (int, any) {
		key, u := s.by("id", r.PathValue("id"))
		if in["id"] != u["id"] {
			t.Errorf("not the whole representation: %v", in)
		}
		in["username"] = strings.ToLower(in["username"].(string))
		s.users[key] = in // what is left out is gone
		return 204, nil
	})
	s.on(t, "PUT"+base+"/users/{id}/groups/{group}", func(r *http.Request, _ object) (int, any) {
		groups[r.PathValue("id")] = append(groups[r.PathValue("id")], r.PathValue("group"))
		return 204, nil
	})
	s.on(t, "DELETE"+base+"/users/{id}/groups/{group}", func(r *http.Request, _ object) (int, any) {
		id := r.PathValue("id")
		groups[id] = slices.DeleteFunc(groups[id], func(g string) bool { return g == r.PathValue("group") })
		return 204, nil
	})
	s.on(t, "POST"+base+"/users/{id}/logout", func(*http.Request, object) (int, any) { return 204, nil })
	s.on(t, "DELETE"+base+"/users/{id}", func(r *http.Request, _ object) (int, any) {
		key, _ := s.by("id", r.PathValue("id"))
		delete(s.users, key)
		return 204, nil
	})
}

// vault is written from https://developer.hashicorp.com/vault/api-docs/secret/identity/entity and entity-alias.
func vault(t testing.TB, s *standIn) {
	next := 0
	add := func(name string) object {
		next++
		return object{"id": fmt.Sprintf("id-%d", next), "name": name, "aliases": []object{}, "policies": nil, "metadata": nil, "disabled": false}
	}
	s.stranger, s.usable = add, func(u object) bool { return u["disabled"] == false }
	data := func(u object) (int, any) {
		if u == nil {
			return 404, object{"errors": []string{}}
		}
		return 200, object{"data": u}
	}
	s.on(t, "GET /v1/identity/entity/id", func(*http.Request, object) (int, any) { return 404, object{"errors": []string{}} })
	s.on(t, "GET /v1/identity/entity/id/{id}", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		return data(u)
	})
	s.on(t, "GET /v1/identity/entity/name/{name}", func(r *http.Request, _ object) (int, any) {
		_, u := s.by("name", r.PathValue("name"))
		return data(u)
	})
	s.on(t, "POST /v1/identity/entity", func(_ *http.Request, in object) (int, any) {
		u := add(in["name"].(string))
		maps.Copy(u, in)
		s.users[in["name"].(string)] = u
		return 200, object{"data": object{"id": u["id"], "aliases": nil}}
	})
	s.on(t, "POST /v1/identity/entity/id/{id}", func(r *http.Request, in object) (int, any) {
		_, u := s.by("id", r.PathValue("id"))
		maps.Copy(u, in)
		return 204, nil
	})
	s.on(t, "POST /v1/identity/entity-alias", func(_ *http.Request, in object) (int, any) {
		_, u := s.by("id", in["canonical_id"].(string))
		u["aliases"] = []object{{"name": in["name"], "mount_accessor": in["mount_accessor"], "id": "alias"}}
		return 200, object{"data": object{"id": "alias", "canonical_id": in["canonical_id"]}}
	})
	s.on(t, "DELETE /v1/identity/entity/id/{id}", func(r *http.Request, _ object) (int, any) {
		key, _ := s.by("id", r.PathValue("id"))
		delete(s.users, key)
		return 204, nil
	})
}
