// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package assignment decides who gets which account: ScimUsers, ScimGroups and ScimGrants become ScimAccounts.
//
//	watch ──> Decide(facts) ──> Plan(wanted, present) ──> guard ──> go or held ──> server-side apply
//	          pure              pure                      pure
//
// Suspending acts on what the cache says. Giving, and removing all that a user has because the user is gone, asks the API server
// first and decides again, so that a stale cache neither gives back what was taken nor takes from those who are here.
package assignment

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/guard"
)

// Reconciler keeps the ScimAccounts of each ScimUser, and the ScimUser's status.
type Reconciler struct {
	// Client reads from the cache, and sees its own writes there.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Programs are the compiled expressions.
	Programs *expression.Cache
	// Ledger says what goes now and what is held.
	Ledger *guard.Ledger
	// Clock tells the time.
	Clock clock.PassiveClock

	causes  causes
	seeding sync.Mutex
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimusers;scimgroups;scimmemberslices;scimapplications;scimgrants;scimdirectories,verbs=get;list;watch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimaccounts,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimusers/status,verbs=patch

// Reconcile brings the accounts of one user in line. The user may be gone.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (result reconcile.Result, err error) {
	noted := r.causes.take(req)
	defer func() {
		if err != nil {
			r.causes.giveBack(req, noted)
		}
	}()
	facts, err := r.facts(ctx, req)
	if err != nil {
		return reconcile.Result{}, err
	}
	todo, err := r.sure(ctx, req, &facts)
	if err != nil {
		return reconcile.Result{}, err
	}
	wrote, err := r.carryOut(ctx, req, facts, todo, noted)
	if err != nil || wrote {
		return todo.again(facts.Now), err // the events of the accounts wake us again
	}
	return todo.again(facts.Now), r.report(ctx, &facts, todo.decision)
}

// work is what is to be done about one user.
type work struct {
	decision Decision
	steps    []Step
	over     []*v1alpha1.ScimAccount
	next     time.Time
}

func (w work) empty() bool { return len(w.steps)+len(w.over) == 0 }

func (w work) gives() bool {
	for i := range w.steps {
		if w.steps[i].Gives {
			return true
		}
	}
	return false
}

// again is when time alone changes something.
func (w work) again(now time.Time) reconcile.Result {
	if w.next.IsZero() {
		return reconcile.Result{}
	}
	return reconcile.Result{RequeueAfter: max(w.next.Sub(now), time.Millisecond)}
}

func (r *Reconciler) decide(f Facts) work {
	decision := Decide(f, r.Programs)
	steps, over := Plan(decision, slices.Concat(f.Present, f.Waiting), func(a *v1alpha1.ScimAccount) bool { return ended(f, a) })
	return work{decision: decision, steps: steps, over: over, next: earliest(decision.Next, windowEnd(f))}
}
