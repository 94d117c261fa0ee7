// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// sweepEvery is how often each replica looks for reservations that nobody needs.
	sweepEvery = 10 * time.Minute
	// untouched is how long a reservation must have stood useless and unchanged, by the monotonic clock of this process, before
	// it is collected. Nobody relies on a reservation for longer than a request (25 s) and its call to the API server (60 s)
	// without rewriting it.
	untouched = 10 * time.Minute
)

// IndexFields adds the indexes that the stores need to a cache.
func IndexFields(ctx context.Context, indexer client.FieldIndexer) error {
	return errors.Join(
		indexer.IndexField(ctx, &v1alpha1.ScimMemberSlice{}, indexMember, membersOf),
		indexer.IndexField(ctx, &v1alpha1.ScimMemberSlice{}, indexGroup, func(o client.Object) []string {
			return []string{o.(*v1alpha1.ScimMemberSlice).Spec.GroupRef.Name} // indexed by that very type
		}))
}

// Janitor collects what a crash left behind and nobody took over: reservations, slices of groups that are gone or that nothing
// points at, and memberships of who is gone; in the Model who is gone unheard; and users who were deleted as long ago as their
// directory keeps them. It costs nothing but cached reads while there is nothing.
type Janitor struct {
	live   client.Client
	cached client.Reader
	model  *Model
	clock  clock.PassiveClock
	log    *slog.Logger
	kinds  map[v1alpha1.NameAttribute]*Store
	seen   map[types.UID]sighting
}

// sighting is something useless as it was first seen.
type sighting struct {
	resourceVersion string
	since           time.Time
}

// NewJanitor returns a Janitor; the arguments are those of NewUsers.
func NewJanitor(live client.Client, cached client.Reader, model *Model) *Janitor {
	j := &Janitor{live: live, cached: cached, model: model, clock: clock.RealClock{}, log: slog.Default(), kinds: map[v1alpha1.NameAttribute]*Store{}}
	for _, k := range []kind{userKind(), groupKind()} {
		j.kinds[k.attribute] = newStore(k, live, cached, model)
	}
	return j
}

// Run sweeps until ctx ends.
func (j *Janitor) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepEvery/2 + rand.N(sweepEvery)): //nolint:gosec // jitter needs no secrecy
			j.sweep(ctx)
		}
	}
}

// sweep deletes what was useless at the sweep before and has not changed since, and remembers what is useless now.
func (j *Janitor) sweep(ctx context.Context) {
	j.model.forgetGhosts(ctx, j.live)
	j.endMemberships(ctx)
	j.endRetention(ctx)
	before := j.seen
	j.seen = map[types.UID]sighting{}
	for _, o := range append(j.uselessNames(ctx), j.uselessSlices(ctx)...) {
		was, known := before[o.GetUID()]
		if !known || was.resourceVersion != o.GetResourceVersion() {
			j.seen[o.GetUID()] = sighting{resourceVersion: o.GetResourceVersion(), since: j.clock.Now()}
			continue
		}
		j.seen[o.GetUID()] = was
		if j.clock.Since(was.since) >= untouched {
			j.collect(ctx, o)
		}
	}
}

func (j *Janitor) collect(ctx context.Context, o client.Object) {
	err := j.live.Delete(ctx, o, exactly(o))
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		j.log.WarnContext(ctx, "Could not collect what a crash left behind", "name", o.GetName(), "reason", string(apierrors.ReasonForError(err)))
	}
}

// uselessNames are the reservations whose holder does not have the name.
func (j *Janitor) uselessNames(ctx context.Context) (useless []client.Object) {
	var names v1alpha1.ScimNameList
	if err := j.cached.List(ctx, &names); err != nil {
		return nil
	}
	for i := range names.Items {
		store, known := j.kinds[names.Items[i].Spec.Attribute]
		if !known {
			continue
		}
		if useful, err := store.useful(ctx, &names.Items[i]); err == nil && !useful {
			useless = append(useless, &names.Items[i])
		}
	}
	return useless
}

