// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/cluster"
	"github.com/scim-operator/scim-operator/hack/stack"
)

const (
	// loadInterval is that of 50 requests a second.
	loadInterval = 20 * time.Millisecond
	// loadLength is how long the load lasts; with -short as long as what happens under it needs.
	loadLength = time.Minute
	// usersEvery so many requests one makes a user; the others look for one.
	usersEvery = 10
)

// TestUnderLoad rotates the token, and restarts every program one after the other, while an identity provider asks 50 times a second: no request of
// its fails, and no token that has ended is accepted.
func TestUnderLoad(t *testing.T) {
	s := ownStack(t, stack.Options{Servers: 2})
	tn := newTenant(t, s)
	load := newLoad(t, tn)
	stop := load.start(t)
	began := time.Now()
	for i := 0; i == 0 || !testing.Short() && time.Since(began) < loadLength; i++ {
		load.rotate(t)
	}
	began = time.Now()
	for i := 0; i == 0 || !testing.Short() && time.Since(began) < loadLength; i++ {
		load.restartAll(t)
	}
	stop()
	t.Logf("%d requests", load.sent.Load())
	tn.waitReadyAccounts(t, int(load.users.Load()))
}

// load is an identity provider that never stops asking, and the load balancer between: it sends nothing to a server that says it is not ready.
type load struct {
	*tenant
	token       atomic.Pointer[string]
	ready       []atomic.Bool
	sent, users atomic.Int64
}

func newLoad(t *testing.T, tn *tenant) *load {
	t.Helper()
	token := &v1alpha1.ScimToken{ObjectMeta: tn.meta(tokenName)}
	tn.merge(t, token, `{"spec":{"rotation":{"grace":"1s","deadline":"1h"}}}`)
	l := &load{tenant: tn, ready: make([]atomic.Bool, len(tn.Servers))}
	l.token.Store(&tn.token)
	return l
}

func (tn *tenant) merge(t *testing.T, o client.Object, merge string) {
	t.Helper()
	if err := tn.Client.Patch(t.Context(), o, client.RawPatch("application/merge-patch+json", []byte(merge))); err != nil {
		t.Fatal(err)
	}
}

// start asks until stop is called.
func (l *load) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i, server := range l.Servers {
		isReady := cluster.ReadyURL(server.HealthURL+"/readyz", nil)
		l.ready[i].Store(true)
		group.Go(func() {
			for ticks(ctx, loadInterval) {
				l.ready[i].Store(isReady(ctx) == nil)
			}
		})
	}
	group.Go(func() {
		for i := 0; ticks(ctx, loadInterval); i++ {
			group.Go(func() { l.ask(t, i) })
		}
	})
	return func() { cancel(); group.Wait() }
}

// ticks waits, and says whether ctx goes on.
func ticks(ctx context.Context, interval time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(interval):
		return true
	}
}

// ask sends one request to the next server that is ready.
func (l *load) ask(t *testing.T, i int) {
	for try := range len(l.Servers) {
		if n := (i + try) % len(l.Servers); l.ready[n].Load() {
			l.askServer(t, i, l.Servers[n])
			return
		}
	}
	t.Error("no server is ready")
}

func (l *load) askServer(t *testing.T, i int, server *stack.Program) {
	l.sent.Add(1)
	// It outlives the load: a request that is under way when that ends is no failure.
	ctx := context.WithoutCancel(t.Context())
	client := idp.New(server.BaseURL(l.namespace, directoryName), *l.token.Load())
	want, request := http.StatusOK, idp.Request{Method: http.MethodGet, Path: idp.OktaFind("nobody@acme.test")}
	if i%usersEvery == 0 {
		l.users.Add(1)
		want, request = http.StatusCreated, idp.Request{Method: http.MethodPost, Path: "/Users", Body: idp.OktaUser(idp.Person{UserName: uuid.NewString()})}
	}
	if answer, err := client.Do(ctx, request); err != nil || answer.Status != want {
		t.Errorf("%s to %s: got %.200s, %v", request.Method, server.URL, answer, err)
	}
}

// rotate asks for a new token, gives it to the identity provider, and waits until the old one is refused everywhere.
func (l *load) rotate(t *testing.T) {
	t.Helper()
	old := *l.token.Load()
	l.merge(t, &v1alpha1.ScimToken{ObjectMeta: l.meta(tokenName)}, fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationRotate, uuid.NewString()))
	var fresh string
	eventually(t, func(ctx context.Context) (err error) {
		if fresh, err = l.Token(ctx, l.namespace, tokenName); err == nil && fresh == old {
			err = fmt.Errorf("the Secret has the old token")
		}
		return err
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := l.WaitServed(ctx, l.namespace, directoryName, fresh); err != nil {
		t.Fatal(err)
	}
	l.expectAll(t, old, http.StatusOK) // nobody has used the new one yet, but for the look above
	l.token.Store(&fresh)
	eventually(t, func(ctx context.Context) error {
		token := &v1alpha1.ScimToken{ObjectMeta: l.meta(tokenName)}
		if err := l.Client.Get(ctx, client.ObjectKeyFromObject(token), token); err != nil {
			return err
		}
		if n := len(token.Status.Credentials); n != 1 {
			return fmt.Errorf("%d credentials are valid", n)
		}
		return nil
	})
	eventually(t, func(ctx context.Context) error { return l.answersOf(ctx, old, http.StatusUnauthorized) })
	l.expectAll(t, fresh, http.StatusOK)
}

func (l *load) expectAll(t *testing.T, token string, want int) {
	t.Helper()
	if err := l.answersOf(t.Context(), token, want); err != nil {
		t.Error(err)
	}
}

func (l *load) answersOf(ctx context.Context, token string, want int) error {
	for _, server := range l.Servers {
		answer, err := idp.New(server.BaseURL(l.namespace, directoryName), token).Get(ctx, idp.OktaTest)
		if err != nil || answer.Status != want {
			return fmt.Errorf("%s answers %s, %w, want %d", server.URL, answer, err, want)
		}
	}
	return nil
}

// restartAll ends every program as the kubelet does, one after the other, and starts it again.
func (l *load) restartAll(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, program := range append(l.Servers[:len(l.Servers):len(l.Servers)], l.Controller) {
		if err := program.Terminate(ctx); err != nil {
			t.Fatalf("%s ended with %v", program.URL, err)
		}
		if err := program.Restart(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// waitReadyAccounts waits until so many users have their account.
func (tn *tenant) waitReadyAccounts(t *testing.T, users int) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		bound, err := tn.BoundUsers(ctx, tn.target)
		if err == nil && len(bound) != users {
			err = fmt.Errorf("%d users have access, want %d", len(bound), users)
		}
		return err
	})
}
