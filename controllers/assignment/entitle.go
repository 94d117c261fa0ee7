// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// What do the grants give? A grant gives when it is in effect and a subject of it matches; all that give add up. What is written in a
// grant and what the identity provider says meet nowhere else.
//
//	Everyone       every user of the directory
//	User, Group    by name or identifier
//	Condition      an expression is true
//	EveryoneElse   no grant in effect gives that has no such subject
//
// An expression that fails says neither yes nor no. The grant then gives exactly what the account records that it gave, and nothing if
// nothing is recorded: a mistake in an expression, or an attribute of a strange form, changes nobody's access.

// Match is what one grant gives to one person.
type Match struct {
	// Matched says that the grant is for them.
	Matched bool
	// Roles that it gives, sorted: only those that the application declares.
	Roles []v1alpha1.RoleName
	// Undeclared says that it names another role besides.
	Undeclared bool
	// Err says why it is not known: an expression is not valid or fails. Then there is nothing else.
	Err error
}

// MatchOf says what grant gives, or would when it is in effect, in its application app to the one whom the facts speak of. It shows nothing of
// what was given before. EveryoneElse depends on the other grants that are in effect, and on what the account in Present
// records of those that fail.
func MatchOf(grant *v1alpha1.ScimGrant, app *v1alpha1.ScimApplication, f Facts, programs *expression.Cache) Match {
	p := newPerson(f.User, f.Groups, programs)
	if !p.mayHave(app) || grant.Spec.ApplicationRef.Name != app.Name {
		return Match{}
	}
	c := p.claimOf(app, grant)
	if !c.otherwise || c.named {
		return c.match(true)
	}
	var recorded []v1alpha1.AccountGrant
	if accounts := accountsIn(app, f.Present); len(accounts) > 0 {
		recorded = accounts[0].Spec.Grants
	}
	return c.match(p.offerOf(app, f.Grants, f.Now).isOther(f.Now, recorded))
}

// claim is what is known of one grant and one person at all times: whether it is in effect, and what others give, comes after.
type claim struct {
	grant      *v1alpha1.ScimGrant
	named      bool                // a subject matches that is not EveryoneElse
	doubt      error               // why it is not known whether one does
	otherwise  bool                // EveryoneElse is a subject
	roles      []v1alpha1.RoleName // sorted, declared
	undeclared bool                // there are others
	unknown    error               // why the roles are not known
	groups     []string            // that it rests on
}

func (p *person) claimOf(app *v1alpha1.ScimApplication, grant *v1alpha1.ScimGrant) claim {
	c := claim{grant: grant}
	for i := range grant.Spec.Subjects {
		subject := &grant.Spec.Subjects[i]
		if subject.Kind == v1alpha1.SubjectEveryoneElse {
			c.otherwise = true
			continue
		}
		c.add(p.match(subject))
	}
	if c.named || c.otherwise {
		p.addRoles(&c, app)
	}
	return c
}

// subjectMatch is what one subject says.
type subjectMatch struct {
	matched bool
	groups  []string // that it rests on
	err     error
}

// add takes one more subject into account. One that rests on no group makes the groups of all others irrelevant, and one that
// matches makes up for all that fail.
func (c *claim) add(m subjectMatch) {
	switch {
	case m.err != nil:
		if !c.named {
			c.doubt = m.err
		}
	case !m.matched:
	case c.named && c.groups == nil: // it rests on nothing already
	case m.groups == nil:
		c.named, c.groups, c.doubt = true, nil, nil
	default:
		c.named, c.groups, c.doubt = true, append(c.groups, m.groups...), nil
	}
}

// addRoles finds the roles that a grant gives to the person.
func (p *person) addRoles(c *claim, app *v1alpha1.ScimApplication) {
	names := c.grant.Spec.Roles
	if from := c.grant.Spec.RolesFrom; from != "" {
		more, err := p.rolesFrom(from)
		if err != nil {
			c.unknown = err
			return
		}
		names = slices.Concat(names, more)
		c.groups = append(c.groups, p.groupsIn(from)...)
	}
	c.roles = declared(app, names)
	c.undeclared = slices.ContainsFunc(names, func(role v1alpha1.RoleName) bool { return !slices.Contains(c.roles, role) })
}

// declared are the roles among names that app declares, sorted.
func declared(app *v1alpha1.ScimApplication, names []v1alpha1.RoleName) (roles []v1alpha1.RoleName) {
	for _, role := range names {
		if application.Offers(app, role) {
			roles = append(roles, role)
		}
	}
	return sorted(roles)
}

// match is what the grant gives, when it is known whether another one does that EveryoneElse looks at.
func (c *claim) match(other bool) Match {
	switch matched := c.named || (c.otherwise && !other); {
	case !matched:
		return Match{Err: c.doubt}
	case c.unknown != nil:
		return Match{Err: c.unknown}
	default:
		return Match{Matched: true, Roles: c.roles, Undeclared: c.undeclared}
	}
}

