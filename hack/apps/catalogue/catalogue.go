// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package catalogue lists the applications that can be started here, one for each connector. It is the only place that does: demos, tests and
// measurements take whatever it has.
package catalogue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/hack/apps"
	"github.com/scim-operator/scim-operator/hack/apps/kubernetes"
	"github.com/scim-operator/scim-operator/hack/apps/ldap"
	"github.com/scim-operator/scim-operator/hack/apps/postgres"
	"github.com/scim-operator/scim-operator/hack/apps/rabbitmq"
	"github.com/scim-operator/scim-operator/hack/apps/scim"
	"github.com/scim-operator/scim-operator/hack/apps/webhook"
)

// Start starts an application and returns once accounts can be kept in it.
type Start func(ctx context.Context, o apps.Options) (apps.App, error)

// All are the applications by the names of their connectors.
func All() map[string]Start {
	return map[string]Start{
		"http":       rabbitmq.Start,
		"kubernetes": kubernetes.Start,
		"ldap":       ldap.Start,
		"postgres":   postgres.Start,
		"scim":       scim.Start,
		"webhook":    webhook.Start,
	}
}

// Names are those of all, sorted.
func Names() []string { return slices.Sorted(maps.Keys(All())) }

// Find returns the application of that name, or an error that says which there are.
func Find(name string) (Start, error) {
	start, found := All()[name]
	if !found {
		return nil, fmt.Errorf("there is no application for a connector %q: there are %s", name, strings.Join(Names(), ", "))
	}
	return start, nil
}
