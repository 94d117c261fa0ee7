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

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// TestDrain ends a server by SIGTERM under load. The load balancer is played too: it sends requests as long as /readyz
// says 200, and none of them may fail.
func TestDrain(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	server, err := tn.StartServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := idp.New(server.BaseURL(tn.namespace, directoryName), tn.token)
	eventually(t, func(ctx context.Context) error {
		answer, err := client.Get(ctx, idp.OktaTest)
		if err == nil && answer.Status != http.StatusOK {
			err = fmt.Errorf("got %s, want status 200", answer)
		}
		return err
	})

	var ready atomic.Bool
	ready.Store(true)
	warm := make(chan struct{})
	warmUp := sync.OnceFunc(func() { close(warm) })
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			defer warmUp()
			for i := 0; ready.Load(); i++ {
				answer, err := client.Post(t.Context(), idp.EntraUser(idp.Person{UserName: fmt.Sprintf("drain-%d-%d", worker, i)}))
				if err != nil || answer.Status != http.StatusCreated {
					t.Errorf("POST while the server said that it was ready: got %s, %v", answer, err)
					return
				}
				if i == 10 {
					warmUp()
				}
			}
		})
	}
	group.Go(func() {
		defer ready.Store(false)
		isReady := cluster.ReadyURL(server.HealthURL+"/readyz", nil)
		unready := func(ctx context.Context) (bool, error) { return isReady(ctx) != nil, nil }
		if err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, patience, true, unready); err != nil {
			t.Errorf("the server went on saying that it was ready: %v", err)
		}
	})
	<-warm
	if err := server.Terminate(t.Context()); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	group.Wait()
}
