// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package account makes the account in the application what each ScimAccount says, through a connector.
//
//	Active, Suspended   observe ──> decide ──> confirm (when giving) ──> apply ──> revoke (when taking away) ──> report
//	a leaver            apply ──> revoke ──> report
//	Deleted             suspend ──> revoke ──> delete ──> look again ──> report
//
// What the account shall be is decided elsewhere and written in spec. Here, decide weighs only what the application lets be done
// of it: its mode, its policy for drift, and what adopting an account that was there before leaves for later.
//
// Nothing is given on the word of a cache: before an account is created, activated, adopted or given a role, the ScimAccount and its
// ScimUser are read from the API server. Taking away needs no such confirmation.
package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/gate"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

const (
	// workers is how many accounts are worked on at a time. Each waits for an application most of its time, and the gates see to it that no
	// application has all of them.
	workers = 64
	// callTimeout bounds what one reconciliation asks of the application, and leaves time to write the status afterwards.
	callTimeout = 20 * time.Second
	// spread is the part of a waiting time by which it may grow, so that not all come at once.
	spread = 0.2
)

// Connect returns the connector of an application, and what to call when done with it.
type Connect func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error)

// Reconciler keeps the accounts of all applications.
type Reconciler struct {
	// Client reads from the cache, and sees its own writes there.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Connect opens connectors.
	Connect Connect
	// Gates says which account may be worked on now. SetupWithManager sets its Wake.
	Gates *gate.Gates
	// Probe asks for one look at an application that has just stopped to work, so that not every account has to find out. It is optional.
	Probe func(types.NamespacedName)
	// Recorder tells what was done downstream.
	Recorder events.EventRecorder
	// Resync is how often an account is compared with the application when nothing happens and the application does not say.
	Resync time.Duration
	// Applied, if set, is told of every change of SCIM that has arrived downstream, once.
	Applied func(Applied)
	// Called, if set, is told of the calls to the connector of an application.
	Called func(app types.NamespacedName) connector.Called

	waiting waitingRoom
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimaccounts,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimaccounts/status,verbs=patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimapplications;scimusers,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.Gates.Wake = r.waiting.wake
	return ctrl.NewControllerManagedBy(mgr).Named("account").
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Watches(&v1alpha1.ScimAccount{}, enqueue.Events{Keys: enqueue.Self, Changed: asked, Priority: urgency}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: r.accountsOf(all)}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: r.accountsOf(notReady), Changed: becameReady}).
		WatchesRawSource(source.Func(r.waiting.open)).
		Complete(reconcile.AsReconciler(r.Client, r))
}

// urgency is the priority of an event: what takes access away comes before what gives it.
func urgency(before, after client.Object) int {
	if enqueue.Gone(after) {
		return enqueue.Removal
	}
	now := after.(*v1alpha1.ScimAccount) // watched as that type
	if was, ok := before.(*v1alpha1.ScimAccount); ok && now.Spec.State == v1alpha1.AccountActive && loses(was.Spec.Roles, now.Spec.Roles) {
		return enqueue.Reduction
	}
	return pressure(now)
}

// pressure is how urgent it is to look at acct, by what it shall be and what it was last seen to be.
func pressure(acct *v1alpha1.ScimAccount) int {
	wanted, seen := acct.Spec.State, acct.Status.State
	switch {
	case !acct.DeletionTimestamp.IsZero():
		return enqueue.Removal
	case wanted == v1alpha1.AccountActive && loses(acct.Status.Roles, acct.Spec.Roles):
		return enqueue.Reduction
	case (wanted == v1alpha1.AccountActive || wanted == seen) && status.IsAccountReady(acct):
		return enqueue.Resync
	case wanted == v1alpha1.AccountActive || wanted == seen:
		return enqueue.Change
	case wanted == v1alpha1.AccountDeleted && seen == v1alpha1.AccountSuspended:
		return enqueue.Removal
	default:
		return enqueue.Leaver
	}
}

// loses reports whether a role of before is not among those of after.
func loses(before, after []v1alpha1.RoleName) bool {
	return slices.ContainsFunc(before, func(role v1alpha1.RoleName) bool { return !slices.Contains(after, role) })
}

