// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controllers lists the controllers. Each is a package of its own, with one kind to look after:
//
//	directory     ScimDirectory     its URL and its number of users
//	token         ScimToken         the token, its Secret, its hash
//	application   ScimApplication   the connection, the counts, the orphans; holds a deleted one until its accounts are gone
//	group         ScimGroup         how many members it has
//	grant         ScimGrant         whether it is in effect and for how many
//	assignment    ScimUser          who gets which account: ScimAccounts
//	account       ScimAccount       the account in the application, through a connector
package controllers

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/account"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/assignment"
	"github.com/scim-operator/scim-operator/controllers/directory"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/grant"
	"github.com/scim-operator/scim-operator/controllers/group"
	"github.com/scim-operator/scim-operator/controllers/guard"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/membership"
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
}

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
	for _, c := range list(mgr, live, o) {
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

// list is every controller; live is a client without a cache.
func list(mgr ctrl.Manager, live client.Client, o Options) []controller {
	cached := mgr.GetClient()
	programs, ledger := &expression.Cache{}, &guard.Ledger{}
	publisher := &guard.Publisher{
		Recorder: mgr.GetEventRecorder("scim-controller"), Metrics: guard.NewMetrics(metrics.Registry), Unwritten: ledger.Unwritten,
	}
	connections := &application.Connections{Secrets: live, Openers: o.Openers}
	return []controller{
		&directory.Reconciler{Client: cached, PublicURL: o.PublicURL, Publisher: publisher},
		&token.Reconciler{Client: cached, Secrets: live},
		&application.Reconciler{Client: cached, Live: live, Connections: connections, Resync: o.Resync},
		&application.Orphans{Client: cached, Live: live, Connections: connections, Resync: o.Resync},
		&application.Counter{Client: cached, Publisher: publisher},
		&group.Reconciler{Client: cached},
		&grant.Reconciler{Client: cached},
		&assignment.Reconciler{Client: cached, Live: live, Programs: programs, Ledger: ledger, Clock: clock.RealClock{}},
		&account.Reconciler{
			Client: cached, Live: live, Connect: connections.Connect,
			Recorder: mgr.GetEventRecorder("scim-controller"), Resync: o.Resync,
		},
	}
}
