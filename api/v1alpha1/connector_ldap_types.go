// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// LDAPConnector keeps accounts as entries of a directory server, and roles as memberships in groups. It touches no entry that does not bear
// its mark, and of groups it adds and removes single members.
// +kubebuilder:validation:XValidation:rule="!has(self.allowPlaintext) || !self.allowPlaintext || self.url.startsWith('ldap://')",message="allowPlaintext is for ldap:// only: ldaps:// is never plaintext"
// +kubebuilder:validation:XValidation:rule="self.rdnAttribute == self.userNameAttribute || (has(self.attributes) && self.attributes.exists(a, a.attribute == self.rdnAttribute))",message="rdnAttribute must be the userNameAttribute or one of attributes"
// +kubebuilder:validation:XValidation:rule="!has(self.attributes) || !self.attributes.exists(a, a.attribute in [self.userNameAttribute, self.markAttribute])",message="the userNameAttribute and the markAttribute cannot be in attributes"
type LDAPConnector struct {
	// url is ldaps://host[:port], or ldap://host[:port], which is upgraded to TLS by StartTLS.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^ldaps?://[^/?#@\s]+$`
	URL string `json:"url,omitempty"`

	// allowPlaintext lets ldap:// do without StartTLS: the credential and personal data cross the network in the clear.
	// +optional
	AllowPlaintext bool `json:"allowPlaintext,omitempty"`

	// credentialSecretRef names the Secret with the credential: the keys "username", which is the DN to bind as, and "password"; or "tls.crt" and "tls.key", a
	// client certificate, without "password", to bind by SASL EXTERNAL. "ca.crt" are the only authorities that are trusted, if it is there. The Secret carries
	// the label scim-operator.dev/credential=true, and the annotation scim-operator.dev/hosts names every host that it may be sent to.
	// +required
	CredentialSecretRef LocalReference `json:"credentialSecretRef,omitzero"`

	// baseDN is what accounts are below of. A new one is made right below it, unless account.attributes maps "parentDN".
	// +required
	BaseDN DistinguishedName `json:"baseDN,omitempty"`

	// objectClasses of a new entry. The markAttribute must be allowed by one of them.
	// +optional
	// +listType=atomic
	// +kubebuilder:default={inetOrgPerson}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	ObjectClasses []LDAPAttributeName `json:"objectClasses,omitempty"`

	// userNameAttribute has the login name.
	// +optional
	// +kubebuilder:default=uid
	UserNameAttribute LDAPAttributeName `json:"userNameAttribute,omitempty"`

	// rdnAttribute is the one that the entry's DN begins with: the userNameAttribute or one of attributes.
	// +optional
	// +kubebuilder:default=uid
	RDNAttribute LDAPAttributeName `json:"rdnAttribute,omitempty"`

	// markAttribute has a value that says whose the entry is: "scim-operator:" and the namespace and name of the ScimAccount. Other values of it stay. Nobody
	// should be able to write it who may not write the entry.
	// +optional
	// +kubebuilder:default=description
	MarkAttribute LDAPAttributeName `json:"markAttribute,omitempty"`

	// attributes says which attribute of the entry holds what of the account. One that the entry must have, such as sn, is here or in staticAttributes.
	// +optional
	// +listType=map
	// +listMapKey=attribute
	// +kubebuilder:validation:MaxItems=32
	Attributes []LDAPAttribute `json:"attributes,omitempty"`

	// staticAttributes are the same for all new entries. They are not looked at again.
	// +optional
	// +listType=map
	// +listMapKey=attribute
	// +kubebuilder:validation:MaxItems=16
	StaticAttributes []LDAPStaticAttribute `json:"staticAttributes,omitempty"`

	// suspension says how an account is suspended.
	// +optional
	// +kubebuilder:default={type: PasswordPolicyLock}
	Suspension LDAPSuspension `json:"suspension,omitzero"`

	// memberAttribute is how the groups of all roles list their members: member, uniqueMember or memberUid.
	// +optional
	// +kubebuilder:default=member
	MemberAttribute LDAPMemberAttribute `json:"memberAttribute,omitempty"`

	// pageSize is how many entries a page of a list has.
	// +optional
	// +kubebuilder:default=500
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	PageSize int32 `json:"pageSize,omitempty"`

	// timeoutSeconds bounds each request.
	// +optional
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	TimeoutSeconds int32 `json:"timeoutSeconds,omitempty"`

	// maxConnections is how many connections are open at a time, at most.
	// +optional
	// +kubebuilder:default=4
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	MaxConnections int32 `json:"maxConnections,omitempty"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []LDAPRole `json:"roles,omitempty"`
}

// DistinguishedName names an entry of a directory, such as ou=people,dc=example,dc=org.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9-]*\s*=.+$`
type DistinguishedName string

// LDAPAttributeName is the short name of an attribute or an object class.
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:Pattern=`^[A-Za-z][A-Za-z0-9-]*$`
type LDAPAttributeName string

// LDAPMemberAttribute is how a group lists its members.
// +kubebuilder:validation:Enum=member;uniqueMember;memberUid
type LDAPMemberAttribute string

// LDAPAttribute says which attribute of the entry holds what of the account.
// +kubebuilder:validation:XValidation:rule="!(self.attribute.lowerAscii() in ['objectclass', 'userpassword', 'pwdaccountlockedtime', 'useraccountcontrol'])",message="this attribute cannot be mapped"
type LDAPAttribute struct {
	// name is displayName, email, userName, or that of one of account.attributes. "email" and "externalId" are those that accounts can be adopted by.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self != 'parentDN'",message="parentDN is where the entry is, and no attribute of it"
	Name string `json:"name,omitempty"`

	// attribute of the entry. It has one value, or none when what is mapped is empty.
	// +required
	Attribute LDAPAttributeName `json:"attribute,omitempty"`
}

// LDAPStaticAttribute is an attribute that all new entries have.
type LDAPStaticAttribute struct {
	// attribute of the entry.
	// +required
	Attribute LDAPAttributeName `json:"attribute,omitempty"`

	// values of it.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	Values []string `json:"values,omitempty"`
}

// LDAPSuspensionType is how an account is suspended.
// +kubebuilder:validation:Enum=PasswordPolicyLock;UserAccountControl;MoveToOU
type LDAPSuspensionType string

const (
	// LDAPPasswordPolicyLock sets pwdAccountLockedTime, which the password policy of OpenLDAP and others acts on where it says pwdLockout: TRUE.
	LDAPPasswordPolicyLock LDAPSuspensionType = "PasswordPolicyLock"
	// LDAPUserAccountControl sets the flag ACCOUNTDISABLE of Active Directory. The externalID of accounts is objectGUID then, and entryUUID otherwise.
	LDAPUserAccountControl LDAPSuspensionType = "UserAccountControl"
	// LDAPMoveToOU moves the entry to suspendedDN, below which the directory must let nobody bind.
	LDAPMoveToOU LDAPSuspensionType = "MoveToOU"
)

// LDAPSuspension says how an account is suspended. Whatever the way, it is taken out of the groups of all roles.
// +kubebuilder:validation:XValidation:rule="(self.type == 'MoveToOU') == has(self.suspendedDN)",message="suspendedDN must be set when type is MoveToOU, and only then"
// +kubebuilder:validation:XValidation:rule="self.type == 'PasswordPolicyLock' || !has(self.policyDN)",message="policyDN is for type PasswordPolicyLock only"
type LDAPSuspension struct {
	// type is PasswordPolicyLock, UserAccountControl or MoveToOU.
	// +optional
	// +kubebuilder:default=PasswordPolicyLock
	Type LDAPSuspensionType `json:"type,omitempty"`

	// suspendedDN is where MoveToOU moves entries to. It lies beside baseDN, not below it.
	// +optional
	SuspendedDN DistinguishedName `json:"suspendedDN,omitempty"`

	// policyDN is the password policy that is in force for accounts. If it is given, the application is Denied as long as it does not say pwdLockout: TRUE.
	// +optional
	PolicyDN DistinguishedName `json:"policyDN,omitempty"`
}

// LDAPRole is a role of the application: a group entry of the server.
type LDAPRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`

	// groupDN is the group's entry. It is never made or removed.
	// +required
	GroupDN DistinguishedName `json:"groupDN,omitempty"`

	// placeholderDN is put into a group that must have a member when the last one goes. The default is the group itself, as which nobody can bind.
	// +optional
	PlaceholderDN DistinguishedName `json:"placeholderDN,omitempty"`
}
