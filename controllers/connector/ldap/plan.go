// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"slices"
	"strconv"
	"strings"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// plan is what leads from what is to what is wanted, in that order.
//
//	ours            other     want        plan
//	any             any       Suspended   lock what is not locked, out of all groups; somebody else's stays
//	two or more     any       Active      Conflict: nobody can tell which one it is
//	none            there     Active      Conflict
//	none            none      Active      names of earlier holders out of the groups, create, into the groups
//	one             there     Active      Conflict if it needs the other's name
//	one             any       Active      out of groups, move, change and unlock, into groups
func (s *settings) plan(l look, want connector.Account) ([]step, error) {
	if want.State == connector.Suspended {
		return s.suspending(l, want), nil
	}
	if err := s.check(want); err != nil {
		return nil, err
	}
	switch {
	case len(l.ours) > 1:
		return nil, connector.Conflictf("%d entries bear the mark of the account", len(l.ours))
	case len(l.ours) == 1:
		return s.updating(l, want)
	case l.other != nil:
		return nil, connector.Conflictf("an entry that is not ours has the name of the account")
	}
	home, ok := s.home(want)
	if !ok {
		return nil, connector.Invalidf("the account has nothing to call the entry by: the rdnAttribute %s is empty", s.RDNAttribute)
	}
	return s.creating(l, home, want), nil
}

// check returns Invalid for what no directory can represent.
func (s *settings) check(want connector.Account) error {
	if want.State != connector.Active {
		return connector.Invalidf("the state is neither %s nor %s", connector.Active, connector.Suspended)
	}
	if problem := nameProblem(want.UserName, s.MemberAttribute); problem != "" {
		return connector.Invalidf("the user name %s", problem)
	}
	if _, ok := s.parentWanted(want.Profile[AttributeParentDN]); !ok {
		return connector.Invalidf("the %s is not a distinguished name at or below the baseDN", AttributeParentDN)
	}
	for _, m := range s.Mapped {
		if problem := valueProblem(want.Profile[m.Name]); problem != "" {
			return connector.Invalidf("the attribute %q %s", m.Name, problem)
		}
	}
	for _, name := range want.Roles {
		if _, known := s.roleNamed(name); !known {
			return connector.Invalidf("role %q is not a role of the application", name)
		}
	}
	return nil
}

// nameProblem says why a login name cannot be used, "" if it can. Space at the ends or twice in a row is nothing to a directory: the name
// would be somebody else's.
func nameProblem(name string, members MemberAttribute) string {
	switch {
	case name == "":
		return "is empty"
	case strings.Join(strings.Fields(name), " ") != name:
		return "has space at an end, or more than one in a row, which directories do not tell apart"
	case members == MemberUID && strings.ContainsFunc(name, func(r rune) bool { return r > '~' }):
		return "is not ASCII, which memberUid cannot hold"
	}
	return valueProblem(name)
}

func valueProblem(value string) string {
	switch {
	case strings.ToValidUTF8(value, "") != value:
		return "is not UTF-8"
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "has control characters"
	}
	return ""
}

func (s *settings) roleNamed(name string) (role, bool) {
	i := slices.IndexFunc(s.roles, func(r role) bool { return r.name == name })
	if i < 0 {
		return role{}, false
	}
	return s.roles[i], true
}

// suspending locks first: that is what shuts the door. Unmanaged memberships stay.
func (s *settings) suspending(l look, want connector.Account) []step {
	var steps []step
	for i := range l.ours {
		if !s.isLocked(&l.ours[i]) {
			steps = append(steps, s.locking(&l.ours[i], want)...)
		}
	}
	if len(l.ours) == 0 || want.Roles == nil {
		return steps
	}
	return append(steps, s.leaving(l.roles, l.members)...)
}

// leaving takes members out of the groups of roles.
func (s *settings) leaving(roles, members []string) []step {
	var steps []step
	for _, name := range roles {
		r, known := s.roleNamed(name)
		for _, member := range members {
			if known {
				steps = append(steps, step{kind: leaveGroup, at: r.group, role: r, member: member})
			}
		}
	}
	return steps
}

func (s *settings) joining(roles []string, member string) []step {
	var steps []step
	for _, name := range slices.Compact(slices.Sorted(slices.Values(roles))) {
		if r, known := s.roleNamed(name); known {
			steps = append(steps, step{kind: joinGroup, at: r.group, role: r, member: member})
		}
	}
	return steps
}

