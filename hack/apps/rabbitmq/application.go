// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package rabbitmq

import (
	_ "embed" // for application.yaml
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// lock stands before the hash of the password of a suspended user, as application.yaml puts it there.
const lock = "c2NpbS1sb2Nr"

// application is what docs/connectors/http/rabbitmq.md says about RabbitMQ; a test compares the two.
//
//go:embed application.yaml
var application []byte

// Specification returns application.yaml, in which the URL is that of an example.
func Specification() []byte { return append([]byte(nil), application...) }

// Application implements [apps.App].
func (a *App) Application() v1alpha1.ScimApplicationSpec {
	var spec v1alpha1.ScimApplicationSpec
	if err := yaml.UnmarshalStrict(application, &spec); err != nil {
		panic(err) // it is part of the program
	}
	spec.Connector.HTTP.Endpoint.URL = a.base
	spec.Connector.HTTP.Endpoint.AllowPlaintext = true
	return spec
}

// Credential implements [apps.App].
func (a *App) Credential() (data map[string][]byte, hosts string) {
	data = map[string][]byte{"username": []byte(connectorUser), "password": []byte(a.passwords[connectorUser])}
	return data, strings.TrimSuffix(strings.TrimPrefix(a.base, "http://"), "/api")
}

// Roles implements [apps.App].
func (a *App) Roles() []v1alpha1.RoleName { return []v1alpha1.RoleName{"monitoring", "policymaker"} }
