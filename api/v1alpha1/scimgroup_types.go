// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ScimGroupSpec is a group as the identity provider described it, without its members.
type ScimGroupSpec struct {
	// directoryRef names the directory that the group came through. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="directoryRef cannot change"
	DirectoryRef LocalReference `json:"directoryRef,omitzero"`

	// displayName as it was sent (RFC 7643 §4.2). Unique in the directory whatever the case: see ScimName.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	DisplayName string `json:"displayName,omitempty"`

	// externalID is the identifier of the group at the identity provider (RFC 7643 §3.1). It selects nothing here.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ExternalID string `json:"externalID,omitempty"`

	// membersRevision counts the changes of the members, so that they move the generation of the group and with it its ETag.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MembersRevision int64 `json:"membersRevision,omitempty"`

	// attributes are the other attributes of the SCIM Group, by their SCIM names; those of an extension are under its URN.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +structType=atomic
	Attributes *runtime.RawExtension `json:"attributes,omitempty"`
}

// ScimGroupStatus is what scim-controller found.
type ScimGroupStatus struct {
	// conditions of the group. Ready: Counted.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// members is how many direct members the group has, users and groups. It follows within seconds.
	// +optional
	Members int64 `json:"members"`
}

// ScimGroup is one group of a directory. Its name is the SCIM id. Its members are in ScimMemberSlices, so that a large group costs
// no more to change than a small one. Only scim-server writes its spec.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.displayName`
// +kubebuilder:selectablefield:JSONPath=`.spec.externalID`
// +kubebuilder:selectablefield:JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Group",type=string,JSONPath=`.spec.displayName`
// +kubebuilder:printcolumn:name="Members",type=integer,JSONPath=`.status.members`
// +kubebuilder:printcolumn:name="Directory",type=string,priority=1,JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="External ID",type=string,priority=1,JSONPath=`.spec.externalID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimGroup struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the identity provider said.
	// +required
	Spec ScimGroupSpec `json:"spec,omitzero"`
	// status is what scim-controller found.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}, members: 0}
	Status ScimGroupStatus `json:"status,omitempty"`
}

// ScimGroupList is a list of ScimGroup.
//
// +kubebuilder:object:root=true
type ScimGroupList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimGroup `json:"items"`
}
