// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
)

// probes remembers when each application was probed last. The zero value knows of no probe, and many can use it at once.
type probes struct {
	mu   sync.Mutex
	last map[types.NamespacedName]time.Time
}

func (p *probes) began(app types.NamespacedName, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[types.NamespacedName]time.Time{}
	}
	p.last[app] = now
}

func (p *probes) forget(app types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, app)
}

// due is how long whoever asks for a probe has to wait, so that an application is not probed more often than it would be without accounts.
func (p *probes) due(app types.NamespacedName, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	last, known := p.last[app]
	if !known {
		return 0
	}
	return max(0, last.Add(probeAgain).Sub(now))
}

// asked wakes an application that somebody asks about. However many accounts find that it does not answer, it is probed once in a while;
// the queue makes one of all who ask.
func (r *Reconciler) asked(_ context.Context, e event.GenericEvent, q enqueue.Queue) {
	key := client.ObjectKeyFromObject(e.Object)
	q.AddAfter(reconcile.Request{NamespacedName: key}, r.probes.due(key, time.Now()))
}