// given is what the grant gives, or keeps giving while it is not known.
func (c *claim) given(app *v1alpha1.ScimApplication, other bool, recorded []v1alpha1.AccountGrant) (v1alpha1.AccountGrant, bool) {
	match := c.match(other)
	if match.Err == nil {
		return v1alpha1.AccountGrant{Name: c.grant.Name, Roles: match.Roles}, match.Matched
	}
	for _, before := range recorded {
		if before.Name == c.grant.Name {
			return v1alpha1.AccountGrant{Name: before.Name, Roles: declared(app, before.Roles)}, true
		}
	}
	return v1alpha1.AccountGrant{}, false
}

// offer is what an application has for the person, now and later.
type offer struct {
	app    *v1alpha1.ScimApplication
	claims []claim // sorted by the name of the grant, without those that are over
}

func offerNothing(app *v1alpha1.ScimApplication) *offer { return &offer{app: app} }

// offerOf looks at all grants of app that are in effect now or will be.
func (p *person) offerOf(app *v1alpha1.ScimApplication, grants []*v1alpha1.ScimGrant, now time.Time) *offer {
	o := offerNothing(app)
	if !p.mayHave(app) {
		return o
	}
	for _, grant := range grants {
		if grant.Spec.ApplicationRef.Name == app.Name && grant.DeletionTimestamp.IsZero() && !IsOver(grant, now) {
			o.claims = append(o.claims, p.claimOf(app, grant))
		}
	}
	slices.SortFunc(o.claims, func(a, b claim) int { return strings.Compare(a.grant.Name, b.grant.Name) })
	return o
}

// isOther reports whether a grant gives at a time that makes EveryoneElse match nobody.
func (o *offer) isOther(at time.Time, recorded []v1alpha1.AccountGrant) bool {
	for i := range o.claims {
		c := &o.claims[i]
		if c.otherwise || !inEffect(c.grant, at) {
			continue
		}
		if _, gives := c.given(o.app, false, recorded); gives {
			return true
		}
	}
	return false
}

// at is what is given at a time, sorted by grant. recorded is what the account says was given until then.
func (o *offer) at(at time.Time, recorded []v1alpha1.AccountGrant) (grants []v1alpha1.AccountGrant) {
	other := o.isOther(at, recorded)
	for i := range o.claims {
		c := &o.claims[i]
		if !inEffect(c.grant, at) {
			continue
		}
		if grant, gives := c.given(o.app, other, recorded); gives {
			grants = append(grants, grant)
		}
	}
	return grants
}

// edges are the times after now at which something may begin or end to be given.
func (o *offer) edges(now time.Time) (times []time.Time) {
	for i := range o.claims {
		times = append(times, Edges(o.claims[i].grant, now)...)
	}
	return times
}

// groupsOf are the groups that given rests on.
func (o *offer) groupsOf(given []v1alpha1.AccountGrant) (groups []string) {
	for i := range o.claims {
		c := &o.claims[i]
		if slices.ContainsFunc(given, func(g v1alpha1.AccountGrant) bool { return g.Name == c.grant.Name }) {
			groups = append(groups, c.groups...)
		}
	}
	return groups
}

// Edges are the times after now at which a grant begins or ends to be in effect.
func Edges(grant *v1alpha1.ScimGrant, now time.Time) (times []time.Time) {
	for _, edge := range []*metav1.Time{grant.Spec.NotBefore, grant.Spec.NotAfter} {
		if edge != nil && edge.After(now) {
			times = append(times, edge.Time)
		}
	}
	return times
}

// rolesOf is the union of the roles of grants, sorted.
func rolesOf(grants []v1alpha1.AccountGrant) (roles []v1alpha1.RoleName) {
	for _, grant := range grants {
		roles = append(roles, grant.Roles...)
	}
	return sorted(roles)
}

// sorted sorts names in place and keeps one of each.
func sorted[T ~string](names []T) []T {
	slices.Sort(names)
	return slices.Compact(names)
}

func inEffect(grant *v1alpha1.ScimGrant, at time.Time) bool {
	return !IsAhead(grant, at) && !IsOver(grant, at)
}

// IsAhead reports whether a grant is not in effect yet at a time.
func IsAhead(grant *v1alpha1.ScimGrant, at time.Time) bool {
	return grant.Spec.NotBefore != nil && at.Before(grant.Spec.NotBefore.Time)
}

// IsOver reports whether a grant is in effect no more at a time.
func IsOver(grant *v1alpha1.ScimGrant, at time.Time) bool {
	return grant.Spec.NotAfter != nil && !at.Before(grant.Spec.NotAfter.Time)
}
