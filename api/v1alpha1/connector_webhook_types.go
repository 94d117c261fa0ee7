// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// WebhookOperation is a part of the contract that an application need not serve.
// +kubebuilder:validation:Enum=List;Adopt;Revoke
type WebhookOperation string

const (
	// WebhookList lists the accounts of the application, so that those are found that bear nobody's mark.
	WebhookList WebhookOperation = "List"
	// WebhookAdopt finds accounts that were there before, and puts a mark on them.
	WebhookAdopt WebhookOperation = "Adopt"
	// WebhookRevoke ends sessions and tokens.
	WebhookRevoke WebhookOperation = "Revoke"
)

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

	// attributes are those of an account that the application keeps: displayName, email, and names of account.attributes. The others are not sent.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=34
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Attributes []string `json:"attributes,omitempty"`

	// operations are those of the optional ones that the application serves. They are asked for only if they are here: List finds accounts that
	// nobody keeps, Adopt takes over those that were there before, Revoke ends sessions and tokens of somebody who is suspended.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=3
	Operations []WebhookOperation `json:"operations,omitempty"`
}

// WebhookRole is a role of the application: whatever the application calls it.
type WebhookRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`
}
