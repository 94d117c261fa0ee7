// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/scim-operator/scim-operator/controllers/gate"
)

// Gates tells how the gates of the applications stand at the moment of a scrape.
type Gates struct {
	gates                 *gate.Gates
	open, active, waiting *prometheus.Desc
}

var _ prometheus.Collector = (*Gates)(nil)

// NewGates returns a collector of what gates say.
func NewGates(gates *gate.Gates) *Gates {
	labels := []string{labelNamespace, labelApplication, "lane"}
	return &Gates{
		gates: gates,
		open: prometheus.NewDesc("scim_operator_gate_open",
			"1 if accounts of the application are worked on as they come, 0 if it is left alone for a while because it did not answer or refused us.", labels, nil),
		active:  prometheus.NewDesc("scim_operator_gate_active_accounts", "Accounts that are worked on now.", labels, nil),
		waiting: prometheus.NewDesc("scim_operator_gate_waiting_accounts", "Accounts that wait for a place, or for the application to answer again.", labels, nil),
	}
}

// Register registers it.
func (g *Gates) Register(r prometheus.Registerer) error { return replace(r, g) }

// Describe implements prometheus.Collector.
func (g *Gates) Describe(to chan<- *prometheus.Desc) {
	to <- g.open
	to <- g.active
	to <- g.waiting
}

// Collect implements prometheus.Collector.
func (g *Gates) Collect(to chan<- prometheus.Metric) {
	for _, s := range g.gates.States() {
		lane := "additions"
		if s.Removal {
			lane = "removals"
		}
		tell := func(what *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(what, prometheus.GaugeValue, value, s.App.Namespace, s.App.Name, lane)
		}
		tell(g.open, one(s.Open))
		tell(g.active, float64(s.Active))
		tell(g.waiting, float64(s.Waiting))
	}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
