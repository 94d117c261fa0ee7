// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NameAttribute is the SCIM attribute that a ScimName keeps unique.
// +kubebuilder:validation:Enum=UserName
type NameAttribute string

// NameAttributeUserName is the userName of a User.
const NameAttributeUserName NameAttribute = "UserName"

// NameState says what it means when the holder of a name is not there.
// +kubebuilder:validation:Enum=Reserved;Bound
type NameState string

const (
	// NameReserved says that a holder that is not there is being created under exactly this id, or its creation was cut short.
	NameReserved NameState = "Reserved"
	// NameBound says that a holder that is not there has been deleted; the name is free and the id is not used again.
	NameBound NameState = "Bound"
)

// ScimNameSpec reserves one value of one attribute for one holder.
type ScimNameSpec struct {
	// directoryRef names the directory in which the value is unique. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="directoryRef cannot change"
	DirectoryRef LocalReference `json:"directoryRef,omitzero"`

	// attribute that is kept unique. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="attribute cannot change"
	Attribute NameAttribute `json:"attribute,omitempty"`

	// value in its canonical form: what two values that count as the same have in common. It cannot change.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="value cannot change"
	Value string `json:"value,omitempty"`

	// holder is the name of the ScimUser that has the value, or is about to.
	// +required
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	Holder string `json:"holder,omitempty"`

	// state is Reserved from the creation of the holder on, and Bound once the holder is known to have existed: from a rename or
	// the beginning of its deletion on.
	// +required
	State NameState `json:"state,omitempty"`

	// claims counts how often an existing reservation was relied on, so that a claim made meanwhile is seen as a conflict.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Claims int64 `json:"claims,omitempty"`
}

// ScimName reserves a userName in a directory, as networking.k8s.io/IPAddress reserves an address: its name is a hash of
// directory, attribute and canonical value, so the API server itself lets one of any number of claimants win.
// Only scim-server writes it. It has no status.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.directoryRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.value`
// +kubebuilder:selectablefield:JSONPath=`.spec.holder`
// +kubebuilder:printcolumn:name="Value",type=string,JSONPath=`.spec.value`
// +kubebuilder:printcolumn:name="Holder",type=string,JSONPath=`.spec.holder`
// +kubebuilder:printcolumn:name="State",type=string,priority=1,JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="Directory",type=string,priority=1,JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimName struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the reservation.
	// +required
	Spec ScimNameSpec `json:"spec,omitzero"`
}

// ScimNameList is a list of ScimName.
//
// +kubebuilder:object:root=true
type ScimNameList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimName `json:"items"`
}
