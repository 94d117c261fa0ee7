// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	"github.com/scim-operator/scim-operator/controllers/connector/scim"
)

func openSCIM(dial outbound.DialFunc) application.Opener {
	return func(ctx context.Context, app *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
		spec := app.Spec.Connector.SCIM
		cfg := scim.Config{
			Endpoint: endpoint(&spec.Endpoint, credential, dial), RolesAs: scim.RolesAs(spec.RolesAs), Suspension: scim.Suspension(spec.Suspension),
			AdoptExternalIDs: spec.AdoptExternalIDs,
		}
		for _, role := range spec.Roles {
			cfg.Roles = append(cfg.Roles, scim.Role{Name: string(role.Name), Group: role.Group, GroupID: role.GroupID, Value: role.Value})
		}
		return scim.Open(ctx, cfg)
	}
}
