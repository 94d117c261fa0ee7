// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/kubernetes"
)

func openKubernetes(own *rest.Config, dial kubernetes.DialFunc) application.Opener {
	return func(ctx context.Context, app *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
		spec := app.Spec.Connector.Kubernetes
		cfg := kubernetes.Config{UserNamePrefix: spec.UserNamePrefix, RESTConfig: own}
		if spec.KubeconfigSecretRef != nil {
			remote, err := kubernetes.RESTConfigFromKubeconfig(credential["kubeconfig"], dial)
			if err != nil {
				return nil, err
			}
			cfg.RESTConfig = remote
		}
		for _, role := range spec.Roles {
			cfg.Roles = append(cfg.Roles, kubernetes.Role{
				Name: string(role.Name), Kind: role.RoleRef.Kind, RoleName: role.RoleRef.Name, Namespaces: role.Namespaces,
			})
		}
		return kubernetes.Open(ctx, cfg)
	}
}
