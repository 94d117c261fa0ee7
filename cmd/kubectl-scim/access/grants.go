// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/controllers/assignment"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// Gives says what a grant does for somebody.
type Gives string

// What a grant can do.
const (
	// GivesYes gives.
	GivesYes Gives = "yes"
	// GivesNo is for others.
	GivesNo Gives = "no"
	// GivesLater matches and is not in effect yet.
	GivesLater Gives = "not yet"
	// GivesOver matches and is in effect no more.
	GivesOver Gives = "over"
	// GivesUnknown has an expression that fails: what it gave before stays.
	GivesUnknown Gives = "unknown"
	// GivesNoMore is recorded on the account and would not give now: a change is held, or not decided about yet.
	GivesNoMore Gives = "no more"
)

// GrantView is what one grant says of one person.
type GrantView struct {
	Name  string              `json:"name"`
	Gives Gives               `json:"gives"`
	Roles []v1alpha1.RoleName `json:"roles,omitempty"`
	// Because has a line for each subject that decides: those that match, or else all.
	Because []string `json:"because"`
}

// evidence is what is known of one person in one application.
type evidence struct {
	app      *v1alpha1.ScimApplication
	facts    assignment.Facts
	ways     []people.Way
	programs *expression.Cache
}

// newEvidence takes the groups of the facts from ways.
func newEvidence(app *v1alpha1.ScimApplication, f assignment.Facts, ways []people.Way) *evidence {
	f.Groups = nil
	for _, way := range ways {
		f.Groups = append(f.Groups, way.Group)
	}
	f.Applications = []*v1alpha1.ScimApplication{app}
	return &evidence{app: app, facts: f, ways: ways, programs: &expression.Cache{}}
}

