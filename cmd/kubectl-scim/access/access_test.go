// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/people"
	"github.com/scim-operator/scim-operator/controllers/assignment"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func application(change ...func(*v1alpha1.ScimApplication)) *v1alpha1.ScimApplication {
	app := &v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: v1alpha1.ScimApplicationSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"},
		Connector: v1alpha1.Connector{Type: v1alpha1.ConnectorKubernetes, Kubernetes: &v1alpha1.KubernetesConnector{
			Roles: []v1alpha1.KubernetesRole{{Name: "viewer"}, {Name: "admin"}},
		}},
	}}
	for _, c := range change {
		c(app)
	}
	return app
}

func ada(change ...func(*v1alpha1.ScimUser)) *v1alpha1.ScimUser {
	u := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Name: "1"}, Spec: v1alpha1.ScimUserSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, UserName: "ada@acme.test", State: v1alpha1.StateActive,
		Attributes: &runtime.RawExtension{Raw: []byte(`{"userType": "Employee"}`)},
	}}
	for _, c := range change {
		c(u)
	}
	return u
}

func grant(name string, roles string, subjects ...v1alpha1.Subject) *v1alpha1.ScimGrant {
	g := &v1alpha1.ScimGrant{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ScimGrantSpec{ApplicationRef: v1alpha1.LocalReference{Name: "app"}, Subjects: subjects}}
	for _, role := range strings.Fields(roles) {
		g.Spec.Roles = append(g.Spec.Roles, v1alpha1.RoleName(role))
	}
	return g
}

func group(name, displayName string) *v1alpha1.ScimGroup {
	return &v1alpha1.ScimGroup{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ScimGroupSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, DisplayName: displayName, ExternalID: "ext-" + name,
	}}
}

func inGroup(displayName string) v1alpha1.Subject {
	return v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Group: &v1alpha1.GroupSubject{DisplayName: displayName}}
}

var (
	everyone = v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}
	others   = v1alpha1.Subject{Kind: v1alpha1.SubjectEveryoneElse}
	bob      = v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: "bob@acme.test"}
	byName   = v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: "ADA@acme.test"}
)

func when(condition string) v1alpha1.Subject {
	return v1alpha1.Subject{Kind: v1alpha1.SubjectCondition, Condition: v1alpha1.Expression(condition)}
}

// ways: ada is in Backend, and by that in Engineers.
func ways() []people.Way {
	backend := group("b", "Backend")
	return []people.Way{{Group: backend}, {Group: group("e", "Engineers"), Through: []*v1alpha1.ScimGroup{backend}}}
}

func between(g *v1alpha1.ScimGrant, from, to string) *v1alpha1.ScimGrant {
	at := func(text string) *metav1.Time {
		if text == "" {
			return nil
		}
		parsed, _ := time.Parse(time.DateOnly, text)
		return &metav1.Time{Time: parsed}
	}
	g.Spec.NotBefore, g.Spec.NotAfter = at(from), at(to)
	return g
}

