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

	// suspended makes scim-server answer every request for this directory with 503 and Retry-After, so that the identity
	// provider tries again later. Nothing that is stored changes, and no account does.
	// +optional
	Suspended bool `json:"suspended,omitempty"`

	// operations says what the identity provider may do.
	// +optional
	Operations DirectoryOperations `json:"operations,omitzero"`

	// deletion says what becomes of a user whom the identity provider deletes.
	// +optional
	Deletion DirectoryDeletion `json:"deletion,omitzero"`

	// paging says how long the pages of lists are.
	// +optional
	Paging DirectoryPaging `json:"paging,omitzero"`

	// protocol says how closely the identity provider must keep to the RFCs.
	// +optional
	Protocol DirectoryProtocol `json:"protocol,omitzero"`

	// extensions are attributes beyond RFC 7643 that the identity provider sends, each schema once for a resource type. An
	// attribute that is taken out again stays stored, and is not shown, until the identity provider writes the user or group.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(e, self.exists_one(o, o.resourceType == e.resourceType && (has(o.urn) ? o.urn.lowerAscii() : '') == (has(e.urn) ? e.urn.lowerAscii() : '')))",message="each resourceType and urn may be declared once"
	Extensions []SchemaExtension `json:"extensions,omitempty"`

	// removalGuard bounds how many users lose access at a time, over all applications of the directory.
	// +optional
	// +kubebuilder:default={policy: Enabled}
	RemovalGuard RemovalGuard `json:"removalGuard,omitzero"`

	// authentication says who may speak for the identity provider, and from where.
	// +optional
	Authentication DirectoryAuthentication `json:"authentication,omitzero"`

	// limits says how fast one credential may ask.
	// +optional
	// +kubebuilder:default={requestsPerSecond: 200, burst: 1000}
	Limits DirectoryLimits `json:"limits,omitzero"`
}

// Switch turns something on or off.
// +kubebuilder:validation:Enum=Enabled;Disabled
type Switch string

const (
	// SwitchEnabled is on.
	SwitchEnabled Switch = "Enabled"
	// SwitchDisabled is off.
	SwitchDisabled Switch = "Disabled"
)

// DirectoryOperations says what an identity provider may do. Everything is Enabled unless it is said otherwise. What is Disabled
// is refused with 501 where it would change something, and empty where it would be listed, so that connection tests pass.
type DirectoryOperations struct {
	// users is whether there are users: if Disabled, /Users is an empty list and cannot be written to.
	// +optional
	// +default="Enabled"
	Users Switch `json:"users,omitempty"`

	// groups is whether there are groups: if Disabled, /Groups is an empty list and cannot be written to.
	// +optional
	// +default="Enabled"
	Groups Switch `json:"groups,omitempty"`

	// deletes is whether users and groups may be deleted.
	// +optional
	// +default="Enabled"
	Deletes Switch `json:"deletes,omitempty"`

	// imports is whether the identity provider may list whom it does not know: if Disabled, a list is empty unless its filter
	// demands an id, userName, externalId, displayName, e-mail address or member.
	// +optional
	// +default="Enabled"
	Imports Switch `json:"imports,omitempty"`
}

// UserDeletionPolicy is what a DELETE over SCIM does.
// +kubebuilder:validation:Enum=Delete;Deactivate
type UserDeletionPolicy string

const (
	// DeleteUsers removes the ScimUser at once, and with it every account.
	DeleteUsers UserDeletionPolicy = "Delete"
	// DeactivateUsers suspends every account at once and removes the ScimUser when the retention is over.
	DeactivateUsers UserDeletionPolicy = "Deactivate"
)

// DirectoryDeletion says what becomes of deleted users. Over SCIM they are gone at once in any case, their userName is free, and
// they are in no group.
type DirectoryDeletion struct {
	// policy is what a DELETE does.
	// +optional
	// +default="Delete"
	Policy UserDeletionPolicy `json:"policy,omitempty"`

	// retentionDays is how long the ScimUser is kept if policy is Deactivate.
	// +optional
	// +default=30
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3650
	RetentionDays int32 `json:"retentionDays,omitempty"`
}

// DirectoryPaging bounds the pages of lists.
// +kubebuilder:validation:XValidation:rule="self.defaultPageSize <= self.maxPageSize",message="defaultPageSize cannot exceed maxPageSize"
type DirectoryPaging struct {
	// defaultPageSize is how many resources a page has if the client names no count.
	// +optional
	// +default=100
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	DefaultPageSize int32 `json:"defaultPageSize,omitempty"`

	// maxPageSize is how many resources a page has at most, whatever the client asks for.
	// +optional
	// +default=200
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxPageSize int32 `json:"maxPageSize,omitempty"`
}

// ProtocolMode says how closely the RFCs are kept to.
// +kubebuilder:validation:Enum=Lenient;Strict
type ProtocolMode string

const (
	// ModeLenient accepts what the known identity providers send outside the RFCs.
	ModeLenient ProtocolMode = "Lenient"
	// ModeStrict refuses it with 400.
	ModeStrict ProtocolMode = "Strict"
)

// UnknownPolicy says what is done with what is not known.
// +kubebuilder:validation:Enum=Drop;Keep
type UnknownPolicy string

const (
	// UnknownDrop ignores unknown attributes.
	UnknownDrop UnknownPolicy = "Drop"
	// UnknownKeep keeps unknown attributes as they were sent, and shows them.
	UnknownKeep UnknownPolicy = "Keep"
)

// UnknownMembersPolicy says what is done with members of a group that the directory does not know.
// +kubebuilder:validation:Enum=Refuse;Keep
type UnknownMembersPolicy string

const (
	// UnknownMembersRefuse refuses the whole request with 400.
	UnknownMembersRefuse UnknownMembersPolicy = "Refuse"
	// UnknownMembersKeep keeps them and shows them. They have no effect.
	UnknownMembersKeep UnknownMembersPolicy = "Keep"
)

// DirectoryProtocol says what is accepted beyond the RFCs.
// +kubebuilder:validation:XValidation:rule="self.mode != 'Strict' || self.unknownAttributes == 'Drop'",message="in mode Strict unknown attributes are refused and cannot be kept"
type DirectoryProtocol struct {
	// mode is Lenient for the identity providers that there are, and Strict for clients that keep to RFC 7643 and RFC 7644.
	// +optional
	// +default="Lenient"
	Mode ProtocolMode `json:"mode,omitempty"`

	// unknownAttributes says what is done with attributes that no schema has. In mode Strict they are refused.
	// +optional
	// +default="Drop"
	UnknownAttributes UnknownPolicy `json:"unknownAttributes,omitempty"`

	// unknownMembers says what is done with members of a group that are no user or group of the directory.
	// +optional
	// +default="Refuse"
	UnknownMembers UnknownMembersPolicy `json:"unknownMembers,omitempty"`
}

// ScimDirectoryStatus is what scim-controller found.
type ScimDirectoryStatus struct {
	// conditions of the directory. Ready: Serving, NoPublicURL. Stalled. Held: RemovalLimit. KeysFetched: Fetched, Unavailable, Invalid.
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

	// users is how many ScimUsers the directory holds, without those that were deleted and are only kept. It follows within seconds.
	// +optional
	Users int64 `json:"users"`

	// authentication holds the public keys for spec.authentication.jwt.
	// +optional
	Authentication DirectoryAuthenticationStatus `json:"authentication,omitzero"`

	// removals that are held.
	// +optional
	Removals HeldRemovals `json:"removals,omitzero"`
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
	// +kubebuilder:default={}
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
