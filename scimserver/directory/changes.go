// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Changes is what a store did to one resource for one request, by names and numbers only. It is safe for concurrent use; the zero
// Changes is nothing.
type Changes struct {
	mu             sync.Mutex
	id             string
	attributes     []string
	added, removed int
}

type changesKey struct{}

// WithChanges returns a context in which the stores note in c what they do: what is surely done and what may be, where the API server
// did not say; what it refused is not in it.
func WithChanges(ctx context.Context, c *Changes) context.Context {
	return context.WithValue(ctx, changesKey{}, c)
}

// ChangesOf returns what WithChanges has put into ctx, nil if nothing.
func ChangesOf(ctx context.Context) *Changes {
	c, _ := ctx.Value(changesKey{}).(*Changes)
	return c
}

// Resource notes that the resource of that id is after what before was (empty if there was none).
func (c *Changes) Resource(id string, t *scim.ResourceType, before, after scim.Resource) {
	if c == nil {
		return
	}
	paths := t.Changed(before, after)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id, c.attributes = id, slices.Concat(c.attributes, paths)
}

// Members notes that a group has so many members more, and so many less.
func (c *Changes) Members(added, removed int) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added, c.removed = c.added+added, c.removed+removed
}

// Noted returns what was noted: the id is empty unless there was a Resource, and the attributes are [scim.ResourceType.Changed].
func (c *Changes) Noted() (id string, attributes []string, added, removed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id, c.attributes, c.added, c.removed
}

// typeIn is the resource type in dir, with its extensions.
func (s *Store) typeIn(dir Directory) *scim.ResourceType {
	if s.resource.ID == typeGroup {
		return dir.Settings().Group
	}
	return dir.Settings().User
}

// mayBeDone reports whether a write that ended with err was done, or may have been.
func mayBeDone(err error) bool {
	switch {
	case refused(err), apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		return false
	}
	return !lostRace(err)
}