// useful reports whether the holder of name has it. The cache may say yes; a no is asked again of the API server.
func (s *Store) useful(ctx context.Context, name *v1alpha1.ScimName) (bool, error) {
	cached := s.newObject()
	err := s.cached.Get(ctx, client.ObjectKey{Namespace: name.Namespace, Name: name.Spec.Holder}, cached)
	if err == nil && s.holds(cached, name) {
		return true, nil
	}
	holder, err := s.find(ctx, name.Namespace, name.Spec.Holder)
	return holder != nil && s.holds(holder, name), err
}

// uselessSlices are the slices that no group reaches. A slice that is just being made is one of them, for less than untouched.
func (j *Janitor) uselessSlices(ctx context.Context) (useless []client.Object) {
	var all v1alpha1.ScimMemberSliceList
	if err := j.cached.List(ctx, &all); err != nil {
		return nil
	}
	groups := map[client.ObjectKey][]v1alpha1.ScimMemberSlice{}
	for _, slice := range all.Items {
		key := client.ObjectKey{Namespace: slice.Namespace, Name: slice.Spec.GroupRef.Name}
		groups[key] = append(groups[key], slice)
	}
	for group, slices := range groups {
		reached := map[types.UID]bool{}
		if j.exists(ctx, group) {
			gather(byName(slices), group.Name, func(s *v1alpha1.ScimMemberSlice) { reached[s.UID] = true })
		}
		for i := range slices {
			if !reached[slices[i].UID] {
				useless = append(useless, &slices[i])
			}
		}
	}
	return useless
}

// endMemberships removes the members that are neither a user nor a group any more. An id is never used again, so there is nothing
// to wait for.
func (j *Janitor) endMemberships(ctx context.Context) {
	var all v1alpha1.ScimMemberSliceList
	if err := j.cached.List(ctx, &all); err != nil {
		return
	}
	kinds := map[string]*Store{typeUser: j.kinds[v1alpha1.NameAttributeUserName], typeGroup: j.kinds[v1alpha1.NameAttributeGroupDisplayName]}
	for i := range all.Items {
		slice := &all.Items[i]
		for id, kind := range contentOf(slice) {
			if kind != typeUnknown && kinds[kind].gone(ctx, slice.Namespace, id) {
				j.leave(ctx, slice, id)
			}
		}
	}
}

// gone reports whether there surely is no resource of that id: the cache may say that there is, only the API server that there is
// not.
func (s *Store) gone(ctx context.Context, namespace, id string) bool {
	cached := s.newObject()
	if s.cached.Get(ctx, client.ObjectKey{Namespace: namespace, Name: id}, cached) == nil && present(cached) {
		return false
	}
	o, err := s.find(ctx, namespace, id)
	return err == nil && (o == nil || !present(o))
}

// leave ends the membership of id in the group of slice, whose directory only the group knows.
func (j *Janitor) leave(ctx context.Context, slice *v1alpha1.ScimMemberSlice, id string) {
	group := &v1alpha1.ScimGroup{}
	if err := j.cached.Get(ctx, client.ObjectKey{Namespace: slice.Namespace, Name: slice.Spec.GroupRef.Name}, group); err != nil {
		return // the slice itself is useless
	}
	dir := Directory{Namespace: slice.Namespace, Name: group.Spec.DirectoryRef.Name}
	j.kinds[v1alpha1.NameAttributeGroupDisplayName].leaveGroups(ctx, dir, id)
}

// exists reports whether there is such a group; in doubt there is.
func (j *Janitor) exists(ctx context.Context, group client.ObjectKey) bool {
	if j.cached.Get(ctx, group, &v1alpha1.ScimGroup{}) == nil {
		return true
	}
	return !apierrors.IsNotFound(j.live.Get(ctx, group, &v1alpha1.ScimGroup{}))
}
