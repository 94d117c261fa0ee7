// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector/ldap"
)

// TestLDAPConfig loses no field of the spec on the way to the connector.
func TestLDAPConfig(t *testing.T) {
	spec := &v1alpha1.LDAPConnector{
		URL: "ldap://ldap.example.com", AllowPlaintext: true, BaseDN: "ou=people,dc=x", ObjectClasses: []v1alpha1.LDAPAttributeName{"a", "b"},
		UserNameAttribute: "mail", RDNAttribute: "cn", MarkAttribute: "info",
		Attributes:       []v1alpha1.LDAPAttribute{{Name: "displayName", Attribute: "cn"}},
		StaticAttributes: []v1alpha1.LDAPStaticAttribute{{Attribute: "o", Values: []string{"x", "y"}}},
		Suspension:       v1alpha1.LDAPSuspension{Type: v1alpha1.LDAPMoveToOU, SuspendedDN: "ou=gone,dc=x", PolicyDN: "cn=p,dc=x"},
		MemberAttribute:  "memberUid", PageSize: 7, TimeoutSeconds: 8, MaxConnections: 9,
		Roles: []v1alpha1.LDAPRole{{Name: "reader", GroupDN: "cn=r,dc=x", PlaceholderDN: "cn=n,dc=x"}},
	}
	credential := map[string][]byte{"username": []byte("cn=me")}
	want := ldap.Config{
		URL: "ldap://ldap.example.com", AllowPlaintext: true, Credential: credential, Timeout: 8 * time.Second, MaxConnections: 9, PageSize: 7,
		BaseDN: "ou=people,dc=x", ObjectClasses: []string{"a", "b"}, UserNameAttribute: "mail", RDNAttribute: "cn", MarkAttribute: "info",
		Mapped: []ldap.Mapping{{Name: "displayName", Attribute: "cn"}}, Static: []ldap.StaticAttribute{{Attribute: "o", Values: []string{"x", "y"}}},
		Suspension:      ldap.Suspension{Type: ldap.MoveToOU, SuspendedDN: "ou=gone,dc=x", PolicyDN: "cn=p,dc=x"},
		MemberAttribute: ldap.MemberUID, Roles: []ldap.Role{{Name: "reader", GroupDN: "cn=r,dc=x", Placeholder: "cn=n,dc=x"}},
	}
	if diff := cmp.Diff(want, ldapConfig(spec, credential, nil), cmpopts.IgnoreFields(ldap.Config{}, "Dial")); diff != "" {
		t.Error(diff)
	}
}
