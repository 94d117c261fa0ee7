// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"sync"
	"time"

	"github.com/google/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// cause is the SCIM request that something comes from.
type cause struct {
	// request is its id, empty if nobody knows.
	request string
	// at is when it was made, zero if nobody knows.
	at time.Time
}

// causeOf is the request that changed o last. Its id tells when it came, if it is one of those of scim-server (RFC 9562 §5.7).
func causeOf(o client.Object) cause {
	c := cause{request: o.GetAnnotations()[v1alpha1.AnnotationRequestID]}
	if id, err := uuid.Parse(c.request); err == nil && id.Version() == 7 {
		c.at = time.Unix(id.Time().UnixTime()).UTC()
	}
	return c
}

// causes remembers which SCIM request woke a user, where the user does not tell: a change of a group, of its members, or the end of the
// user. It is for explanation and measurement only, so it may be lost at a restart. Every decision about the user takes it, so it keeps
// nothing of those who are done.
type causes struct {
	mu    sync.Mutex
	known map[reconcile.Request]cause
}

// remember notes the request that changed o last, for all whom it woke. Of what is gone (nil) nobody can tell which request ended it, but
// that was at.
func (c *causes) remember(o client.Object, at time.Time, woken []reconcile.Request) {
	if o == nil {
		c.note(cause{at: at}, woken...)
	} else if why := causeOf(o); why.request != "" {
		c.note(why, woken...)
	}
}

// note notes why users were woken.
func (c *causes) note(why cause, woken ...reconcile.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[reconcile.Request]cause{}
	}
	for _, key := range woken {
		c.known[key] = why
	}
}

// take returns what was noted for a user, once.
func (c *causes) take(key reconcile.Request) cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	why := c.known[key]
	delete(c.known, key)
	return why
}

// giveBack notes again what was taken for an attempt that failed, unless another request came since.
func (c *causes) giveBack(key reconcile.Request, why cause) {
	if why == (cause{}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, newer := c.known[key]; !newer {
		c.known[key] = why // take has made the map
	}
}

// resolve is why a step is made: what woke the user, as far as that is known, and otherwise the user's own last request. That is certain
// while the user was not decided about since, and only the best that can be said after that: it has no time then.
func resolve(f Facts, step *Step, noted cause) cause {
	own := cause{}
	switch {
	case f.User != nil:
		if own = causeOf(f.User); f.User.Status.ObservedGeneration == f.User.Generation {
			own.at = time.Time{}
		}
	case step.Present != nil:
		own.request = step.Present.Annotations[v1alpha1.AnnotationRequestID]
	}
	switch {
	case noted == cause{}:
		return own
	case noted.request == "":
		noted.request = own.request
	}
	return noted
}

// annotations are what a ScimAccount says of it.
func (c cause) annotations() map[string]string {
	said := map[string]string{}
	if c.request != "" {
		said[v1alpha1.AnnotationRequestID] = c.request
	}
	if !c.at.IsZero() {
		said[v1alpha1.AnnotationRequestedAt] = c.at.UTC().Format(time.RFC3339Nano)
	}
	return said
}
