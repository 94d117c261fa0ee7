// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Metrics tell how the credentials of ScimTokens stand.
type Metrics struct {
	expiry, lastUsed, rotating *prometheus.GaugeVec
}

// NewMetrics registers them with r, or takes those that are registered there already.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"namespace", "token", "directory"}))
	}
	return &Metrics{
		expiry: gauge("scim_operator_token_expiry_timestamp_seconds",
			"When the credential that the identity provider uses ends, as Unix time. There is none for one that does not end."),
		lastUsed: gauge("scim_operator_token_last_used_timestamp_seconds",
			"When a credential of the ScimToken was last used, to about five minutes, as Unix time. There is none for one that was never used."),
		rotating: gauge("scim_operator_token_rotating",
			"1 while the identity provider still uses an old credential although there is a new one, otherwise 0."),
	}
}

// register returns g, or the one of that name that is there. Another kind under that name is a mistake in the program.
func register(r prometheus.Registerer, g *prometheus.GaugeVec) *prometheus.GaugeVec {
	var there prometheus.AlreadyRegisteredError
	if err := r.Register(g); errors.As(err, &there) {
		return there.ExistingCollector.(*prometheus.GaugeVec) // see above
	} else if err != nil {
		panic(err)
	}
	return g
}

// show tells what the status of tok says.
func (m *Metrics) show(tok *v1alpha1.ScimToken) {
	labels := prometheus.Labels{"namespace": tok.Namespace, "token": tok.Name, "directory": tok.Spec.DirectoryRef.Name}
	var using v1alpha1.TokenCredential
	onOld := 0.0
	if credentials := tok.Status.Credentials; len(credentials) > 0 {
		index := inUse(credentials)
		using = credentials[index]
		onOld = float64(min(index, 1)) // the newest is the first
	}
	m.rotating.With(labels).Set(onOld)
	set(m.expiry, labels, using.NotAfter)
	set(m.lastUsed, labels, using.LastUsedAt)
}

// set tells a time, or that there is none.
func set(g *prometheus.GaugeVec, labels prometheus.Labels, t *metav1.Time) {
	if t == nil {
		g.Delete(labels)
		return
	}
	g.With(labels).Set(float64(t.Unix()))
}

// forget stops telling about a ScimToken that is gone.
func (m *Metrics) forget(namespace, name string) {
	for _, g := range []*prometheus.GaugeVec{m.expiry, m.lastUsed, m.rotating} {
		g.DeletePartialMatch(prometheus.Labels{"namespace": namespace, "token": name})
	}
}
