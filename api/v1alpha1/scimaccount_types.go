// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccountState says what an account shall be, or is.
// +kubebuilder:validation:Enum=Active;Suspended;Deleted
type AccountState string

const (
	// AccountActive is an account that may be used.
	AccountActive AccountState = "Active"
	// AccountSuspended is an account without any access.
	AccountSuspended AccountState = "Suspended"
	// AccountDeleted is an account that is gone from the application. Its ScimAccount follows when the window of the removal guard has passed.
	AccountDeleted AccountState = "Deleted"
)

// StateReason says why an account has its state.
// +kubebuilder:validation:Enum=Granted;Deactivated;UserDeleted;AccessLost;Retained;Locked;ApplicationDeleted
type StateReason string

const (
	// StateGranted (Active): grants match, and the user is active.
	StateGranted StateReason = "Granted"
	// StateDeactivated (Suspended, Deleted): the identity provider says that the user is not active.
	StateDeactivated StateReason = "Deactivated"
	// StateUserDeleted (Suspended, Deleted): the identity provider deleted the user.
	StateUserDeleted StateReason = "UserDeleted"
	// StateAccessLost (Suspended, Deleted): no grant matches the user any more.
	StateAccessLost StateReason = "AccessLost"
	// StateRetained (any state): no grant matches the user any more, and the application retains such accounts as they are.
	StateRetained StateReason = "Retained"
	// StateLocked (Suspended): somebody suspended the user by the annotation scim-operator.dev/suspend.
	StateLocked StateReason = "Locked"
	// StateApplicationDeleted (Deleted): the ScimApplication is being deleted.
	StateApplicationDeleted StateReason = "ApplicationDeleted"
)

// ChangeKind says what is, or would be, done to an account.
// +kubebuilder:validation:Enum=Create;Change;Reduce;Suspend;Delete
type ChangeKind string

const (
	// ChangeCreate makes the account.
	ChangeCreate ChangeKind = "Create"
	// ChangeChange gives something or changes something that is no access.
	ChangeChange ChangeKind = "Change"
	// ChangeReduce takes roles away.
	ChangeReduce ChangeKind = "Reduce"
	// ChangeSuspend takes every access away.
	ChangeSuspend ChangeKind = "Suspend"
	// ChangeDelete deletes the account.
	ChangeDelete ChangeKind = "Delete"
)

// HeldBy says what holds a change.
// +kubebuilder:validation:Enum=Application;Directory;Invariant
type HeldBy string

const (
	// HeldByApplication is the removal guard of the ScimApplication.
	HeldByApplication HeldBy = "Application"
	// HeldByDirectory is the removal guard of the ScimDirectory.
	HeldByDirectory HeldBy = "Directory"
	// HeldByInvariant is an invariant of the ScimApplication. It lets go by itself when the change no longer breaks it.
	HeldByInvariant HeldBy = "Invariant"
)

// HeldChange is a change that waits.
type HeldChange struct {
	// by is Application, Directory or Invariant.
	// +required
	By HeldBy `json:"by,omitempty"`

	// invariant is the name of the invariant that holds.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Invariant string `json:"invariant,omitempty"`

	// change is what would be done.
	// +required
	Change ChangeKind `json:"change,omitempty"`

	// since is when it began to be held.
	// +required
	Since metav1.MicroTime `json:"since,omitzero"`

	// digest of what the account would be.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Digest string `json:"digest,omitempty"`

	// rejected says that somebody refused it: it is dropped until something else is decided about the account.
	// +optional
	Rejected bool `json:"rejected,omitempty"`
}

// AccountGrant is a ScimGrant that matches the user, and what it gives.
type AccountGrant struct {
	// name of the ScimGrant.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// roles that it gives, sorted.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	Roles []RoleName `json:"roles,omitempty"`
}

// AccountAttribute is a further attribute of an account.
type AccountAttribute struct {
	// name of the attribute in the application.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`

	// value of the attribute; empty is the same as absent.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value,omitempty"`
}

// ScimAccountSpec is what an account shall be, and why.
type ScimAccountSpec struct {
	// applicationRef names the application. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="applicationRef cannot change"
	ApplicationRef LocalReference `json:"applicationRef,omitzero"`

	// userRef names the ScimUser. It changes when a person comes back, with the same externalId, as another ScimUser.
	// +required
	UserRef LocalReference `json:"userRef,omitzero"`

	// externalID is the externalId of the user, by which somebody is known who comes back.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ExternalID string `json:"externalID,omitempty"`

	// userName is the login name in the application.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	UserName string `json:"userName,omitempty"`

	// displayName is the name to show.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	DisplayName string `json:"displayName,omitempty"`

	// email is the address.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Email string `json:"email,omitempty"`

	// attributes are further attributes, as the application maps them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Attributes []AccountAttribute `json:"attributes,omitempty"`

	// state says whether the account may be used.
	// +required
	State AccountState `json:"state,omitempty"`

	// reason of the state. Without one, as in objects of earlier versions, an account that is Active is Granted and another is Deactivated.
	// +optional
	Reason StateReason `json:"reason,omitempty"`

	// roles that the account has in the application, sorted: those of all grants.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	Roles []RoleName `json:"roles,omitempty"`

	// grants that match the user, and what each gives.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	Grants []AccountGrant `json:"grants,omitempty"`

	// deleteAfter is when a suspended account is deleted, unless the user comes back before.
	// +optional
	DeleteAfter *metav1.Time `json:"deleteAfter,omitempty"`

	// lostAccessAt is when access was last taken away within the limits of a removal guard; it counts there.
	// +optional
	LostAccessAt *metav1.MicroTime `json:"lostAccessAt,omitempty"`

	// deletedAt is when the deletion was let go within the limits of a removal guard; it counts there.
	// +optional
	DeletedAt *metav1.MicroTime `json:"deletedAt,omitempty"`

	// held is a change that waits; the rest of the spec is as if it had not been asked for.
	// +optional
	Held *HeldChange `json:"held,omitempty"`
}

