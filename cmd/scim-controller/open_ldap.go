// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/ldap"
)

func openLDAP(dial ldap.DialFunc) application.Opener {
	return func(ctx context.Context, app *v1alpha1.ScimApplication, credential map[string][]byte) (connector.Connector, error) {
		return ldap.Open(ctx, ldapConfig(app.Spec.Connector.LDAP, credential, dial))
	}
}

func ldapConfig(spec *v1alpha1.LDAPConnector, credential map[string][]byte, dial ldap.DialFunc) ldap.Config {
	cfg := ldap.Config{
		URL: spec.URL, AllowPlaintext: spec.AllowPlaintext, Credential: credential, Dial: dial,
		Timeout: time.Duration(spec.TimeoutSeconds) * time.Second, MaxConnections: int(spec.MaxConnections), PageSize: int(spec.PageSize),
		BaseDN: string(spec.BaseDN), UserNameAttribute: string(spec.UserNameAttribute), RDNAttribute: string(spec.RDNAttribute),
		MarkAttribute: string(spec.MarkAttribute), MemberAttribute: ldap.MemberAttribute(spec.MemberAttribute),
		Suspension: ldap.Suspension{
			Type:        ldap.SuspensionType(spec.Suspension.Type),
			SuspendedDN: string(spec.Suspension.SuspendedDN), PolicyDN: string(spec.Suspension.PolicyDN),
		},
	}
	for _, class := range spec.ObjectClasses {
		cfg.ObjectClasses = append(cfg.ObjectClasses, string(class))
	}
	for _, a := range spec.Attributes {
		cfg.Mapped = append(cfg.Mapped, ldap.Mapping{Name: a.Name, Attribute: string(a.Attribute)})
	}
	for _, a := range spec.StaticAttributes {
		cfg.Static = append(cfg.Static, ldap.StaticAttribute{Attribute: string(a.Attribute), Values: a.Values})
	}
	for _, role := range spec.Roles {
		cfg.Roles = append(cfg.Roles, ldap.Role{Name: string(role.Name), GroupDN: string(role.GroupDN), Placeholder: string(role.PlaceholderDN)})
	}
	return cfg
}
