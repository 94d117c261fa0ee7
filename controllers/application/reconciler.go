// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package application connects to each ScimApplication, says whether that works and with how many accounts, lists what in it is nobody's,
// and holds a deleted one until its accounts are gone.
package application

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

const (
	// probeTimeout leaves time to write the status after an application that does not answer.
	probeTimeout = 10 * time.Second
	// probeAgain is how soon an application that is not ready is tried again: a right given meanwhile wakes nobody.
	probeAgain = 15 * time.Second
	// spread is the part of a waiting time by which it may grow, so that not all come at once.
	spread = 0.2
)

// Reconciler keeps the status of ScimApplications.
type Reconciler struct {
	// Client reads from the cache.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Connections opens the connectors.
	Connections *Connections
	// Programs are the compiled expressions.
	Programs *expression.Cache
	// Resync is how often an application that is ready is probed.
	Resync time.Duration
	// Probes, if set, delivers applications that somebody wants to have probed, because a call to one failed say. One whose last probe is
	// some time ago is probed at once; asking more often changes nothing.
	Probes <-chan event.GenericEvent
	// Opened, if set, is told of every application that answers a probe.
	Opened func(types.NamespacedName)
	// Recorder, if set, tells when an application begins to work, and when it stops to.
	Recorder events.EventRecorder
	// Forget, if set, is told of every application that is gone.
	Forget func(types.NamespacedName)

	probes probes
}

// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimapplications,verbs=get;list;watch;update
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimapplications/status,verbs=patch
// +kubebuilder:rbac:groups=scim-operator.dev,resources=scimdirectories;scimaccounts,verbs=get;list;watch

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	applications := func() client.ObjectList { return &v1alpha1.ScimApplicationList{} }
	b := ctrl.NewControllerManagedBy(mgr).Named("application").
		Watches(&v1alpha1.ScimApplication{}, enqueue.Events{Keys: enqueue.Self}).
		Watches(&v1alpha1.ScimDirectory{}, enqueue.Events{Keys: enqueue.Referrers(r.Client, applications, index.ByDirectory)}).
		Watches(&v1alpha1.ScimAccount{}, enqueue.Events{Keys: r.leaving, Changed: never})
	if r.Probes != nil {
		b = b.WatchesRawSource(source.Channel(r.Probes, handler.Funcs{GenericFunc: r.asked}))
	}
	return b.Complete(reconcile.AsReconciler(r.Client, r))
}

func never(_, _ client.Object) bool { return false }

// leaving wakes the application of an account if it is being deleted, and waits for its accounts to go. Others are not probed for
// every account that comes or goes.
func (r *Reconciler) leaving(ctx context.Context, o client.Object) []reconcile.Request {
	app := &v1alpha1.ScimApplication{}
	key := client.ObjectKey{Namespace: o.GetNamespace(), Name: o.(*v1alpha1.ScimAccount).Spec.ApplicationRef.Name} // watched as that type
	if err := r.Client.Get(ctx, key, app); err != nil || app.DeletionTimestamp.IsZero() {
		return nil
	}
	return enqueue.Self(ctx, app)
}

// Reconcile probes the application and writes its status if that changed.
func (r *Reconciler) Reconcile(ctx context.Context, app *v1alpha1.ScimApplication) (reconcile.Result, error) {
	if !app.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.finish(ctx, app)
	}
	if controllerutil.AddFinalizer(app, v1alpha1.FinalizerApplication) {
		if err := r.Client.Update(ctx, app); err != nil {
			return reconcile.Result{}, err
		}
	}
	verdict, err := r.assess(ctx, app)
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: wait.Jitter(r.again(verdict), spread)}, r.report(ctx, app, verdict)
}

// again is when to look at an application again of which that was said.
func (r *Reconciler) again(verdict status.Verdict) time.Duration {
	switch verdict.Reason() {
	case v1alpha1.ReasonConnected, v1alpha1.ReasonInvalidExpression: // a better expression wakes us
		return r.Resync
	}
	return probeAgain
}

func (r *Reconciler) report(ctx context.Context, app *v1alpha1.ScimApplication, verdict status.Verdict) error {
	generation, before := app.Generation, ""
	err := writeStatus(ctx, r.Client, r.Live, app, func(app *v1alpha1.ScimApplication) {
		if was := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ConditionReady); was != nil {
			before = was.Reason
		}
		app.Status.ObservedGeneration = generation
		verdict.Set(&app.Status.Conditions, generation)
	})
	if err == nil && r.Recorder != nil && before != verdict.Reason() {
		r.tell(app, verdict)
	}
	return err
}

