// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/scim-operator/scim-operator/scimserver/httpapi"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Metrics is everything that one process counts. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	rules    *prometheus.CounterVec
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	lost     prometheus.Counter
}

// New returns Metrics in which nothing is counted yet, with those of the Go runtime and of the process beside them.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		rules: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scim_operator_dialect_rules_total",
			Help: "Times that something outside the RFCs was accepted, by the rule that accepted it.",
		}, []string{"namespace", "directory", "rule"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scim_operator_requests_total",
			Help: "SCIM requests answered. Without authentication, the namespace, the directory and the route are empty.",
		}, []string{"namespace", "directory", "route", "method", "code"}),
		// A request may take 25 s.
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "scim_operator_request_duration_seconds",
			Help:    "Time from the headers of a SCIM request to the end of its answer.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25},
		}, []string{"route", "method", "class"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scim_operator_audit_dropped_total",
			Help: "Audit records that could not be written.",
		}),
	}
	m.registry.MustRegister(
		m.rules, m.requests, m.seconds, m.lost,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// RuleUsed counts that a directory accepted something by a rule; it is what directory.NewProfiles takes.
func (m *Metrics) RuleUsed(namespace, directory string, rule scim.Rule) {
	m.rules.WithLabelValues(namespace, directory, string(rule)).Inc()
}

// RequestServed counts a request; it is httpapi.Options.Served.
func (m *Metrics) RequestServed(s httpapi.Served) {
	m.requests.WithLabelValues(s.Namespace, s.Directory, s.Route, s.Method, strconv.Itoa(s.Status)).Inc()
	m.seconds.WithLabelValues(s.Route, s.Method, strconv.Itoa(s.Status/100)+"xx").Observe(s.Took.Seconds())
}

// AuditDropped counts an audit record that is lost; it is audit.Options.Lost.
func (m *Metrics) AuditDropped() { m.lost.Inc() }

// Handler serves GET /metrics. Nobody is authenticated there: it belongs on a listener that only Prometheus reaches.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
