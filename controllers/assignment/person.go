// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// person is a user as grants and mappings see them.
type person struct {
	user     *v1alpha1.ScimUser
	groups   []*v1alpha1.ScimGroup // of the user's directory
	programs *expression.Cache
	view     *expression.Person // of expressions; made when the first one is evaluated
}

func newPerson(user *v1alpha1.ScimUser, groups []*v1alpha1.ScimGroup, programs *expression.Cache) *person {
	p := &person{user: user, programs: programs}
	for _, group := range groups {
		if user != nil && group.Spec.DirectoryRef == user.Spec.DirectoryRef {
			p.groups = append(p.groups, group)
		}
	}
	return p
}

// mayHave reports whether the person can get an account in app at all.
func (p *person) mayHave(app *v1alpha1.ScimApplication) bool {
	return !isGone(p.user) && app.Spec.DirectoryRef == p.user.Spec.DirectoryRef
}

// match says whether a subject other than EveryoneElse is the person. What we do not know matches nobody.
func (p *person) match(subject *v1alpha1.Subject) subjectMatch {
	switch subject.Kind {
	case v1alpha1.SubjectEveryone:
		return subjectMatch{matched: true}
	case v1alpha1.SubjectUser:
		return subjectMatch{matched: subject.UserName != "" && sameName(subject.UserName, p.user.Spec.UserName, scim.CanonicalUserName)}
	case v1alpha1.SubjectGroup:
		groups := p.membershipsIn(subject.Group)
		return subjectMatch{matched: len(groups) > 0, groups: groups}
	case v1alpha1.SubjectCondition:
		holds, err := p.holds(subject.Condition)
		return subjectMatch{matched: holds, groups: p.groupsIn(subject.Condition), err: err}
	default:
		return subjectMatch{}
	}
}

// membershipsIn are the names of the person's groups that a subject speaks of.
func (p *person) membershipsIn(subject *v1alpha1.GroupSubject) (names []string) {
	if subject == nil {
		return nil
	}
	for _, group := range p.groups {
		if isGroup(group, subject) {
			names = append(names, group.Name)
		}
	}
	return names
}

// isGroup reports whether subject speaks of group: by its id, else by its externalID, else by its displayName.
func isGroup(group *v1alpha1.ScimGroup, subject *v1alpha1.GroupSubject) bool {
	switch {
	case subject.ID != "":
		return subject.ID == group.Name
	case subject.ExternalID != "":
		return subject.ExternalID == group.Spec.ExternalID
	default:
		return subject.DisplayName != "" && sameName(subject.DisplayName, group.Spec.DisplayName, scim.CanonicalDisplayName)
	}
}

// sameName reports whether two names are the same under the rule by which scim-server keeps them unique.
func sameName(a, b string, canonical func(string) (string, error)) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	if isASCII(a) && isASCII(b) {
		return false // where the rule says no more than EqualFold, and most names end
	}
	keyA, errA := canonical(a)
	keyB, errB := canonical(b)
	return errA == nil && errB == nil && keyA == keyB
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > '\x7f' {
			return false
		}
	}
	return true
}

// speaksOfGroups reports whether an expression can see groups: only by their name.
func speaksOfGroups(e v1alpha1.Expression) bool { return strings.Contains(string(e), "groups") }

// SeesGroups reports whether the groups of a user decide about grant itself; what EveryoneElse is depends on other grants.
func SeesGroups(grant *v1alpha1.ScimGrant) bool {
	return speaksOfGroups(grant.Spec.RolesFrom) || slices.ContainsFunc(grant.Spec.Subjects, func(s v1alpha1.Subject) bool {
		return s.Kind == v1alpha1.SubjectGroup || s.Kind == v1alpha1.SubjectCondition && speaksOfGroups(s.Condition)
	})
}

// seesGroups reports whether the groups of the user decide anything at all, so that they have to be looked up.
func (f *Facts) seesGroups() bool {
	return !isGone(f.User) && (slices.ContainsFunc(f.Grants, SeesGroups) || slices.ContainsFunc(f.Applications, mapsGroups))
}

// mapsGroups reports whether the names of an account in app can come from groups.
func mapsGroups(app *v1alpha1.ScimApplication) bool {
	mapping := &app.Spec.Account
	return speaksOfGroups(mapping.UserName) || speaksOfGroups(mapping.DisplayName) || speaksOfGroups(mapping.Email) ||
		slices.ContainsFunc(mapping.Attributes, func(a v1alpha1.AttributeMapping) bool { return speaksOfGroups(a.Value) })
}

// groupsIn are the groups that an expression can see: all, or none if it does not speak of them.
func (p *person) groupsIn(e v1alpha1.Expression) (names []string) {
	if !speaksOfGroups(e) {
		return nil
	}
	return p.groupNames()
}

func (p *person) groupNames() (names []string) {
	for _, group := range p.groups {
		names = append(names, group.Name)
	}
	return names
}

func (p *person) holds(condition v1alpha1.Expression) (bool, error) {
	program, err := p.programs.Condition(condition)
	if err != nil {
		return false, err
	}
	return program.Holds(p.seen())
}

func (p *person) rolesFrom(e v1alpha1.Expression) ([]v1alpha1.RoleName, error) {
	program, err := p.programs.Roles(e)
	if err != nil {
		return nil, err
	}
	names, err := program.Names(p.seen())
	roles := make([]v1alpha1.RoleName, 0, len(names))
	for _, name := range names {
		roles = append(roles, v1alpha1.RoleName(name))
	}
	return roles, err
}

// seen is the person as expressions see them. Most grants have none, so it is made late.
func (p *person) seen() expression.Person {
	if p.view == nil {
		view := expression.PersonOf(p.user, p.groups)
		p.view = &view
	}
	return *p.view
}

// granted is the same, with the names of the grants.
func (p *person) granted(grants []v1alpha1.AccountGrant) expression.Person {
	view := p.seen()
	view.Grants = namesOf(grants)
	slices.Sort(view.Grants)
	return view
}
