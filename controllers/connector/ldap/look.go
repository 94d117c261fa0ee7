// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"cmp"
	"context"
	"slices"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// look is what the directory has of an account.
type look struct {
	// ours bear the owner's mark and no other: one, unless somebody copied it.
	ours []entry
	// other is somebody else's entry that stands where ours would, or bears another mark beside ours.
	other *entry
	// members are what groups were searched for, and roles those whose groups have any of it, sorted.
	members, roles []string
}

// look reads. It costs one search for each naming context that has accounts or groups: nearly always one; and one more
// where the entry is not where it is expected.
func (c *Connector) look(ctx context.Context, want connector.Account) (look, error) {
	expected := c.expected(want)
	filters := []string{equals(c.MarkAttribute, markPrefix+want.Owner)}
	if want.UserName != "" {
		filters = append(filters, equals(c.UserNameAttribute, want.UserName))
	}
	if value, known := c.rdnWanted(want); known && c.RDNAttribute != c.UserNameAttribute {
		filters = append(filters, equals(c.RDNAttribute, value))
	}
	found, err := c.findAll(ctx, "look for the account", anyOf(append(filters, c.memberFilters(expected)...)...))
	if err != nil {
		return look{}, err
	}
	l := c.sort(found, want)
	l.members = c.membersOf(l.ours, want)
	if !suffices(expected, l.members, want) {
		l.roles, err = c.rolesOf(ctx, l.members)
	}
	return l, err
}

// suffices reports whether groups that were searched for what was expected are those that are needed. Who is suspended shall be in none,
// so there it does no harm to have searched for more.
func suffices(expected, needed []string, want connector.Account) bool {
	if want.State != connector.Suspended && len(expected) != len(needed) {
		return false
	}
	return !slices.ContainsFunc(needed, func(value string) bool { return !slices.Contains(expected, value) })
}

