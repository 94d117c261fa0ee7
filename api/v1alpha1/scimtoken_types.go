// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TokenType is how an identity provider presents a credential.
// +kubebuilder:validation:Enum=Bearer;Basic
type TokenType string

const (
	// TokenBearer is a token in the Authorization header (RFC 6750).
	TokenBearer TokenType = "Bearer"
	// TokenBasic is a user name and a password in the Authorization header (RFC 7617).
	TokenBasic TokenType = "Basic"
)

// TokenScope is something that a credential may be used for.
// +kubebuilder:validation:Enum="users:read";"users:write";"groups:read";"groups:write"
type TokenScope string

const (
	// ScopeUsersRead lets users be read, listed and searched for.
	ScopeUsersRead TokenScope = "users:read"
	// ScopeUsersWrite lets users be created, changed and deleted.
	ScopeUsersWrite TokenScope = "users:write"
	// ScopeGroupsRead lets groups and their members be read, listed and searched for.
	ScopeGroupsRead TokenScope = "groups:read"
	// ScopeGroupsWrite lets groups and their members be created, changed and deleted.
	ScopeGroupsWrite TokenScope = "groups:write"
)

// ScimTokenSpec is one credential of a directory.
// +kubebuilder:validation:XValidation:rule="has(self.username) == has(oldSelf.username) && (!has(self.username) || self.username == oldSelf.username)",message="username cannot change; make another ScimToken"
// +kubebuilder:validation:XValidation:rule="!has(self.username) || self.type == 'Basic' && !has(self.provided)",message="username is for a generated credential of type Basic; a provided Secret has its own"
// +kubebuilder:validation:XValidation:rule="!has(self.provided) || !has(self.secretName)",message="secretName names the Secret that scim-controller makes; with provided there is none"
// +kubebuilder:validation:XValidation:rule="!has(self.provided) || !has(self.rotation) || !has(self.rotation.interval)",message="whoever keeps a provided Secret rotates it: rotation.interval is for generated credentials"
// +kubebuilder:validation:XValidation:rule="has(self.provided) == has(oldSelf.provided)",message="a ScimToken stays generated or provided; make another ScimToken"
type ScimTokenSpec struct {
	// directoryRef names the directory that the credential opens. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="directoryRef cannot change; make another ScimToken"
	DirectoryRef LocalReference `json:"directoryRef,omitzero"`

	// type is how the identity provider presents the credential: Bearer, or Basic with a user name. It cannot change.
	// +optional
	// +kubebuilder:default=Bearer
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="type cannot change; make another ScimToken"
	Type TokenType `json:"type,omitempty"`

	// username is the user name of a generated credential of type Basic. Without it, it is the name of the ScimToken. It cannot change.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9._@-]+$`
	Username string `json:"username,omitempty"`

	// secretName names the Secret that scim-controller makes and puts the credential into, under the keys "token" or "username" and "password",
	// "url" and "instructions". Without it, it is the name of the ScimToken. It cannot change. A Secret of that name that exists already is left alone
	// and makes the ScimToken stall.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`

	// provided names a Secret that somebody else keeps, such as External Secrets, SOPS or Vault; then nothing is generated.
	// +optional
	Provided *ProvidedSecret `json:"provided,omitempty"`

	// expiresAt is when the credential ends, whatever else. Without it, it does not: identity providers that meet an expired
	// credential stop provisioning. It can be put off and brought forward.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`

	// rotation says when a new credential takes the place of the old one, and how long both are valid.
	// +optional
	Rotation TokenRotation `json:"rotation,omitzero"`

	// scopes are what the credential may be used for; everything without them. Anything else is answered 403.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Scopes []TokenScope `json:"scopes,omitempty"`
}

// ProvidedSecret is a Secret with a credential that was made elsewhere. It carries the label scim-operator.dev/credential=true, and its annotation
// scim-operator.dev/token names the ScimToken. For type Bearer it has the key "token", or "sha256", the SHA-256 of the token in hexadecimal, so
// that nobody here ever has the token itself. For type Basic it has "username", and "password" or "sha256", which is that of the password.
// A token or password has 32 to 1024 printable ASCII characters and no spaces. Where it changes, the old one stays valid as rotation says.
type ProvidedSecret struct {
	// secretName is the name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`
}

// TokenRotation says how a new credential takes the place of the old one. The old one retires when the new one has been seen in use and the
// grace is over, and at the deadline whatever was seen.
type TokenRotation struct {
	// interval is how old a generated credential becomes before the next one is made, at least an hour. Without it, one is made only when the annotation
	// scim-operator.dev/rotate changes.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}[hms]){1,3}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1h') && duration(self) <= duration('87600h')",message="interval must be from 1h to 87600h"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// grace is how long the old credential stays valid after the new one was first seen in use.
	// +optional
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}[hms]){1,3}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('8760h')",message="grace must be from 0s to 8760h"
	Grace *metav1.Duration `json:"grace,omitempty"`

	// deadline is how long the old credential stays valid although the new one was never seen. 0s ends it at once: for a credential that leaked.
	// +optional
	// +kubebuilder:default="168h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]{1,6}[hms]){1,3}$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('8760h')",message="deadline must be from 0s to 8760h"
	Deadline *metav1.Duration `json:"deadline,omitempty"`
}

// TokenCredential is what scim-server needs to recognise a credential: never the credential.
type TokenCredential struct {
	// keyID is the public name of the credential, as it appears in logs, in the audit record and on what it changed.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	KeyID string `json:"keyID,omitempty"`

	// sha256 is the SHA-256 of the whole token, or of the password of type Basic, in lower-case hexadecimal. Tokens carry 256 random bits, so a
	// plain hash is enough.
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	SHA256 string `json:"sha256,omitempty"`

	// username goes with the password; only for type Basic.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Username string `json:"username,omitempty"`

	// issuedAt is when the credential was published here.
	// +optional
	IssuedAt metav1.Time `json:"issuedAt,omitzero"`

	// notAfter is when scim-server stops accepting the credential, without being told: the earlier of expiresAt and its retirement.
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`

	// lastUsedAt is when the credential was last seen in use, to about five minutes.
	// +optional
	LastUsedAt *metav1.Time `json:"lastUsedAt,omitempty"`
}

// ScimTokenStatus is what scim-controller made.
type ScimTokenStatus struct {
	// conditions of the token. Ready: Issued, DirectoryNotFound, SecretConflict, InvalidSecret, SecretNotFound, Expired, Revoked, Superseded.
	// Stalled. Expiring. Rotating. Unused.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// secretName is the Secret that holds the credential. Deleting a generated one after copying the token leaves the token valid.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName,omitempty"`

	// credentials are what scim-server accepts, the newest first.
	// +optional
	// +listType=map
	// +listMapKey=keyID
	// +kubebuilder:validation:MaxItems=5
	Credentials []TokenCredential `json:"credentials,omitempty"`

	// rotated is the value of the annotation scim-operator.dev/rotate that was last acted on.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Rotated string `json:"rotated,omitempty"`
}

// ScimToken is a credential with which an identity provider reaches one directory. Deleting it revokes the credential.
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
// +kubebuilder:printcolumn:name="Used",type=date,JSONPath=`.status.credentials[0].lastUsedAt`
// +kubebuilder:printcolumn:name="Key ID",type=string,priority=1,JSONPath=`.status.credentials[0].keyID`
// +kubebuilder:printcolumn:name="Expires",type=string,priority=1,JSONPath=`.spec.expiresAt`
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
