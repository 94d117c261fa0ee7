// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// seedVariable repeats a run of TestCrash.
const seedVariable = "SCIM_E2E_SEED"

// maxDelay is more than most requests take.
const maxDelay = 10 * time.Millisecond

// TestCrash kills the programs at random moments while an identity provider creates, renames, deactivates and deletes. In
// the end exactly those are bound whom the acknowledged requests leave active.
func TestCrash(t *testing.T) {
	seed := seedOf(t)
	t.Logf("repeat with %s=%d", seedVariable, seed)
	s := ownStack(t, stack.Options{ControllerArgs: []string{"--leader-elect=false"}}) // a Lease would have to run out after each kill
	t.Run("Controller", func(t *testing.T) {
		tn := newTenant(t, s)
		tn.live(t, seed, lessInShort(5, 3), s.Controller)
		tn.checkNames(t) // the server lived, so nothing may be left behind
	})
	t.Run("Server", func(t *testing.T) {
		tn := newTenant(t, s)
		tn.live(t, seed, lessInShort(5, 3), s.Servers[0])
		tn.checkLeftovers(t)
	})
	t.Run("Both", func(t *testing.T) {
		tn := newTenant(t, s)
		tn.live(t, seed, lessInShort(8, 4), s.Controller, s.Servers[0])
		tn.checkLeftovers(t)
	})
}

