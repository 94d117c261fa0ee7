// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"slices"
)

// people serves those whom the accounts are for.
//
//	POST /login          userName, password as a form → the session as text, 401
//	GET  /me             200 as long as the session lives
//	GET  /doors/{role}   200 to who has the role
//
// A session outlives the suspension of its account, as it does in many an application: it opens no door any more, and ends when it is revoked.
func people(s *store) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		session, ok := s.login(r.PostFormValue("userName"), r.PostFormValue("password"))
		if !ok {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(session))
	})
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if _, alive := s.session(r.Header.Get("Session")); !alive {
			http.Error(w, "no", http.StatusUnauthorized)
		}
	})
	mux.HandleFunc("GET /doors/{role}", func(w http.ResponseWriter, r *http.Request) {
		a, alive := s.session(r.Header.Get("Session"))
		if !alive || a.State != active || !slices.Contains(a.Roles, r.PathValue("role")) {
			http.Error(w, "no", http.StatusForbidden)
		}
	})
	return mux
}

func (s *store) login(userName, password string) (session string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.byName(userName)
	if a == nil || a.State != active || subtle.ConstantTimeCompare([]byte(s.passwords[a.ID]), []byte(password)) != 1 {
		return "", false
	}
	session = rand.Text()
	s.sessions[session] = a.ID
	return session, true
}

// session returns whose it is.
func (s *store) session(session string) (Account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, alive := s.accounts[s.sessions[session]]
	if !alive {
		return Account{}, false
	}
	return a.clone(), true
}