// tell records that an application stands otherwise than before.
func (r *Reconciler) tell(app *v1alpha1.ScimApplication, verdict status.Verdict) {
	kind, reason := corev1.EventTypeWarning, "NotReady"
	switch verdict.Reason() {
	case v1alpha1.ReasonConnected:
		kind, reason = corev1.EventTypeNormal, "Ready"
	case v1alpha1.ReasonDeleting, v1alpha1.ReasonDirectoryNotFound: // nobody has to do anything yet
		kind = corev1.EventTypeNormal
	}
	r.Recorder.Eventf(app, nil, kind, reason, "Probe", "%s: %s", verdict.Reason(), verdict.Message())
}

// assess says how the application stands. An error is one of ours.
func (r *Reconciler) assess(ctx context.Context, app *v1alpha1.ScimApplication) (status.Verdict, error) {
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: app.Namespace, Name: app.Spec.DirectoryRef.Name}, &v1alpha1.ScimDirectory{})
	if apierrors.IsNotFound(err) {
		return status.Waiting(v1alpha1.ReasonDirectoryNotFound, "waiting for the ScimDirectory that directoryRef names"), nil
	}
	if err != nil {
		return status.Verdict{}, err
	}
	if err := r.tryOut(ctx, app); err != nil {
		return verdictOf(err), nil
	}
	if err := invalidExpression(r.Programs, &app.Spec); err != nil {
		return status.Stalled(v1alpha1.ReasonInvalidExpression, err.Error()), nil
	}
	return verdictOf(nil), nil
}

// tryOut probes the application, and tells those who wait for it to answer.
func (r *Reconciler) tryOut(ctx context.Context, app *v1alpha1.ScimApplication) error {
	key := client.ObjectKeyFromObject(app)
	r.probes.began(key, time.Now())
	if err := r.probe(ctx, app); err != nil {
		return err
	}
	if r.Opened != nil {
		r.Opened(key)
	}
	return nil
}

// probe connects and asks the connector, if it can tell, whether accounts can be kept.
func (r *Reconciler) probe(ctx context.Context, app *v1alpha1.ScimApplication) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, release, err := r.Connections.Connect(ctx, app)
	if err != nil {
		return err
	}
	defer release()
	if _, adopts := conn.(connector.Adopter); !adopts && app.Spec.Adoption.Policy == v1alpha1.AdoptionByKey {
		return connector.Invalidf("adoption.policy is %s, and a connector of type %s cannot take over accounts", v1alpha1.AdoptionByKey, app.Spec.Connector.Type)
	}
	if prober, ok := conn.(connector.Prober); ok {
		ended := r.Connections.called(app).Began(connector.VerbProbe)
		err = prober.Probe(ctx)
		ended(err)
	}
	return err
}

// verdictOf says what the outcome of a probe means for the application.
func verdictOf(err error) status.Verdict {
	switch connector.KindOf(err) {
	case "":
		return status.Ready(v1alpha1.ReasonConnected, "the application answers and gives us the rights that we need")
	case connector.KindInvalid, connector.KindConflict:
		return status.Stalled(v1alpha1.ReasonInvalid, connector.Message(err))
	case connector.KindDenied:
		return status.Stalled(v1alpha1.ReasonDenied, connector.Message(err))
	default:
		return status.Waiting(v1alpha1.ReasonUnavailable, connector.Message(err))
	}
}

// finish lets a deleted application go once the API server, not the cache, says that no account is left.
func (r *Reconciler) finish(ctx context.Context, app *v1alpha1.ScimApplication) error {
	if !controllerutil.ContainsFinalizer(app, v1alpha1.FinalizerApplication) {
		return nil
	}
	var accounts v1alpha1.ScimAccountList
	err := r.Live.List(ctx, &accounts, client.InNamespace(app.Namespace), client.MatchingFields{index.ByApplication: app.Name}, client.Limit(1))
	if err != nil {
		return err
	}
	if len(accounts.Items) > 0 { // the end of the last account wakes us
		return r.report(ctx, app, status.Waiting(v1alpha1.ReasonDeleting, "waiting until the accounts are removed; set deletionPolicy to Retain to let go of them"))
	}
	controllerutil.RemoveFinalizer(app, v1alpha1.FinalizerApplication)
	if err := r.Client.Update(ctx, app); client.IgnoreNotFound(err) != nil {
		return err
	}
	r.forget(app)
	return nil
}

func (r *Reconciler) forget(app *v1alpha1.ScimApplication) {
	key := client.ObjectKeyFromObject(app)
	r.Connections.Forget(key.Namespace, key.Name)
	r.probes.forget(key)
	if r.Forget != nil {
		r.Forget(key)
	}
}
