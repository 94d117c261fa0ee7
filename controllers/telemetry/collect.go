// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// Describe implements prometheus.Collector.
func (t *Accounts) Describe(to chan<- *prometheus.Desc) {
	for _, what := range []*prometheus.Desc{t.accounts, t.pending, t.oldest, t.ready} {
		to <- what
	}
}

// Collect implements prometheus.Collector. It costs what there are of applications and of removals that wait.
func (t *Accounts) Collect(to chan<- prometheus.Metric) {
	t.mu.Lock()
	all := t.told()
	t.mu.Unlock()
	for _, one := range all {
		to <- one
	}
}

// told is everything that there is to tell. It is called with the lock.
func (t *Accounts) told() (all []prometheus.Metric) {
	tell := func(what *prometheus.Desc, value float64, app types.NamespacedName, more ...string) {
		labels := append([]string{app.Namespace, app.Name}, more...)
		all = append(all, prometheus.MustNewConstMetric(what, prometheus.GaugeValue, value, labels...))
	}
	for _, m := range t.groups {
		tell(t.accounts, float64(m.count), m.app, string(m.state), m.reason)
	}
	for app, ready := range t.applications {
		tell(t.ready, one(ready), app)
	}
	for app, queue := range t.queues() {
		tell(t.pending, float64(queue.length), app)
		tell(t.oldest, queue.age.Seconds(), app)
	}
	return all
}

// queue is the removals that wait in an application.
type queue struct {
	length int
	age    time.Duration // of the oldest
}

// queues has an entry for every application, also where nothing waits.
func (t *Accounts) queues() map[types.NamespacedName]queue {
	queues, now := make(map[types.NamespacedName]queue, len(t.applications)), t.clock.Now()
	for app := range t.applications {
		queues[app] = queue{}
	}
	for _, w := range t.removals {
		q := queues[w.app]
		q.length++
		q.age = max(q.age, now.Sub(w.since))
		queues[w.app] = q
	}
	return queues
}
