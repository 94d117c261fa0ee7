// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// ScimResourceType is a resource type of SCIM, by its name there.
// +kubebuilder:validation:Enum=User;Group
type ScimResourceType string

const (
	// ResourceTypeUser is the User of RFC 7643 §4.1.
	ResourceTypeUser ScimResourceType = "User"
	// ResourceTypeGroup is the Group of RFC 7643 §4.2.
	ResourceTypeGroup ScimResourceType = "Group"
)

// SchemaExtension declares attributes in the terms of RFC 7643 §7, whose characteristics and values it uses.
// +kubebuilder:validation:XValidation:rule="has(self.urn) || self.resourceType != 'User' || !self.attributes.exists(a, a.name.lowerAscii() in ['schemas', 'id', 'externalid', 'meta', 'username', 'name', 'displayname', 'nickname', 'profileurl', 'title', 'usertype', 'preferredlanguage', 'locale', 'timezone', 'active', 'password', 'emails', 'phonenumbers', 'ims', 'photos', 'addresses', 'groups', 'entitlements', 'roles', 'x509certificates'])",message="the core User has an attribute of this name"
// +kubebuilder:validation:XValidation:rule="has(self.urn) || self.resourceType != 'Group' || !self.attributes.exists(a, a.name.lowerAscii() in ['schemas', 'id', 'externalid', 'meta', 'displayname', 'members'])",message="the core Group has an attribute of this name"
// +kubebuilder:validation:XValidation:rule="self.attributes.all(a, self.attributes.exists_one(o, o.name.lowerAscii() == a.name.lowerAscii()))",message="attribute names must differ in more than case"
type SchemaExtension struct {
	// resourceType is what has the attributes.
	// +required
	ResourceType ScimResourceType `json:"resourceType,omitempty"`

	// urn of a schema of its own, under which the attributes are sent (RFC 7643 §3.3). Without it the attributes are further ones of
	// the core schema, which Okta and others send beside userName.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[Uu][Rr][Nn]:[A-Za-z0-9][A-Za-z0-9:._/$+=@-]*$`
	// +kubebuilder:validation:XValidation:rule="!self.lowerAscii().startsWith('urn:ietf:params:scim:schemas:core:2.0:') && self.lowerAscii() != 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user'",message="urn is that of a schema of RFC 7643; leave urn out to declare further attributes of the core schema"
	URN string `json:"urn,omitempty"`

	// name of the schema for people; of a schema of its own only.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`

	// description for people.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Description string `json:"description,omitempty"`

	// attributes that are declared.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Attributes []SchemaAttribute `json:"attributes,omitempty"`
}

// AttributeCharacteristics are those of RFC 7643 §7 that a declared attribute or sub-attribute may choose.
// +kubebuilder:validation:XValidation:rule="self.mutability != 'writeOnly' || self.returned == 'never'",message="a writeOnly attribute is returned never"
type AttributeCharacteristics struct {
	// name of the attribute (RFC 7643 §2.1). Case does not count.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9_-]*$`
	Name string `json:"name,omitempty"`

	// description for people.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Description string `json:"description,omitempty"`

	// multiValued is true of a list of values, 100 at most.
	// +optional
	MultiValued bool `json:"multiValued,omitempty"`

	// required makes a user or group without it a 400; of an extension, only where the extension has a value.
	// +optional
	Required bool `json:"required,omitempty"`

	// caseExact makes filters tell case apart.
	// +optional
	CaseExact bool `json:"caseExact,omitempty"`

	// mutability is readWrite; immutable, if it may be set once; or writeOnly, if it is accepted and not kept.
	// +optional
	// +default="readWrite"
	// +kubebuilder:validation:Enum=readWrite;immutable;writeOnly
	Mutability string `json:"mutability,omitempty"`

	// returned is default; always; request, if only when asked for; or never.
	// +optional
	// +default="default"
	// +kubebuilder:validation:Enum=default;always;request;never
	Returned string `json:"returned,omitempty"`

	// canonicalValues are suggestions. Other values are accepted.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	CanonicalValues []string `json:"canonicalValues,omitempty"`

	// referenceTypes of a reference: User, Group, external or uri.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=64
	ReferenceTypes []string `json:"referenceTypes,omitempty"`
}

// SchemaAttribute declares one attribute.
// +kubebuilder:validation:XValidation:rule="!has(self.subAttributes) || self.subAttributes.all(a, self.subAttributes.exists_one(o, o.name.lowerAscii() == a.name.lowerAscii()))",message="the names of subAttributes must differ in more than case"
// +kubebuilder:validation:XValidation:rule="(self.type == 'complex') == has(self.subAttributes)",message="a complex attribute, and no other, has subAttributes"
type SchemaAttribute struct {
	AttributeCharacteristics `json:",inline"`

	// type of the values (RFC 7643 §2.3). A complex value may also be sent as JSON text, as Okta must; it is shown in the form in which
	// it was received.
	// +optional
	// +default="string"
	// +kubebuilder:validation:Enum=string;boolean;decimal;integer;dateTime;binary;reference;complex
	Type string `json:"type,omitempty"`

	// subAttributes of a complex attribute.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=12
	SubAttributes []SchemaSubAttribute `json:"subAttributes,omitempty"`
}

// SchemaSubAttribute declares one sub-attribute, which cannot be complex itself (RFC 7643 §2.3.8).
type SchemaSubAttribute struct {
	AttributeCharacteristics `json:",inline"`

	// type of the values (RFC 7643 §2.3).
	// +optional
	// +default="string"
	// +kubebuilder:validation:Enum=string;boolean;decimal;integer;dateTime;binary;reference
	Type string `json:"type,omitempty"`
}
