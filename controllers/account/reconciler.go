// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package account makes the account in the application what each ScimAccount says, through a connector.
//
//	observe ──> in sync? ──> report
//	               └─ no ──> confirm (when giving) ──> apply ──> report
//	a leaver ──────────────────────────────────────> apply ──> report
//
// Nothing is given on the word of a cache: before an account is created, activated or given a role, the ScimAccount and its
// ScimUser are read from the API server. Taking away needs no such confirmation.
package account

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

const (
	// workers is how many accounts are worked on at a time. Each waits for an application most of its time.
	workers = 16
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
	// Recorder tells what was done downstream.
	Recorder events.EventRecorder
	// Resync is how often an account is compared with the application when nothing happens.
	Resync time.Duration
}

// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimaccounts,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimaccounts/status,verbs=patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimapplications;scimusers,verbs=get;list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("account").
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Watches(&v1alpha1.ScimAccount{}, enqueue.Events{Keys: enqueue.Self, Priority: urgency}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: r.accountsOf(all)}).
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: r.accountsOf(notReady), Changed: becameReady}).
		Complete(reconcile.AsReconciler(r.Client, r))
}

func urgency(before, after client.Object) int {
	if enqueue.Gone(after) {
		return enqueue.Removal
	}
	now := after.(*v1alpha1.ScimAccount) // watched as that type
	if now.Spec.State == v1alpha1.AccountSuspended {
		return enqueue.Leaver
	}
	if was, ok := before.(*v1alpha1.ScimAccount); ok && len(now.Spec.Roles) < len(was.Spec.Roles) {
		return enqueue.Reduction
	}
	return enqueue.Change
}

func becameReady(before, after client.Object) bool {
	return !applicationReady(before.(*v1alpha1.ScimApplication)) && applicationReady(after.(*v1alpha1.ScimApplication)) // watched as that type
}

func applicationReady(app *v1alpha1.ScimApplication) bool {
	return status.IsReady(app.Status.Conditions, app.Generation)
}

func all(*v1alpha1.ScimAccount) bool { return true }

func notReady(a *v1alpha1.ScimAccount) bool {
	return !status.IsReady(a.Status.Conditions, a.Generation)
}

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
	app, err := r.application(ctx, acct)
	if err != nil {
		return reconcile.Result{}, err
	}
	before := acct.DeepCopy()
	defer func() { err = errors.Join(err, status.Patch(ctx, r.Client, before, acct)) }()
	if !acct.DeletionTimestamp.IsZero() {
		return r.remove(ctx, acct, app)
	}
	return r.keep(ctx, acct, app)
}

// keep observes the account and applies what differs.
func (r *Reconciler) keep(ctx context.Context, acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) (reconcile.Result, error) {
	if verdict, waits := hold(acct, app); waits {
		acct.Status.ObservedGeneration = acct.Generation
		verdict.Set(&acct.Status.Conditions, acct.Generation)
		return reconcile.Result{}, nil // the application wakes us
	}
	calls, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	conn, release, err := r.Connect(calls, app)
	if err != nil {
		return r.failed(acct, err)
	}
	defer release()
	want := desired(acct)
	if leaving(acct) {
		return r.suspend(calls, conn, acct, app)
	}
	observed, err := observe(calls, conn, want)
	if err != nil {
		return r.failed(acct, err)
	}
	if !connector.InSync(observed, want) {
		if current, err := r.confirm(ctx, acct); !current || err != nil {
			return reconcile.Result{}, err // the event of what came in between wakes us
		}
		applied, err := conn.Apply(calls, observed, want)
		if err != nil {
			return r.failed(acct, err)
		}
		observed = &applied
		r.tell(acct, app, applied)
	}
	report(acct, observed)
	return reconcile.Result{RequeueAfter: wait.Jitter(r.Resync, spread)}, nil
}

// leaving reports whether acct was seen to have access and shall not have it any more.
func leaving(acct *v1alpha1.ScimAccount) bool {
	return acct.Spec.State == v1alpha1.AccountSuspended && acct.Status.State == v1alpha1.AccountActive
}

// suspend takes the access away without looking first: there is nothing to compare, and looking takes time that a leaver has.
func (r *Reconciler) suspend(ctx context.Context, conn connector.Connector, acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) (reconcile.Result, error) {
	applied, err := conn.Apply(ctx, nil, desired(acct))
	if err != nil {
		return r.failed(acct, err)
	}
	r.tell(acct, app, applied)
	report(acct, &applied)
	return reconcile.Result{RequeueAfter: wait.Jitter(r.Resync, spread)}, nil
}

