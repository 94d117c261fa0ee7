// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers lists the controllers. Each is a package of its own, with one kind to look after:
//
//	directory     ScimDirectory     its URL and its number of users; the keys of its issuer
//	token         ScimToken         the credential, its Secret, its hash, its rotation and its end
//	application   ScimApplication   the connection, the counts, the orphans; holds a deleted one until its accounts are gone
//	group         ScimGroup         how many members it has
//	grant         ScimGrant         whether it is in effect and for how many
//	assignment    ScimUser          who gets which account: ScimAccounts
//	account       ScimAccount       the account in the application, through a connector
package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/account"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/assignment"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
	"github.com/scim-operator/scim-operator/controllers/directory"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/gate"
	"github.com/scim-operator/scim-operator/controllers/grant"
	"github.com/scim-operator/scim-operator/controllers/group"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/membership"
	"github.com/scim-operator/scim-operator/controllers/telemetry"
	"github.com/scim-operator/scim-operator/controllers/token"
)

// Options are what the controllers need beside a manager.
type Options struct {
	// PublicURL is where identity providers reach scim-server, for directories that do not say so themselves.
	PublicURL string
	// Openers has an entry for each connector type.
	Openers map[v1alpha1.ConnectorType]application.Opener
	// Resync is how often accounts are compared with the applications when nothing happens.
	Resync time.Duration
	// Egress says which addresses issuers of JSON Web Tokens may have.
	Egress egress.Policy
}

// probesWaiting is how many applications may wait to be probed because a call to them failed.
const probesWaiting = 1024

// Setup adds every controller to mgr, whose client must see its own writes.
func Setup(ctx context.Context, mgr ctrl.Manager, o Options) error {
	if err := index.Register(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	if err := membership.Register(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	live, err := client.New(mgr.GetConfig(), client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient()})
	if err != nil {
		return fmt.Errorf("make a client without a cache: %w", err)
	}
	told, err := tell(ctx, mgr)
	if err != nil {
		return fmt.Errorf("set up metrics: %w", err)
	}
	for _, c := range list(mgr, live, told, o) {
		if err := c.SetupWithManager(mgr); err != nil {
			return fmt.Errorf("set up %T: %w", c, err)
		}
	}
	return nil
}

// controller is what every reconciler is.
type controller interface {
	SetupWithManager(ctrl.Manager) error
}

// measured is what is told to Prometheus.
type measured struct {
	metrics *telemetry.Metrics
	gates   *gate.Gates
}

// tell registers all metrics but those of the removal guard.
func tell(ctx context.Context, mgr ctrl.Manager) (measured, error) {
	m := measured{metrics: telemetry.NewMetrics(clock.RealClock{}), gates: &gate.Gates{Clock: clock.RealClock{}}}
	return m, errors.Join(
		m.metrics.Register(metrics.Registry),
		telemetry.NewGates(m.gates).Register(metrics.Registry),
		telemetry.NewAccounts(mgr.GetCache(), clock.RealClock{}).Follow(ctx, mgr.GetCache(), metrics.Registry),
	)
}

// forget stops telling about an application that is gone.
func (m measured) forget(app types.NamespacedName) {
	m.gates.Forget(app)
	m.metrics.Forget(app)
}

// list is every controller; live is a client without a cache.
func list(mgr ctrl.Manager, live client.Client, told measured, o Options) []controller {
	cached := mgr.GetClient()
	programs, ledger, gates := &expression.Cache{}, &guard.Ledger{}, told.gates
	probes := make(chan event.GenericEvent, probesWaiting)
	publisher := &guard.Publisher{
		Recorder: mgr.GetEventRecorder("scim-controller"), Metrics: guard.NewMetrics(metrics.Registry), Unwritten: ledger.Unwritten,
	}
	connections := &application.Connections{Secrets: live, Openers: o.Openers, Called: told.metrics.Called}
	return []controller{
		&directory.Reconciler{Client: cached, PublicURL: o.PublicURL, Publisher: publisher},
		&directory.Keys{Client: cached, Dial: o.Egress.DialContext, Clock: clock.RealClock{}},
		&token.Reconciler{
			Client: cached, Live: live, Clock: clock.RealClock{}, Recorder: mgr.GetEventRecorder("scim-controller"), Metrics: token.NewMetrics(metrics.Registry),
		},
		&application.Reconciler{
			Client: cached, Live: live, Connections: connections, Programs: programs, Resync: o.Resync,
			Probes: probes, Opened: gates.Open, Forget: told.forget, Recorder: mgr.GetEventRecorder("scim-controller"),
		},
		&application.Orphans{Client: cached, Live: live, Connections: connections, Resync: o.Resync},
		&application.Counter{Client: cached, Publisher: publisher},
		&group.Reconciler{Client: cached},
		&grant.Reconciler{Client: cached, Programs: programs, Clock: clock.RealClock{}},
		&assignment.Reconciler{Client: cached, Live: live, Programs: programs, Ledger: ledger, Clock: clock.RealClock{}},
		&account.Reconciler{
			Client: cached, Live: live, Connect: connections.Connect, Gates: gates, Probe: asking(probes),
			Recorder: mgr.GetEventRecorder("scim-controller"), Resync: o.Resync, Applied: told.metrics.Applied, Called: told.metrics.Called,
		},
	}
}

// asking asks for probes of applications. When so many ask that there is no room, one more is not needed: who asked is answered by the
// change of the application's status, and that is probed from time to time anyway.
func asking(probes chan<- event.GenericEvent) func(types.NamespacedName) {
	return func(app types.NamespacedName) {
		wanted := &v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Namespace: app.Namespace, Name: app.Name}}
		select {
		case probes <- event.GenericEvent{Object: wanted}:
		default:
		}
	}
}
