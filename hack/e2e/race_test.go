// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// outcome is the answer to one of several requests that raced.
type outcome struct {
	answer idp.Response
	err    error
}

// race sends n requests at the same moment, spread over all servers, and returns their answers in order.
func (tn *tenant) race(ctx context.Context, n int, send func(ctx context.Context, client *idp.Client, i int) (idp.Response, error)) []outcome {
	outcomes := make([]outcome, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			outcomes[i].answer, outcomes[i].err = send(ctx, tn.idp[i%len(tn.idp)], i)
		})
	}
	close(start)
	group.Wait()
	return outcomes
}

// tally counts answers by status and scimType.
func tally(t *testing.T, outcomes []outcome) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, o := range outcomes {
		if o.err != nil {
			t.Fatal(o.err)
		}
		counts[strings.TrimSpace(fmt.Sprint(o.answer.Status, " ", o.answer.ScimType()))]++
	}
	return counts
}

// inCase writes every letter of name in upper case whose position has a bit set in pattern.
func inCase(name string, pattern int) string {
	letters := []rune(strings.ToLower(name))
	for i := range letters {
		if pattern>>(i%16)&1 == 1 {
			letters[i] = unicode.ToUpper(letters[i])
		}
	}
	return string(letters)
}

// TestOneUserName races 40 creations of one userName in different case over two servers and two API servers.
func TestOneUserName(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	const rounds, racers = 5, 40
	for round := range rounds {
		name := fmt.Sprintf("round-%c@acme.test", 'a'+round)
		outcomes := tn.race(t.Context(), racers, func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
			return client.Post(ctx, idp.EntraUser(idp.Person{UserName: inCase(name, i), ExternalID: fmt.Sprint(i)}))
		})
		want := map[string]int{"201": 1, "409 uniqueness": racers - 1}
		if diff := cmp.Diff(want, tally(t, outcomes)); diff != "" {
			t.Errorf("round %d: answers (-want +got):\n%s", round, diff)
		}
		answer, err := tn.idp[round%2].Find(t.Context(), strings.ToUpper(name))
		if found := expect(t, http.StatusOK, answer, err).Resources(); len(found) != 1 {
			t.Errorf("round %d: found %d users, want 1", round, len(found))
		}
	}
	tn.checkNames(t)
	eventually(t, func(ctx context.Context) error {
		accounts, err := list(ctx, tn, &v1alpha1.ScimAccountList{})
		if err == nil && len(accounts.Items) != rounds {
			err = fmt.Errorf("got %d ScimAccounts, want %d", len(accounts.Items), rounds)
		}
		return err
	})
}

// TestRenameStorm has ten users want the same name at once, again and again.
func TestRenameStorm(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	const rounds, racers = 6, 10
	var ids []string
	for i := range racers {
		ids = append(ids, tn.create(t, fmt.Sprintf("racer-%d@acme.test", i)))
	}
	for round := range rounds {
		target := fmt.Sprintf("prize-%c@acme.test", 'a'+round)
		outcomes := tn.race(t.Context(), racers, func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
			return client.Patch(ctx, ids[i], idp.EntraPatch("userName", inCase(target, i)))
		})
		want := map[string]int{"200": 1, "409 uniqueness": racers - 1}
		if diff := cmp.Diff(want, tally(t, outcomes)); diff != "" {
			t.Errorf("round %d: answers (-want +got):\n%s", round, diff)
		}
		tn.checkNames(t)
	}
}

// TestSwapStorm has users leave names and take those of others at the same time.
func TestSwapStorm(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	const rounds, racers, names = 8, 8, 4
	var ids []string
	for i := range racers {
		ids = append(ids, tn.create(t, fmt.Sprintf("swapper-%d@acme.test", i)))
	}
	for round := range rounds {
		outcomes := tn.race(t.Context(), racers, func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
			return client.Patch(ctx, ids[i], idp.EntraPatch("userName", fmt.Sprintf("chair-%d@acme.test", (i+round)%names)))
		})
		checkStorm(t, outcomes, "200", "409 uniqueness", "503")
	}
	tn.checkNames(t)
}

// TestCreateDeleteStorm has eight clients create and delete two userNames as fast as they can.
func TestCreateDeleteStorm(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	const clients, turns = 8, 12
	var outcomes [clients][]outcome
	tn.race(t.Context(), clients, func(ctx context.Context, client *idp.Client, i int) (idp.Response, error) {
		for turn := range turns {
			name := fmt.Sprintf("blink-%d@acme.test", turn%2)
			created, err := client.Post(ctx, idp.EntraUser(idp.Person{UserName: inCase(name, i)}))
			outcomes[i] = append(outcomes[i], outcome{created, err})
			if created.Status == http.StatusCreated {
				deleted, err := client.Delete(ctx, created.ID())
				outcomes[i] = append(outcomes[i], outcome{deleted, err})
			}
		}
		return idp.Response{}, nil
	})
	for i := range outcomes {
		checkStorm(t, outcomes[i], "201", "204", "409 uniqueness", "503")
	}
	tn.checkNames(t)
}

// checkStorm wants no other answers than these. 503 asks the client to try again, which is honest in a storm.
func checkStorm(t *testing.T, outcomes []outcome, allowed ...string) {
	t.Helper()
	counts := tally(t, outcomes)
	for _, kind := range allowed {
		delete(counts, kind)
	}
	if len(counts) > 0 {
		t.Errorf("got answers %v besides %v", counts, allowed)
	}
}
