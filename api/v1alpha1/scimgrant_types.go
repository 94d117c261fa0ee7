// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SubjectKind says whom a subject matches.
// +kubebuilder:validation:Enum=Everyone;EveryoneElse;Group;User;Condition
type SubjectKind string

const (
	// SubjectEveryone matches every user of the directory of the application.
	SubjectEveryone SubjectKind = "Everyone"
	// SubjectEveryoneElse matches every user whom no other grant of the application matches that is in effect: the classic default role.
	SubjectEveryoneElse SubjectKind = "EveryoneElse"
	// SubjectGroup matches the members of a group, those of groups in it too.
	SubjectGroup SubjectKind = "Group"
	// SubjectUser matches the user of one userName, whatever its case.
	SubjectUser SubjectKind = "User"
	// SubjectCondition matches the users for whom a CEL expression is true.
	SubjectCondition SubjectKind = "Condition"
)

// Expression is a CEL expression. docs/expressions.md says what it can use.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=4096
// +kubebuilder:validation:XValidation:rule="!self.matches('^\\\\s*$')",message="an expression must not be blank"
type Expression string

// Subject is whom a grant is for. The member named by kind is set, and no other.
// +kubebuilder:validation:XValidation:rule="(self.kind == 'User') == has(self.userName)",message="userName must be set when kind is User, and only then"
// +kubebuilder:validation:XValidation:rule="(self.kind == 'Group') == has(self.group)",message="group must be set when kind is Group, and only then"
// +kubebuilder:validation:XValidation:rule="(self.kind == 'Condition') == has(self.condition)",message="condition must be set when kind is Condition, and only then"
type Subject struct {
	// kind is Everyone, EveryoneElse, Group, User or Condition.
	// +required
	Kind SubjectKind `json:"kind,omitempty"`

	// userName of the user, whatever its case.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	UserName string `json:"userName,omitempty"`

	// group whose members the grant is for, those of groups in it too.
	// +optional
	Group *GroupSubject `json:"group,omitempty"`

	// condition is true for the users that the grant is for. Its result is a bool. An attribute that a user lacks makes it false.
	// +optional
	Condition Expression `json:"condition,omitempty"`
}

// GroupSubject names a ScimGroup of the directory of the application, in one of three ways.
// +kubebuilder:validation:ExactlyOneOf=displayName;externalID;id
type GroupSubject struct {
	// displayName of the group, whatever its case. Whoever may name groups at the identity provider decides whom this matches.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	DisplayName string `json:"displayName,omitempty"`

	// externalID is the identifier of the group at the identity provider, exactly.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ExternalID string `json:"externalID,omitempty"`

	// id is the SCIM id of the group, which is the name of the ScimGroup.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	ID string `json:"id,omitempty"`
}

// ScimGrantSpec gives roles of one application to some users.
// +kubebuilder:validation:XValidation:rule="!has(self.notBefore) || !has(self.notAfter) || self.notBefore < self.notAfter",message="notBefore must be before notAfter"
type ScimGrantSpec struct {
	// applicationRef names the application. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="applicationRef cannot change; make another ScimGrant"
	ApplicationRef LocalReference `json:"applicationRef,omitzero"`

	// subjects that the grant is for: a user whom any of them matches.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Subjects []Subject `json:"subjects,omitempty"`

	// roles that the users get, by the names that the application declares. Without any, and without rolesFrom, it is an account without roles.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Roles []RoleName `json:"roles,omitempty"`

	// rolesFrom says for each user which roles they get besides. Its result is a string or a list of strings; names that the
	// application does not declare are left out. An attribute that a user lacks gives none.
	// +optional
	RolesFrom Expression `json:"rolesFrom,omitempty"`

	// notBefore is when the grant begins to be in effect.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
	NotBefore *metav1.Time `json:"notBefore,omitempty"`

	// notAfter is when the grant ends to be in effect. What it gave is taken away then, by itself.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Format=date-time
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`
	NotAfter *metav1.Time `json:"notAfter,omitempty"`
}

// ScimGrantStatus is what scim-controller found.
type ScimGrantStatus struct {
	// conditions of the grant. Ready: InEffect, NotYetInEffect, Expired, ApplicationNotFound, UnknownRole, InvalidExpression, ExpressionFailed. Stalled.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// matchedUsers is how many users the grant is for, suspended ones too. It follows within seconds.
	// +optional
	MatchedUsers int64 `json:"matchedUsers"`

	// failedUsers is for how many users an expression of the grant fails. What these have from the grant stays as it is until it works again.
	// +optional
	FailedUsers int64 `json:"failedUsers,omitempty"`

	// undeclaredRoles is for how many users rolesFrom names a role that the application does not declare.
	// +optional
	UndeclaredRoles int64 `json:"undeclaredRoles,omitempty"`
}

// ScimGrant gives users an account with roles in an application. Grants add up and none takes away;
// a default role is a grant for everyone. A user whom no grant matches has no account.
//
// +kubebuilder:ac:generate=false
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=scim
// +kubebuilder:selectablefield:JSONPath=`.spec.applicationRef.name`
// +kubebuilder:printcolumn:name="Application",type=string,JSONPath=`.spec.applicationRef.name`
// +kubebuilder:printcolumn:name="Roles",type=string,JSONPath=`.spec.roles`
// +kubebuilder:printcolumn:name="Users",type=integer,JSONPath=`.status.matchedUsers`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ScimGrant struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what people ask for.
	// +required
	Spec ScimGrantSpec `json:"spec,omitzero"`
	// status is what scim-controller found.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "waiting for scim-controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}, matchedUsers: 0}
	Status ScimGrantStatus `json:"status,omitempty"`
}

// ScimGrantList is a list of ScimGrant.
//
// +kubebuilder:object:root=true
type ScimGrantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ScimGrant `json:"items"`
}
