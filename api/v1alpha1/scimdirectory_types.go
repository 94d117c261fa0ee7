// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ScimDirectorySpec is one connection of an identity provider.
type ScimDirectorySpec struct {
	// publicURL is where the identity provider reaches scim-server: scheme, host and, behind a path prefix, the prefix.
	// The SCIM base URL is publicURL + "/scim/v2/" + namespace + "/" + name; it is also what Location headers are made of.
	// Without it, the URL that scim-controller was started with is used. Plain http is accepted for loopback only.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getHostname() != '' && (url(self).getScheme() == 'https' || (url(self).getScheme() == 'http' && url(self).getHostname() in ['127.0.0.1', 'localhost']))",message="publicURL must be an https URL; http is accepted for 127.0.0.1 and localhost only"
	// +kubebuilder:validation:XValidation:rule="!self.contains('?') && !self.contains('#') && !self.contains('@') && !self.endsWith('/')",message="publicURL must have no query, fragment, credentials or trailing slash"
	PublicURL string `json:"publicURL,omitempty"`
}

// ScimDirectoryStatus is what scim-controller found.
type ScimDirectoryStatus struct {
	// conditions of the directory. Ready: Serving, NoPublicURL. Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// url is the SCIM base URL to paste into the identity provider.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	URL string `json:"url,omitempty"`

	// users is how many ScimUsers the directory holds. It follows within seconds.
	// +optional
	Users int64 `json:"users"`
}

// ScimDirectory is one connection of an identity provider, and the scope in which a userName is unique.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim,shortName=scimdir
// +kubebuilder:printcolumn:name="Users",type=integer,JSONPath=`.status.users`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name of a ScimDirectory is part of its URL: at most 63 characters"
type ScimDirectory struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what people ask for.
	// +optional
	Spec ScimDirectorySpec `json:"spec,omitempty"`
	// status is what scim-controller found.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}, users: 0}
	Status ScimDirectoryStatus `json:"status,omitempty"`
}

// ScimDirectoryList is a list of ScimDirectory.
//
// +kubebuilder:object:root=true
type ScimDirectoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimDirectory `json:"items"`
}
