// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package grant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/internal/index"
	"github.com/scim-operator/scim-operator/controllers/membership"
)

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "ns", Name: name, Generation: 1}
}

func offering(roles ...v1alpha1.RoleName) *v1alpha1.ScimApplication {
	k := &v1alpha1.KubernetesConnector{}
	for _, r := range roles {
		k.Roles = append(k.Roles, v1alpha1.KubernetesRole{Name: r})
	}
	return &v1alpha1.ScimApplication{ObjectMeta: meta("app"), Spec: v1alpha1.ScimApplicationSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, Connector: v1alpha1.Connector{Type: v1alpha1.ConnectorKubernetes, Kubernetes: k},
	}}
}

func user(id, directory, userName, attributes string) *v1alpha1.ScimUser {
	u := &v1alpha1.ScimUser{ObjectMeta: meta(id), Spec: v1alpha1.ScimUserSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: directory}, UserName: userName, State: v1alpha1.StateActive,
	}}
	if attributes != "" {
		u.Spec.Attributes = &runtime.RawExtension{Raw: []byte(attributes)}
	}
	return u
}

func granting(name string, subjects ...v1alpha1.Subject) *v1alpha1.ScimGrant {
	return &v1alpha1.ScimGrant{ObjectMeta: meta(name), Spec: v1alpha1.ScimGrantSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: "app"}, Subjects: subjects, Roles: []v1alpha1.RoleName{"viewer"},
	}}
}

func at(seconds int64) *metav1.Time { t := metav1.Unix(seconds, 0); return &t }

// indexer makes the indexes of the cache in a fake client.
type indexer struct{ *fake.ClientBuilder }

func (i indexer) IndexField(_ context.Context, o client.Object, field string, values client.IndexerFunc) error {
	i.WithIndex(o, field, values)
	return nil
}

// world is ann, bob and cy in the directory acme, a user who was deleted, and one of another directory. ann is in the group ops, which is
// in the group all.
func world(t *testing.T, more ...client.Object) *fake.ClientBuilder {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	gone := user("4", "acme", "dora", "")
	gone.Spec.State, gone.Spec.DeletedAt = v1alpha1.StateSuspended, at(1)
	group := func(name string, users, groups []string) []client.Object {
		return []client.Object{
			&v1alpha1.ScimGroup{ObjectMeta: meta(name), Spec: v1alpha1.ScimGroupSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, DisplayName: "The " + name}},
			&v1alpha1.ScimMemberSlice{ObjectMeta: meta(name), Spec: v1alpha1.ScimMemberSliceSpec{GroupRef: v1alpha1.LocalReference{Name: name}, Users: users, Groups: groups}},
		}
	}
	objects := slices.Concat(more, group("ops", []string{"1"}, nil), group("all", []string{"2"}, []string{"ops"}), []client.Object{
		user("1", "acme", "ann", `{"title":"admin","level":2,"roles":["editor","nosuch"]}`), user("2", "acme", "bob", `{"title":"guest","level":"two"}`),
		user("3", "acme", "cy", ""), gone, user("5", "other", "eve", `{"title":"admin"}`),
	})
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.ScimGrant{})
	if err := index.Register(t.Context(), indexer{builder}); err != nil {
		t.Fatal(err)
	}
	if err := membership.Register(t.Context(), indexer{builder}); err != nil {
		t.Fatal(err)
	}
	return builder
}

type outcome struct {
	Reason, Message           string
	Stalled                   bool
	Users, Failed, Undeclared int64
	Again                     time.Duration
}

func reconciled(t *testing.T, c client.Client, grant *v1alpha1.ScimGrant) (got outcome) {
	t.Helper()
	r := &Reconciler{Client: c, Programs: &expression.Cache{}, Clock: clocktesting.NewFakePassiveClock(time.Unix(1000, 0))}
	result, err := r.Reconcile(t.Context(), grant)
	if err != nil {
		t.Fatal(err)
	}
	stored := &v1alpha1.ScimGrant{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(grant), stored); err != nil {
		t.Fatal(err)
	}
	s := stored.Status
	got.Users, got.Failed, got.Undeclared, got.Again = s.MatchedUsers, s.FailedUsers, s.UndeclaredRoles, result.RequeueAfter
	for _, condition := range s.Conditions {
		if condition.Type == v1alpha1.ConditionStalled {
			got.Stalled = true
		} else {
			got.Reason, got.Message = condition.Reason, condition.Message
		}
	}
	return got
}

