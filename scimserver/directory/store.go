// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Store keeps the users of all directories. It is safe for concurrent use by any number of processes.
// Every error that it returns is a *scim.Error: what a client did wrong is 4xx, what we cannot do now is 503.
type Store struct {
	live   client.Client
	cached client.Reader
	clock  clock.PassiveClock
	log    *slog.Logger
	users  *scim.ResourceType
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimusers;scimnames,verbs=get;list;watch;create;update;delete

// NewStore returns a Store that writes and decides through live, which must not read from a cache, and lists from cached,
// which must have the indexes of IndexFields.
func NewStore(live client.Client, cached client.Reader) *Store {
	return &Store{live: live, cached: cached, clock: clock.RealClock{}, log: slog.Default(), users: scim.UserResourceType()}
}

// Create stores a new user under a new id: two writes. The userName must be free in the directory: 409 uniqueness.
func (s *Store) Create(ctx context.Context, dir Directory, r scim.Resource) (Stored, error) {
	value, err := canonical(r)
	if err != nil {
		return Stored{}, err
	}
	user := &v1alpha1.ScimUser{
		ObjectMeta: metav1.ObjectMeta{Namespace: dir.Namespace},
		Spec:       v1alpha1.ScimUserSpec{DirectoryRef: v1alpha1.LocalReference{Name: dir.Name}},
	}
	if err := toSpec(r, &user.Spec); err != nil {
		return Stored{}, failure(err)
	}
	name, err := s.reserve(ctx, dir, value, claimant{id: uuid.NewString(), state: v1alpha1.NameReserved})
	if err != nil {
		return Stored{}, failure(err)
	}
	user.Name = name.Spec.Holder
	if err := s.live.Create(ctx, user); err != nil {
		return Stored{}, failure(s.notCreated(ctx, name, err))
	}
	return stored(user)
}

// notCreated tells why the user of a reservation was not created. Only a definite refusal frees the name: after any other
// error the user may still appear.
func (s *Store) notCreated(ctx context.Context, name *v1alpha1.ScimName, err error) error {
	switch {
	case apierrors.IsAlreadyExists(err):
		return errTaken() // somebody finished the same reservation before us
	case refused(err):
		s.release(ctx, name)
	}
	return err
}

// Get returns the user of that id, read from the API server. There may be none: 404.
func (s *Store) Get(ctx context.Context, dir Directory, id string) (Stored, error) {
	user, err := s.get(ctx, dir, id)
	if err != nil {
		return Stored{}, err
	}
	return stored(user)
}

// Modify replaces the user of that id with what change makes of it. It writes once, or not at all when nothing changed, and
// starts over when somebody else wrote in between, so change may run several times; its argument is its to change.
// Errors: those of change, 404, 412 when p does not hold, 409 uniqueness.
func (s *Store) Modify(ctx context.Context, dir Directory, id string, p Precondition, change func(scim.Resource) (scim.Resource, error)) (Stored, error) {
	var result Stored
	err := s.retry(ctx, func() (bool, error) {
		user, err := s.get(ctx, dir, id)
		if err != nil {
			return false, err
		}
		if err := p.check(user.Generation); err != nil {
			return false, err
		}
		before, err := fromUser(user)
		if err != nil {
			return false, err
		}
		ours, err := fromUser(user)
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
		if err := s.write(ctx, dir, user, next); err != nil {
			return false, ignoreConflict(err)
		}
		result, err = fromUser(user)
		return true, err
	})
	return result, failure(err)
}

// write stores next in user under an optimistic lock, moving the reservation when the userName changes.
func (s *Store) write(ctx context.Context, dir Directory, user *v1alpha1.ScimUser, next scim.Resource) error {
	old := user.DeepCopy()
	if err := toSpec(next, &user.Spec); err != nil {
		return err
	}
	annotate(user, v1alpha1.AnnotationLastModified, s.clock.Now())
	value, err := canonical(next)
	if err != nil {
		return err
	}
	if was, err := scim.CanonicalUserName(old.Spec.UserName); err == nil && was == value {
		return s.live.Update(ctx, user)
	}
	return s.rename(ctx, dir, old, user, value)
}

// rename writes a user whose userName changed. The new name is reserved before and the old one released after; the old one is
// bound in between, since it may outlive its user if we do not get to its release.
func (s *Store) rename(ctx context.Context, dir Directory, old, user *v1alpha1.ScimUser, value string) error {
	name, err := s.reserve(ctx, dir, value, claimant{id: user.Name, state: v1alpha1.NameBound})
	if err != nil {
		return err
	}
	before, err := s.bind(ctx, dir, old)
	if err != nil {
		return err
	}
	if err := s.live.Update(ctx, user); err != nil {
		if refused(err) {
			s.release(ctx, name)
		}
		return err
	}
	s.release(ctx, before)
	return nil
}

// Delete removes the user of that id for good and frees its userName. There may be none: 404. 412 when p does not hold.
func (s *Store) Delete(ctx context.Context, dir Directory, id string, p Precondition) error {
	return failure(s.retry(ctx, func() (bool, error) {
		user, err := s.get(ctx, dir, id)
		if err != nil {
			return false, err
		}
		if err := p.check(user.Generation); err != nil {
			return false, err
		}
		name, err := s.bind(ctx, dir, user)
		if err != nil {
			return false, ignoreRace(err)
		}
		// The resource version makes a rename that came in between start us over: its reservation must be marked too.
		err = s.live.Delete(ctx, user, client.Preconditions{UID: &user.UID, ResourceVersion: &user.ResourceVersion})
		if err != nil {
			return false, ignoreRace(err)
		}
		s.release(ctx, name)
		return true, nil
	}))
}

// List returns how many users q matches and the page of them that it asks for, oldest first. A filter for one userName is
// answered from the API server, any other from the cache.
func (s *Store) List(ctx context.Context, dir Directory, q scim.ListQuery) (int, []Stored, error) {
	matches, err := s.candidates(ctx, dir, q)
	if err != nil {
		return 0, nil, failure(err)
	}
	if q.Filter != nil {
		matches, err = s.filtered(ctx, matches, q)
		if err != nil {
			return 0, nil, failure(err)
		}
	}
	page := make([]Stored, 0, min(q.Count, len(matches)))
	for _, user := range paged(matches, q.StartIndex, q.Count) {
		st, err := fromUser(user)
		if err != nil {
			return 0, nil, failure(err)
		}
		page = append(page, st)
	}
	return len(matches), page, nil
}

func paged[T any](all []T, startIndex, count int) []T {
	from := min(max(startIndex-1, 0), len(all))
	return all[from : from+min(max(count, 0), len(all)-from)]
}

// candidates are the users that the filter must still be applied to.
func (s *Store) candidates(ctx context.Context, dir Directory, q scim.ListQuery) ([]*v1alpha1.ScimUser, error) {
	if q.Filter != nil {
		if userName, ok := q.Filter.Equality(attrUserName); ok {
			return s.byUserName(ctx, dir, userName)
		}
	}
	var list v1alpha1.ScimUserList
	err := s.cached.List(ctx, &list, client.InNamespace(dir.Namespace), client.MatchingFields{indexDirectory: dir.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	users := make([]*v1alpha1.ScimUser, 0, len(list.Items))
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp.IsZero() {
			users = append(users, &list.Items[i])
		}
	}
	slices.SortFunc(users, byAge)
	return users, nil
}

// byAge is a total order that never changes for a user, so that pages do not shift.
func byAge(a, b *v1alpha1.ScimUser) int {
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

// filtered applies the filter of q to users, until ctx ends: a filter over everybody may take long.
func (s *Store) filtered(ctx context.Context, users []*v1alpha1.ScimUser, q scim.ListQuery) ([]*v1alpha1.ScimUser, error) {
	var matches []*v1alpha1.ScimUser
	for _, user := range users {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		st, err := fromUser(user)
		if err != nil {
			return nil, err
		}
		if q.Filter.Match(st.Resource, Common(st, Directory{})) {
			matches = append(matches, user)
		}
	}
	return matches, nil
}

// byUserName finds the user through the reservation of its name: two reads, however large the directory is.
func (s *Store) byUserName(ctx context.Context, dir Directory, userName string) ([]*v1alpha1.ScimUser, error) {
	value, err := scim.CanonicalUserName(userName)
	if err != nil {
		return nil, nil //nolint:nilerr // no user can have such a name
	}
	name := newName(dir, value, claimant{})
	if err := s.live.Get(ctx, client.ObjectKeyFromObject(name), name); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	user, err := s.find(ctx, dir.Namespace, name.Spec.Holder)
	if err != nil || user == nil || !user.DeletionTimestamp.IsZero() || !holds(user, name) {
		return nil, err
	}
	return []*v1alpha1.ScimUser{user}, nil
}

// get returns the user of that id in dir, and 404 for one of another directory as for none.
func (s *Store) get(ctx context.Context, dir Directory, id string) (*v1alpha1.ScimUser, error) {
	if uuid.Validate(id) != nil || strings.ToLower(id) != id {
		return nil, errNotFound()
	}
	user, err := s.find(ctx, dir.Namespace, id)
	if err != nil {
		return nil, failure(err)
	}
	if user == nil || user.Spec.DirectoryRef.Name != dir.Name || !user.DeletionTimestamp.IsZero() {
		return nil, errNotFound()
	}
	return user, nil
}

// find returns the ScimUser of that name, nil if there is none.
func (s *Store) find(ctx context.Context, namespace, name string) (*v1alpha1.ScimUser, error) {
	user := &v1alpha1.ScimUser{}
	if err := s.live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, user); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return user, nil
}

func canonical(r scim.Resource) (string, error) {
	userName, _ := r[attrUserName].(string)
	return scim.CanonicalUserName(userName)
}

func stored(user *v1alpha1.ScimUser) (Stored, error) {
	st, err := fromUser(user)
	return st, failure(err)
}
