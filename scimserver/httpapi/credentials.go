// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"sync"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/auth"
	"github.com/scim-operator/scim-operator/scimserver/directory"
)

// work is what a request is to a rate. Each has a rate of its own: a flood of joiners keeps no leaver waiting.
type work int

const (
	reading work = iota
	creating
	changing // and deleting
	works
)

// credentialKey names a credential. The directory is in it by its UID, since another one may get its name.
type credentialKey struct{ directory, keyID string }

func keyOf(id auth.Identity) credentialKey {
	return credentialKey{directory: id.Directory.UID, keyID: id.TokenKeyID}
}

// usage is what one credential takes of this process.
type usage struct {
	rate     directory.Rate // as of the last request
	paces    [works]pace
	requests int   // under way
	bytes    int64 // of bodies that are held
}

// free says whether nothing is known of the credential that a new usage would not say.
func (u *usage) free(now time.Duration) bool {
	if u.requests > 0 || u.bytes > 0 {
		return false
	}
	for i := range u.paces {
		if u.paces[i].leak(u.rate, now) > 0 {
			return false
		}
	}
	return true
}

const (
	sweepUsages = 1 << 10
	maxUsages   = 1 << 16
)

// credentials is the usage of each credential that was let in. Those that have taken nothing lately are dropped. It is safe
// for concurrent use.
type credentials struct {
	mu      sync.Mutex
	usages  map[credentialKey]*usage
	sweepAt int
}

func newCredentials() *credentials {
	return &credentials{usages: map[credentialKey]*usage{}, sweepAt: sweepUsages}
}

// take counts so many requests of each kind, or none of them and returns how long it is until they may come.
func (c *credentials) take(key credentialKey, rate directory.Rate, now time.Duration, counts [works]int) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.of(key, now)
	u.rate = rate
	var wait time.Duration
	for i, n := range counts {
		wait = max(wait, u.paces[i].room(rate, now, n))
	}
	if wait > 0 {
		return wait
	}
	for i, n := range counts {
		u.paces[i].take(rate, now, n)
	}
	return 0
}

// enter counts a request that begins, unless as many as limit are under way. leave is for when it is over.
func (c *credentials) enter(key credentialKey, now time.Duration, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.of(key, now)
	if u.requests >= limit {
		return false
	}
	u.requests++
	return true
}

func (c *credentials) leave(key credentialKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.usages[key].requests--
}

// hold counts bytes of a body, unless there are more than limit then; n may be negative.
func (c *credentials) hold(key credentialKey, now time.Duration, n, limit int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.of(key, now)
	if n > 0 && u.bytes+n > limit {
		return false
	}
	u.bytes += n
	return true
}

// of returns the usage of a credential, a new one if there is none.
func (c *credentials) of(key credentialKey, now time.Duration) *usage {
	if u, ok := c.usages[key]; ok {
		return u
	}
	if len(c.usages) >= c.sweepAt {
		c.sweep(now)
	}
	u := &usage{}
	c.usages[key] = u
	return u
}

// sweep drops what is free, and comes again when as many have been added as are left. If there are too many all the same, it
// drops all that nothing is under way of: they begin anew.
func (c *credentials) sweep(now time.Duration) {
	for key, u := range c.usages {
		if u.free(now) {
			delete(c.usages, key)
		}
	}
	if len(c.usages) >= maxUsages {
		for key, u := range c.usages {
			if u.requests == 0 && u.bytes == 0 {
				delete(c.usages, key)
			}
		}
	}
	c.sweepAt = min(maxUsages, max(sweepUsages, 2*len(c.usages)))
}