// views says what every grant of the application does, those that give first.
func (e *evidence) views(recorded []v1alpha1.AccountGrant) (views []GrantView) {
	for _, grant := range e.facts.Grants {
		views = append(views, e.view(grant, recorded))
	}
	for _, r := range recorded {
		if !slices.ContainsFunc(views, func(v GrantView) bool { return v.Name == r.Name }) {
			views = append(views, GrantView{Name: r.Name, Gives: GivesNoMore, Roles: r.Roles, Because: []string{"the grant is deleted"}})
		}
	}
	order := []Gives{GivesYes, GivesNoMore, GivesUnknown, GivesLater, GivesOver, GivesNo}
	slices.SortStableFunc(views, func(a, b GrantView) int {
		if d := slices.Index(order, a.Gives) - slices.Index(order, b.Gives); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return views
}

func (e *evidence) view(grant *v1alpha1.ScimGrant, recorded []v1alpha1.AccountGrant) GrantView {
	match := assignment.MatchOf(grant, e.app, e.facts, e.programs)
	v := GrantView{Name: grant.Name, Gives: givesOf(grant, match, e.facts.Now), Roles: match.Roles}
	v.Because = e.because(grant, match.Matched)
	if edge := edgeOf(grant, v.Gives); edge != "" {
		v.Because = append([]string{edge}, v.Because...)
	}
	if match.Undeclared {
		v.Because = append(v.Because, "it names a role that the application does not declare")
	}
	i := slices.IndexFunc(recorded, func(r v1alpha1.AccountGrant) bool { return r.Name == grant.Name })
	if i >= 0 && v.Gives != GivesYes && v.Gives != GivesUnknown {
		v.Gives, v.Roles = GivesNoMore, recorded[i].Roles
	}
	return v
}

func givesOf(grant *v1alpha1.ScimGrant, match assignment.Match, now time.Time) Gives {
	switch {
	case match.Err != nil:
		return GivesUnknown
	case !match.Matched:
		return GivesNo
	case assignment.IsAhead(grant, now):
		return GivesLater
	case assignment.IsOver(grant, now):
		return GivesOver
	default:
		return GivesYes
	}
}

func edgeOf(grant *v1alpha1.ScimGrant, gives Gives) string {
	switch gives {
	case GivesLater:
		return "begins " + grant.Spec.NotBefore.UTC().Format(time.RFC3339)
	case GivesOver:
		return "ended " + grant.Spec.NotAfter.UTC().Format(time.RFC3339)
	case GivesYes:
		if grant.Spec.NotAfter != nil {
			return "until " + grant.Spec.NotAfter.UTC().Format(time.RFC3339)
		}
	case GivesNo, GivesUnknown, GivesNoMore:
	}
	return ""
}

// because asks about every subject alone. Where one matches, the others do not matter.
func (e *evidence) because(grant *v1alpha1.ScimGrant, matched bool) (lines []string) {
	for i := range grant.Spec.Subjects {
		alone := grant.DeepCopy()
		alone.Spec.Subjects = alone.Spec.Subjects[i : i+1]
		alone.Spec.Roles, alone.Spec.RolesFrom = nil, ""
		match := assignment.MatchOf(alone, e.app, e.facts, e.programs)
		if match.Matched || !matched {
			lines = append(lines, e.line(alone, match))
		}
	}
	if from := grant.Spec.RolesFrom; from != "" && matched {
		lines = append(lines, "roles from "+oneLine(from))
	}
	return lines
}

// line says of the only subject of a grant why it matches, or why not.
func (e *evidence) line(grant *v1alpha1.ScimGrant, match assignment.Match) string {
	subject := &grant.Spec.Subjects[0]
	switch subject.Kind {
	case v1alpha1.SubjectEveryone:
		return "everyone in the directory " + e.app.Spec.DirectoryRef.Name
	case v1alpha1.SubjectEveryoneElse:
		return either(match.Matched, "no other grant is for them", "for those whom no other grant is for")
	case v1alpha1.SubjectUser:
		return either(match.Matched, "named as ", "for ") + subject.UserName
	case v1alpha1.SubjectGroup:
		return e.groupLine(grant, match.Matched)
	case v1alpha1.SubjectCondition:
		if match.Err != nil {
			return fmt.Sprintf("the condition %s cannot be evaluated: %v", oneLine(subject.Condition), match.Err)
		}
		return either(match.Matched, "the condition is true: ", "the condition is false: ") + oneLine(subject.Condition)
	default:
		return "for a " + string(subject.Kind)
	}
}

func (e *evidence) groupLine(grant *v1alpha1.ScimGrant, matched bool) string {
	if !matched {
		return "for members of the group " + groupName(grant.Spec.Subjects[0].Group)
	}
	var ways []string
	for _, way := range e.ways {
		if speaksOf(grant, e.app, e.facts.User, way.Group, e.programs) {
			ways = append(ways, way.String())
		}
	}
	return "member of " + strings.Join(ways, "; ")
}

// speaksOf reports whether the only subject of a grant is a group, and that one.
func speaksOf(grant *v1alpha1.ScimGrant, app *v1alpha1.ScimApplication, user *v1alpha1.ScimUser, group *v1alpha1.ScimGroup, programs *expression.Cache) bool {
	facts := assignment.Facts{User: user, Groups: []*v1alpha1.ScimGroup{group}}
	return assignment.MatchOf(grant, app, facts, programs).Matched
}

func groupName(subject *v1alpha1.GroupSubject) string {
	switch {
	case subject == nil:
		return ""
	case subject.ID != "":
		return "with the id " + subject.ID
	case subject.ExternalID != "":
		return "with the externalId " + subject.ExternalID
	default:
		return subject.DisplayName
	}
}

func oneLine(e v1alpha1.Expression) string { return strings.Join(strings.Fields(string(e)), " ") }

func either(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// namedGroups are, for each grant, the groups that subjects of it name.
func namedGroups(app *v1alpha1.ScimApplication, grants []*v1alpha1.ScimGrant, groups []*v1alpha1.ScimGroup) map[string]map[string]bool {
	anyone := &v1alpha1.ScimUser{Spec: v1alpha1.ScimUserSpec{DirectoryRef: app.Spec.DirectoryRef, UserName: "anyone", State: v1alpha1.StateActive}}
	programs := &expression.Cache{}
	named := map[string]map[string]bool{}
	for _, grant := range grants {
		named[grant.Name] = map[string]bool{}
		for i := range grant.Spec.Subjects {
			if grant.Spec.Subjects[i].Kind != v1alpha1.SubjectGroup {
				continue
			}
			alone := grant.DeepCopy()
			alone.Spec.Subjects, alone.Spec.RolesFrom = alone.Spec.Subjects[i:i+1], ""
			for _, group := range groups {
				if speaksOf(alone, app, anyone, group, programs) {
					named[grant.Name][group.Name] = true
				}
			}
		}
	}
	return named
}
