// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// TestGroupCrash kills the server at random moments while members come and go. In the end the members are those that the
// acknowledged requests leave.
func TestGroupCrash(t *testing.T) {
	seed := seedOf(t)
	t.Logf("repeat with %s=%d", seedVariable, seed)
	s := ownStack(t, stack.Options{})
	tn := newDirectory(t, s)
	const actors, each = 6, 40
	people := tn.people(t, actors*each)
	common := tn.group(t, "Common")
	var acknowledged atomic.Int64
	var over atomic.Bool
	keepers := make([]*keeper, actors)
	group, ctx := errgroup.WithContext(t.Context())
	for i := range keepers {
		k := &keeper{
			client: &persistent{client: tn.idp[0], acknowledged: &acknowledged}, random: rand.New(rand.NewPCG(seed, uint64(i))),
			name: fmt.Sprintf("Group of %d", i), people: people[i*each : (i+1)*each], members: map[string]bool{},
		}
		if i%2 == 0 {
			k.id, k.shared = common, true
		}
		keepers[i] = k
		group.Go(func() error {
			for !over.Load() {
				if err := k.act(ctx); err != nil {
					return fmt.Errorf("%s: %w", k.name, err)
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer over.Store(true)
		return killAtRandom(ctx, s.Servers, rand.New(rand.NewPCG(seed, actors)), lessInShort(8, 5), &acknowledged)
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests were acknowledged", acknowledged.Load())
	tn.checkKeepers(t, common, keepers)
}

// checkKeepers compares what is stored with what each keeper was told.
func (tn *tenant) checkKeepers(t *testing.T, common string, keepers []*keeper) {
	t.Helper()
	var together []string
	for _, k := range keepers {
		switch {
		case k.shared:
			together = append(together, k.list()...)
		case k.id != "":
			tn.checkMembers(t, k.id, k.list()...)
			before := tn.etag(t, k.id)
			tn.patch(t, 0, k.id, idp.OktaReplaceMembers(k.list()...))
			if after := tn.etag(t, k.id); after != before {
				t.Errorf("%s: a full push of what is so already moved the ETag from %s to %s", k.name, before, after)
			}
		}
	}
	tn.checkMembers(t, common, together...)
}

// keeper is an identity provider's idea of one group, or of its own people in a group that others fill too: acknowledged
// requests and nothing else.
type keeper struct {
	client *persistent
	random *rand.Rand
	name   string
	people []string
	shared bool

	// id is empty while the group does not exist.
	id      string
	members map[string]bool
	// version is the ETag after the last change.
	version string
}

func (k *keeper) list() []string {
	var ids []string
	for _, id := range k.people {
		if k.members[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// act does one random thing that an identity provider does to a group.
func (k *keeper) act(ctx context.Context) error {
	n := k.random.IntN(10)
	switch {
	case k.id == "":
		return k.create(ctx)
	case k.shared || n < 5:
		return k.patch(ctx)
	case n < 9:
		return k.put(ctx)
	default:
		return k.remove(ctx)
	}
}

// some are up to n people chosen at random.
func (k *keeper) some(n int) []string {
	chosen := slices.Clone(k.people)
	k.random.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	return chosen[:k.random.IntN(n+1)]
}

// patch adds some and removes others in one request.
func (k *keeper) patch(ctx context.Context) error {
	add, drop := k.some(5), k.some(5)
	before := k.list()
	body := idp.Patch(idp.EntraAdd(add...), idp.EntraRemove(drop...))
	if err := k.do(ctx, idp.Request{Method: http.MethodPatch, Path: idp.GroupPath(k.id), Body: body}, http.StatusNoContent); err != nil {
		return err
	}
	for _, id := range add {
		k.members[id] = true
	}
	for _, id := range drop {
		delete(k.members, id)
	}
	return k.look(ctx, before)
}

func (k *keeper) put(ctx context.Context) error {
	next, before := k.some(len(k.people)), k.list()
	if err := k.do(ctx, idp.Request{Method: http.MethodPut, Path: idp.GroupPath(k.id), Body: idp.Group(k.name, next...)}, http.StatusOK); err != nil {
		return err
	}
	k.members = map[string]bool{}
	for _, id := range next {
		k.members[id] = true
	}
	return k.look(ctx, before)
}

// look wants the version to be another after the members changed, also when the server was killed in between.
func (k *keeper) look(ctx context.Context, before []string) error {
	if k.shared {
		return nil // others change the group too
	}
	answer, err := k.client.do(ctx, idp.Request{Method: http.MethodGet, Path: idp.WithoutMembers(k.id)})
	if err != nil {
		return err
	}
	was := k.version
	k.version = answer.Header.Get("ETag")
	if diff := cmp.Diff(before, k.list()); diff != "" && k.version == was {
		return fmt.Errorf("the ETag stayed %s although members changed:\n%s", was, diff)
	}
	return nil
}

// create posts, and on 409 looks for the group and replaces it, as the POST before may have been done without an answer.
func (k *keeper) create(ctx context.Context) error {
	k.members, k.version = map[string]bool{}, ""
	answer, err := k.client.do(ctx, idp.Request{Method: http.MethodPost, Path: "/Groups", Body: idp.Group(k.name)})
	if err != nil {
		return err
	}
	if answer.Status == http.StatusCreated {
		k.id = answer.ID()
		return nil
	}
	answer, err = k.client.do(ctx, idp.Request{Method: http.MethodGet, Path: idp.EntraFindGroup(k.name)})
	if found := answer.Resources(); err == nil && len(found) == 1 {
		k.id, _ = found[0]["id"].(string)
		return nil
	}
	return fmt.Errorf("find a group that cannot be created: %s, %w", answer, err)
}

// remove takes a 404 for a deletion that was done without an answer.
func (k *keeper) remove(ctx context.Context) error {
	answer, err := k.client.do(ctx, idp.Request{Method: http.MethodDelete, Path: idp.GroupPath(k.id)})
	if k.id = ""; err == nil && answer.Status != http.StatusNoContent && answer.Status != http.StatusNotFound {
		err = fmt.Errorf("delete: got %s", answer)
	}
	return err
}

func (k *keeper) do(ctx context.Context, request idp.Request, status int) error {
	answer, err := k.client.do(ctx, request)
	if err == nil && answer.Status != status {
		err = fmt.Errorf("%s: got %s, want status %d", request.Method, answer, status)
	}
	return err
}
