// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Model is what lists are made of: the users and groups of all directories, in order and with indexes, in memory. It shows what
// the informers of this process have heard and, at once, what this process itself wrote. One Model serves all stores of a process;
// it is safe for concurrent use. It holds the informers' own objects, which nobody may change.
type Model struct {
	users, groups *shelf
	synced        []func() bool
}

// NewModel returns a Model that hears of every user and group that informers do, and starts those informers if need be. Until it is
// Synced, lists are 503.
func NewModel(ctx context.Context, informers cache.Informers) (*Model, error) {
	m := &Model{users: newShelf(userKind()), groups: newShelf(groupKind())}
	for _, s := range []*shelf{m.users, m.groups} {
		informer, err := informers.GetInformer(ctx, s.newObject(), cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch the kind %s: %w", s.resource.ID, err)
		}
		registration, err := informer.AddEventHandler(s.handler())
		if err != nil {
			return nil, fmt.Errorf("hear of the kind %s: %w", s.resource.ID, err)
		}
		m.synced = append(m.synced, registration.HasSynced)
	}
	return m, nil
}

// Synced reports whether the model has heard of everything that was there when the informers started. It stays so.
func (m *Model) Synced() bool {
	for _, synced := range m.synced {
		if !synced() {
			return false
		}
	}
	return true
}

// saw shows o as the API server answered a write of ours. Whatever is older than that changes nothing any more.
func (m *Model) saw(o client.Object) {
	s := m.shelfOf(o)
	s.rollOf(o).put(o, false)
}

// gone hides o, which we deleted in the version that it has: its deletion is newer than that.
func (m *Model) gone(o client.Object) {
	m.shelfOf(o).rollOf(o).bury(o.GetName(), revision(o)+1)
}

func (m *Model) shelfOf(o client.Object) *shelf {
	if _, isGroup := o.(*v1alpha1.ScimGroup); isGroup {
		return m.groups
	}
	return m.users
}

func (m *Model) shelf(k kind) *shelf {
	if k.resource.ID == typeGroup {
		return m.groups
	}
	return m.users
}

// forgetGhosts drops who is gone without a word: what somebody else deletes while the watch is interrupted no informer will ever
// tell us of if it had not heard of it before, but we may have written it.
func (m *Model) forgetGhosts(ctx context.Context, live client.Reader) {
	for _, s := range []*shelf{m.users, m.groups} {
		for _, r := range s.all() {
			for _, o := range r.unheard() {
				err := live.Get(ctx, client.ObjectKeyFromObject(o), s.newObject())
				if apierrors.IsNotFound(err) {
					r.forget(o.GetName(), revision(o))
				}
			}
		}
	}
}

// revision is the resource version as a number, which it is comparable as; 0 for none.
func revision(o metav1.Object) int64 {
	number, err := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// shelf is the rolls of one kind.
type shelf struct {
	kind
	mu    sync.RWMutex // guards rolls, not what is in them
	rolls map[client.ObjectKey]*roll
}

func newShelf(k kind) *shelf { return &shelf{kind: k, rolls: map[client.ObjectKey]*roll{}} }

// handler keeps the shelf as an informer has it.
func (s *shelf) handler() toolscache.ResourceEventHandler {
	hear := func(event any) {
		if o, ok := event.(client.Object); ok {
			s.rollOf(o).put(o, true)
		}
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    hear,
		UpdateFunc: func(_, event any) { hear(event) },
		DeleteFunc: s.hearDeleted,
	}
}

func (s *shelf) hearDeleted(event any) {
	until := int64(0)
	if missed, ok := event.(toolscache.DeletedFinalStateUnknown); ok {
		// The object is not in a list that was made after everything that we heard. Its last version tells nothing of when it went.
		event, until = missed.Obj, math.MaxInt64
	}
	if o, ok := event.(client.Object); ok {
		s.rollOf(o).forget(o.GetName(), max(until, revision(o)))
	}
}

// rollOf is the roll that o is in; the directory of an object never changes.
func (s *shelf) rollOf(o client.Object) *roll {
	key := client.ObjectKey{Namespace: o.GetNamespace(), Name: s.head(o).directory.Name}
	if r := s.roll(key); r != nil {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rolls[key] == nil {
		s.rolls[key] = newRoll(s.kind)
	}
	return s.rolls[key]
}

// roll is that of a directory; nil, which is empty, if it never had anybody.
func (s *shelf) roll(directory client.ObjectKey) *roll {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rolls[directory]
}

func (s *shelf) all() []*roll {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*roll, 0, len(s.rolls))
	for _, r := range s.rolls {
		all = append(all, r)
	}
	return all
}
