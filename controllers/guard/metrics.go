// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics tell what is held.
type Metrics struct {
	held  *prometheus.GaugeVec
	total *prometheus.CounterVec
}

// NewMetrics registers them with r, or takes those that are registered there already.
func NewMetrics(r prometheus.Registerer) *Metrics {
	labels := []string{"namespace", "kind", "name"}
	return &Metrics{
		held: register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "scim_operator_held_removals",
			Help: "Accounts whose removal waits for somebody to approve or reject it, by the ScimApplication or ScimDirectory whose guard holds it.",
		}, labels)),
		total: register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scim_operator_held_removals_total",
			Help: "By how many accounts that number ever grew.",
		}, labels)),
	}
}

// register returns c, or the one of that name that is there. Another kind under that name is a mistake in the program.
func register[C prometheus.Collector](r prometheus.Registerer, c C) C {
	var there prometheus.AlreadyRegisteredError
	if err := r.Register(c); errors.As(err, &there) {
		return there.ExistingCollector.(C) // see above
	} else if err != nil {
		panic(err)
	}
	return c
}

// set tells how many accounts are held, and how many were before.
func (m *Metrics) set(namespace, kind, name string, before, now int32) {
	m.held.WithLabelValues(namespace, kind, name).Set(float64(now))
	if now > before {
		m.total.WithLabelValues(namespace, kind, name).Add(float64(now - before))
	}
}

// Forget stops telling about an object of that kind that is gone.
func (m *Metrics) Forget(namespace, kind, name string) {
	m.held.DeleteLabelValues(namespace, kind, name)
	m.total.DeleteLabelValues(namespace, kind, name)
}
