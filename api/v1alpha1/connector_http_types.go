// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// HTTPConnector keeps accounts by requests to an HTTP API of the application's own.
type HTTPConnector struct {
	// endpoint is where the API is.
	// +required
	Endpoint HTTPEndpoint `json:"endpoint,omitzero"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []HTTPRole `json:"roles,omitempty"`
}

// HTTPRole is a role of the application: whatever the application calls it.
type HTTPRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`
}
