// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// LDAPConnector keeps accounts as entries of a directory server.
type LDAPConnector struct {
	// url is ldaps://host[:port], or ldap://host[:port], which needs StartTLS.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^ldaps?://[^/?#@\s]+$`
	URL string `json:"url,omitempty"`

	// credentialSecretRef names the Secret with the credential: the keys "username", which is the DN to bind as, and "password", and "ca.crt", the only authorities that are trusted then. It carries
	// the label scim-operator.dev/credential=true, and the annotation scim-operator.dev/hosts names every host that it may be sent to.
	// +required
	CredentialSecretRef LocalReference `json:"credentialSecretRef,omitzero"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []LDAPRole `json:"roles,omitempty"`
}

// LDAPRole is a role of the application: a group entry of the server.
type LDAPRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`
}
