// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ScimTokenUseSpec says when a credential was used.
type ScimTokenUseSpec struct {
	// tokenRef names the ScimToken that the credential belongs to. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="tokenRef cannot change"
	TokenRef LocalReference `json:"tokenRef,omitzero"`

	// keyID is that of the credential. It cannot change.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="keyID cannot change"
	KeyID string `json:"keyID,omitempty"`

	// lastUsedAt is when the credential was last used, to about five minutes.
	// +required
	LastUsedAt metav1.Time `json:"lastUsedAt,omitzero"`
}

// ScimTokenUse says when one credential of a ScimToken was last used. Only scim-server writes it, at most every five minutes; scim-controller
// takes over what it says into the status of the ScimToken, which scim-server may not write. It has no status.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.tokenRef.name`
// +kubebuilder:printcolumn:name="Token",type=string,JSONPath=`.spec.tokenRef.name`
// +kubebuilder:printcolumn:name="Key ID",type=string,JSONPath=`.spec.keyID`
// +kubebuilder:printcolumn:name="Used",type=date,JSONPath=`.spec.lastUsedAt`
type ScimTokenUse struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the use.
	// +required
	Spec ScimTokenUseSpec `json:"spec,omitzero"`
}

// ScimTokenUseList is a list of ScimTokenUse.
//
// +kubebuilder:object:root=true
type ScimTokenUseList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimTokenUse `json:"items"`
}

// TokenUseName is the name of the ScimTokenUse of a credential: key ids have upper-case letters, and names may not.
func TokenUseName(keyID string) string {
	sum := sha256.Sum256([]byte(keyID))
	return "use-" + hex.EncodeToString(sum[:16])
}
