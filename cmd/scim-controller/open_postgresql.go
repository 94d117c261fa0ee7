// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/postgresql"
)

func openPostgreSQL(dial postgresql.DialFunc) application.Opener {
	return func(ctx context.Context, app *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
		spec := app.Spec.Connector.PostgreSQL
		cfg := postgresql.Config{
			Host: spec.Host, Port: spec.Port, Database: spec.Database, TLS: postgresql.TLSMode(spec.TLSMode), MaxConnections: spec.MaxConnections,
			StatementTimeout: time.Duration(spec.StatementTimeoutSeconds) * time.Second, Credential: credential, Dial: dial,
		}
		if owned := spec.OwnedObjects; owned != nil && owned.Policy == v1alpha1.PostgreSQLReassign {
			cfg.ReassignTo = owned.ReassignTo
		}
		for _, role := range spec.Roles {
			cfg.Roles = append(cfg.Roles, postgresql.Role{Name: string(role.Name), MemberOf: role.MemberOf})
		}
		return postgresql.Open(ctx, cfg)
	}
}
