// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ScimMemberSliceSpec holds some of the members of one group, or says which two slices do.
// +kubebuilder:validation:XValidation:rule="!has(self.children) || (!has(self.users) && !has(self.groups) && !has(self.unknown))",message="a slice has members or children, not both"
// +kubebuilder:validation:XValidation:rule="(has(self.users) ? self.users.size() : 0) + (has(self.groups) ? self.groups.size() : 0) + (has(self.unknown) ? self.unknown.size() : 0) <= 100",message="a slice has at most 100 members"
type ScimMemberSliceSpec struct {
	// groupRef names the ScimGroup. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="groupRef cannot change"
	GroupRef LocalReference `json:"groupRef,omitzero"`

	// users are the names of the ScimUsers in this slice, sorted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Users []string `json:"users,omitempty"`

	// groups are the names of the ScimGroups in this slice, sorted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	Groups []string `json:"groups,omitempty"`

	// unknown are members that are no user or group of the directory, as they were sent, in a directory that keeps these, sorted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	Unknown []string `json:"unknown,omitempty"`

	// children are the names of the two slices that this one was split into: of those members whose next bit is 0, and is 1.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Children []string `json:"children,omitempty"`
}

// ScimMemberSlice holds up to 100 members of one group, as an EndpointSlice does of a Service. The slices of a group are a binary
// tree over the hash of the member: the root has the name of the group, and a slice that is full is split in two. So one member is
// added by writing one slice, however large the group is. Only scim-server writes it. It has no status.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.groupRef.name`
// +kubebuilder:printcolumn:name="Group",type=string,JSONPath=`.spec.groupRef.name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimMemberSlice struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the members, or the children.
	// +required
	Spec ScimMemberSliceSpec `json:"spec,omitzero"`
}

// ScimMemberSliceList is a list of ScimMemberSlice.
//
// +kubebuilder:object:root=true
type ScimMemberSliceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimMemberSlice `json:"items"`
}