func TestViews(t *testing.T) {
	fromAttribute := grant("g", "", everyone)
	fromAttribute.Spec.RolesFrom = "[user.userType == 'Employee'\n ? 'viewer' : 'admin']"
	for name, c := range map[string]struct {
		reason   string
		grants   []*v1alpha1.ScimGrant
		recorded []v1alpha1.AccountGrant
		want     []GrantView
	}{
		"Everyone":   {"", []*v1alpha1.ScimGrant{grant("g", "viewer", everyone)}, nil, []GrantView{{"g", GivesYes, []v1alpha1.RoleName{"viewer"}, []string{"everyone in the directory acme"}}}},
		"User":       {"in any case", []*v1alpha1.ScimGrant{grant("g", "viewer", bob, byName)}, nil, []GrantView{{"g", GivesYes, []v1alpha1.RoleName{"viewer"}, []string{"named as ADA@acme.test"}}}},
		"Nobody":     {"every subject says no", []*v1alpha1.ScimGrant{grant("g", "viewer", bob, inGroup("Sales"))}, nil, []GrantView{{"g", GivesNo, nil, []string{"for bob@acme.test", "for members of the group Sales"}}}},
		"Group":      {"the way there is shown", []*v1alpha1.ScimGrant{grant("g", "admin", inGroup("engineers"))}, nil, []GrantView{{"g", GivesYes, []v1alpha1.RoleName{"admin"}, []string{"member of Engineers, through Backend"}}}},
		"Else":       {"nobody else gives", []*v1alpha1.ScimGrant{grant("g", "viewer", others), grant("h", "admin", bob)}, nil, []GrantView{{"g", GivesYes, []v1alpha1.RoleName{"viewer"}, []string{"no other grant is for them"}}, {"h", GivesNo, nil, []string{"for bob@acme.test"}}}},
		"NotElse":    {"another one gives", []*v1alpha1.ScimGrant{grant("g", "viewer", others), grant("h", "admin", everyone)}, nil, []GrantView{{"h", GivesYes, []v1alpha1.RoleName{"admin"}, []string{"everyone in the directory acme"}}, {"g", GivesNo, nil, []string{"for those whom no other grant is for"}}}},
		"True":       {"", []*v1alpha1.ScimGrant{grant("g", "viewer", when("user.userType\n == 'Employee'"))}, nil, []GrantView{{"g", GivesYes, []v1alpha1.RoleName{"viewer"}, []string{"the condition is true: user.userType == 'Employee'"}}}},
		"False":      {"", []*v1alpha1.ScimGrant{grant("g", "viewer", when("user.userType == 'Guest'"))}, nil, []GrantView{{"g", GivesNo, nil, []string{"the condition is false: user.userType == 'Guest'"}}}},
		"Later":      {"", []*v1alpha1.ScimGrant{between(grant("g", "viewer", everyone), "2026-04-01", "")}, nil, []GrantView{{"g", GivesLater, []v1alpha1.RoleName{"viewer"}, []string{"begins 2026-04-01T00:00:00Z", "everyone in the directory acme"}}}},
		"Over":       {"", []*v1alpha1.ScimGrant{between(grant("g", "viewer", everyone), "", "2026-03-01")}, nil, []GrantView{{"g", GivesOver, []v1alpha1.RoleName{"viewer"}, []string{"ended 2026-03-01T00:00:00Z", "everyone in the directory acme"}}}},
		"Until":      {"", []*v1alpha1.ScimGrant{between(grant("g", "viewer", everyone), "", "2026-04-01")}, nil, []GrantView{{"g", GivesYes, []v1alpha1.RoleName{"viewer"}, []string{"until 2026-04-01T00:00:00Z", "everyone in the directory acme"}}}},
		"NoMore":     {"it gave, and the change is held", []*v1alpha1.ScimGrant{grant("g", "viewer", bob)}, []v1alpha1.AccountGrant{{Name: "g", Roles: []v1alpha1.RoleName{"admin"}}}, []GrantView{{"g", GivesNoMore, []v1alpha1.RoleName{"admin"}, []string{"for bob@acme.test"}}}},
		"Deleted":    {"it gave, and is gone", nil, []v1alpha1.AccountGrant{{Name: "g", Roles: []v1alpha1.RoleName{"admin"}}}, []GrantView{{"g", GivesNoMore, []v1alpha1.RoleName{"admin"}, []string{"the grant is deleted"}}}},
		"Undeclared": {"a role that there is not", []*v1alpha1.ScimGrant{grant("g", "viewer root", everyone)}, nil, []GrantView{{"g", GivesYes, []v1alpha1.RoleName{"viewer"}, []string{"everyone in the directory acme", "it names a role that the application does not declare"}}}},
		"RolesFrom":  {"from an attribute", []*v1alpha1.ScimGrant{fromAttribute}, nil, []GrantView{{"g", GivesYes, []v1alpha1.RoleName{"viewer"}, []string{"everyone in the directory acme", "roles from [user.userType == 'Employee' ? 'viewer' : 'admin']"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvidence(application(), assignment.Facts{User: ada(), Grants: c.grants, Now: now}, ways())
			if diff := cmp.Diff(c.want, e.views(c.recorded)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestUnknown(t *testing.T) {
	g := grant("g", "viewer", when("user.userType / 0 == 1"))
	e := newEvidence(application(), assignment.Facts{User: ada(), Grants: []*v1alpha1.ScimGrant{g}, Now: now}, nil)
	v := e.view(g, []v1alpha1.AccountGrant{{Name: "g", Roles: []v1alpha1.RoleName{"viewer"}}})
	if v.Gives != GivesUnknown || len(v.Because) != 1 || !strings.Contains(v.Because[0], "cannot be evaluated") {
		t.Errorf("got %+v, want that it is not known", v)
	}
}

func account(change ...func(*v1alpha1.ScimAccount)) *v1alpha1.ScimAccount {
	a := &v1alpha1.ScimAccount{ObjectMeta: metav1.ObjectMeta{Name: "app-1"}, Spec: v1alpha1.ScimAccountSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: "app"}, UserRef: v1alpha1.LocalReference{Name: "1"}, UserName: "ada@acme.test",
		State: v1alpha1.AccountActive, Reason: v1alpha1.StateGranted, Roles: []v1alpha1.RoleName{"viewer"},
		Grants: []v1alpha1.AccountGrant{{Name: "g", Roles: []v1alpha1.RoleName{"viewer"}}},
	}}
	for _, c := range change {
		c(a)
	}
	return a
}

func held(by v1alpha1.HeldBy, rejected bool) func(*v1alpha1.ScimAccount) {
	return func(a *v1alpha1.ScimAccount) {
		a.Spec.Held = &v1alpha1.HeldChange{By: by, Invariant: "two-admins", Change: v1alpha1.ChangeSuspend, Since: metav1.NewMicroTime(now), Rejected: rejected}
	}
}

func TestNotes(t *testing.T) {
	for name, c := range map[string]struct {
		reason  string
		app     *v1alpha1.ScimApplication
		user    *v1alpha1.ScimUser
		account *v1alpha1.ScimAccount
		want    []string // parts, one for each note
	}{
		"None":      {"nothing to say", application(), ada(), account(), nil},
		"Undecided": {"a grant matches and there is no account", application(), ada(), nil, []string{"not decided"}},
		"Stale":     {"the roles are others by now", application(), ada(), account(func(a *v1alpha1.ScimAccount) { a.Spec.Roles = []v1alpha1.RoleName{"admin"} }), []string{"not decided"}},
		"Elsewhere": {"users of another directory", application(), ada(func(u *v1alpha1.ScimUser) { u.Spec.DirectoryRef.Name = "other" }), nil, []string{"for users of the directory acme, and this user is of other"}},
		"Inactive": {"", application(), ada(func(u *v1alpha1.ScimUser) { u.Spec.State = v1alpha1.StateSuspended }), account(func(a *v1alpha1.ScimAccount) {
			a.Spec.State, a.Spec.Reason = v1alpha1.AccountSuspended, v1alpha1.StateDeactivated
		}), []string{"not active"}},
		"Locked": {"", application(), ada(func(u *v1alpha1.ScimUser) {
			u.Annotations = map[string]string{v1alpha1.AnnotationSuspend: "laptop stolen"}
		}), account(func(a *v1alpha1.ScimAccount) {
			a.Spec.State, a.Spec.Reason = v1alpha1.AccountSuspended, v1alpha1.StateLocked
		}), []string{"laptop stolen; kubectl scim resume"}},
		"HeldByDirectory": {"", application(), ada(), account(held(v1alpha1.HeldByDirectory, false)), []string{"kubectl scim approve directory/acme"}},
		"HeldHere":        {"", application(), ada(), account(held(v1alpha1.HeldByApplication, false)), []string{"kubectl scim approve application/app"}},
		"Invariant":       {"nobody can approve", application(), ada(), account(held(v1alpha1.HeldByInvariant, false)), []string{"by the invariant two-admins"}},
		"Rejected":        {"", application(), ada(), account(held(v1alpha1.HeldByDirectory, true)), []string{"somebody rejected it"}},
		"MappingFailed": {"", application(func(a *v1alpha1.ScimApplication) { a.Spec.Account.UserName = "user.userType / 0" }), ada(), nil,
			[]string{"an expression of spec.account"}},
		"NotReady": {"", application(func(a *v1alpha1.ScimApplication) {
			a.Spec.Mode = v1alpha1.ModePaused
			a.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "Unavailable", Message: "no answer"}}
		}), ada(), account(), []string{"mode Paused", "Unavailable: no answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := assignment.Facts{User: c.user, Grants: []*v1alpha1.ScimGrant{grant("g", "viewer", everyone)}, Now: now}
			if c.account != nil {
				f.Present = []*v1alpha1.ScimAccount{c.account}
			}
			x := explain(newEvidence(c.app, f, nil), c.account)
			if len(x.Notes) != len(c.want) {
				t.Fatalf("%s: got the notes %q, want %q", c.reason, x.Notes, c.want)
			}
			for i, part := range c.want {
				if !strings.Contains(x.Notes[i], part) {
					t.Errorf("%s: got %q, want %q in it", c.reason, x.Notes[i], part)
				}
			}
		})
	}
}

func TestNamedGroups(t *testing.T) {
	byID := v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Group: &v1alpha1.GroupSubject{ID: "b"}}
	byExternalID := v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Group: &v1alpha1.GroupSubject{ExternalID: "ext-e"}}
	grants := []*v1alpha1.ScimGrant{grant("name", "", inGroup("ENGINEERS")), grant("ids", "", byID, byExternalID), between(grant("over", "", inGroup("Sales"), everyone), "", "2020-01-01")}
	got := namedGroups(application(), grants, []*v1alpha1.ScimGroup{group("b", "Backend"), group("e", "Engineers"), group("s", "Sales")})
	want := map[string]map[string]bool{"name": {"e": true}, "ids": {"b": true, "e": true}, "over": {"s": true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSelects(t *testing.T) {
	ready := func(a *v1alpha1.ScimAccount) {
		a.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "InSync"}}
	}
	unready := func(a *v1alpha1.ScimAccount) {
		a.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "Conflict"}}
	}
	for name, c := range map[string]struct {
		command accessCommand
		account *v1alpha1.ScimAccount
		want    bool
	}{
		"All":       {accessCommand{}, account(ready), true},
		"Role":      {accessCommand{role: "viewer"}, account(ready), true},
		"OtherRole": {accessCommand{role: "admin"}, account(ready), false},
		"State":     {accessCommand{state: "active"}, account(ready), true},
		"NotState":  {accessCommand{state: "Suspended"}, account(ready), false},
		"Ready":     {accessCommand{notReady: true}, account(ready), false},
		"NotReady":  {accessCommand{notReady: true}, account(unready), true},
		"Unseen":    {accessCommand{notReady: true}, account(), true},
	} {
		if got := c.command.selects(c.account); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}
