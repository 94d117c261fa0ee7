// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"maps"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
	"github.com/scim-operator/scim-operator/hack/cluster"
)

// maxConnections of the connector on a way that has faults.
const maxConnections = 4

// faultySystem is system on a way on which everything goes wrong in turn: first the connections, then the requests, then the witness, who sees what
// the application gets. All that is no part of the connector goes around it.
func (w world) faultySystem(t testing.TB) connectortest.System {
	requests, err := faults.ListenHTTP(cluster.FreeAddress(t), serve(t, w.witness.server.Config.Handler.ServeHTTP))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = requests.Close() })
	way, err := faults.Listen(cluster.FreeAddress(t), requests.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = way.Close() })
	cfg := w.config()
	cfg.Endpoint.URL, cfg.Endpoint.AllowPlaintext, cfg.Endpoint.MaxConnections = "http://"+way.Address()+"/contract", true, maxConnections
	s := w.system(t)
	s.Connector, s.Faults = open(t, cfg), way.Faults()
	maps.Copy(s.Faults, requests.Faults(nil))
	s.CountOf = func(_ testing.TB, userName string) int { return w.app.CountOf(userName) }
	s.Calls = requests.Requests
	s.MostConnections, s.MaxConnections = func() int { return way.Counts().Most }, maxConnections
	return s
}
