// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"fmt"
	"strings"
)

// The directory as it is when it starts.
const (
	Suffix      = "dc=example,dc=org"
	PeopleDN    = "ou=people," + Suffix
	GroupsDN    = "ou=groups," + Suffix
	SuspendedDN = "ou=suspended," + Suffix
	PolicyDN    = "cn=default,ou=policies," + Suffix
	// ControllerDN is who scim-controller binds as. It has the rights that docs/connectors/ldap.md documents, and no more.
	ControllerDN = "cn=scim-operator,ou=services," + Suffix
	// ReaderDN is an application that looks people and groups up.
	ReaderDN = "cn=wiki,ou=services," + Suffix
	// AdminDN may do everything.
	AdminDN = "cn=admin," + Suffix
)

// GroupNames are the groups that there are, of all kinds: cn=<name>,ou=groups is a groupOfNames, cn=unique-<name> a groupOfUniqueNames and cn=posix-<name> a posixGroup.
func GroupNames() []string { return []string{"auditor", "reader", "writer"} }

// Access is the olcAccess that docs/connectors/ldap.md gives to the connector; a test compares the two.
func Access() []string {
	return []string{
		`to dn.base="dc=example,dc=org" attrs=entry by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" search by * break`,
		`to dn.subtree="ou=people,dc=example,dc=org" attrs=userPassword by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" none by * break`,
		`to dn.base="ou=people,dc=example,dc=org" attrs=children by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" write by * break`,
		`to dn.children="ou=people,dc=example,dc=org" filter="(description=scim-operator:*)" by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" write by * break`,
		`to dn.children="ou=people,dc=example,dc=org" filter="(objectClass=organizationalUnit)" attrs=children by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" write by * break`,
		`to dn.children="ou=people,dc=example,dc=org" attrs=description by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" write by * break`,
		`to dn.subtree="ou=people,dc=example,dc=org" by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" read by * break`,
		`to dn.children="ou=groups,dc=example,dc=org" attrs=member,uniqueMember,memberUid by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" write by * break`,
		`to dn.children="ou=groups,dc=example,dc=org" attrs=entry,objectClass by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" read by * break`,
		`to dn.base="cn=default,ou=policies,dc=example,dc=org" attrs=entry,objectClass,pwdLockout by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" read by * break`,
	}
}

// MoveAccess is what suspending by MoveToOU needs beside Access: the last of it refuses the logins.
func MoveAccess() []string {
	return []string{
		`to dn.subtree="ou=suspended,dc=example,dc=org" attrs=userPassword by * none`,
		`to dn.base="ou=suspended,dc=example,dc=org" attrs=entry,objectClass,children by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" write by * break`,
		`to dn.children="ou=suspended,dc=example,dc=org" filter="(description=scim-operator:*)" by dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" write by * break`,
	}
}

// othersAccess is what everybody else may: log in, and look up.
func othersAccess() []string {
	return []string{
		`to attrs=userPassword by anonymous auth by * none`,
		fmt.Sprintf(`to * by dn.exact=%q read by * none`, ReaderDN),
	}
}

// limits let the connector list more than 500 entries, page by page.
const limits = `dn.exact="cn=scim-operator,ou=services,dc=example,dc=org" size.prtotal=unlimited`

// configuration is cn=config.
func configuration(dir string, modules string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: %[1]s/slapd.pid
olcTLSCACertificateFile: %[1]s/ca.crt
olcTLSCertificateFile: %[1]s/tls.crt
olcTLSCertificateKeyFile: %[1]s/tls.key
olcTLSVerifyClient: try
olcTLSProtocolMin: 3.3
olcAuthzRegexp: {0}cn=scim-operator-certificate %[2]s

dn: cn=module{0},cn=config
objectClass: olcModuleList
cn: module{0}
olcModulePath: %[3]s
olcModuleLoad: back_mdb
olcModuleLoad: ppolicy

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif
include: file:///etc/ldap/schema/cosine.ldif
include: file:///etc/ldap/schema/nis.ldif
include: file:///etc/ldap/schema/inetorgperson.ldif

dn: olcDatabase={-1}frontend,cn=config
objectClass: olcDatabaseConfig
objectClass: olcFrontendConfig
olcDatabase: {-1}frontend

dn: olcDatabase={0}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {0}config
olcAccess: to * by * none

dn: olcDatabase={1}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {1}mdb
olcSuffix: %[4]s
olcRootDN: %[5]s
olcDbDirectory: %[1]s/data
olcDbMaxSize: 1073741824
olcDbNoSync: TRUE
olcDbIndex: objectClass,uid,mail,employeeNumber,description,entryUUID eq
olcDbIndex: member,uniqueMember,memberUid eq
olcLimits: %[6]s
`, dir, ControllerDN, modules, Suffix, AdminDN, limits)
	for _, line := range append(append(Access(), MoveAccess()...), othersAccess()...) {
		fmt.Fprintf(&b, "olcAccess: %s\n", line)
	}
	fmt.Fprintf(&b, `
dn: olcOverlay={0}ppolicy,olcDatabase={1}mdb,cn=config
objectClass: olcOverlayConfig
objectClass: olcPPolicyConfig
olcOverlay: {0}ppolicy
olcPPolicyDefault: %s
`, PolicyDN)
	return b.String()
}

// content are the entries that are there before anybody has an account.
func content() string {
	var b strings.Builder
	fmt.Fprintf(&b, `dn: %[1]s
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: %[2]s
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: admin
userPassword: %[3]s

`, Suffix, AdminDN, adminPassword)
	for _, name := range []string{"people", "groups", "suspended", "services", "policies"} {
		fmt.Fprintf(&b, "dn: ou=%[1]s,%[2]s\nobjectClass: organizationalUnit\nou: %[1]s\n\n", name, Suffix)
	}
	for name, password := range map[string]string{"scim-operator": controllerPassword, "wiki": readerPassword} {
		fmt.Fprintf(&b, "dn: cn=%[1]s,ou=services,%[2]s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: %[1]s\nuserPassword: %[3]s\n\n", name, Suffix, password)
	}
	fmt.Fprintf(&b, "dn: %s\nobjectClass: device\nobjectClass: pwdPolicy\ncn: default\npwdAttribute: userPassword\npwdLockout: TRUE\n\n", PolicyDN)
	for i, name := range GroupNames() {
		fmt.Fprintf(&b, `dn: cn=%[1]s,%[2]s
objectClass: groupOfNames
cn: %[1]s
member: cn=%[1]s,%[2]s

dn: cn=unique-%[1]s,%[2]s
objectClass: groupOfUniqueNames
cn: unique-%[1]s
uniqueMember: cn=unique-%[1]s,%[2]s

dn: cn=posix-%[1]s,%[2]s
objectClass: posixGroup
cn: posix-%[1]s
gidNumber: %[3]d

`, name, GroupsDN, 2000+i)
	}
	return b.String()
}