// locking is how an entry is suspended.
func (s *settings) locking(e *entry, want connector.Account) []step {
	switch s.Suspension.Type {
	case UserAccountControl:
		return []step{{kind: modify, at: e.at, owner: want.Owner, changes: controlChanges(e, controlOf(e)|accountDisable)}}
	case MoveToOU:
		return s.parking(e, want)
	case PasswordPolicyLock:
	}
	return []step{{kind: modify, at: e.at, owner: want.Owner, changes: []change{{ldapv3.ReplaceAttribute, attributeLocked, []string{lockedForGood}}}}}
}

// unlocking undoes locking, but for the move.
func (s *settings) unlocking(e *entry) []change {
	switch s.Suspension.Type {
	case UserAccountControl:
		return controlChanges(e, controlOf(e)&^accountDisable)
	case MoveToOU:
		if e.home == "" {
			return nil
		}
		return []change{{ldapv3.DeleteAttribute, s.MarkAttribute, []string{homePrefix + e.home}}}
	case PasswordPolicyLock:
	}
	return []change{{ldapv3.DeleteAttribute, attributeLocked, []string{lockedForGood}}}
}

// controlChanges takes the old flags away by value, so that nobody's change in between is lost.
func controlChanges(e *entry, flags int64) []change {
	var changes []change
	if old := e.values(attributeControl); len(old) > 0 {
		changes = append(changes, change{ldapv3.DeleteAttribute, attributeControl, old})
	}
	return append(changes, change{ldapv3.AddAttribute, attributeControl, []string{strconv.FormatInt(flags, 10)}})
}

// parking moves an entry to the suspended ones. Where it was is written into it if it would not be found out again.
func (s *settings) parking(e *entry, want connector.Account) []step {
	var steps []step
	parent := e.at.parent()
	if _, mapped := want.Profile[AttributeParentDN]; !mapped && !parent.is(s.base) && e.home != parent.text {
		changes := []change{{ldapv3.AddAttribute, s.MarkAttribute, []string{homePrefix + parent.text}}}
		if e.home != "" {
			changes = append(changes, change{ldapv3.DeleteAttribute, s.MarkAttribute, []string{homePrefix + e.home}})
		}
		steps = append(steps, step{kind: modify, at: e.at, owner: want.Owner, changes: changes})
	}
	rdn := e.at.rdns[0].String()
	return append(steps, step{kind: move, at: e.at, owner: want.Owner, rdn: rdn, superior: s.suspended})
}

// creating makes an entry. Groups that list its name already list somebody who had it before.
func (s *settings) creating(l look, home dn, want connector.Account) []step {
	member := home.text
	if s.MemberAttribute == MemberUID {
		member = want.UserName
	}
	steps := s.leaving(without(l.roles, want.Roles), l.members)
	steps = append(steps, step{kind: create, at: home, owner: want.Owner, changes: s.newAttributes(want)})
	return append(steps, s.joining(want.Roles, member)...)
}

func (s *settings) newAttributes(want connector.Account) []change {
	all := []change{
		{attribute: "objectClass", values: s.ObjectClasses},
		{attribute: s.UserNameAttribute, values: []string{want.UserName}},
		{attribute: s.MarkAttribute, values: []string{markPrefix + want.Owner}},
	}
	for _, m := range s.Mapped {
		if value, _ := s.wanted(m.Attribute, want); value != "" {
			all = append(all, change{attribute: m.Attribute, values: []string{value}})
		}
	}
	hasControl := false
	for _, static := range s.Static {
		all = append(all, change{attribute: static.Attribute, values: static.Values})
		hasControl = hasControl || strings.EqualFold(static.Attribute, attributeControl)
	}
	if s.Suspension.Type == UserAccountControl && !hasControl {
		all = append(all, change{attribute: attributeControl, values: []string{strconv.Itoa(normalAccount)}})
	}
	return all
}

// updating makes an entry of ours as it is wanted.
func (s *settings) updating(l look, want connector.Account) ([]step, error) {
	e := &l.ours[0]
	target, ok := s.target(e, want)
	if !ok {
		return nil, connector.Invalidf("the entry's distinguished name cannot be made")
	}
	isMoved := !target.is(e.at)
	isRenamed := fold(e.text(s.UserNameAttribute)) != fold(want.UserName)
	if (isMoved || isRenamed) && l.other != nil {
		return nil, connector.Conflictf("an entry that is not ours has the name of the account")
	}
	var middle []step
	after := *e
	if isMoved {
		var moving step
		moving, after = s.moving(e, target, want)
		middle = append(middle, moving)
	}
	if changes := s.changes(&after, want); len(changes) > 0 {
		middle = append(middle, step{kind: modify, at: target, owner: want.Owner, changes: changes})
	}
	return s.amidGroups(l, want, s.memberWanted(e, want), middle), nil
}

