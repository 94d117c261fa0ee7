// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/directory"
)

const (
	failureSets = 1024
	failureWays = 8
)

// failures counts the authentications that failed, for each source and for all of them. It decides how a failure is answered
// and whether it is logged, never who is let in: a credential that is right is not asked about here, so nobody can lock it
// out. It has a fixed size, and a failure costs it no allocation. It is safe for concurrent use.
type failures struct {
	each, all directory.Rate
	seed      maphash.Seed
	sets      [failureSets]failureSet
	mu        sync.Mutex
	total     pace // guarded by mu
}

// failureSet is where the sources of one hash are. Strangers do not know the seed, so they cannot choose the set.
type failureSet struct {
	mu   sync.Mutex
	ways [failureWays]struct {
		key uint64
		pace
	}
}

func newFailures(l Limits) *failures {
	return &failures{each: l.SourceFailures, all: l.Failures, seed: maphash.MakeSeed()}
}

// tooMany counts a failure of source and says whether there are too many, of this source or of all. What a source has too many
// of does not count for the others.
func (f *failures) tooMany(source netip.Addr, now time.Duration) bool {
	if !f.takeOfSource(f.key(source), now) {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.total.take(f.all, now, 1)
}

// takeOfSource counts in the place of the source. One without a place takes that of the source with the fewest failures, which
// loses the least by it.
func (f *failures) takeOfSource(key uint64, now time.Duration) bool {
	set := &f.sets[key%failureSets]
	set.mu.Lock()
	defer set.mu.Unlock()
	least := 0
	for i := range set.ways {
		if set.ways[i].key == key {
			return set.ways[i].take(f.each, now, 1)
		}
		if set.ways[i].leak(f.each, now) < set.ways[least].level {
			least = i
		}
	}
	set.ways[least].key, set.ways[least].pace = key, pace{at: now}
	return set.ways[least].take(f.each, now, 1)
}

// key is the same for all addresses of an IPv6 network of 64 bits: one customer has that many.
func (f *failures) key(source netip.Addr) uint64 {
	bytes := source.As16()
	if source.Is6() {
		return maphash.Bytes(f.seed, bytes[:8])
	}
	return maphash.Bytes(f.seed, bytes[:])
}
