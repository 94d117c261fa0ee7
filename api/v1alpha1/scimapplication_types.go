// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DeletionPolicy says what becomes of the accounts of an application that is deleted.
// +kubebuilder:validation:Enum=Delete;Retain
type DeletionPolicy string

const (
	// DeletionPolicyDelete removes every account downstream that is ours before the ScimApplication goes.
	DeletionPolicyDelete DeletionPolicy = "Delete"
	// DeletionPolicyRetain lets go of the accounts: they stay downstream as they are and nobody keeps them any more.
	DeletionPolicyRetain DeletionPolicy = "Retain"
)

// ApplicationMode says how far accounts are kept.
// +kubebuilder:validation:Enum=Active;DryRun;Paused
type ApplicationMode string

const (
	// ModeActive keeps the accounts.
	ModeActive ApplicationMode = "Active"
	// ModeDryRun changes nothing in the application and shows on every ScimAccount what would be done.
	ModeDryRun ApplicationMode = "DryRun"
	// ModePaused stops everything but removals.
	ModePaused ApplicationMode = "Paused"
)

// AccountMapping says how an account is made from a user. Every expression sees user, groups and grants; see docs/expressions.md.
// One that fails for a user leaves what the account has, and makes no new account.
type AccountMapping struct {
	// userName is the login name. Its result is a string that is not empty. The default is user.userName.
	// +optional
	UserName Expression `json:"userName,omitempty"`

	// displayName is the name to show. Its result is a string. The default is the displayName of the user, or else the formatted name, where the connector keeps one.
	// +optional
	DisplayName Expression `json:"displayName,omitempty"`

	// email is the address. Its result is a string. The default is the primary address of the user, or else the first one, where the connector keeps one.
	// +optional
	Email Expression `json:"email,omitempty"`

	// attributes are further attributes that the application keeps.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Attributes []AttributeMapping `json:"attributes,omitempty"`
}

// AttributeMapping is one attribute of an account.
type AttributeMapping struct {
	// name of the attribute in the application.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="!(self in ['userName', 'displayName', 'email'])",message="userName, displayName and email have fields of their own"
	Name string `json:"name,omitempty"`

	// value is the value. Its result is a string, a number, a bool, or a list of these, which is joined by commas.
	// +required
	Value Expression `json:"value,omitempty"`
}

// RemovalAction says what becomes of an account.
// +kubebuilder:validation:Enum=Suspend;Delete;Retain
type RemovalAction string

const (
	// RemovalSuspend takes every access away and keeps the account.
	RemovalSuspend RemovalAction = "Suspend"
	// RemovalDelete suspends the account at once and deletes it after the grace time.
	RemovalDelete RemovalAction = "Delete"
	// RemovalRetain leaves the account as it is.
	RemovalRetain RemovalAction = "Retain"
)

// Lifecycle says what becomes of the account of somebody who leaves. Who comes back has the account back. A user that the identity
// provider deletes is deactivated and has lost access.
type Lifecycle struct {
	// onDeactivation is what happens when the identity provider says that the user is not active: Suspend or Delete.
	// +optional
	// +kubebuilder:default=Suspend
	// +kubebuilder:validation:XValidation:rule="self != 'Retain'",message="the account of a user who is not active is never retained as it is: Suspend or Delete"
	OnDeactivation RemovalAction `json:"onDeactivation,omitempty"`

	// onLostAccess is what happens when no grant matches an active user any more: Suspend, Delete or Retain.
	// +optional
	// +kubebuilder:default=Suspend
	OnLostAccess RemovalAction `json:"onLostAccess,omitempty"`

	// graceHours is how long a suspended account is kept before it is deleted.
	// +optional
	// +kubebuilder:default=168
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=87600
	GraceHours *int32 `json:"graceHours,omitempty"`
}

// AdoptionPolicy says whether accounts are taken over that were there before.
// +kubebuilder:validation:Enum=Never;ByKey
type AdoptionPolicy string

const (
	// AdoptionNever leaves them alone: one that is in the way is a Conflict.
	AdoptionNever AdoptionPolicy = "Never"
	// AdoptionByKey takes over the one account that bears nobody's mark and has the key of the user.
	AdoptionByKey AdoptionPolicy = "ByKey"
)

// AdoptionKey says by what an account is known to be that of a user.
// +kubebuilder:validation:Enum=UserName;Email;ExternalID
type AdoptionKey string

