// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import "maps"

// ldapSamples set every field of the connector: one with each way to suspend that needs more than its name.
func ldapSamples() []string {
	return []string{ldapSample(`ldap://ldap.example.com
      allowPlaintext: true`, "{type: PasswordPolicyLock, policyDN: 'cn=default,ou=policies,dc=example,dc=org'}"),
		ldapSample("ldaps://ldap.example.com:1636", "{type: MoveToOU, suspendedDN: 'ou=suspended,dc=example,dc=org'}")}
}

func ldapSample(url, suspension string) string {
	return `
apiVersion: scim-operator.dev/v1alpha1
kind: ScimApplication
metadata: {name: sample}
spec:
  directoryRef: {name: acme}
  connector:
    type: LDAP
    ldap:
      url: ` + url + `
      credentialSecretRef: {name: directory}
      baseDN: ou=people,dc=example,dc=org
      objectClasses: [inetOrgPerson]
      userNameAttribute: uid
      rdnAttribute: uid
      markAttribute: description
      attributes: [{name: userName, attribute: cn}]
      staticAttributes: [{attribute: employeeType, values: [staff]}]
      suspension: ` + suspension + `
      memberAttribute: uniqueMember
      pageSize: 100
      timeoutSeconds: 10
      maxConnections: 8
      roles: [{name: reader, groupDN: "cn=reader,dc=example,dc=org", placeholderDN: "cn=nobody,dc=example,dc=org"}]
  lifecycle: {graceHours: 24}
  adoption: {policy: Never}
  drift: {policy: Report}
  removalGuard: {reversible: {count: 50}, irreversible: {count: 5}}
  limits: {concurrency: 4}
status:
  conditions: [` + condition + `]
`
}

// ldapRules are about the connector.
func ldapRules() map[string]rule {
	const (
		union     = "connector.ldap must be set when connector.type is LDAP, and only then"
		plaintext = "allowPlaintext is for ldap:// only: ldaps:// is never plaintext"
		rdn       = "rdnAttribute must be the userNameAttribute or one of attributes"
		taken     = "the userNameAttribute and the markAttribute cannot be in attributes"
		suspended = "suspendedDN must be set when type is MoveToOU, and only then"
		policy    = "policyDN is for type PasswordPolicyLock only"
		reserved  = "this attribute cannot be mapped"
	)
	with := func(changes map[string]any) []change {
		connector := map[string]any{
			"url": "ldap://ldap.example.com", "baseDN": "dc=example,dc=org", "credentialSecretRef": map[string]any{"name": "directory"},
			"roles": []any{map[string]any{"name": "reader", "groupDN": "cn=reader,dc=example,dc=org"}},
		}
		maps.Copy(connector, changes)
		return []change{spec(map[string]any{"type": "LDAP", "ldap": connector}, "connector")}
	}
	mapped := func(name, attribute string) map[string]any {
		return map[string]any{"attributes": []any{map[string]any{"name": name, "attribute": attribute}}}
	}
	suspension := func(fields map[string]any) map[string]any { return map[string]any{"suspension": fields} }
	byCN := mapped("displayName", "cn")
	byCN["rdnAttribute"] = "cn"
	return of("ScimApplication", map[string]rule{
		"LDAPShort":            {reason: "all else has a default", create: with(nil)},
		"LDAPWithoutMember":    {reason: "type says LDAP", create: []change{spec(map[string]any{"type": "LDAP"}, "connector")}, wantErr: union},
		"LDAPPlaintext":        {reason: "somebody says so", create: with(map[string]any{"allowPlaintext": true})},
		"LDAPSPlaintext":       {reason: "which is it?", create: with(map[string]any{"allowPlaintext": true, "url": "ldaps://ldap.example.com"}), wantErr: plaintext},
		"LDAPNamedByCN":        {reason: "it is mapped", create: with(byCN)},
		"LDAPNamedByNothing":   {reason: "nobody fills it", create: with(map[string]any{"rdnAttribute": "cn"}), wantErr: rdn},
		"LDAPUserNameTwice":    {reason: "it has the login", create: with(mapped("email", "uid")), wantErr: taken},
		"LDAPMarkMapped":       {reason: "it has the mark", create: with(mapped("title", "description")), wantErr: taken},
		"LDAPPasswordMapped":   {reason: "there are no passwords here", create: with(mapped("secret", "UserPassword")), wantErr: reserved},
		"LDAPParentMapped":     {reason: "it is a place", create: with(mapped("parentDN", "ou")), wantErr: "parentDN is where the entry is, and no attribute of it"},
		"LDAPMoves":            {reason: "it says where", create: with(suspension(map[string]any{"type": "MoveToOU", "suspendedDN": "ou=gone,dc=example,dc=com"}))},
		"LDAPMovesNowhere":     {reason: "where to?", create: with(suspension(map[string]any{"type": "MoveToOU"})), wantErr: suspended},
		"LDAPLocksAndMoves":    {reason: "which is it?", create: with(suspension(map[string]any{"suspendedDN": "ou=gone,dc=example,dc=com"})), wantErr: suspended},
		"LDAPDisablesByPolicy": {reason: "there is none", create: with(suspension(map[string]any{"type": "UserAccountControl", "policyDN": "cn=default,dc=example,dc=com"})), wantErr: policy},
	})
}
