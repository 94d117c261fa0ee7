// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// PostgreSQLConnector keeps accounts as roles that can log in. Its mark is the end of the role's comment. Suspended means NOLOGIN, no session, and no membership in the roles of the application.
type PostgreSQLConnector struct {
	// host is the name or address of the server, which its certificate is for.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9.:-]+$`
	Host string `json:"host,omitempty"`

	// port of the server.
	// +optional
	// +kubebuilder:default=5432
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// database is the one to connect to. Roles belong to the whole server, whatever database is used.
	// +optional
	// +kubebuilder:default=postgres
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Database string `json:"database,omitempty"`

	// tlsMode says how the server is known to be the right one: VerifyFull wants a certificate for the host by an authority that is trusted; VerifyCA does not look at the host; Require encrypts and takes any certificate;
	// Disable sends everything in clear text. With the last two the password itself is never sent, only the proof that we know it.
	// +optional
	// +kubebuilder:default=VerifyFull
	TLSMode PostgreSQLTLSMode `json:"tlsMode,omitempty"`

	// credentialSecretRef names the Secret with the credential: the keys "username" and "password", or "username", "tls.crt" and "tls.key", and "ca.crt", the only authorities that are trusted then. It carries
	// the label scim-operator.dev/credential=true, and the annotation scim-operator.dev/hosts names every host that it may be sent to.
	// +required
	CredentialSecretRef LocalReference `json:"credentialSecretRef,omitzero"`

	// maxConnections bounds how many connections there are at a time. Those that nobody uses are closed after two minutes.
	// +optional
	// +kubebuilder:default=4
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	MaxConnections int32 `json:"maxConnections,omitempty"`

	// statementTimeoutSeconds ends a statement that takes longer.
	// +optional
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	StatementTimeoutSeconds int32 `json:"statementTimeoutSeconds,omitempty"`

	// roles that the application offers, by the names that grants use.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	Roles []PostgreSQLRole `json:"roles,omitempty"`

	// ownedObjects says what becomes of an account that is to be deleted and owns something, or was given rights by name. The default is that it stays, suspended.
	// +optional
	OwnedObjects *PostgreSQLOwnedObjects `json:"ownedObjects,omitempty"`
}

// PostgreSQLTLSMode says how the server is known to be the right one.
// +kubebuilder:validation:Enum=VerifyFull;VerifyCA;Require;Disable
type PostgreSQLTLSMode string

// PostgreSQLOwnedPolicy says what becomes of what a deleted account owns.
// +kubebuilder:validation:Enum=Refuse;Reassign
type PostgreSQLOwnedPolicy string

const (
	// PostgreSQLRefuse keeps an account that owns something.
	PostgreSQLRefuse PostgreSQLOwnedPolicy = "Refuse"
	// PostgreSQLReassign hands over what it owns.
	PostgreSQLReassign PostgreSQLOwnedPolicy = "Reassign"
)

// PostgreSQLOwnedObjects says what becomes of what a deleted account owns.
// +kubebuilder:validation:XValidation:rule="(self.policy == 'Reassign') == has(self.reassignTo)",message="reassignTo must be set when policy is Reassign, and only then"
type PostgreSQLOwnedObjects struct {
	// policy is Refuse, which keeps the account suspended and says what it owns, or Reassign.
	// +required
	Policy PostgreSQLOwnedPolicy `json:"policy,omitempty"`

	// reassignTo is the role of the server that gets what the account owns, in every database. Rights that the account was given by name are dropped.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	ReassignTo string `json:"reassignTo,omitempty"`
}

// PostgreSQLRole is a role of the application: a role of the server that accounts become members of.
type PostgreSQLRole struct {
	// name of the role, as grants use it.
	// +required
	Name RoleName `json:"name,omitempty"`

	// memberOf is the role of the server. The default is the name. One that is or inherits a role with SUPERUSER, CREATEROLE, REPLICATION or BYPASSRLS is given to nobody.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	MemberOf string `json:"memberOf,omitempty"`
}
