// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// WebhookConnector keeps accounts by the requests of docs/connectors/webhook.md, which the application's own team serves.
type WebhookConnector struct {
	// endpoint is where the contract is served.
	// +required
	Endpoint HTTPEndpoint `json:"endpoint,omitzero"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []WebhookRole `json:"roles,omitempty"`
}

// WebhookRole is a role of the application: whatever the application calls it.
type WebhookRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`
}
