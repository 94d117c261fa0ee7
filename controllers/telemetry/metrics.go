// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"cmp"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/scim-operator/scim-operator/controllers/account"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

// labelNamespace and labelApplication name a ScimApplication.
const labelNamespace, labelApplication = "namespace", "application"

// Metrics count what was done. They are safe for concurrent use.
type Metrics struct {
	clock   clock.PassiveClock
	changes *prometheus.HistogramVec
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

// NewMetrics returns Metrics in which nothing is counted yet.
func NewMetrics(c clock.PassiveClock) *Metrics {
	return &Metrics{
		clock: c,
		changes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "scim_operator_apply_duration_seconds",
			Help:    "Time from a SCIM request to the moment when its change was seen applied in the application, by what it did to the account.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800},
		}, []string{labelNamespace, labelApplication, "change"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scim_operator_connector_calls_total",
			Help: "Calls to connectors, by the kind of error that they ended with; Ok without one.",
		}, []string{labelNamespace, labelApplication, "verb", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "scim_operator_connector_call_duration_seconds",
			Help:    "Time that calls to connectors took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}, []string{labelNamespace, labelApplication, "verb"}),
	}
}

// Register registers all of them.
func (m *Metrics) Register(r prometheus.Registerer) error {
	return errors.Join(replace(r, m.changes), replace(r, m.calls), replace(r, m.seconds))
}

// Applied counts a change of SCIM that arrived now; it is account.Reconciler.Applied. Clocks that differ make no negative time.
func (m *Metrics) Applied(a account.Applied) {
	took := max(0, m.clock.Since(a.RequestedAt).Seconds())
	m.changes.WithLabelValues(a.Application.Namespace, a.Application.Name, string(a.Class)).Observe(took)
}

// resultOk is the result of a call without an error.
const resultOk = "Ok"

// Called counts the calls to an application.
func (m *Metrics) Called(app types.NamespacedName) connector.Called {
	return func(c connector.Call) {
		m.calls.WithLabelValues(app.Namespace, app.Name, string(c.Verb), cmp.Or(string(c.Kind), resultOk)).Inc()
		m.seconds.WithLabelValues(app.Namespace, app.Name, string(c.Verb)).Observe(c.Took.Seconds())
	}
}

// Forget stops telling about an application that is gone.
func (m *Metrics) Forget(app types.NamespacedName) {
	of := prometheus.Labels{labelNamespace: app.Namespace, labelApplication: app.Name}
	m.changes.DeletePartialMatch(of)
	m.calls.DeletePartialMatch(of)
	m.seconds.DeletePartialMatch(of)
}
