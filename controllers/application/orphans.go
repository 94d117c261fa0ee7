// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
)

const (
	// maxOrphans and maxExternalID are what status.orphans takes.
	maxOrphans, maxExternalID = 100, 1024
	// listers is how many applications are listed at a time, so that one that is slow does not hold up all.
	listers = 4
	// listTimeout bounds a list. Large applications answer in many pages.
	listTimeout = 5 * time.Minute
	// firstListAgain and listAgain are how soon a list that failed is tried again, at first and at last: mostly somebody is mending the credential.
	firstListAgain, listAgain = 5 * time.Second, 10 * time.Minute
)

// Orphans lists the accounts of each ScimApplication that bear nobody's mark, if its connector can. It reports them in status.orphans and
// the condition OrphansListed, and never touches them.
type Orphans struct {
	// Client reads from the cache.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Connections opens the connectors.
	Connections *Connections
	// Resync is how often an application is listed that does not say so itself.
	Resync time.Duration

	due schedule
}

// SetupWithManager registers the reconciler.
func (r *Orphans) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("application-orphans").
		WithOptions(controller.Options{MaxConcurrentReconciles: listers}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: enqueue.Self, Changed: listable}).
		Complete(reconcile.AsReconciler(r.Client, r))
}

// listable reports whether an update can make a list due: another spec, or an application that answers now.
func listable(before, after client.Object) bool {
	return enqueue.SpecChanged(before, after) ||
		!answers(before.(*v1alpha1.ScimApplication)) && answers(after.(*v1alpha1.ScimApplication)) // watched as that type
}

// answers reports whether the last probe of app, as it is now, went well.
func answers(app *v1alpha1.ScimApplication) bool {
	ready := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.ObservedGeneration == app.Generation &&
		(ready.Status == metav1.ConditionTrue || ready.Reason == v1alpha1.ReasonInvalidExpression)
}

// Reconcile lists the accounts of app if that is due, and writes what it saw if that changed. An application that does not answer is not
// asked; its first answer wakes us.
func (r *Orphans) Reconcile(ctx context.Context, app *v1alpha1.ScimApplication) (reconcile.Result, error) {
	key := client.ObjectKeyFromObject(app)
	if !app.DeletionTimestamp.IsZero() {
		r.due.forget(key)
		return reconcile.Result{}, nil
	}
	if !answers(app) {
		return reconcile.Result{}, nil
	}
	now := time.Now()
	if in := r.due.in(key, app, now); in > 0 {
		return reconcile.Result{RequeueAfter: in}, nil
	}
	seen, supported, err := r.list(ctx, app)
	if ctx.Err() != nil {
		return reconcile.Result{}, ctx.Err() // we are being stopped, which says nothing of the application
	}
	if err := r.report(ctx, app, seen, verdictOfList(supported, err)); err != nil {
		return reconcile.Result{}, err
	}
	failures := 0
	if err != nil {
		failures = r.due.failures(key) + 1
	}
	again := wait.Jitter(r.interval(app, failures), spread)
	r.due.set(key, appointment{app.UID, app.Generation, now.Add(again), failures, now.Truncate(time.Second)}) // conditions tell time in seconds
	return reconcile.Result{RequeueAfter: again}, nil
}

// interval is how long what was listed counts, after so many failures one after the other.
func (r *Orphans) interval(app *v1alpha1.ScimApplication, failures int) time.Duration {
	interval := app.Spec.Drift.Interval(r.Resync)
	if failures == 0 {
		return interval
	}
	return min(interval, listAgain, firstListAgain<<min(failures-1, 10)) // more doublings would overflow some day
}

// list reads the whole list. What it returns with an error is worth nothing.
func (r *Orphans) list(ctx context.Context, app *v1alpha1.ScimApplication) (seen v1alpha1.Orphans, supported bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	conn, release, err := r.Connections.Connect(ctx, app)
	if err != nil {
		return seen, true, err
	}
	defer release()
	lister, supported := conn.(connector.Lister)
	if !supported {
		return seen, false, nil
	}
	ended := r.Connections.called(app).Began(connector.VerbList)
	defer func() { ended(err) }()
	var found orphans
	for a, err := range lister.List(ctx) {
		if err != nil {
			return seen, true, err
		}
		if a.Owner == "" {
			found.add(a.ExternalID)
		}
	}
	return found.report(), true, nil
}

// report writes the condition, and what was seen if it was all.
func (r *Orphans) report(ctx context.Context, app *v1alpha1.ScimApplication, seen v1alpha1.Orphans, condition metav1.Condition) error {
	condition.ObservedGeneration = app.Generation
	return writeStatus(ctx, r.Client, r.Live, app, func(app *v1alpha1.ScimApplication) {
		meta.SetStatusCondition(&app.Status.Conditions, condition)
		if condition.Reason != v1alpha1.ReasonListFailed {
			app.Status.Orphans = seen
		}
	})
}

// verdictOfList says what became of a list.
func verdictOfList(supported bool, err error) metav1.Condition {
	condition := metav1.Condition{Type: v1alpha1.ConditionOrphansListed, Status: metav1.ConditionFalse}
	switch {
	case err != nil:
		condition.Reason = v1alpha1.ReasonListFailed
		condition.Message = "the accounts of the application could not be listed to the end: " + connector.Message(err)
	case !supported:
		condition.Reason, condition.Message = v1alpha1.ReasonListNotSupported, "the connector cannot list the accounts of the application"
	default:
		condition.Status, condition.Reason, condition.Message = metav1.ConditionTrue, v1alpha1.ReasonListed, "all accounts of the application were listed"
	}
	return condition
}

// orphans counts all and keeps the identifiers that come first.
type orphans struct {
	count int32
	first []string
}

func (o *orphans) add(externalID string) {
	if o.count < math.MaxInt32 {
		o.count++
	}
	if externalID == "" || len(externalID) > maxExternalID {
		return
	}
	if o.first = append(o.first, externalID); len(o.first) > 10*maxOrphans {
		o.cut()
	}
}

func (o *orphans) cut() {
	slices.Sort(o.first)
	o.first = slices.Clip(o.first[:min(len(o.first), maxOrphans)])
}

func (o *orphans) report() v1alpha1.Orphans {
	o.cut()
	return v1alpha1.Orphans{Count: o.count, ExternalIDs: o.first}
}

// schedule remembers when each application is due. The zero value says that all are, and many can use it at once.
type schedule struct {
	mu   sync.Mutex
	next map[types.NamespacedName]appointment
}

type appointment struct {
	uid        types.UID
	generation int64
	at         time.Time
	// failures are the lists that failed one after the other, of which the last began at listed.
	failures int
	listed   time.Time
}

// mended says whether app has come to answer since its list failed.
func (a appointment) mended(app *v1alpha1.ScimApplication) bool {
	ready := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
	return a.failures > 0 && ready != nil && !ready.LastTransitionTime.Time.Before(a.listed)
}

// in returns how long app is not due yet. With another spec it is due at once, and so it is when it answers again after a list failed.
func (s *schedule) in(key types.NamespacedName, app *v1alpha1.ScimApplication, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next[key]
	if next.uid != app.UID || next.generation != app.Generation || next.mended(app) {
		return 0
	}
	return max(0, next.at.Sub(now))
}

// failures are how many lists have failed since one went well.
func (s *schedule) failures(key types.NamespacedName) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next[key].failures
}

func (s *schedule) set(key types.NamespacedName, next appointment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next = map[types.NamespacedName]appointment{}
	}
	s.next[key] = next
}

func (s *schedule) forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.next, key)
}
