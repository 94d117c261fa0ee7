// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"errors"
	"fmt"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// stepKind is a way to change something.
type stepKind string

const (
	create     stepKind = "create"
	modify     stepKind = "modify"
	move       stepKind = "move"
	remove     stepKind = "remove"
	joinGroup  stepKind = "join"
	leaveGroup stepKind = "leave"
)

// change is a change of one attribute; of an entry that is created, the attribute.
type change struct {
	operation uint
	attribute string
	values    []string
}

// step is one request that changes something.
type step struct {
	kind stepKind
	// at is the entry, and owner who must have it; or it is the group of role, and member who comes or goes.
	at        dn
	owner     string
	role      role
	member    string
	changes   []change
	rdn       string
	deleteOld bool
	superior  dn
}

// run makes the changes in order and stops at the first that cannot be made.
func (c *Connector) run(ctx context.Context, steps []step) error {
	for _, s := range steps {
		if err := c.do(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (c *Connector) do(ctx context.Context, s step) error {
	switch s.kind {
	case create:
		return c.create(ctx, s)
	case modify:
		return c.change(ctx, "change an entry", c.markFilter(s.owner), func(session *session, controls []ldapv3.Control) error {
			return session.Modify(s.modification(controls))
		})
	case move:
		return c.move(ctx, s)
	case remove:
		return c.change(ctx, "delete an entry", c.markFilter(s.owner), func(session *session, controls []ldapv3.Control) error {
			return session.Del(ldapv3.NewDelRequest(s.at.text, controls))
		})
	case joinGroup:
		return c.join(ctx, s)
	case leaveGroup:
		return c.leave(ctx, s)
	}
	return fmt.Errorf("unknown step %q", s.kind)
}

func (c *Connector) markFilter(owner string) string { return equals(c.MarkAttribute, markPrefix+owner) }

func (s step) modification(controls []ldapv3.Control) *ldapv3.ModifyRequest {
	request := ldapv3.NewModifyRequest(s.at.text, controls)
	for _, ch := range s.changes {
		request.Changes = append(request.Changes, ldapv3.Change{
			Operation: ch.operation, Modification: ldapv3.PartialAttribute{Type: ch.attribute, Vals: ch.values},
		})
	}
	return request
}

func (c *Connector) create(ctx context.Context, s step) error {
	request := ldapv3.NewAddRequest(s.at.text, nil)
	for _, attribute := range s.changes {
		request.Attribute(attribute.attribute, attribute.values)
	}
	err := tooLong(s.at.rdns[0].String(), c.change(ctx, "add an entry", "", func(session *session, _ []ldapv3.Control) error {
		return session.Add(request)
	}))
	if isAnswer(err, ldapv3.LDAPResultNoSuchObject) {
		return c.missing(s.at.parent(), err)
	}
	return err
}

// missing says which place is not there.
func (c *Connector) missing(place dn, cause error) error {
	switch {
	case place.is(c.base):
		return connector.Deniedf("the baseDN is not there, or hidden from us").Because(cause)
	case place.is(c.suspended):
		return connector.Deniedf("the suspendedDN is not there, or hidden from us").Because(cause)
	}
	return connector.Invalidf("there is no entry at the %s", AttributeParentDN).Because(cause)
}

// move renames. Where a suspended entry of the same name is, the mark makes ours different.
func (c *Connector) move(ctx context.Context, s step) error {
	err := c.moveTo(ctx, s, s.rdn)
	if errors.Is(err, errTaken) && c.suspended.key != "" && s.superior.is(c.suspended) {
		err = c.moveTo(ctx, s, s.rdn+"+"+rdnOf(c.MarkAttribute, markPrefix+s.owner))
	}
	if isAnswer(err, ldapv3.LDAPResultNoSuchObject) && s.superior.key != "" {
		above, readErr := c.get(ctx, "look for the new place", s.superior, "1.1")
		if readErr != nil {
			return readErr
		}
		if above == nil {
			return c.missing(s.superior, err)
		}
	}
	return err
}

func (c *Connector) moveTo(ctx context.Context, s step, rdn string) error {
	return tooLong(rdn, c.change(ctx, "rename an entry", c.markFilter(s.owner), func(session *session, controls []ldapv3.Control) error {
		return session.ModifyDN(ldapv3.NewModifyDNWithControlsRequest(s.at.text, rdn, s.deleteOld, s.superior.text, controls))
	}))
}

// longName is where OpenLDAP begins to answer "other" instead of what is wrong: its database keeps no key of more than 511 bytes, and the
// name twice in each.
const longName = 200

// tooLong says what is wrong instead of it.
func tooLong(rdn string, err error) error {
	if isAnswer(err, ldapv3.LDAPResultOther) && len(rdn) > longName {
		return connector.Invalidf("the name of the entry is too long for the directory").Because(err)
	}
	return err
}

// join is done when the member is there, whoever put it there.
func (c *Connector) join(ctx context.Context, s step) error {
	what := fmt.Sprintf("add a member to the group of role %q", s.role.name)
	err := c.modifyGroup(ctx, what, s, change{ldapv3.AddAttribute, string(c.MemberAttribute), []string{s.member}})
	switch {
	case isAnswer(err, ldapv3.LDAPResultAttributeOrValueExists):
		return nil
	case isAnswer(err, ldapv3.LDAPResultNoSuchObject):
		return connector.Invalidf("the group of role %q does not exist, or is hidden from us", s.role.name).Because(err)
	}
	return err
}

// leave is done when the member is not there. A group that must have a member gets its placeholder in the same change.
func (c *Connector) leave(ctx context.Context, s step) error {
	what := fmt.Sprintf("remove a member from the group of role %q", s.role.name)
	gone := change{ldapv3.DeleteAttribute, string(c.MemberAttribute), []string{s.member}}
	err := c.modifyGroup(ctx, what, s, gone)
	if isAnswer(err, ldapv3.LDAPResultObjectClassViolation) && c.MemberAttribute != MemberUID {
		err = c.modifyGroup(ctx, what, s, change{ldapv3.AddAttribute, string(c.MemberAttribute), []string{s.role.placeholder}}, gone)
	}
	if isAnswer(err, ldapv3.LDAPResultNoSuchAttribute) || isAnswer(err, ldapv3.LDAPResultNoSuchObject) {
		return nil
	}
	return err
}

func (c *Connector) modifyGroup(ctx context.Context, what string, s step, changes ...change) error {
	request := step{at: s.at, changes: changes}.modification(nil)
	return c.request(ctx, what, func(session *session) error { return session.Modify(request) })
}
