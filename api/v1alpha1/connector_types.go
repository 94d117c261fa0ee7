// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ConnectorType names a member of the connector union.
// +kubebuilder:validation:Enum=Kubernetes;PostgreSQL;LDAP;SCIM;HTTP;Webhook
type ConnectorType string

const (
	// ConnectorKubernetes grants by RoleBindings and ClusterRoleBindings.
	ConnectorKubernetes ConnectorType = "Kubernetes"
	// ConnectorPostgreSQL keeps roles of a PostgreSQL server that can log in.
	ConnectorPostgreSQL ConnectorType = "PostgreSQL"
	// ConnectorLDAP keeps entries of a directory server.
	ConnectorLDAP ConnectorType = "LDAP"
	// ConnectorSCIM keeps users of an application that speaks SCIM 2.0.
	ConnectorSCIM ConnectorType = "SCIM"
	// ConnectorHTTP keeps accounts of an application by requests to an HTTP API of its own.
	ConnectorHTTP ConnectorType = "HTTP"
	// ConnectorWebhook keeps accounts of an application that serves our contract for webhooks.
	ConnectorWebhook ConnectorType = "Webhook"
)

// Connector says how accounts are kept in the application. The member named by type is set, and no other.
// +kubebuilder:validation:XValidation:rule="(self.type == 'Kubernetes') == has(self.kubernetes)",message="connector.kubernetes must be set when connector.type is Kubernetes, and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'PostgreSQL') == has(self.postgresql)",message="connector.postgresql must be set when connector.type is PostgreSQL, and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'LDAP') == has(self.ldap)",message="connector.ldap must be set when connector.type is LDAP, and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'SCIM') == has(self.scim)",message="connector.scim must be set when connector.type is SCIM, and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'HTTP') == has(self.http)",message="connector.http must be set when connector.type is HTTP, and only then"
// +kubebuilder:validation:XValidation:rule="(self.type == 'Webhook') == has(self.webhook)",message="connector.webhook must be set when connector.type is Webhook, and only then"
type Connector struct {
	// type of the connector.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the type of a connector cannot change; make another ScimApplication"
	Type ConnectorType `json:"type,omitempty"`

	// kubernetes makes an account a subject of RoleBindings and ClusterRoleBindings.
	// +optional
	Kubernetes *KubernetesConnector `json:"kubernetes,omitempty"`

	// postgresql makes an account a role of a PostgreSQL server that can log in.
	// +optional
	PostgreSQL *PostgreSQLConnector `json:"postgresql,omitempty"`

	// ldap makes an account an entry of a directory server.
	// +optional
	LDAP *LDAPConnector `json:"ldap,omitempty"`

	// scim makes an account a user of an application that speaks SCIM 2.0.
	// +optional
	SCIM *SCIMConnector `json:"scim,omitempty"`

	// http makes an account by requests that are written here, for an application with an HTTP API of its own.
	// +optional
	HTTP *HTTPConnector `json:"http,omitempty"`

	// webhook makes an account by the requests of docs/connectors/webhook.md, which an application serves.
	// +optional
	Webhook *WebhookConnector `json:"webhook,omitempty"`
}

// SecretRef names the Secret with the credential of the connector, nil if it has none.
func (c *Connector) SecretRef() *LocalReference {
	switch {
	case c.Kubernetes != nil:
		return c.Kubernetes.KubeconfigSecretRef
	case c.PostgreSQL != nil:
		return &c.PostgreSQL.CredentialSecretRef
	case c.LDAP != nil:
		return &c.LDAP.CredentialSecretRef
	case c.SCIM != nil:
		return c.SCIM.Endpoint.CredentialSecretRef
	case c.HTTP != nil:
		return c.HTTP.Endpoint.CredentialSecretRef
	case c.Webhook != nil:
		return c.Webhook.Endpoint.CredentialSecretRef
	}
	return nil
}

// RoleNames are the names of the roles that the application declares, in the order of the spec.
func (c *Connector) RoleNames() []RoleName {
	switch {
	case c.Kubernetes != nil:
		return names(c.Kubernetes.Roles, func(r KubernetesRole) RoleName { return r.Name })
	case c.PostgreSQL != nil:
		return names(c.PostgreSQL.Roles, func(r PostgreSQLRole) RoleName { return r.Name })
	case c.LDAP != nil:
		return names(c.LDAP.Roles, func(r LDAPRole) RoleName { return r.Name })
	case c.SCIM != nil:
		return names(c.SCIM.Roles, func(r SCIMRole) RoleName { return r.Name })
	case c.HTTP != nil:
		return names(c.HTTP.Roles, func(r HTTPRole) RoleName { return r.Name })
	case c.Webhook != nil:
		return names(c.Webhook.Roles, func(r WebhookRole) RoleName { return r.Name })
	}
	return nil
}

func names[R any](roles []R, name func(R) RoleName) []RoleName {
	all := make([]RoleName, len(roles))
	for i, role := range roles {
		all[i] = name(role)
	}
	return all
}
