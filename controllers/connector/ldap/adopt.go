// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

var (
	_ connector.Adopter  = (*Connector)(nil)
	_ connector.Lister   = (*Connector)(nil)
	_ connector.Prober   = (*Connector)(nil)
	_ connector.Profiled = (*Connector)(nil)
	_ connector.Revoker  = (*Connector)(nil)
)

// maxFound is how many accounts Find returns with their roles. More than one is too many already.
const maxFound = 16

// Find implements connector.Adopter. It costs one search, and one more for each account that it finds.
func (c *Connector) Find(ctx context.Context, key connector.Key, value string) ([]connector.Account, error) {
	attribute, err := c.attributeOf(key)
	if err != nil {
		return nil, err
	}
	// Directories leave control characters out when they compare, and would find who is called otherwise.
	if value == "" || valueProblem(value) != "" {
		return nil, connector.Invalidf("no account can have this %s", key)
	}
	found, err := c.find(ctx, "find accounts", c.base, equals(attribute, value), c.attributes())
	if err != nil {
		return nil, err
	}
	var accounts []connector.Account
	for _, raw := range found {
		e, ok := c.entryOf(raw)
		if !ok || len(e.owners) > 0 || !c.keeps(e.at) || len(e.values(c.UserNameAttribute)) == 0 {
			continue
		}
		if len(accounts) == maxFound {
			return nil, connector.Conflictf("more than %d entries have the same %s", maxFound, key)
		}
		roles, err := c.rolesOf(ctx, c.asMember(&e, e.at))
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, c.account(&e, roles, connector.Account{}))
	}
	return accounts, nil
}

// attributeOf is where the directory has the key.
func (c *Connector) attributeOf(key connector.Key) (string, error) {
	if key == connector.KeyUserName {
		return c.UserNameAttribute, nil
	}
	name := map[connector.Key]string{connector.KeyEmail: AttributeEmail, connector.KeyExternalID: AttributeExternalID}[key]
	for _, m := range c.Mapped {
		if name != "" && m.Name == name {
			return m.Attribute, nil
		}
	}
	return "", connector.Invalidf("the directory knows no accounts by %q: no attribute is mapped to it", key)
}

// Adopt implements connector.Adopter. Of two at the same time the directory lets one through.
func (c *Connector) Adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	if owner == "" {
		return connector.Account{}, connector.Invalidf("the account has no owner")
	}
	for range applyTries {
		adopted, err := c.adoptOnce(ctx, found, owner)
		if !isPassing(err) {
			return adopted, err
		}
	}
	return connector.Account{}, connector.Conflictf("the entry is being changed by others")
}

func (c *Connector) adoptOnce(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	e, err := c.byID(ctx, found.ExternalID)
	if err != nil {
		return connector.Account{}, err
	}
	if is := e.owner(owner); is != "" && is != owner {
		return connector.Account{}, connector.Conflictf("the entry bears the mark of another account")
	}
	if len(e.owners) == 0 {
		if err := c.putMark(ctx, e, owner); err != nil {
			return connector.Account{}, err
		}
	}
	roles, err := c.rolesOf(ctx, c.asMember(e, e.at))
	if err != nil {
		return connector.Account{}, err
	}
	e.owners = []string{owner}
	return c.account(e, roles, connector.Account{Owner: owner}), nil
}

// byID returns the entry, or a Conflict if it is gone.
func (c *Connector) byID(ctx context.Context, id string) (*entry, error) {
	filter := c.idFilter(id)
	if filter == "" {
		return nil, connector.Conflictf("the entry to adopt is not there any more")
	}
	found, err := c.find(ctx, "look for the entry to adopt", c.base, filter, c.attributes())
	if isAnswer(err, ldapv3.LDAPResultInvalidAttributeSyntax) || err == nil && len(found) != 1 {
		return nil, connector.Conflictf("the entry to adopt is not there any more")
	}
	if err != nil {
		return nil, err
	}
	e, ok := c.entryOf(found[0])
	if !ok || !c.keeps(e.at) {
		return nil, connector.Conflictf("the entry to adopt is not there any more")
	}
	return &e, nil
}

// putMark adds the mark if there is none. A directory that cannot check that at the same time is asked afterwards: who sees another mark
// beside its own takes its own away again.
func (c *Connector) putMark(ctx context.Context, e *entry, owner string) error {
	mark := func(operation uint) step {
		return step{kind: modify, at: e.at, changes: []change{{operation, c.MarkAttribute, []string{markPrefix + owner}}}}
	}
	unmarked := "(&" + c.idFilter(e.id) + "(!(" + c.MarkAttribute + "=" + markPrefix + "*)))"
	err := c.change(ctx, "mark an entry", unmarked, func(s *session, controls []ldapv3.Control) error {
		err := s.Modify(mark(ldapv3.AddAttribute).modification(controls))
		if isAnswer(err, ldapv3.LDAPResultAttributeOrValueExists) {
			return errStale
		}
		return err
	})
	if err != nil {
		return err
	}
	facts, err := c.facts(ctx)
	if err != nil || facts.asserts {
		return err
	}
	now, err := c.byID(ctx, e.id)
	if err != nil || now.bears(owner) {
		return err
	}
	return c.change(ctx, "take the mark off again", "", func(s *session, _ []ldapv3.Control) error {
		if err := s.Modify(mark(ldapv3.DeleteAttribute).modification(nil)); err != nil {
			return err
		}
		return connector.Conflictf("the entry bears the mark of another account")
	})
}