// hold says whether an account has to wait for its application. Suspending never waits for anything but the application's existence.
func hold(acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) (status.Verdict, bool) {
	switch {
	case app == nil:
		return status.Waiting(v1alpha1.ReasonApplicationNotFound, "waiting for the ScimApplication that applicationRef names"), true
	case acct.Spec.State == v1alpha1.AccountActive && !app.DeletionTimestamp.IsZero():
		return status.Waiting(v1alpha1.ReasonDeleting, "the ScimApplication is being deleted"), true
	case acct.Spec.State == v1alpha1.AccountActive && status.IsStalled(app.Status.Conditions, app.Generation):
		return status.Waiting(v1alpha1.ReasonApplicationNotReady, "waiting until the ScimApplication is ready; its conditions say what is missing"), true
	default:
		return status.Verdict{}, false
	}
}

// confirm reports whether the API server says the same as acct, and, when acct gives access, that its user is active.
func (r *Reconciler) confirm(ctx context.Context, acct *v1alpha1.ScimAccount) (bool, error) {
	if acct.Spec.State == v1alpha1.AccountSuspended {
		return true, nil
	}
	var live v1alpha1.ScimAccount
	var user v1alpha1.ScimUser
	err := errors.Join(
		r.Live.Get(ctx, client.ObjectKeyFromObject(acct), &live),
		r.Live.Get(ctx, client.ObjectKey{Namespace: acct.Namespace, Name: acct.Spec.UserRef.Name}, &user),
	)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	current := live.UID == acct.UID && live.Generation == acct.Generation && live.DeletionTimestamp.IsZero() &&
		user.Spec.State == v1alpha1.StateActive && user.DeletionTimestamp.IsZero()
	return current, err
}

func (r *Reconciler) application(ctx context.Context, acct *v1alpha1.ScimAccount) (*v1alpha1.ScimApplication, error) {
	app := &v1alpha1.ScimApplication{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: acct.Namespace, Name: acct.Spec.ApplicationRef.Name}, app); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return app, nil
}

// failed writes the outcome of err into the status.
func (r *Reconciler) failed(acct *v1alpha1.ScimAccount, err error) (reconcile.Result, error) {
	o := outcomeOf(err, takesAway(acct), r.Resync)
	acct.Status.ObservedGeneration = acct.Generation
	o.verdict.Set(&acct.Status.Conditions, acct.Generation)
	return reconcile.Result{RequeueAfter: o.again}, o.err
}

func takesAway(acct *v1alpha1.ScimAccount) bool {
	return acct.Spec.State == v1alpha1.AccountSuspended || !acct.DeletionTimestamp.IsZero()
}

// tell records what was done downstream. The event names no person: the ScimAccount that it is about does.
func (r *Reconciler) tell(acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication, applied connector.Account) {
	if applied.State == connector.Suspended {
		r.Recorder.Eventf(acct, app, "Normal", "Suspended", "Suspend", "took every access of the account away")
		return
	}
	r.Recorder.Eventf(acct, app, "Normal", "Applied", "Apply", "brought the account in line, with %d roles", len(applied.Roles))
}

// observe returns the account, nil if there is none. Who takes away has nothing to do with somebody else's account; who gives
// has to hear of it.
func observe(ctx context.Context, conn connector.Connector, want connector.Account) (*connector.Account, error) {
	observed, err := conn.Observe(ctx, want)
	if errors.Is(err, connector.ErrNotFound) {
		return nil, nil // no account is a regular answer
	}
	if err == nil && want.State == connector.Suspended && observed.Owner != want.Owner {
		return nil, nil // see above
	}
	return observed, err
}

// desired is acct as a connector is told.
func desired(acct *v1alpha1.ScimAccount) connector.Account {
	roles := make([]string, 0, len(acct.Spec.Roles))
	for _, role := range acct.Spec.Roles {
		roles = append(roles, string(role))
	}
	return connector.Account{
		Owner:      acct.Namespace + "/" + acct.Name,
		ExternalID: acct.Status.ExternalID,
		UserName:   acct.Spec.UserName,
		State:      connector.State(acct.Spec.State),
		Roles:      roles,
	}
}

// report writes what was seen into the status: nothing was, where an account is nothing but its access.
func report(acct *v1alpha1.ScimAccount, observed *connector.Account) {
	if observed == nil {
		observed = &connector.Account{State: connector.Suspended}
	}
	acct.Status.ObservedGeneration = acct.Generation
	acct.Status.ExternalID = observed.ExternalID
	acct.Status.State = v1alpha1.AccountState(observed.State)
	acct.Status.Roles = nil
	for _, role := range observed.Roles {
		acct.Status.Roles = append(acct.Status.Roles, v1alpha1.RoleName(role))
	}
	status.Ready(v1alpha1.ReasonInSync, "the application shows the account as it shall be").Set(&acct.Status.Conditions, acct.Generation)
}
