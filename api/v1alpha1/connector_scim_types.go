// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// SCIMConnector keeps accounts as users of an application that speaks SCIM 2.0 (RFC 7644). Its mark is the externalId. Suspended means active=false.
type SCIMConnector struct {
	// endpoint is the base URL of SCIM, which has /Users below it.
	// +required
	Endpoint HTTPEndpoint `json:"endpoint,omitzero"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []SCIMRole `json:"roles,omitempty"`
}

// SCIMRole is a role of the application: a group of the application.
type SCIMRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`
}
