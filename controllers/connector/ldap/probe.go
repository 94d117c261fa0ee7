// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"strings"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Probe implements connector.Prober. It binds, looks whether every place is there, and whether what we need of an account can be read,
// if there is one yet. Rights to write are not probed: LDAP has no way to ask for them.
func (c *Connector) Probe(ctx context.Context) error {
	places := []struct {
		at   dn
		what string
	}{{c.base, "the baseDN"}, {c.suspended, "the suspendedDN"}}
	for _, place := range places {
		if err := c.probePlace(ctx, place.at, place.what); err != nil {
			return err
		}
	}
	for _, r := range c.roles {
		if err := c.probePlace(ctx, r.group, "the group of role \""+r.name+"\""); err != nil {
			return err
		}
	}
	if err := c.probePolicy(ctx); err != nil {
		return err
	}
	return c.probeEntry(ctx)
}

func (c *Connector) probePlace(ctx context.Context, at dn, what string) error {
	if at.key == "" {
		return nil
	}
	found, err := c.get(ctx, "look for "+what, at, "objectClass")
	if err == nil && found == nil {
		return connector.Deniedf("%s is not there, or hidden from us", what)
	}
	return err
}

// probePolicy makes sure that a lock locks.
func (c *Connector) probePolicy(ctx context.Context) error {
	policy, named := parseDN(c.Suspension.PolicyDN)
	if c.Suspension.Type != PasswordPolicyLock || !named || policy.key == "" {
		return nil
	}
	found, err := c.get(ctx, "read the password policy", policy, "pwdLockout")
	switch {
	case err != nil:
		return err
	case found == nil:
		return connector.Deniedf("the password policy is not there, or hidden from us")
	case !strings.EqualFold(found.GetEqualFoldAttributeValue("pwdLockout"), "TRUE"):
		return connector.Deniedf("the password policy does not say pwdLockout: TRUE, or hides it from us: a suspended account could still log in")
	}
	return nil
}

// probeEntry reads an account, any: what is not answered of it cannot be read.
func (c *Connector) probeEntry(ctx context.Context) error {
	search := ldapv3.NewSearchRequest(c.base.text, ldapv3.ScopeWholeSubtree, ldapv3.NeverDerefAliases, 1, c.seconds(), false,
		"("+c.MarkAttribute+"="+markPrefix+"*)", c.attributes(), nil)
	var found []*ldapv3.Entry
	err := c.request(ctx, "read an account", func(s *session) error {
		result, err := s.Search(search)
		if isAnswer(err, ldapv3.LDAPResultSizeLimitExceeded) {
			err = nil
		}
		if err == nil {
			found = result.Entries
		}
		return err
	})
	if err != nil || len(found) == 0 {
		return err
	}
	for _, attribute := range []string{c.MarkAttribute, c.UserNameAttribute, c.idAttribute()} {
		if len(found[0].GetEqualFoldRawAttributeValues(attribute)) == 0 {
			return connector.Deniedf("the attribute %s of accounts cannot be read", attribute)
		}
	}
	return nil
}