// live has people come and go until so many kills of random victims are over, and compares the end with the model.
func (tn *tenant) live(t *testing.T, seed uint64, kills int, victims ...*stack.Program) {
	t.Helper()
	const actors = 6
	var acknowledged atomic.Int64
	var over atomic.Bool
	people := make([]*person, actors)
	group, ctx := errgroup.WithContext(t.Context())
	for i := range people {
		people[i] = &person{
			number: i, client: &persistent{client: tn.idp[0], acknowledged: &acknowledged}, random: rand.New(rand.NewPCG(seed, uint64(i))),
		}
		group.Go(func() error {
			for !over.Load() {
				if err := people[i].act(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer over.Store(true)
		return killAtRandom(ctx, victims, rand.New(rand.NewPCG(seed, actors)), kills, &acknowledged)
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests were acknowledged", acknowledged.Load())
	tn.checkModel(t, people)
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	given := os.Getenv(seedVariable)
	if given == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(given, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// killAtRandom kills one of the victims a moment after a random number of requests, and starts it again.
func killAtRandom(ctx context.Context, victims []*stack.Program, random *rand.Rand, kills int, acknowledged *atomic.Int64) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for range kills {
		victim := victims[random.IntN(len(victims))]
		for at := acknowledged.Load() + 5 + random.Int64N(25); acknowledged.Load() < at; {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		<-time.After(time.Duration(random.Int64N(int64(maxDelay)))) // the fault is to fall anywhere in a request
		if err := victim.Restart(ctx); err != nil {
			return err
		}
	}
	return nil
}

// persistent repeats a request until it has an answer that is no failure of the server.
type persistent struct {
	client       *idp.Client
	acknowledged *atomic.Int64
}

const retryInterval = 20 * time.Millisecond

func (p *persistent) do(ctx context.Context, r idp.Request) (idp.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(retryInterval)
	defer ticker.Stop()
	for {
		answer, err := p.client.Do(ctx, r)
		if err == nil && answer.Status < http.StatusInternalServerError {
			p.acknowledged.Add(1)
			return answer, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return answer, fmt.Errorf("%s %s: %w: last answer %s, %w", r.Method, r.Path, ctx.Err(), answer, err)
		}
	}
}

// person is one user at the identity provider, and the model of what must become of it: acknowledged requests and nothing
// else.
type person struct {
	number int
	client *persistent
	random *rand.Rand

	// id is empty while the user does not exist.
	id       string
	userName string
	active   bool
	// generation makes every userName a new one.
	generation int
}

// act does one random thing that an identity provider does to a user.
func (p *person) act(ctx context.Context) error {
	switch n := p.random.IntN(10); {
	case p.id == "":
		return p.create(ctx)
	case n < 5:
		return p.activate(ctx, !p.active)
	case n < 8:
		return p.rename(ctx)
	default:
		return p.remove(ctx)
	}
}

// create posts, and on 409 looks for the user and links it, as the POST before may have been done without an answer.
// Half of the time it uses the name of the last life again.
func (p *person) create(ctx context.Context) error {
	if p.userName == "" || p.random.IntN(2) == 0 {
		p.userName = p.newName()
	}
	answer, err := p.client.do(ctx, idp.Request{Method: http.MethodPost, Path: "/Users", Body: idp.EntraUser(idp.Person{UserName: p.userName})})
	if err == nil && answer.Status == http.StatusConflict {
		answer, err = p.client.do(ctx, idp.Request{Method: http.MethodGet, Path: idp.EntraFind(p.userName)})
		if found := answer.Resources(); err == nil && len(found) == 1 {
			answer.Body, answer.Status = found[0], http.StatusCreated
		}
	}
	p.id, p.active = answer.ID(), true
	return p.want(answer, err, http.StatusCreated)
}

func (p *person) activate(ctx context.Context, active bool) error {
	answer, err := p.patch(ctx, "active", active)
	p.active = active
	return p.want(answer, err, http.StatusOK)
}

func (p *person) rename(ctx context.Context) error {
	name := p.newName()
	answer, err := p.patch(ctx, "userName", name)
	p.userName = name
	return p.want(answer, err, http.StatusOK)
}

// remove takes a 404 for a deletion that was done without an answer.
func (p *person) remove(ctx context.Context) error {
	answer, err := p.client.do(ctx, idp.Request{Method: http.MethodDelete, Path: idp.UserPath(p.id)})
	p.id = ""
	if answer.Status == http.StatusNotFound {
		return err
	}
	return p.want(answer, err, http.StatusNoContent)
}

func (p *person) patch(ctx context.Context, path string, value any) (idp.Response, error) {
	return p.client.do(ctx, idp.Request{Method: http.MethodPatch, Path: idp.UserPath(p.id), Body: idp.EntraPatch(path, value)})
}

func (p *person) newName() string {
	p.generation++
	return fmt.Sprintf("person-%d-%d@acme.test", p.number, p.generation)
}

func (p *person) want(answer idp.Response, err error, status int) error {
	if err == nil && answer.Status != status {
		err = fmt.Errorf("person %d: got %s, want status %d", p.number, answer, status)
	}
	return err
}

// checkModel waits until the bindings are those of the model, and wants the same users.
func (tn *tenant) checkModel(t *testing.T, people []*person) {
	t.Helper()
	var bound []string
	want, got := map[string]string{}, map[string]string{}
	for _, p := range people {
		if p.id == "" {
			continue
		}
		state := v1alpha1.StateSuspended
		if p.active {
			state, bound = v1alpha1.StateActive, append(bound, p.userName)
		}
		want[p.id] = p.userName + " " + string(state)
	}
	tn.waitBound(t, bound...)
	users, err := list(t.Context(), tn, &v1alpha1.ScimUserList{})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range users.Items {
		got[user.Name] = user.Spec.UserName + " " + string(user.Spec.State)
		tn.waitReady(t, &user)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("users (-acknowledged +stored):\n%s", diff)
	}
	tn.waitBound(t, bound...)
}

// checkLeftovers wants every user to have its reservation, and every reservation that a crash left behind to be taken over
// by the next user of that name.
func (tn *tenant) checkLeftovers(t *testing.T) {
	t.Helper()
	users := tn.specs(t)
	names, err := list(t.Context(), tn, &v1alpha1.ScimNameList{})
	if err != nil {
		t.Fatal(err)
	}
	held, left := map[string]bool{}, 0
	var group sync.WaitGroup
	for _, name := range names.Items {
		holder, exists := users[name.Spec.Holder]
		if exists && strings.EqualFold(holder.UserName, name.Spec.Value) {
			held[name.Spec.Holder] = true
			continue
		}
		left++
		group.Go(func() {
			answer, err := tn.idp[0].Post(t.Context(), idp.EntraUser(idp.Person{UserName: name.Spec.Value}))
			if err != nil || answer.Status != http.StatusCreated {
				t.Errorf("POST of a userName whose reservation was left behind: got %s, %v, want status 201", answer, err)
			}
		})
	}
	group.Wait()
	t.Logf("crashes left %d reservations behind", left)
	for id := range users {
		if !held[id] {
			t.Errorf("user %s has no reservation", id)
		}
	}
	tn.checkNames(t)
}