const (
	// AdoptionKeyUserName is the login name, as account.userName maps it.
	AdoptionKeyUserName AdoptionKey = "UserName"
	// AdoptionKeyEmail is the address, as account.email maps it.
	AdoptionKeyEmail AdoptionKey = "Email"
	// AdoptionKeyExternalID is the externalId of the user, where the application keeps it.
	AdoptionKeyExternalID AdoptionKey = "ExternalID"
)

// AdoptedAccess says when an adopted account is brought in line.
// +kubebuilder:validation:Enum=OnNextChange;Immediately
type AdoptedAccess string

const (
	// AdoptedOnNextChange leaves an adopted account as it is until the identity provider or a grant changes what it shall be.
	AdoptedOnNextChange AdoptedAccess = "OnNextChange"
	// AdoptedImmediately brings it in line at once, but for the login name.
	AdoptedImmediately AdoptedAccess = "Immediately"
)

// Adoption says what becomes of accounts that were in the application before. The login name of an account is never changed when it is
// adopted, and nothing of one that bears another mark is.
// +kubebuilder:validation:XValidation:rule="(has(self.policy) && self.policy == 'ByKey') == has(self.key)",message="key must be set when policy is ByKey, and only then"
type Adoption struct {
	// policy is Never or ByKey.
	// +optional
	// +kubebuilder:default=Never
	Policy AdoptionPolicy `json:"policy,omitempty"`

	// key is UserName, Email or ExternalID.
	// +optional
	Key AdoptionKey `json:"key,omitempty"`

	// access is OnNextChange or Immediately.
	// +optional
	// +kubebuilder:default=OnNextChange
	Access AdoptedAccess `json:"access,omitempty"`

	// privilegedRoles are those whose holder is not adopted by e-mail alone: somebody has to approve it.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	PrivilegedRoles []RoleName `json:"privilegedRoles,omitempty"`
}

// DriftPolicy says what happens to an account that was changed in the application.
// +kubebuilder:validation:Enum=Enforce;Report
type DriftPolicy string

const (
	// DriftEnforce puts it back.
	DriftEnforce DriftPolicy = "Enforce"
	// DriftReport says so on the ScimAccount. An account that shall not be used and can be is suspended all the same.
	DriftReport DriftPolicy = "Report"
)

// Drift says how often accounts are compared with the application when nothing happens, and what follows.
type Drift struct {
	// policy is Enforce or Report.
	// +optional
	// +kubebuilder:default=Enforce
	Policy DriftPolicy `json:"policy,omitempty"`

	// intervalMinutes is how often each account is read back, up to a fifth later. The default is --resync of scim-controller.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10080
	IntervalMinutes int32 `json:"intervalMinutes,omitempty"`
}

// Interval is how often accounts are compared with the application, byDefault where it does not say.
func (d Drift) Interval(byDefault time.Duration) time.Duration {
	if d.IntervalMinutes > 0 {
		return time.Duration(d.IntervalMinutes) * time.Minute
	}
	return byDefault
}

// Limits spare the application.
type Limits struct {
	// concurrency is how many accounts are given something at a time. Removals have as many places of their own.
	// +optional
	// +kubebuilder:default=8
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Concurrency int32 `json:"concurrency,omitempty"`

	// accountsPerSecond is how many accounts are looked at or changed per second. Removals count and never wait. Without it there is no limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	AccountsPerSecond int32 `json:"accountsPerSecond,omitempty"`
}

// Invariant must hold after every change. A change that would make it false, or is a step further from what it asks, is held.
type Invariant struct {
	// name of the invariant.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name,omitempty"`

	// expression is true when all is well. It sees account, which is the account as it would be after the change, and active, which counts the
	// active accounts that have each role; see docs/expressions.md. Its result is a bool.
	// +required
	Expression Expression `json:"expression,omitempty"`
}

