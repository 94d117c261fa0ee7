// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ScimUserSpec is a user as the identity provider described it.
// +kubebuilder:validation:XValidation:rule="!has(self.deletedAt) || self.state == 'Suspended'",message="a deleted user is Suspended"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.deletedAt) || (has(self.deletedAt) && self.deletedAt == oldSelf.deletedAt)",message="a deleted user stays deleted"
type ScimUserSpec struct {
	// directoryRef names the directory that the user came through. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="directoryRef cannot change"
	DirectoryRef LocalReference `json:"directoryRef,omitzero"`

	// userName as it was sent (RFC 7643 §4.1.1). Unique in the directory whatever the case: see ScimName.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	UserName string `json:"userName,omitempty"`

	// externalID is the identifier of the user at the identity provider (RFC 7643 §3.1). It selects nothing here.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ExternalID string `json:"externalID,omitempty"`

	// state is Suspended while the identity provider says active: false.
	// +required
	State State `json:"state,omitempty"`

	// deletedAt is when the identity provider deleted the user, in a directory that keeps deleted users for a while. Such a user is
	// Suspended, is not shown over SCIM any more and does not hold the userName.
	// +optional
	DeletedAt *metav1.Time `json:"deletedAt,omitempty"`

	// attributes are the other attributes of the SCIM User, by their SCIM names; those of an extension are under its URN.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +structType=atomic
	Attributes *runtime.RawExtension `json:"attributes,omitempty"`
}

// AccountCounts counts the ScimAccounts of an object.
type AccountCounts struct {
	// desired is how many there shall be.
	// +optional
	Desired int32 `json:"desired"`
	// ready is how many of them are as they shall be.
	// +optional
	Ready int32 `json:"ready"`
	// held is how many of them wait because a change is held.
	// +optional
	Held int32 `json:"held,omitempty"`
}

// ScimUserStatus is what scim-controller made of the user.
type ScimUserStatus struct {
	// conditions of the user. Ready: Provisioned, Provisioning, Held, Locked, MappingFailed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// accounts counts the accounts of the user in the applications.
	// +optional
	Accounts AccountCounts `json:"accounts,omitzero"`
}

// ScimUser is one user of a directory. Its name is the SCIM id: random, never derived from the user and never used again.
// Only scim-server writes its spec; what people want to say about a user goes into a ScimGrant.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.userName`
// +kubebuilder:selectablefield:JSONPath=`.spec.externalID`
// +kubebuilder:selectablefield:JSONPath=`.spec.directoryRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.spec.userName`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="Accounts",type=integer,JSONPath=`.status.accounts.desired`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Directory",type=string,priority=1,JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Display Name",type=string,priority=1,JSONPath=`.spec.attributes.displayName`
// +kubebuilder:printcolumn:name="External ID",type=string,priority=1,JSONPath=`.spec.externalID`
// +kubebuilder:printcolumn:name="Deleted",type=date,priority=1,JSONPath=`.spec.deletedAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimUser struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the identity provider said.
	// +required
	Spec ScimUserSpec `json:"spec,omitzero"`
	// status is what scim-controller made of it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status ScimUserStatus `json:"status,omitempty"`
}

// ScimUserList is a list of ScimUser.
//
// +kubebuilder:object:root=true
type ScimUserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimUser `json:"items"`
}