func (c *Connector) findAll(ctx context.Context, what, filter string) ([]*ldapv3.Entry, error) {
	facts, err := c.facts(ctx)
	if err != nil {
		return nil, err
	}
	var all []*ldapv3.Entry
	for _, root := range facts.roots {
		found, err := c.find(ctx, what, root, filter, c.attributes())
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// rolesOf returns the roles whose groups have any of those members.
func (c *Connector) rolesOf(ctx context.Context, members []string) ([]string, error) {
	if len(c.roles) == 0 || len(members) == 0 {
		return []string{}, nil
	}
	found, err := c.findAll(ctx, "look for the account's groups", anyOf(c.memberFilters(members)...))
	return c.sort(found, connector.Account{}).roles, err
}

func (c *Connector) memberFilters(members []string) []string {
	if len(c.roles) == 0 {
		return nil
	}
	var filters []string
	for _, member := range members {
		filters = append(filters, equals(string(c.MemberAttribute), member))
	}
	return filters
}

// sort tells groups from accounts, and ours from others'.
func (s *settings) sort(found []*ldapv3.Entry, want connector.Account) look {
	l := look{roles: []string{}}
	home, hasHome := s.home(want)
	for _, raw := range found {
		e, ok := s.entryOf(raw)
		if !ok {
			continue
		}
		if i := slices.IndexFunc(s.roles, func(r role) bool { return r.group.is(e.at) }); i >= 0 {
			l.roles = append(l.roles, s.roles[i].name)
			continue
		}
		switch {
		case !s.keeps(e.at):
		case e.bears(want.Owner):
			l.ours = append(l.ours, e)
		case slices.Contains(e.owners, want.Owner), hasHome && e.at.is(home), s.isCalled(&e, want.UserName):
			l.other = &e
		}
	}
	slices.Sort(l.roles)
	l.roles = slices.Compact(l.roles)
	slices.SortFunc(l.ours, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	return l
}

// keeps reports whether an entry may be an account at all. We ourselves are none.
func (s *settings) keeps(at dn) bool {
	below := at.within(s.base) && !at.is(s.base) || s.suspended.key != "" && at.within(s.suspended) && !at.is(s.suspended)
	return below && (s.binder.key == "" || !at.is(s.binder))
}

// isCalled reports whether a login by that name may find the entry, which the directory says it has looked for. Directories fold more than
// case, so where names alone were looked for, their word is enough.
func (s *settings) isCalled(e *entry, userName string) bool {
	names := e.values(s.UserNameAttribute)
	if userName == "" || !e.at.within(s.base) || len(names) == 0 {
		return false
	}
	return s.RDNAttribute == s.UserNameAttribute || slices.ContainsFunc(names, func(v string) bool { return fold(v) == fold(userName) })
}

// rdnWanted is the wanted value of the attribute that names entries, if the wish says.
func (s *settings) rdnWanted(want connector.Account) (string, bool) {
	return s.wanted(s.RDNAttribute, want)
}

// wanted is the wanted value of an attribute, if it is one that we keep and the wish names it.
func (s *settings) wanted(attribute string, want connector.Account) (string, bool) {
	source := s.sourceOf(attribute)
	if source == AttributeUserName || source == "" && attribute == s.UserNameAttribute {
		return want.UserName, want.UserName != ""
	}
	value, named := want.Profile[source]
	return value, named && (value != "" || attribute != s.RDNAttribute)
}

// home is where a new entry would be made.
func (s *settings) home(want connector.Account) (dn, bool) {
	value, known := s.rdnWanted(want)
	parent, ok := s.parentWanted(want.Profile[AttributeParentDN])
	if !known || !ok {
		return dn{}, false
	}
	return parent.child(rdnOf(s.RDNAttribute, value))
}

// expected is how groups list the account if nothing about it is odd.
func (s *settings) expected(want connector.Account) []string {
	if s.MemberAttribute == MemberUID {
		if want.UserName == "" {
			return nil
		}
		return []string{want.UserName}
	}
	home, ok := s.home(want)
	if !ok {
		return nil
	}
	if s.suspended.key == "" || want.State != connector.Suspended {
		return []string{home.text}
	}
	value, _ := s.rdnWanted(want)
	parked, _ := s.suspended.child(rdnOf(s.RDNAttribute, value))
	return []string{home.text, parked.text}
}

// membersOf is how groups list the entries, now and once they are as wanted.
func (s *settings) membersOf(ours []entry, want connector.Account) []string {
	if len(ours) == 0 {
		return s.expected(connector.Account{UserName: want.UserName, Profile: want.Profile})
	}
	var members []string
	add := func(value string) {
		known := func(m string) bool { return s.sameMember(m, value) }
		if value != "" && !slices.ContainsFunc(members, known) {
			members = append(members, value)
		}
	}
	home, hasHome := s.home(want)
	for i := range ours {
		for _, value := range s.asMember(&ours[i], ours[i].at) {
			// The spelling that was searched for already.
			if hasHome && s.MemberAttribute != MemberUID && home.is(ours[i].at) {
				value = home.text
			}
			add(value)
		}
		add(s.memberWanted(&ours[i], want))
	}
	return members
}

// asMember is how a group lists an entry that is at that place.
func (s *settings) asMember(e *entry, at dn) []string {
	if s.MemberAttribute == MemberUID {
		return e.values(s.UserNameAttribute)
	}
	return []string{at.text}
}

// memberWanted is how a group shall list the entry.
func (s *settings) memberWanted(e *entry, want connector.Account) string {
	if s.MemberAttribute == MemberUID {
		return want.UserName
	}
	target, ok := s.target(e, want)
	if !ok {
		return ""
	}
	return target.text
}

func (s *settings) sameMember(a, b string) bool {
	if s.MemberAttribute == MemberUID {
		return a == b
	}
	first, ok := parseDN(a)
	second, alsoOK := parseDN(b)
	return ok && alsoOK && first.is(second)
}