// amidGroups puts the changes of memberships around those of the entry. A membership by another name than the wanted one goes first, if we
// know which roles there shall be. If not, nothing must be lost in between: the new one comes first, and the old one goes last.
func (s *settings) amidGroups(l look, want connector.Account, member string, middle []step) []step {
	outdated := slices.DeleteFunc(slices.Clone(l.members), func(m string) bool { return s.sameMember(m, member) })
	if want.Roles == nil {
		if len(outdated) == 0 {
			return middle
		}
		steps := append(s.joining(l.roles, member), middle...)
		return append(steps, s.leaving(l.roles, outdated)...)
	}
	steps := s.leaving(without(l.roles, want.Roles), l.members)
	steps = append(steps, s.leaving(slices.DeleteFunc(slices.Clone(l.roles), func(r string) bool { return !slices.Contains(want.Roles, r) }), outdated)...)
	steps = append(steps, middle...)
	missing := want.Roles
	if len(outdated) == 0 {
		missing = without(want.Roles, l.roles)
	}
	return append(steps, s.joining(missing, member)...)
}

// without is all that is not in some.
func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// target is where the entry shall be. A name of another form than ours stays as it is: it was adopted so.
func (s *settings) target(e *entry, want connector.Account) (dn, bool) {
	parent, ok := s.parentOfTarget(e, want)
	if !ok || len(e.at.rdns) == 0 {
		return dn{}, false
	}
	rdn := e.at.rdns[0].String()
	current, isOurs := e.at.valueOf(s.RDNAttribute)
	_, hasMark := e.at.valueOf(s.MarkAttribute)
	value, known := s.rdnWanted(want)
	switch {
	case isOurs && known && fold(value) != fold(current):
		rdn = rdnOf(s.RDNAttribute, value)
	case isOurs && hasMark:
		rdn = rdnOf(s.RDNAttribute, current)
	case parent.is(e.at.parent()):
		return e.at, true
	}
	return parent.child(rdn)
}

func (s *settings) parentOfTarget(e *entry, want connector.Account) (dn, bool) {
	if text, mapped := want.Profile[AttributeParentDN]; mapped {
		return s.parentWanted(text)
	}
	if s.suspended.key == "" || !e.at.within(s.suspended) {
		return e.at.parent(), true
	}
	return s.parentWanted(e.home)
}

// moving is the change of the entry's name, and the entry after it. The old name goes with it, unless it says more than ours would: the
// mark, say.
func (s *settings) moving(e *entry, target dn, want connector.Account) (step, entry) {
	st := step{kind: move, at: e.at, owner: want.Owner, rdn: target.rdns[0].String()}
	if !target.parent().is(e.at.parent()) {
		st.superior = target.parent()
	}
	st.deleteOld = len(e.at.rdns[0].Attributes) == 1
	after := *e
	after.at = target
	was, _ := e.at.valueOf(s.RDNAttribute)
	becomes, isNamed := target.valueOf(s.RDNAttribute)
	if !isNamed || fold(was) == fold(becomes) {
		return st, after
	}
	after.attributes = map[string][]string{}
	for name, values := range e.attributes {
		after.attributes[name] = values
	}
	key := strings.ToLower(s.RDNAttribute)
	kept := slices.DeleteFunc(slices.Clone(e.attributes[key]), func(v string) bool { return st.deleteOld && fold(v) == fold(was) })
	after.attributes[key] = append(kept, becomes)
	return st, after
}

// changes are what an entry needs beside its name and its groups.
func (s *settings) changes(e *entry, want connector.Account) []change {
	attributes := []string{s.UserNameAttribute}
	for _, m := range s.Mapped {
		attributes = append(attributes, m.Attribute)
	}
	var all []change
	for _, attribute := range attributes {
		value, named := s.wanted(attribute, want)
		if !named || same(e.text(attribute), value) {
			continue
		}
		values := []string{}
		if value != "" {
			values = []string{value}
		}
		all = append(all, change{ldapv3.ReplaceAttribute, attribute, values})
	}
	if s.isLocked(e) || s.Suspension.Type == MoveToOU && e.home != "" {
		all = append(all, s.unlocking(e)...)
	}
	return all
}
