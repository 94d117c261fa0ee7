// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const (
	// sweepEvery is about how often each replica looks for all that it can find in its cache.
	sweepEvery = 10 * time.Minute
	// sweepNamesEvery is about how often each replica looks for reservations that nobody needs, which it reads all from the API
	// server. A lost one hurts nobody meanwhile: whoever wants the name takes it over.
	sweepNamesEvery = time.Hour
	// namesPage is how many reservations are read at a time.
	namesPage = 500
	// untouched is how long a reservation must have stood useless and unchanged, by the monotonic clock of this process, before
	// it is collected. Nobody relies on a reservation for longer than a request (25 s) and its call to the API server (60 s)
	// without rewriting it.
	untouched = 10 * time.Minute
)

// IndexFields adds the indexes that the stores need to a cache.
func IndexFields(ctx context.Context, indexer client.FieldIndexer) error {
	return errors.Join(
		indexer.IndexField(ctx, &v1alpha1.ScimUser{}, indexProtected, protectedIn),
		indexer.IndexField(ctx, &v1alpha1.ScimMemberSlice{}, indexMember, membersOf),
		indexer.IndexField(ctx, &v1alpha1.ScimMemberSlice{}, indexGroup, func(o client.Object) []string {
			return []string{o.(*v1alpha1.ScimMemberSlice).Spec.GroupRef.Name} // indexed by that very type
		}))
}

// Janitor collects what a crash left behind and nobody took over: reservations, slices of groups that are gone or that nothing
// points at, and memberships of who is gone; in the Model who is gone unheard; and users who were deleted as long ago as their
// directory keeps them. It costs nothing but cached reads while there is nothing, and now and then a list of all reservations.
type Janitor struct {
	live       client.Client
	cached     client.Reader
	model      *Model
	namespaces []string
	clock      clock.PassiveClock
	log        *slog.Logger
	kinds      map[v1alpha1.NameAttribute]*Store
	// slices and names are what was useless when it was looked at last.
	slices, names sightings
}

// sightings are useless objects as they were first seen.
type sightings map[types.UID]sighting

type sighting struct {
	resourceVersion string
	since           time.Time
}

// NewJanitor returns a Janitor of reservations in these namespaces (metav1.NamespaceAll alone means all) and of whatever is in the
// cache; the other arguments are those of NewUsers.
func NewJanitor(live client.Client, cached client.Reader, model *Model, namespaces []string) *Janitor {
	j := &Janitor{
		live: live, cached: cached, model: model, namespaces: namespaces,
		clock: clock.RealClock{}, log: slog.Default(), kinds: map[v1alpha1.NameAttribute]*Store{},
	}
	for _, k := range []kind{userKind(), groupKind()} {
		j.kinds[k.attribute] = newStore(k, live, cached, model)
	}
	return j
}

// Run sweeps until ctx ends.
func (j *Janitor) Run(ctx context.Context) {
	sweep, sweepNames := time.After(about(sweepEvery)), time.After(about(sweepNamesEvery))
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep:
			j.sweep(ctx)
			sweep = time.After(about(sweepEvery))
		case <-sweepNames:
			j.sweepNames(ctx)
			sweepNames = time.After(about(sweepNamesEvery))
		}
	}
}

// about keeps replicas that start together from sweeping together.
func about(d time.Duration) time.Duration {
	return d/2 + rand.N(d) //nolint:gosec // jitter needs no secrecy
}

// sweep ends what can be found in the cache.
func (j *Janitor) sweep(ctx context.Context) {
	j.model.forgetGhosts(ctx, j.live)
	j.endMemberships(ctx)
	j.endRetention(ctx)
	j.slices = j.collectAgain(ctx, j.slices, slices.Values(j.uselessSlices(ctx)))
}

// sweepNames ends reservations.
func (j *Janitor) sweepNames(ctx context.Context) {
	j.names = j.collectAgain(ctx, j.names, j.uselessNames(ctx))
}

// collectAgain deletes of what is useless what was so the time before and has not changed since, and returns what to remember.
func (j *Janitor) collectAgain(ctx context.Context, before sightings, useless iter.Seq[client.Object]) sightings {
	seen := sightings{}
	for o := range useless {
		was, known := before[o.GetUID()]
		if !known || was.resourceVersion != o.GetResourceVersion() {
			seen[o.GetUID()] = sighting{resourceVersion: o.GetResourceVersion(), since: j.clock.Now()}
			continue
		}
		seen[o.GetUID()] = was
		if j.clock.Since(was.since) >= untouched {
			j.collect(ctx, o)
		}
	}
	return seen
}

func (j *Janitor) collect(ctx context.Context, o client.Object) {
	err := j.live.Delete(ctx, o, exactly(o))
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		j.log.WarnContext(ctx, "Could not collect what a crash left behind", "name", o.GetName(), "reason", string(apierrors.ReasonForError(err)))
	}
}

// uselessNames are the reservations whose holder does not have the name. They pass by, page after page: there are as many as users,
// and a cache of them would be read for nothing else.
func (j *Janitor) uselessNames(ctx context.Context) iter.Seq[client.Object] {
	return func(yield func(client.Object) bool) {
		for name := range j.allNames(ctx) {
			store, known := j.kinds[name.Spec.Attribute]
			if !known {
				continue
			}
			if useful, err := store.useful(ctx, name); err == nil && !useful && !yield(name) {
				return
			}
		}
	}
}

// allNames are the reservations of all namespaces. What cannot be read, also because a list takes longer than the API server
// remembers it (410), is left for the next time.
func (j *Janitor) allNames(ctx context.Context) iter.Seq[*v1alpha1.ScimName] {
	return func(yield func(*v1alpha1.ScimName) bool) {
		for _, namespace := range j.namespaces {
			for next, more := "", true; more; more = next != "" {
				var page v1alpha1.ScimNameList
				if err := j.live.List(ctx, &page, client.InNamespace(namespace), client.Limit(namesPage), client.Continue(next)); err != nil {
					break
				}
				for i := range page.Items {
					if !yield(&page.Items[i]) {
						return
					}
				}
				next = page.Continue
			}
		}
	}
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
	if err := j.cached.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
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
	if err := j.cached.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
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
