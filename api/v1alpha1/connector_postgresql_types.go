// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// PostgreSQLConnector keeps accounts as roles that can log in. Its mark is the comment of the role. Suspended means NOLOGIN, no membership and no session.
type PostgreSQLConnector struct {
	// host is the name or address of the server.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.:-]+$`
	Host string `json:"host,omitempty"`

	// port of the server.
	// +optional
	// +kubebuilder:default=5432
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// credentialSecretRef names the Secret with the credential: the keys "username" and "password", or "tls.crt" and "tls.key", and "ca.crt", the only authorities that are trusted then. It carries
	// the label scim-operator.dev/credential=true, and the annotation scim-operator.dev/hosts names every host that it may be sent to.
	// +required
	CredentialSecretRef LocalReference `json:"credentialSecretRef,omitzero"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []PostgreSQLRole `json:"roles,omitempty"`
}

// PostgreSQLRole is a role of the application: a role of the server that accounts become members of.
type PostgreSQLRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`

	// memberOf is the role of the server. The default is the name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	MemberOf string `json:"memberOf,omitempty"`
}
