// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ScimAccountSpec is what an account shall be.
type ScimAccountSpec struct {
	// applicationRef names the application. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="applicationRef cannot change"
	ApplicationRef LocalReference `json:"applicationRef,omitzero"`

	// userRef names the ScimUser. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="userRef cannot change"
	UserRef LocalReference `json:"userRef,omitzero"`

	// userName is the login name in the application.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	UserName string `json:"userName,omitempty"`

	// state says whether the account may be used.
	// +required
	State State `json:"state,omitempty"`

	// roles that the account has in the application.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	Roles []RoleName `json:"roles,omitempty"`
}

// ScimAccountStatus is what the account is.
type ScimAccountStatus struct {
	// conditions of the account. Ready: InSync, ApplicationNotFound, ApplicationNotReady, Invalid, Conflict, Denied, Unavailable, Error, Deleting. Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// externalID is the identifier of the account in the application, where it has one.
	// It is never trusted: the mark that we left downstream says what is ours.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ExternalID string `json:"externalID,omitempty"`

	// state that was seen in the application.
	// +optional
	State State `json:"state,omitempty"`

	// roles that were seen in the application.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	Roles []RoleName `json:"roles,omitempty"`
}

// ScimAccount is one account of one user in one application: spec is what it shall be, status is what it is.
// Only scim-controller writes it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.applicationRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.userRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.userName`
// +kubebuilder:selectablefield:JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.spec.applicationRef.name`
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.spec.userName`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="Roles",type=string,JSONPath=`.spec.roles`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimAccount struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the account shall be.
	// +required
	Spec ScimAccountSpec `json:"spec,omitzero"`
	// status is what the account is.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status ScimAccountStatus `json:"status,omitempty"`
}

// ScimAccountList is a list of ScimAccount.
//
// +kubebuilder:object:root=true
type ScimAccountList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimAccount `json:"items"`
}
