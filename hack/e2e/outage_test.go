// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// requestDeadline is when every request has ended, and more for a machine that has much else to do.
const requestDeadline = 25*time.Second + 30*time.Second

// TestOutage stops etcd under a running server: a failure of ours is 503 with Retry-After and a SCIM error, in time, and never
// 401 or 404; a stranger is still a stranger; and afterwards everything that was acknowledged is there.
func TestOutage(t *testing.T) {
	s := ownStack(t, stack.Options{ControllerArgs: []string{"--leader-elect=false"}})
	tn := newTenant(t, s)
	okta, id := tn.idp[0], tn.create(t, "before@acme.test")
	tn.waitBound(t, "before@acme.test")
	if err := s.Cluster.Etcd().Freeze(); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for name, request := range map[string]idp.Request{
		"get":        {Method: http.MethodGet, Path: idp.UserPath(id)},
		"look up":    {Method: http.MethodGet, Path: idp.OktaFind("nobody@acme.test")}, // surely nobody, only the API server can say
		"create":     {Method: http.MethodPost, Path: "/Users", Body: idp.OktaUser(idp.Person{UserName: "during@acme.test"})},
		"deactivate": {Method: http.MethodPatch, Path: idp.UserPath(id), Body: idp.EntraPatch("active", false)},
		"delete":     {Method: http.MethodDelete, Path: idp.UserPath(id)},
	} {
		all.Go(func() {
			start := time.Now()
			answer, err := okta.Do(t.Context(), request)
			if err != nil || answer.Status != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || answer.Body["status"] != "503" {
				t.Errorf("%s while etcd stands still: %s, %v; want 503 with Retry-After and a SCIM error", name, answer, err)
			}
			if took := time.Since(start); took > requestDeadline {
				t.Errorf("%s while etcd stands still took %v", name, took)
			}
		})
	}
	all.Go(func() {
		answer, err := okta.Do(t.Context(), idp.Request{Method: http.MethodGet, Path: idp.OktaFind("before@acme.test")})
		if err != nil || answer.Status != http.StatusOK || answer.Body["totalResults"] != 1. {
			t.Errorf("who is known while etcd stands still: %s, %v; want 200 from memory", answer, err)
		}
	})
	all.Go(func() {
		answer, err := idp.New(s.Servers[0].BaseURL(tn.namespace, directoryName), "").Do(t.Context(), idp.Request{Method: http.MethodGet, Path: "/Users"})
		if err != nil || answer.Status != http.StatusUnauthorized {
			t.Errorf("a stranger while etcd stands still: %s, %v", answer, err)
		}
	})
	all.Wait()
	if err := s.Cluster.Etcd().Resume(); err != nil {
		t.Fatal(err)
	}
	// What was answered 503 may have happened or not; repeating it, as an identity provider does, ends the same either way.
	tn.repeat(t, idp.Request{Method: http.MethodPost, Path: "/Users", Body: idp.OktaUser(idp.Person{UserName: "during@acme.test"})}, http.StatusCreated, http.StatusConflict)
	tn.repeat(t, idp.Request{Method: http.MethodDelete, Path: idp.UserPath(id)}, http.StatusNoContent, http.StatusNotFound)
	tn.waitBound(t, "during@acme.test")
	tn.checkNames(t)
}

// repeat sends a request until it is answered with one of those statuses.
func (tn *tenant) repeat(t *testing.T, r idp.Request, wanted ...int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		answer, err := tn.idp[0].Do(t.Context(), r)
		for _, status := range wanted {
			if err == nil && answer.Status == status {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s %s: %s, %v", r.Method, r.Path, answer, err)
		}
	}
}