// RoleSource says where a role comes from.
type RoleSource struct {
	// role of the account.
	// +required
	Role RoleName `json:"role,omitempty"`

	// grants are the names of the ScimGrants that give it, sorted.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=253
	Grants []string `json:"grants,omitempty"`
}

// RevocationState says what became of what an account had opened.
// +kubebuilder:validation:Enum=Revoked;NotNeeded;NotSupported
type RevocationState string

const (
	// RevocationRevoked says that all that there were have been ended.
	RevocationRevoked RevocationState = "Revoked"
	// RevocationNotNeeded says that they are worth nothing without the access, because the application asks at every use.
	RevocationNotNeeded RevocationState = "NotNeeded"
	// RevocationNotSupported says that they live until they end by themselves.
	RevocationNotSupported RevocationState = "NotSupported"
)

// Revocation says what became of the sessions and tokens of a suspended or deleted account.
type Revocation struct {
	// sessions that were open.
	// +required
	Sessions RevocationState `json:"sessions,omitempty"`

	// tokens that were issued: API keys, personal access tokens and the like.
	// +required
	Tokens RevocationState `json:"tokens,omitempty"`
}

// AdoptionStatus says how an account that was there before became ours, or what it waits for.
type AdoptionStatus struct {
	// externalID is the identifier of the account in the application.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ExternalID string `json:"externalID,omitempty"`

	// key by which it was found.
	// +required
	Key AdoptionKey `json:"key,omitempty"`

	// digest to approve, while the adoption of a privileged account waits for somebody.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Digest string `json:"digest,omitempty"`

	// generation of the ScimAccount at which it was adopted. Until the next one its login name, and with OnNextChange all of it, stays as it was.
	// +optional
	Generation int64 `json:"generation,omitempty"`
}

// ScimAccountStatus is what the account is.
type ScimAccountStatus struct {
	// conditions of the account. Ready: InSync, Held, ApplicationNotFound, ApplicationNotReady, Paused, DryRun, Drifted, AdoptionPending, Invalid, Conflict, Denied, Unavailable, Error, Deleting. Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// externalID is the identifier of the account in the application, where it has one.
	// It is never trusted: the mark that we left downstream says what is ours.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	ExternalID string `json:"externalID,omitempty"`

	// state that was seen in the application.
	// +optional
	State AccountState `json:"state,omitempty"`

	// reason of the state, as spec.reason was when it was seen.
	// +optional
	Reason StateReason `json:"reason,omitempty"`

	// roles that were seen in the application.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	Roles []RoleName `json:"roles,omitempty"`

	// sources name the grants behind every role that the account shall have.
	// +optional
	// +listType=map
	// +listMapKey=role
	// +kubebuilder:validation:MaxItems=256
	Sources []RoleSource `json:"sources,omitempty"`

	// pending is what would be done, while the application is in DryRun or Paused, or only reports drift.
	// +optional
	Pending ChangeKind `json:"pending,omitempty"`

	// revocation says what became of the sessions and tokens of a suspended or deleted account.
	// +optional
	Revocation *Revocation `json:"revocation,omitempty"`

	// adoption says how an account that was there before became ours.
	// +optional
	Adoption *AdoptionStatus `json:"adoption,omitempty"`
}

// ScimAccount is one account of one user in one application: spec is what it shall be, status is what it is.
// Only scim-controller writes it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.applicationRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.userRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.userName`
// +kubebuilder:selectablefield:JSONPath=`.spec.state`
// +kubebuilder:selectablefield:JSONPath=`.spec.externalID`
// +kubebuilder:selectablefield:JSONPath=`.spec.held.by`
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.spec.applicationRef.name`
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.spec.userName`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.spec.state`
// +kubebuilder:printcolumn:name="Roles",type=string,JSONPath=`.spec.roles`
// +kubebuilder:printcolumn:name="Why",type=string,JSONPath=`.spec.reason`
// +kubebuilder:printcolumn:name="Held",type=string,JSONPath=`.spec.held.change`
// +kubebuilder:printcolumn:name="Pending",type=string,priority=1,JSONPath=`.status.pending`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimAccount struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the account shall be.
	// +required
	Spec ScimAccountSpec `json:"spec,omitzero"`
	// status is what the account is.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status ScimAccountStatus `json:"status,omitempty"`
}

// ScimAccountList is a list of ScimAccount.
//
// +kubebuilder:object:root=true
type ScimAccountList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimAccount `json:"items"`
}
