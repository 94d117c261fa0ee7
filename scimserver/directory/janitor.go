// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"math/rand/v2"
	"time"

	"k8s.io/apimachinery/pkg/types"
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

// indexDirectory is the cache index of ScimUsers by the name of their directory.
const indexDirectory = "spec.directoryRef.name"

// IndexFields adds the indexes that Store needs to a cache.
func IndexFields(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &v1alpha1.ScimUser{}, indexDirectory, func(o client.Object) []string {
		return []string{o.(*v1alpha1.ScimUser).Spec.DirectoryRef.Name} //nolint:forcetypeassert // indexed by that very type
	})
}

// sighting is a useless reservation as it was first seen.
type sighting struct {
	resourceVersion string
	since           time.Time
}

// Janitor collects the reservations that a crash left behind and that no new claimant took over, until ctx ends.
// It costs nothing but cached reads while there are none.
func (s *Store) Janitor(ctx context.Context) {
	seen := map[types.UID]sighting{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepEvery/2 + rand.N(sweepEvery)): //nolint:gosec // jitter needs no secrecy
			seen = s.sweep(ctx, seen)
		}
	}
}

// sweep releases what was useless at the sweep before and has not changed since, and returns what is useless now.
func (s *Store) sweep(ctx context.Context, before map[types.UID]sighting) map[types.UID]sighting {
	now := map[types.UID]sighting{}
	var names v1alpha1.ScimNameList
	if err := s.cached.List(ctx, &names); err != nil {
		s.log.WarnContext(ctx, "Could not list reservations")
		return before
	}
	for i := range names.Items {
		name := &names.Items[i]
		if useful, err := s.useful(ctx, name); useful || err != nil {
			continue
		}
		was, known := before[name.UID]
		if !known || was.resourceVersion != name.ResourceVersion {
			now[name.UID] = sighting{resourceVersion: name.ResourceVersion, since: s.clock.Now()}
			continue
		}
		now[name.UID] = was
		if s.clock.Since(was.since) >= untouched {
			s.release(ctx, name)
		}
	}
	return now
}

// useful reports whether the holder of name has it. The cache may say yes; a no is asked again of the API server.
func (s *Store) useful(ctx context.Context, name *v1alpha1.ScimName) (bool, error) {
	var cached v1alpha1.ScimUser
	err := s.cached.Get(ctx, client.ObjectKey{Namespace: name.Namespace, Name: name.Spec.Holder}, &cached)
	if err == nil && holds(&cached, name) {
		return true, nil
	}
	holder, err := s.find(ctx, name.Namespace, name.Spec.Holder)
	return holder != nil && holds(holder, name), err
}