func TestReconcile(t *testing.T) {
	everyone, ann := v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}, v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: "ANN"}
	otherwise := v1alpha1.Subject{Kind: v1alpha1.SubjectEveryoneElse}
	group := func(g v1alpha1.GroupSubject) v1alpha1.Subject {
		return v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Group: &g}
	}
	when := func(e v1alpha1.Expression) v1alpha1.Subject {
		return v1alpha1.Subject{Kind: v1alpha1.SubjectCondition, Condition: e}
	}
	change := func(grant *v1alpha1.ScimGrant, how func(*v1alpha1.ScimGrantSpec)) *v1alpha1.ScimGrant {
		how(&grant.Spec)
		return grant
	}
	inEffect := func(users int64) outcome {
		return outcome{Reason: v1alpha1.ReasonInEffect, Message: "the grant is in effect", Users: users}
	}
	failing := func(o outcome, why string) outcome {
		o.Reason, o.Message = v1alpha1.ReasonExpressionFailed, "an expression fails for some users, who keep what they have from the grant: "+why
		return o
	}
	app := offering("viewer", "editor")
	for name, tc := range map[string]struct {
		grant *v1alpha1.ScimGrant
		more  []client.Object
		want  outcome
	}{
		"everyone":                 {granting("g", everyone), []client.Object{app}, inEffect(3)},
		"one user":                 {granting("g", ann), []client.Object{app}, inEffect(1)},
		"twice the same":           {granting("g", ann, everyone), []client.Object{app}, inEffect(3)},
		"a group":                  {granting("g", group(v1alpha1.GroupSubject{DisplayName: "the OPS"})), []client.Object{app}, inEffect(1)},
		"a group with groups":      {granting("g", group(v1alpha1.GroupSubject{ID: "all"})), []client.Object{app}, inEffect(2)},
		"a condition":              {granting("g", when(`user.title == "admin"`)), []client.Object{app}, inEffect(1)},
		"a condition about groups": {granting("g", when(`groups.exists(g, g.displayName == "The all")`)), []client.Object{app}, inEffect(2)},
		"a condition that fails": {granting("g", when(`user.level > 1`)), []client.Object{app},
			failing(outcome{Users: 1, Failed: 1}, "no such overload")},
		"a condition that fails does not matter to whom another subject matches": {granting("g", when(`user.level > 1`), everyone), []client.Object{app}, inEffect(3)},
		"everyone else":              {granting("g", otherwise), []client.Object{app, granting("h", ann)}, inEffect(2)},
		"everyone else than a group": {granting("g", otherwise), []client.Object{app, granting("h", group(v1alpha1.GroupSubject{ID: "all"}))}, inEffect(1)},
		"everyone else than a later grant": {granting("g", otherwise),
			[]client.Object{app, change(granting("h", ann), func(s *v1alpha1.ScimGrantSpec) { s.NotBefore = at(1060) })},
			outcome{Reason: v1alpha1.ReasonInEffect, Message: "the grant is in effect", Users: 3, Again: time.Minute}},
		"roles from": {change(granting("g", everyone), func(s *v1alpha1.ScimGrantSpec) { s.RolesFrom = "user.roles" }), []client.Object{app},
			outcome{Reason: v1alpha1.ReasonInEffect, Message: "the grant is in effect", Users: 3, Undeclared: 1}},
		"roles from what is none": {change(granting("g", everyone), func(s *v1alpha1.ScimGrantSpec) { s.RolesFrom = "user.level" }), []client.Object{app},
			failing(outcome{Users: 2, Failed: 1, Undeclared: 1}, "wrong result type")},
		"invalid expressions": {change(granting("g", ann, when("usr.active")), func(s *v1alpha1.ScimGrantSpec) { s.RolesFrom = "1" }), []client.Object{app},
			outcome{Reason: v1alpha1.ReasonInvalidExpression, Stalled: true, Failed: 3,
				Message: "subjects[1].condition: 1:1: undeclared reference to 'usr' (in container ''); rolesFrom: the result is int, it must be string or list(string)"}},
		"unknown roles": {change(granting("g", everyone), func(s *v1alpha1.ScimGrantSpec) { s.Roles = []v1alpha1.RoleName{"z", "viewer", "a"} }), []client.Object{app},
			outcome{Reason: v1alpha1.ReasonUnknownRole, Message: "the ScimApplication declares no role a, z", Stalled: true, Users: 3, Undeclared: 3}},
		"not yet": {change(granting("g", ann), func(s *v1alpha1.ScimGrantSpec) { s.NotBefore, s.NotAfter = at(1005), at(2000) }), []client.Object{app},
			outcome{Reason: v1alpha1.ReasonNotYetInEffect, Message: "the grant will be in effect from notBefore on", Users: 1, Again: 5 * time.Second}},
		"in between": {change(granting("g", ann), func(s *v1alpha1.ScimGrantSpec) { s.NotBefore, s.NotAfter = at(1000), at(2000) }), []client.Object{app},
			outcome{Reason: v1alpha1.ReasonInEffect, Message: "the grant is in effect", Users: 1, Again: 1000 * time.Second}},
		"over": {change(granting("g", ann), func(s *v1alpha1.ScimGrantSpec) { s.NotAfter = at(1000) }), []client.Object{app},
			outcome{Reason: v1alpha1.ReasonExpired, Message: "the grant was in effect until notAfter"}},
		"no application": {granting("g", everyone), nil,
			outcome{Reason: v1alpha1.ReasonApplicationNotFound, Message: "waiting for the ScimApplication that applicationRef names"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := reconciled(t, world(t, append(tc.more, tc.grant)...).Build(), tc.grant)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestGroupsAreReadOnlyWhenTheyMatter counts what a pass over the users reads.
func TestGroupsAreReadOnlyWhenTheyMatter(t *testing.T) {
	for condition, reads := range map[v1alpha1.Expression]bool{`user.title == "admin"`: false, `size(groups) > 0`: true} {
		slices := 0
		grant := granting("g", v1alpha1.Subject{Kind: v1alpha1.SubjectCondition, Condition: condition})
		c := world(t, grant, offering("viewer")).WithInterceptorFuncs(interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				if _, ok := list.(*v1alpha1.ScimMemberSliceList); ok {
					slices++
				}
				return c.List(ctx, list, opts...)
			},
		}).Build()
		reconciled(t, c, grant)
		if (slices > 0) != reads {
			t.Errorf("%s: read slices %d times", condition, slices)
		}
	}
}

func TestWakes(t *testing.T) {
	all := []client.Object{
		offering("viewer"), granting("everyone", v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}),
		granting("else", v1alpha1.Subject{Kind: v1alpha1.SubjectEveryoneElse}),
		granting("group", v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Group: &v1alpha1.GroupSubject{ID: "x"}}),
		granting("title", v1alpha1.Subject{Kind: v1alpha1.SubjectCondition, Condition: "has(user.title)"}),
		granting("groups", v1alpha1.Subject{Kind: v1alpha1.SubjectCondition, Condition: "size(groups) > 0"}),
	}
	r := &Reconciler{Client: world(t, all...).Build()}
	ctx, ann := t.Context(), user("1", "acme", "ann", "")
	names := func(o client.Object, keys func(context.Context, client.Object) []reconcile.Request) string {
		var names []string
		for _, key := range keys(ctx, o) {
			names = append(names, key.Name)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	for what, tc := range map[string]struct{ got, want string }{
		"a user who is renamed":       {names(ann, r.grantsOfUser(anyGrant)), "else everyone group groups title"},
		"a user who changes":          {names(ann, r.grantsOfUser(seesAttributes)), "else groups title"},
		"a user of another directory": {names(user("5", "other", "eve", ""), r.grantsOfUser(anyGrant)), ""},
		"a group":                     {names(&v1alpha1.ScimGroup{ObjectMeta: meta("x")}, r.grantsThatSeeGroups), "else group groups"},
		"another grant":               {names(all[1], r.grantsForEveryoneElse), "else"},
		"the grant for everyone else": {names(all[2], r.grantsForEveryoneElse), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("%s wakes %q, want %q", what, tc.got, tc.want)
		}
	}
	deleted := user("1", "acme", "ann", "")
	deleted.Spec.DeletedAt = at(1)
	if !renamed(ann, deleted) || !renamed(ann, user("1", "acme", "anna", "")) || renamed(ann, user("1", "acme", "ann", `{"title":"x"}`)) {
		t.Error("who is renamed or deleted matters to all grants, and nothing else does")
	}
}

func BenchmarkReconcile(b *testing.B) {
	for name, subject := range map[string]v1alpha1.Subject{
		"everyone":  {Kind: v1alpha1.SubjectEveryone},
		"condition": {Kind: v1alpha1.SubjectCondition, Condition: `user.title == "admin"`},
	} {
		b.Run(name, func(b *testing.B) {
			var users v1alpha1.ScimUserList
			for i := range 100_000 {
				users.Items = append(users.Items, *user(fmt.Sprint(i), "acme", fmt.Sprint("user", i), `{"title":"admin","emails":[{"value":"a@example.com","primary":true}]}`))
			}
			// The cache hands out pointers into itself; a fake client would copy everybody.
			c := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{
				List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
					*list.(*v1alpha1.ScimUserList) = users
					return nil
				},
			})
			r := &Reconciler{Client: c, Programs: &expression.Cache{}}
			for b.Loop() {
				if _, err := r.count(b.Context(), granting("g", subject), offering("viewer"), nil, time.Unix(1000, 0)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
