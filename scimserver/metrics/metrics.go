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
	inFlight prometheus.Gauge
	received prometheus.Counter
	sent     prometheus.Counter
	refused  *prometheus.CounterVec
	lost     prometheus.Counter

	apiRequests *prometheus.CounterVec
	apiSeconds  *prometheus.HistogramVec
}

// New returns Metrics in which nothing is counted yet, with those of the Go runtime and of the process beside them.
func New() *Metrics {
	bytes := counters("scim_operator_body_bytes_total", "Bytes of bodies, received and sent.", "direction")
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		rules: counters("scim_operator_dialect_rules_total",
			"Times that something outside the RFCs was accepted, by the rule that accepted it.", "namespace", "directory", "rule"),
		requests: counters("scim_operator_requests_total",
			"SCIM requests answered. Without authentication, the namespace, the directory and the route are empty.", "namespace", "directory", "route", "method", "code"),
		// A request may take 25 s.
		seconds: histograms("scim_operator_request_duration_seconds", "Time from the headers of a SCIM request to the end of its answer.",
			[]float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25}, "route", "method", "class"),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "scim_operator_requests_in_flight", Help: "SCIM requests under way."}),
		received: bytes.WithLabelValues("received"), sent: bytes.WithLabelValues("sent"),
		refused: counters("scim_operator_authentication_failures_total",
			"Requests that nobody was authenticated for: credentials were missing, unknown (no token of ours), or refused (one that opens nothing here).", "reason"),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scim_operator_audit_dropped_total",
			Help: "Audit records that could not be written.",
		}),
		apiRequests: counters("scim_operator_apiserver_requests_total", "Requests to the API server of Kubernetes; the code is none where there was no answer.", "method", "resource", "code"),
		apiSeconds: histograms("scim_operator_apiserver_request_duration_seconds", "Time until the API server of Kubernetes answered, without watches.",
			[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25}, "method"),
	}
	for _, kind := range []httpapi.RefusedAs{httpapi.RefusedNothing, httpapi.RefusedUnknown, httpapi.RefusedToken} {
		m.refused.WithLabelValues(string(kind)) // so that the first failure is an increase
	}
	m.registry.MustRegister(
		m.rules, m.requests, m.seconds, m.inFlight, bytes, m.refused, m.lost, m.apiRequests, m.apiSeconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// Tell begins to tell whether the process is ready, and how many requests may be under way. It is called once.
func (m *Metrics) Tell(ready func() bool, inFlight int) {
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "scim_operator_server_ready", Help: "1 while this scim-server should get requests."}, func() float64 {
			if ready() {
				return 1
			}
			return 0
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "scim_operator_requests_in_flight_limit", Help: "How many SCIM requests may be under way; the next one is answered 503.",
		}, func() float64 { return float64(inFlight) }),
	)
}

// RuleUsed counts that a directory accepted something by a rule; it is what directory.NewProfiles takes.
func (m *Metrics) RuleUsed(namespace, directory string, rule scim.Rule) {
	m.rules.WithLabelValues(namespace, directory, string(rule)).Inc()
}

// RequestBegan counts a request that is under way; it is httpapi.Options.Began.
func (m *Metrics) RequestBegan() { m.inFlight.Inc() }

// RequestServed counts a request that is over; it is httpapi.Options.Served.
func (m *Metrics) RequestServed(s httpapi.Served) {
	m.inFlight.Dec()
	m.requests.WithLabelValues(s.Namespace, s.Directory, s.Route, s.Method, strconv.Itoa(s.Status)).Inc()
	m.seconds.WithLabelValues(s.Route, s.Method, strconv.Itoa(s.Status/100)+"xx").Observe(s.Took.Seconds())
	m.received.Add(float64(s.Received))
	m.sent.Add(float64(s.Sent))
	if s.Refused != "" {
		m.refused.WithLabelValues(string(s.Refused)).Inc()
	}
}

// AuditDropped counts an audit record that is lost; it is audit.Options.Lost.
func (m *Metrics) AuditDropped() { m.lost.Inc() }

// Handler serves GET /metrics. Nobody is authenticated there: it belongs on a listener that only Prometheus reaches.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}
