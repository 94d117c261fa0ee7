// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// causes remembers which SCIM request woke a user, where that was not a change of the user itself: of a group, or of its members. It
// is for explanation only, so it may be lost at a restart. Every decision about the user takes it, so it keeps nothing of those who are done.
type causes struct {
	mu       sync.Mutex
	requests map[reconcile.Request]string
}

// remember notes the request that changed o last, for all whom it woke.
func (c *causes) remember(o client.Object, woken []reconcile.Request) {
	request := o.GetAnnotations()[v1alpha1.AnnotationRequestID]
	if request == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range woken {
		c.note(key, request)
	}
}

// take returns what was noted for a user, once.
func (c *causes) take(key reconcile.Request) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	request := c.requests[key]
	delete(c.requests, key)
	return request
}

// giveBack notes again what was taken for an attempt that failed, unless another request came since.
func (c *causes) giveBack(key reconcile.Request, request string) {
	if request == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, newer := c.requests[key]; !newer {
		c.note(key, request)
	}
}

// note is called with the lock.
func (c *causes) note(key reconcile.Request, request string) {
	if c.requests == nil {
		c.requests = map[reconcile.Request]string{}
	}
	c.requests[key] = request
}
