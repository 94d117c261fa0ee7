// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SubjectKind says whom a subject matches.
// +kubebuilder:validation:Enum=Everyone;User
type SubjectKind string

const (
	// SubjectEveryone matches every user of the directory of the application.
	SubjectEveryone SubjectKind = "Everyone"
	// SubjectUser matches the user of one userName, whatever its case.
	SubjectUser SubjectKind = "User"
)

// Subject is whom a grant is for.
// +kubebuilder:validation:XValidation:rule="(self.kind == 'User') == has(self.userName)",message="userName must be set when kind is User, and only then"
type Subject struct {
	// kind is Everyone or User.
	// +required
	Kind SubjectKind `json:"kind,omitempty"`

	// userName of the user, whatever its case.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	UserName string `json:"userName,omitempty"`
}

// ScimGrantSpec gives roles of one application to some users.
type ScimGrantSpec struct {
	// applicationRef names the application. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="applicationRef cannot change; make another ScimGrant"
	ApplicationRef LocalReference `json:"applicationRef,omitzero"`

	// subjects that the grant is for: a user whom any of them matches.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Subjects []Subject `json:"subjects,omitempty"`

	// roles that the users get, by the names that the application declares. An empty list gives an account without roles.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Roles []RoleName `json:"roles,omitempty"`
}

// ScimGrantStatus is what scim-controller found.
type ScimGrantStatus struct {
	// conditions of the grant. Ready: InEffect, ApplicationNotFound, UnknownRole. Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// matchedUsers is how many users the grant is for, suspended ones too. It follows within seconds.
	// +optional
	MatchedUsers int64 `json:"matchedUsers"`
}

// ScimGrant gives users an account with roles in an application. Grants add up and none takes away;
// a default role is a grant for everyone. A user whom no grant matches has no account.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.applicationRef.name`
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.spec.applicationRef.name`
// +kubebuilder:printcolumn:name="Roles",type=string,JSONPath=`.spec.roles`
// +kubebuilder:printcolumn:name="Users",type=integer,JSONPath=`.status.matchedUsers`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimGrant struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what people ask for.
	// +required
	Spec ScimGrantSpec `json:"spec,omitzero"`
	// status is what scim-controller found.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}, matchedUsers: 0}
	Status ScimGrantStatus `json:"status,omitempty"`
}

// ScimGrantList is a list of ScimGrant.
//
// +kubebuilder:object:root=true
type ScimGrantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimGrant `json:"items"`
}
