// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// Accounts tells what the objects of a cache say about accounts and applications. It follows their events and keeps one word for each
// account, so that nobody has to look at all of them.
type Accounts struct {
	cached client.Reader
	clock  clock.PassiveClock

	accounts, pending, oldest, ready *prometheus.Desc

	mu           sync.Mutex
	groups       map[group]*members
	known        map[types.NamespacedName]*members
	removals     map[types.NamespacedName]waiting
	leavers      map[types.NamespacedName]*removal // users
	applications map[types.NamespacedName]bool     // whether they are ready
}

// group is the labels of a number of accounts.
type group struct {
	app    types.NamespacedName
	state  v1alpha1.AccountState
	reason string
}

// members is how many accounts are in a group.
type members struct {
	group

	count int
}

// waiting is a removal that is pending in an application.
type waiting struct {
	app   types.NamespacedName
	since time.Time
}

var _ prometheus.Collector = (*Accounts)(nil)

// NewAccounts returns an Accounts that knows of nothing. cached is a cache with the index of accounts by users.
func NewAccounts(cached client.Reader, c clock.PassiveClock) *Accounts {
	app := []string{labelNamespace, labelApplication}
	return &Accounts{
		cached: cached, clock: c,
		accounts: prometheus.NewDesc("scim_operator_accounts",
			"Accounts of an application, by the state that they shall have and the reason of their condition Ready.", append(app, "state", "reason"), nil),
		pending: prometheus.NewDesc("scim_operator_pending_removals",
			"Accounts that shall lose access and were not seen to have lost it. Those that a removal guard holds are not among them.", app, nil),
		oldest: prometheus.NewDesc("scim_operator_oldest_pending_removal_seconds",
			"Time since the oldest of the pending removals was asked for, 0 without any. Restarts do not make it younger.", app, nil),
		ready: prometheus.NewDesc("scim_operator_application_ready",
			"1 if the ScimApplication is ready: it answers, and lets us do what we need.", app, nil),
		groups: map[group]*members{}, known: map[types.NamespacedName]*members{}, removals: map[types.NamespacedName]waiting{},
		leavers: map[types.NamespacedName]*removal{}, applications: map[types.NamespacedName]bool{},
	}
}

// Follow registers it with r, and follows the events of a cache that has not started yet.
func (t *Accounts) Follow(ctx context.Context, from cache.Informers, r prometheus.Registerer) error {
	for _, follow := range []struct {
		kind    client.Object
		changed func(client.Object)
		gone    func(types.NamespacedName)
	}{
		{&v1alpha1.ScimAccount{}, func(o client.Object) { t.account(o.(*v1alpha1.ScimAccount)) }, t.accountGone},
		{&v1alpha1.ScimUser{}, func(o client.Object) { t.user(ctx, o.(*v1alpha1.ScimUser)) }, func(key types.NamespacedName) { t.leaver(ctx, key, nil) }},
		{&v1alpha1.ScimApplication{}, func(o client.Object) { t.application(o.(*v1alpha1.ScimApplication)) }, t.applicationGone},
	} {
		informer, err := from.GetInformer(ctx, follow.kind)
		if err == nil {
			_, err = informer.AddEventHandler(events(follow.changed, follow.gone))
		}
		if err != nil {
			return fmt.Errorf("follow %T: %w", follow.kind, err)
		}
	}
	return replace(r, t)
}

// events calls changed with each object as it is now, and gone with the key of each that is no more.
func events(changed func(client.Object), gone func(types.NamespacedName)) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { changed(o.(client.Object)) },
		UpdateFunc: func(_, o any) { changed(o.(client.Object)) },
		DeleteFunc: func(o any) {
			if last, missed := o.(toolscache.DeletedFinalStateUnknown); missed {
				o = last.Obj
			}
			gone(client.ObjectKeyFromObject(o.(client.Object)))
		},
	}
}

// account takes in what an account is now.
func (t *Accounts) account(a *v1alpha1.ScimAccount) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take(a)
}

// take takes in what an account is now. It is called with the lock.
func (t *Accounts) take(a *v1alpha1.ScimAccount) {
	key := client.ObjectKeyFromObject(a)
	app := types.NamespacedName{Namespace: a.Namespace, Name: a.Spec.ApplicationRef.Name}
	t.move(key, &group{app: app, state: a.Spec.State, reason: reasonOf(a)})
	r := pendingRemoval(a, t.leavers[types.NamespacedName{Namespace: a.Namespace, Name: a.Spec.UserRef.Name}])
	if r == nil {
		delete(t.removals, key)
		return
	}
	w := waiting{app: app, since: r.since}
	if before, waited := t.removals[key]; waited && w.since.IsZero() {
		w.since = before.since
	} else if w.since.IsZero() {
		w.since = t.clock.Now() // the objects do not tell, so it is when we saw it
	}
	t.removals[key] = w
}

func (t *Accounts) accountGone(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.move(key, nil)
	delete(t.removals, key)
}

// move puts an account into another group, or into none. It is called with the lock.
func (t *Accounts) move(key types.NamespacedName, to *group) {
	was := t.known[key]
	if was != nil && to != nil && was.group == *to {
		return
	}
	if was != nil {
		if was.count--; was.count == 0 {
			delete(t.groups, was.group)
		}
		delete(t.known, key)
	}
	if to == nil {
		return
	}
	if t.groups[*to] == nil {
		t.groups[*to] = &members{group: *to}
	}
	t.groups[*to].count++
	t.known[key] = t.groups[*to]
}

func (t *Accounts) user(ctx context.Context, u *v1alpha1.ScimUser) {
	t.leaver(ctx, client.ObjectKeyFromObject(u), leaving(u))
}

// leaver takes in that a user leaves, or (nil) does not. Most events of users say neither. The accounts are read with the lock: an event of
// one of them that comes meanwhile waits, so that what it says is the last word.
func (t *Accounts) leaver(ctx context.Context, key types.NamespacedName, left *removal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.leavers[key]
	switch {
	case before == nil && left == nil:
		return
	case left == nil:
		delete(t.leavers, key)
	default:
		t.leavers[key] = left
	}
	var own v1alpha1.ScimAccountList
	err := t.cached.List(ctx, &own, client.InNamespace(key.Namespace), client.MatchingFields{index.ByUser: key.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return // it has not started, and tells of every account when it does
	}
	for i := range own.Items {
		t.take(&own.Items[i])
	}
}

func (t *Accounts) application(app *v1alpha1.ScimApplication) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.applications[client.ObjectKeyFromObject(app)] = status.IsReady(app.Status.Conditions, app.Generation)
}

func (t *Accounts) applicationGone(key types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.applications, key)
}
