// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
	"github.com/scim-operator/scim-operator/hack/stack/wire"
)

// revocationDeadline is when no server may let a revoked credential in any more.
const revocationDeadline = 5 * time.Second

// TestRevocationOverDeadConnections: every connection between the servers and their API servers goes dead, so that watches say nothing, and lists
// that are under way neither. The revoked credential is refused in time on every server all the same; the other one is never
// told to be wrong, and it works again long before the watches do.
func TestRevocationOverDeadConnections(t *testing.T) {
	var wires []*wire.Wire
	t.Cleanup(func() {
		for _, w := range wires {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	s := ownStack(t, stack.Options{APIServers: 2, Servers: 2, Between: func(apiServer string) (string, error) {
		w, err := wire.Listen(t.Context(), apiServer)
		if err != nil {
			return "", err
		}
		wires = append(wires, w)
		return w.URL(), nil
	}})
	tn := newTenant(t, s)
	leaked := tn.addToken(t, directoryName, "leaked")
	for _, w := range wires {
		w.Break()
	}
	if err := s.Client.Delete(t.Context(), &v1alpha1.ScimToken{ObjectMeta: tn.meta("leaked")}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for _, server := range s.Servers {
		other := idp.New(server.BaseURL(tn.namespace, directoryName), tn.token)
		revoked := idp.New(server.BaseURL(tn.namespace, directoryName), leaked)
		for answered := 0; answered != http.StatusUnauthorized; {
			asked := time.Since(start)
			if answered = statusOf(t, revoked); answered == http.StatusOK && asked > revocationDeadline {
				t.Fatalf("%s lets a revoked credential in after %v", server.URL, asked)
			}
			if got := statusOf(t, other); got != http.StatusOK && got != http.StatusServiceUnavailable {
				t.Fatalf("%s answers %d to a good credential after %v", server.URL, got, asked)
			}
			if asked > patience {
				t.Fatalf("%s: still %d after %v", server.URL, answered, asked)
			}
		}
		if got := statusOf(t, other); got != http.StatusOK {
			t.Errorf("%s: %d for a good credential once the revoked one is refused", server.URL, got)
		}
	}
}

// addToken makes one more token of a directory, and returns it once every server accepts it.
func (tn *tenant) addToken(t *testing.T, directory, name string) string {
	t.Helper()
	obj := &v1alpha1.ScimToken{ObjectMeta: tn.meta(name)}
	obj.Spec.DirectoryRef.Name = directory
	tn.mustCreate(t, obj)
	tn.waitReady(t, obj)
	token, err := tn.Token(t.Context(), tn.namespace, name)
	if err == nil {
		err = tn.WaitServed(t.Context(), tn.namespace, directory, token)
	}
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// statusOf asks for what is in memory.
func statusOf(t *testing.T, c *idp.Client) int {
	t.Helper()
	answer, err := c.Get(t.Context(), "/ServiceProviderConfig")
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status
}
