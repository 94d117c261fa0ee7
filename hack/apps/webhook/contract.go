// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

const (
	defaultPage = 100
	maxPage     = 1000
	maxBody     = 1 << 20
)

// contract serves the contract.
func contract(s *store) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /capabilities", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"version": 1, "roles": s.roles, "attributes": s.attributes, "operations": []string{"List", "Adopt", "Revoke"}})
	})
	mux.HandleFunc("GET /accounts/{namespace}/{name}", func(w http.ResponseWriter, r *http.Request) {
		a, err := s.get(owner(r))
		reply(w, a, err)
	})
	mux.HandleFunc("PUT /accounts/{namespace}/{name}", func(w http.ResponseWriter, r *http.Request) {
		var want wanted
		if !read(w, r, &want) {
			return
		}
		a, err := s.put(owner(r), want)
		reply(w, a, err)
	})
	mux.HandleFunc("DELETE /accounts/{namespace}/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := s.remove(owner(r)); err != nil {
			refuse(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /accounts/{namespace}/{name}/revoke", func(w http.ResponseWriter, r *http.Request) {
		err := s.revoke(owner(r))
		reply(w, map[string]string{"owner": owner(r), "sessions": "Revoked", "tokens": "NotNeeded"}, err) // there are no tokens here
	})
	mux.HandleFunc("GET /accounts", s.serveList)
	mux.HandleFunc("POST /find", s.serveFind)
	mux.HandleFunc("POST /adopt", s.serveAdopt)
	return mux
}

func (s *store) serveList(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 {
		limit = defaultPage
	}
	cursor := r.URL.Query().Get("cursor")
	accounts, next := s.list(cursor, min(limit, maxPage))
	answer(w, http.StatusOK, map[string]any{"cursor": cursor, "accounts": append([]Account{}, accounts...), "next": next})
}

func (s *store) serveFind(w http.ResponseWriter, r *http.Request) {
	var look struct{ Key, Value string }
	if !read(w, r, &look) {
		return
	}
	found, err := s.find(look.Key, look.Value)
	reply(w, map[string]any{"key": look.Key, "value": look.Value, "accounts": found}, err)
}

func (s *store) serveAdopt(w http.ResponseWriter, r *http.Request) {
	var which struct{ ID, Owner string }
	if !read(w, r, &which) {
		return
	}
	a, err := s.adopt(which.ID, which.Owner)
	reply(w, a, err)
}

// owner is the mark.
func owner(r *http.Request) string { return r.PathValue("namespace") + "/" + r.PathValue("name") }

// read reads the body, or answers.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(into); err != nil {
		refuse(w, errInvalid)
		return false
	}
	return true
}

// reply answers with a value, or with what kept it from being.
func reply(w http.ResponseWriter, value any, err error) {
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, value)
}

// refuse says why, by a kind. The message is for our own log and is shown to nobody.
func refuse(w http.ResponseWriter, err error) {
	status, kind := http.StatusInternalServerError, "Unavailable"
	switch {
	case errors.Is(err, errNotFound):
		status, kind = http.StatusNotFound, "NotFound"
	case errors.Is(err, errConflict):
		status, kind = http.StatusConflict, "Conflict"
	case errors.Is(err, errInvalid):
		status, kind = http.StatusUnprocessableEntity, "Invalid"
	case errors.Is(err, errDenied):
		status, kind = http.StatusUnauthorized, "Denied"
	}
	answer(w, status, map[string]string{"kind": kind, "message": err.Error()})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked is gone
}
