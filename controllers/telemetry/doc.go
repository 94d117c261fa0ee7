// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package telemetry measures what the controllers do, for Prometheus.
//
//	what objects say    Accounts    how many accounts there are, which removals wait, since when; kept from event to event, so that a
//	                                scrape costs the same with ten accounts as with a hundred thousand
//	what was done       Metrics     how long changes of SCIM took to arrive, what connectors were asked and answered
//	what gates say      Gates       which application is left alone, and how many wait for it
//
// What objects say is told by every replica, also by those that do not lead, and is the same after a restart: a query takes the maximum. What was done is
// told by whoever did it: a query takes the sum. What is held by a removal guard is told by package guard.
//
// Every label is a name of ours or the name of an object that an administrator made: the namespace and the name of a ScimApplication.
package telemetry

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// replace registers c, in place of one of an earlier manager of this process: only tests have several.
func replace(r prometheus.Registerer, c prometheus.Collector) error {
	err := r.Register(c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		r.Unregister(there.ExistingCollector)
		err = r.Register(c)
	}
	return err
}
