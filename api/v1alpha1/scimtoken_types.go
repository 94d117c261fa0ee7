// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ScimTokenSpec is one bearer token of a directory.
type ScimTokenSpec struct {
	// directoryRef names the directory that the token opens. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="directoryRef cannot change; make another ScimToken"
	DirectoryRef LocalReference `json:"directoryRef,omitzero"`

	// secretName names the Secret that scim-controller makes and puts the token into, under the keys "token" and "url".
	// Without it, it is the name of the ScimToken. It cannot change. A Secret of that name that exists already is left alone
	// and makes the ScimToken stall.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
}

// TokenCredential is what scim-server needs to recognise a token: never the token.
type TokenCredential struct {
	// keyID is the public part of the token, as it appears in logs.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	KeyID string `json:"keyID,omitempty"`

	// sha256 is the SHA-256 of the whole token in lower-case hexadecimal. Tokens carry 256 random bits, so a plain hash is enough.
	// +required
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`
}

// ScimTokenStatus is what scim-controller made.
type ScimTokenStatus struct {
	// conditions of the token. Ready: Issued, DirectoryNotFound, SecretConflict, InvalidSecret. Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// secretName is the Secret that holds the token. Deleting that Secret after copying the token leaves the token valid.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`

	// credentials are the tokens that scim-server accepts.
	// +optional
	// +listType=map
	// +listMapKey=keyID
	// +kubebuilder:validation:MaxItems=5
	Credentials []TokenCredential `json:"credentials,omitempty"`
}

// ScimToken is a bearer token with which an identity provider reaches one directory. Deleting it revokes the token.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Directory",type=string,JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.status.secretName`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Key ID",type=string,priority=1,JSONPath=`.status.credentials[0].keyID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimToken struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what people ask for.
	// +required
	// +kubebuilder:validation:XValidation:rule="has(self.secretName) == has(oldSelf.secretName) && (!has(self.secretName) || self.secretName == oldSelf.secretName)",message="secretName cannot change; make another ScimToken"
	Spec ScimTokenSpec `json:"spec,omitzero"`
	// status is what scim-controller made.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status ScimTokenStatus `json:"status,omitempty"`
}

// ScimTokenList is a list of ScimToken.
//
// +kubebuilder:object:root=true
type ScimTokenList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimToken `json:"items"`
}
