// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// LocalReference names an object of a known kind in the same namespace.
type LocalReference struct {
	// name of the object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// RoleName is the name of a role as an application declares it and a grant asks for it.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([A-Za-z0-9._:/-]*[A-Za-z0-9])?$`
type RoleName string

// State says whether a user or an account may be used.
// +kubebuilder:validation:Enum=Active;Suspended
type State string

const (
	// StateActive is somebody who may enter.
	StateActive State = "Active"
	// StateSuspended is somebody who is known and may not enter; on the wire, active is false.
	StateSuspended State = "Suspended"
)
