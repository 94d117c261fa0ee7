// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// SCIMRolesAs says what a role is in an application that speaks SCIM.
// +kubebuilder:validation:Enum=Groups;RolesAttribute
type SCIMRolesAs string

const (
	// SCIMRolesAsGroups makes a role a group, and an account that has it a member.
	SCIMRolesAsGroups SCIMRolesAs = "Groups"
	// SCIMRolesAsAttribute makes a role a value of the user's attribute roles.
	SCIMRolesAsAttribute SCIMRolesAs = "RolesAttribute"
)

// SCIMSuspension says how an account is suspended in an application that speaks SCIM.
// +kubebuilder:validation:Enum=Deactivate;Delete
type SCIMSuspension string

const (
	// SCIMSuspensionDeactivate sets active to false.
	SCIMSuspensionDeactivate SCIMSuspension = "Deactivate"
	// SCIMSuspensionDelete deletes the user.
	SCIMSuspensionDelete SCIMSuspension = "Delete"
)

// SCIMConnector keeps accounts as users of an application that speaks SCIM 2.0 (RFC 7644). Its mark is the externalId. Suspended means active=false.
// +kubebuilder:validation:XValidation:rule="self.rolesAs == 'Groups' ? self.roles.all(r, !has(r.value)) : self.roles.all(r, !has(r.group) && !has(r.groupID))",message="a role has a group or groupID when rolesAs is Groups, and a value when it is RolesAttribute"
type SCIMConnector struct {
	// endpoint is the base URL of SCIM, which has /Users below it.
	// +required
	Endpoint HTTPEndpoint `json:"endpoint,omitzero"`

	// rolesAs says what a role is: Groups or RolesAttribute.
	// +optional
	// +kubebuilder:default=Groups
	RolesAs SCIMRolesAs `json:"rolesAs,omitempty"`

	// suspension is Deactivate or Delete. Delete is for applications that know no active, or let users in who are not: suspending an account
	// deletes it there, with all that it has.
	// +optional
	// +kubebuilder:default=Deactivate
	Suspension SCIMSuspension `json:"suspension,omitempty"`

	// adoptExternalIDs says that accounts may bear the externalId that the identity provider has for the user, because it kept them itself before
	// and does not any more. They can be adopted by the key ExternalID then. Without it every externalId but ours is the mark of somebody else.
	// +optional
	AdoptExternalIDs bool `json:"adoptExternalIDs,omitempty"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []SCIMRole `json:"roles,omitempty"`
}

// SCIMRole is a role of the application: a group of the application, or a value of the user's attribute roles.
// +kubebuilder:validation:XValidation:rule="!has(self.group) || !has(self.groupID)",message="group and groupID name the same thing: give one of them"
type SCIMRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`

	// group is the displayName of the group. The default is the name. The group must be there.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Group string `json:"group,omitempty"`

	// groupID is the id of the group, where its displayName is not the only one or may change.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	GroupID string `json:"groupID,omitempty"`

	// value is the value of the attribute roles. The default is the name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Value string `json:"value,omitempty"`
}
