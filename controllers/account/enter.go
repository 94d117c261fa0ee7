// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/gate"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// enter asks for a place to work on acct. Without one it says when to come again; who is Busy or parked is woken.
func (r *Reconciler) enter(acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) (turn *gate.Turn, res reconcile.Result, ok bool) {
	priority := pressure(acct)
	turn, denial, ok := r.Gates.Enter(client.ObjectKeyFromObject(app), app.Spec.Limits, client.ObjectKeyFromObject(acct), priority, priority >= enqueue.Reduction)
	if !ok && denial.Why == gate.Closed {
		park(acct)
	}
	return turn, reconcile.Result{RequeueAfter: denial.After}, ok
}

// park says that acct waits for its application, unless it says already that it waits for something: an application that is down must not
// cost a write for every account and every look.
func park(acct *v1alpha1.ScimAccount) {
	if meta.IsStatusConditionFalse(acct.Status.Conditions, v1alpha1.ConditionReady) {
		return
	}
	acct.Status.ObservedGeneration = acct.Generation
	status.Waiting(v1alpha1.ReasonApplicationNotReady, "waiting until the application answers again").Set(&acct.Status.Conditions, acct.Generation)
}

// probeIf asks for one look at app, for all of its accounts, when it has just been found not to work. Its answer opens what was closed, so
// nobody has to wait longer than until the next probe is due.
func (r *Reconciler) probeIf(closed bool, app *v1alpha1.ScimApplication) {
	if closed && r.Probe != nil {
		r.Probe(client.ObjectKeyFromObject(app))
	}
}

// waitingRoom puts those into the queue of the controller whom a gate wakes. Who is woken before the queue is there needs no waking: all
// come when it starts.
type waitingRoom struct {
	mu    sync.Mutex
	queue enqueue.Queue
}

// open is called by the controller with its queue.
func (w *waitingRoom) open(_ context.Context, queue enqueue.Queue) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = queue
	return nil
}

func (w *waitingRoom) wake(key types.NamespacedName, priority int, after time.Duration) {
	w.mu.Lock()
	queue := w.queue
	w.mu.Unlock()
	if queue != nil {
		enqueue.Add(queue, priority, after, []reconcile.Request{{NamespacedName: key}})
	}
}