// asked reports whether an update asks for work: a change of the spec, a deletion, or an answer about an adoption.
func asked(before, after client.Object) bool {
	answered := func(annotation string) bool {
		return before.GetAnnotations()[annotation] != after.GetAnnotations()[annotation]
	}
	return enqueue.SpecChanged(before, after) || answered(v1alpha1.AnnotationApprove) || answered(v1alpha1.AnnotationReject)
}

func becameReady(before, after client.Object) bool {
	return !applicationReady(before.(*v1alpha1.ScimApplication)) && applicationReady(after.(*v1alpha1.ScimApplication)) // watched as that type
}

func applicationReady(app *v1alpha1.ScimApplication) bool {
	return status.IsReady(app.Status.Conditions, app.Generation)
}

func all(*v1alpha1.ScimAccount) bool { return true }

func notReady(a *v1alpha1.ScimAccount) bool { return !status.IsAccountReady(a) }

// accountsOf returns a function that wakes the accounts of an application that which picks.
func (r *Reconciler) accountsOf(which func(*v1alpha1.ScimAccount) bool) func(context.Context, client.Object) []reconcile.Request {
	return func(ctx context.Context, app client.Object) (keys []reconcile.Request) {
		var accounts v1alpha1.ScimAccountList
		err := r.Client.List(ctx, &accounts, client.InNamespace(app.GetNamespace()), client.MatchingFields{index.ByApplication: app.GetName()}, client.UnsafeDisableDeepCopy)
		if err != nil {
			return nil // the cache has not started, and its start wakes everybody
		}
		for i := range accounts.Items {
			if which(&accounts.Items[i]) {
				keys = append(keys, enqueue.Self(ctx, &accounts.Items[i])...)
			}
		}
		return keys
	}
}

// Reconcile makes the account downstream match acct and reports what it saw.
func (r *Reconciler) Reconcile(ctx context.Context, acct *v1alpha1.ScimAccount) (res reconcile.Result, err error) {
	if letGo(acct) {
		return reconcile.Result{}, nil
	}
	app, err := r.application(ctx, acct)
	if err != nil {
		return reconcile.Result{}, err
	}
	before := acct.DeepCopy()
	defer func() { err = errors.Join(err, r.save(ctx, before, acct)) }()
	if why, lets := forsaken(acct, app); lets {
		return reconcile.Result{}, r.abandon(ctx, acct, why)
	}
	if verdict, waits := hold(acct, app); waits {
		acct.Status.ObservedGeneration = acct.Generation
		verdict.Set(&acct.Status.Conditions, acct.Generation)
		return reconcile.Result{}, nil // what it waits for wakes us
	}
	turn, res, ok := r.enter(acct, app)
	if !ok {
		return res, nil
	}
	defer turn.Leave()
	acct.Status.Sources = sources(acct.Spec.Roles, acct.Spec.Grants) // not before it is its turn: that would be a write for waiting
	return r.visit(ctx, acct, app, turn)
}

// hold says whether an account has to wait before its application is asked anything. Taking access away waits for nothing but the
// application's existence.
func hold(acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) (status.Verdict, bool) {
	active := acct.Spec.State == v1alpha1.AccountActive
	switch {
	case app == nil:
		return status.Waiting(v1alpha1.ReasonApplicationNotFound, "waiting for the ScimApplication that applicationRef names"), true
	case active && !acct.DeletionTimestamp.IsZero():
		return status.Waiting(v1alpha1.ReasonDeleting, waitsForDecision), true
	case active && !app.DeletionTimestamp.IsZero():
		return status.Waiting(v1alpha1.ReasonDeleting, "the ScimApplication is being deleted"), true
	case active && unusable(app):
		return status.Waiting(v1alpha1.ReasonApplicationNotReady, "waiting until the ScimApplication is ready; its conditions say what is missing"), true
	default:
		return status.Verdict{}, false
	}
}

// unusable reports whether app waits for somebody before it can be used. A bad expression is no such thing: it concerns what accounts
// shall be, and that was decided with it in mind.
func unusable(app *v1alpha1.ScimApplication) bool {
	ready := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady)
	expression := ready != nil && ready.Reason == v1alpha1.ReasonInvalidExpression
	return status.IsStalled(app.Status.Conditions, app.Generation) && !expression
}

func (r *Reconciler) application(ctx context.Context, acct *v1alpha1.ScimAccount) (*v1alpha1.ScimApplication, error) {
	app := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: acct.Namespace, Name: acct.Spec.ApplicationRef.Name}, app); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return app, nil
}
