// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
	"github.com/scim-operator/scim-operator/controllers/connector/webhook"
)

func openWebhook(dial outbound.DialFunc) application.Opener {
	return func(ctx context.Context, app *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
		spec := app.Spec.Connector.Webhook
		cfg := webhook.Config{Endpoint: endpoint(&spec.Endpoint, credential, dial), Attributes: spec.Attributes}
		for _, role := range spec.Roles {
			cfg.Roles = append(cfg.Roles, string(role.Name))
		}
		for _, operation := range spec.Operations {
			cfg.Operations = append(cfg.Operations, webhook.Operation(operation))
		}
		return webhook.Open(ctx, cfg)
	}
}
