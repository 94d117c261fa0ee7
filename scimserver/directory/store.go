// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"log/slog"
	"maps"
	"strings"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Store keeps one kind of resource of all directories. It is safe for concurrent use by any number of processes.
// Every error that it returns is a *scim.Error: what a client did wrong is 4xx, what we cannot do now is 503.
type Store struct {
	kind
	live   client.Client
	cached client.Reader
	model  *Model
	clock  clock.PassiveClock
	log    *slog.Logger
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimusers;scimgroups;scimmemberslices;scimnames,verbs=get;list;watch;create;update;delete

// NewUsers returns a Store of users that writes and decides through live, which must not read from a cache, lists from model, which
// all stores of a process share, and derives from cached, which must have the indexes of IndexFields.
func NewUsers(live client.Client, cached client.Reader, model *Model) *Store {
	return newStore(userKind(), live, cached, model)
}

func newStore(k kind, live client.Client, cached client.Reader, model *Model) *Store {
	return &Store{kind: k, live: live, cached: cached, model: model, clock: clock.RealClock{}, log: slog.Default()}
}

// Create stores a new resource under a new id: two writes. Its name must be free in the directory: 409 uniqueness.
func (s *Store) Create(ctx context.Context, dir Directory, r scim.Resource) (Stored, error) {
	value, err := s.valueOf(r)
	if err != nil {
		return Stored{}, err
	}
	o := s.newObject()
	o.SetNamespace(dir.Namespace)
	s.head(o).directory.Name = dir.Name
	if err := s.kind.write(r, o); err != nil {
		return Stored{}, failure(err)
	}
	name, err := s.reserve(ctx, dir, value, claimant{id: uuid.NewString(), state: v1alpha1.NameReserved})
	if err != nil {
		return Stored{}, failure(err)
	}
	o.SetName(name.Spec.Holder)
	mark(ctx, o)
	err = s.live.Create(ctx, o)
	if mayBeDone(err) {
		s.note(ctx, dir, o, nil, r)
	}
	if err != nil {
		return Stored{}, failure(s.notCreated(ctx, name, err))
	}
	s.model.saw(o)
	return s.stored(ctx, dir, o)
}

// note tells the Changes of ctx that o is after, which before was; what only o says is taken from it.
func (s *Store) note(ctx context.Context, dir Directory, o client.Object, before, after scim.Resource) {
	c := ChangesOf(ctx)
	if c == nil {
		return
	}
	after = maps.Clone(after)
	s.kind.get(o, after)
	c.Resource(o.GetName(), s.typeIn(dir), before, after)
}

// notCreated tells why the holder of a reservation was not created. Only a definite refusal frees the name: after any other
// error the holder may still appear.
func (s *Store) notCreated(ctx context.Context, name *v1alpha1.ScimName, err error) error {
	switch {
	case apierrors.IsAlreadyExists(err):
		return s.errTaken() // somebody finished the same reservation before us
	case refused(err):
		s.release(ctx, name)
	}
	return err
}

// Get returns the resource of that id, read from the API server. There may be none: 404.
func (s *Store) Get(ctx context.Context, dir Directory, id string) (Stored, error) {
	o, err := s.get(ctx, dir, id)
	if err != nil {
		return Stored{}, err
	}
	return s.stored(ctx, dir, o)
}

// Modify replaces the resource of that id with what change makes of it. It writes once, or not at all when nothing changed, and
// starts over when somebody else wrote in between, so change may run several times; its argument is its to change.
// Errors: those of change, 404, 412 when p does not hold, 403 when the resource is protected, 409 uniqueness.
func (s *Store) Modify(ctx context.Context, dir Directory, id string, p Precondition, change func(scim.Resource) (scim.Resource, error)) (Stored, error) {
	var result Stored
	err := s.retry(ctx, func() (bool, error) {
		o, err := s.get(ctx, dir, id)
		if err != nil {
			return false, err
		}
		if err := p.check(o.GetGeneration()); err != nil {
			return false, err
		}
		before, err := s.read(o)
		if err != nil {
			return false, err
		}
		ours, err := s.read(o)
		if err != nil {
			return false, err
		}
		next, err := change(ours.Resource)
		if err != nil {
			return false, err
		}
		if scim.Equal(before.Resource, next) {
			result = before
			return true, nil
		}
		if err := s.allows(ctx, dir, o, before.Resource, next); err != nil {
			return false, err
		}
		if err := s.write(ctx, dir, o, before.Resource, next); err != nil {
			return false, ignoreConflict(err)
		}
		result, err = s.read(o)
		return true, err
	})
	if err == nil {
		s.derive(ctx, dir, &result)
	}
	return result, failure(err)
}

// write stores next in o, which before was read from, under an optimistic lock, moving the reservation when the name changes.
func (s *Store) write(ctx context.Context, dir Directory, o client.Object, before, next scim.Resource) error {
	old, _ := o.DeepCopyObject().(client.Object)
	if err := s.kind.write(next, o); err != nil {
		return err
	}
	if equality.Semantic.DeepEqual(old, o) {
		return nil // what differs is not kept, such as an externalId that is empty
	}
	modified(ctx, o, s.clock.Now())
	value, err := s.valueOf(next)
	if err != nil {
		return err
	}
	store := func() error {
		err := s.update(ctx, o)
		if mayBeDone(err) {
			s.note(ctx, dir, o, before, next)
		}
		return err
	}
	if was, err := s.canonical(*s.head(old).name); err == nil && was == value {
		return store()
	}
	return s.rename(ctx, dir, old, value, store)
}

// update writes o under its optimistic lock, and shows what became of it in the lists of this process.
func (s *Store) update(ctx context.Context, o client.Object) error {
	err := s.live.Update(ctx, o)
	if err == nil {
		s.model.saw(o)
	}
	return err
}

// rename has a resource stored whose name changed. The new name is reserved before and the old one released after; the old one is
// bound in between, since it may outlive its holder if we do not get to its release.
func (s *Store) rename(ctx context.Context, dir Directory, old client.Object, value string, store func() error) error {
	name, err := s.reserve(ctx, dir, value, claimant{id: old.GetName(), state: v1alpha1.NameBound})
	if err != nil {
		return err
	}
	before, err := s.bind(ctx, dir, old)
	if err != nil {
		return err
	}
	if err := store(); err != nil {
		if refused(err) {
			s.release(ctx, name)
		}
		return err
	}
	s.release(ctx, before)
	return nil
}

// Delete removes the resource of that id for good, with every membership that it has, and frees its name. A directory may keep the
// object of a user for a while: to SCIM it is gone all the same. There may be none: 404. 412 when p does not hold, 403 when the resource is protected.
func (s *Store) Delete(ctx context.Context, dir Directory, id string, p Precondition) error {
	return failure(s.retry(ctx, func() (bool, error) {
		o, err := s.get(ctx, dir, id)
		if err != nil {
			return false, err
		}
		if err := p.check(o.GetGeneration()); err != nil {
			return false, err
		}
		if err := s.allowsEnd(ctx, dir, o); err != nil {
			return false, err
		}
		name, err := s.bind(ctx, dir, o)
		if err != nil {
			return false, ignoreRace(err)
		}
		if err := s.end(ctx, dir, o); err != nil {
			return false, ignoreRace(err)
		}
		s.part(ctx, dir, id)
		s.release(ctx, name)
		return true, nil
	}))
}

// stored reads o as a caller gets it.
func (s *Store) stored(ctx context.Context, dir Directory, o client.Object) (Stored, error) {
	st, err := s.read(o)
	if err == nil {
		s.derive(ctx, dir, &st)
	}
	return st, failure(err)
}

// get returns the resource of that id in dir, and 404 for one of another directory as for none.
func (s *Store) get(ctx context.Context, dir Directory, id string) (client.Object, error) {
	if !isID(id) {
		return nil, s.errNotFound()
	}
	o, err := s.find(ctx, dir.Namespace, id)
	if err != nil {
		return nil, failure(err)
	}
	if o == nil || s.head(o).directory.Name != dir.Name || !present(o) {
		return nil, s.errNotFound()
	}
	return o, nil
}

// isID reports whether id is of the form that we give, so that nothing else ever becomes a path of the API server.
func isID(id string) bool {
	return uuid.Validate(id) == nil && len(id) == 36 && strings.ToLower(id) == id
}

// find reads the object of that name from the API server, nil if there is none.
func (s *Store) find(ctx context.Context, namespace, name string) (client.Object, error) {
	o := s.newObject()
	if err := s.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, o); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return o, nil
}
