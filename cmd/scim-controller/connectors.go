// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"k8s.io/client-go/rest"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/connector/egress"
)

// openers is the list of connectors. own is the cluster that the operator runs in; out says where else connectors may connect to.
func openers(own *rest.Config, out egress.Policy) map[v1alpha1.ConnectorType]application.Opener {
	return map[v1alpha1.ConnectorType]application.Opener{
		v1alpha1.ConnectorKubernetes: openKubernetes(own, out.DialContext),
		v1alpha1.ConnectorPostgreSQL: openPostgreSQL(out.DialContext),
		v1alpha1.ConnectorLDAP:       openLDAP(out.DialContext),
		v1alpha1.ConnectorSCIM:       openSCIM(out.DialContext),
		v1alpha1.ConnectorHTTP:       openHTTP(out.DialContext),
		v1alpha1.ConnectorWebhook:    openWebhook(out.DialContext),
	}
}