// ScimApplicationSpec is one downstream application.
type ScimApplicationSpec struct {
	// directoryRef names the directory whose users can get accounts. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="directoryRef cannot change; make another ScimApplication"
	DirectoryRef LocalReference `json:"directoryRef,omitzero"`

	// connector says how accounts are kept in the application.
	// +required
	Connector Connector `json:"connector,omitzero"`

	// mode is Active, DryRun or Paused.
	// +optional
	// +kubebuilder:default=Active
	Mode ApplicationMode `json:"mode,omitempty"`

	// account says how an account is made from a user.
	// +optional
	Account AccountMapping `json:"account,omitzero"`

	// lifecycle says what becomes of the account of somebody who leaves.
	// +optional
	// +kubebuilder:default={onDeactivation: Suspend, onLostAccess: Suspend, graceHours: 168}
	Lifecycle Lifecycle `json:"lifecycle,omitzero"`

	// adoption says what becomes of accounts that were in the application before.
	// +optional
	// +kubebuilder:default={policy: Never, access: OnNextChange}
	Adoption Adoption `json:"adoption,omitzero"`

	// drift says what becomes of changes that others make in the application.
	// +optional
	// +kubebuilder:default={policy: Enforce}
	Drift Drift `json:"drift,omitzero"`

	// removalGuard bounds how many lose access to this application at a time.
	// +optional
	// +kubebuilder:default={policy: Enabled}
	RemovalGuard RemovalGuard `json:"removalGuard,omitzero"`

	// limits spare the application.
	// +optional
	// +kubebuilder:default={concurrency: 8}
	Limits Limits `json:"limits,omitzero"`

	// invariants must hold after every change.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Invariants []Invariant `json:"invariants,omitempty"`

	// deletionPolicy says what becomes of the accounts when this object is deleted. It can still be changed to Retain
	// while the object is being deleted, when the application is gone and cannot be cleaned up any more.
	// +optional
	// +kubebuilder:default=Delete
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`
}

// ScimApplicationStatus is what scim-controller found.
type ScimApplicationStatus struct {
	// conditions of the application. Ready: Connected, DirectoryNotFound, Invalid, InvalidExpression, Denied, Unavailable, Deleting. Stalled. Held: RemovalLimit, Invariant. OrphansListed: Listed, NotSupported, Failed.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// accounts counts the accounts in the application. It follows within seconds.
	// +optional
	Accounts AccountCounts `json:"accounts,omitzero"`

	// removals that are held.
	// +optional
	Removals HeldRemovals `json:"removals,omitzero"`

	// plan counts what would be done to the accounts while mode is DryRun or Paused, or drift is only reported.
	// +optional
	Plan PlanCounts `json:"plan,omitzero"`

	// orphans are the accounts in the application that bear nobody's mark. Nothing of them is ever changed.
	// +optional
	Orphans Orphans `json:"orphans,omitzero"`
}

// PlanCounts counts the ScimAccounts by what would be done to them.
type PlanCounts struct {
	// create is how many accounts would be made.
	// +optional
	Create int32 `json:"create,omitempty"`
	// change is how many would be changed.
	// +optional
	Change int32 `json:"change,omitempty"`
	// suspend is how many would be suspended.
	// +optional
	Suspend int32 `json:"suspend,omitempty"`
	// delete is how many would be deleted.
	// +optional
	Delete int32 `json:"delete,omitempty"`
}

// Orphans are accounts that no ScimAccount explains.
type Orphans struct {
	// count of all.
	// +optional
	Count int32 `json:"count,omitempty"`

	// externalIDs are the identifiers of the first hundred in the application, sorted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=1024
	ExternalIDs []string `json:"externalIDs,omitempty"`
}

// ScimApplication is an application in which users get accounts.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim,shortName=scimapp
// +kubebuilder:selectablefield:JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Connector",type=string,JSONPath=`.spec.connector.type`
// +kubebuilder:printcolumn:name="Directory",type=string,JSONPath=`.spec.directoryRef.name`
// +kubebuilder:printcolumn:name="Accounts",type=integer,JSONPath=`.status.accounts.desired`
// +kubebuilder:printcolumn:name="In Sync",type=integer,JSONPath=`.status.accounts.ready`
// +kubebuilder:printcolumn:name="Held",type=integer,JSONPath=`.status.accounts.held`
// +kubebuilder:printcolumn:name="Mode",type=string,priority=1,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Orphans",type=integer,priority=1,JSONPath=`.status.orphans.count`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name of a ScimApplication is part of the names of its accounts: at most 63 characters"
type ScimApplication struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what people ask for.
	// +required
	Spec ScimApplicationSpec `json:"spec,omitzero"`
	// status is what scim-controller found.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status ScimApplicationStatus `json:"status,omitempty"`
}

// ScimApplicationList is a list of ScimApplication.
//
// +kubebuilder:object:root=true
type ScimApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimApplication `json:"items"`
}
