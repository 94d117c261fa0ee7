// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// settled reports whether the application shows an account as its ScimAccount says, in that state.
func (w *world) settled(app, user string, state v1alpha1.AccountState) bool {
	account := w.account(app, user)
	return account != nil && account.Spec.State == state && account.Status.State == state && status.IsReady(account.Status.Conditions, account.Generation)
}

// TestJoinLeaveComeBack follows one person: joins, is deactivated, is back, is deleted, and comes back as another ScimUser with the
// same externalId to the same account.
func TestJoinLeaveComeBack(t *testing.T) {
	w := begin(t)
	crm := w.memory("crm")
	w.make(w.app("crm"), w.grant("everyone", "crm", "viewer"), w.user("ada"))
	w.eventually("ada has an account", func() bool { return w.settled("crm", "ada", v1alpha1.AccountActive) })
	crm.OpenSession("ada@acme.test")

	change(w, w.user("ada"), func(u *v1alpha1.ScimUser) { u.Spec.State = v1alpha1.StateSuspended })
	w.eventually("ada is out", func() bool { return w.settled("crm", "ada", v1alpha1.AccountSuspended) })
	if crm.Get("ada@acme.test").State != connector.Suspended || crm.Sessions("ada@acme.test") != 0 {
		t.Errorf("the application has %+v, and %d sessions", crm.Get("ada@acme.test"), crm.Sessions("ada@acme.test"))
	}
	account := w.account("crm", "ada")
	if r := account.Status.Revocation; r == nil || r.Sessions != v1alpha1.RevocationRevoked || account.Spec.Reason != v1alpha1.StateDeactivated {
		t.Errorf("revocation %+v, reason %s", r, account.Spec.Reason)
	}

	change(w, w.user("ada"), func(u *v1alpha1.ScimUser) { u.Spec.State = v1alpha1.StateActive })
	w.eventually("ada is back", func() bool { return w.settled("crm", "ada", v1alpha1.AccountActive) })
	before := crm.Get("ada@acme.test")

	w.must(w.Delete(t.Context(), w.user("ada")))
	w.eventually("ada is out again", func() bool { return w.settled("crm", "ada", v1alpha1.AccountSuspended) })
	imposter := w.user("imposter")
	imposter.Spec.UserName, imposter.Spec.ExternalID = "ada@acme.test", "ext-somebody-else"
	w.make(imposter)
	w.eventually("who has the recycled userName has an account of their own, which conflicts", func() bool {
		account := w.account("crm", "imposter")
		return account != nil && status.IsStalled(account.Status.Conditions, account.Generation)
	})
	if got := crm.Get("ada@acme.test"); got.State != connector.Suspended || got.Owner != before.Owner {
		t.Errorf("the account that waits for ada was touched: %+v", got)
	}
	w.must(w.Delete(t.Context(), imposter))

	again := w.user("ada-again")
	again.Spec.UserName, again.Spec.ExternalID = "ada@acme.test", "ext-ada"
	w.make(again)
	w.eventually("ada has the same account", func() bool { return w.settled("crm", "ada", v1alpha1.AccountActive) })
	if got := crm.Get("ada@acme.test"); got.ExternalID != before.ExternalID || w.account("crm", "ada").Spec.UserRef.Name != "ada-again" {
		t.Errorf("%+v is not %+v", got, before)
	}
}

// TestDeleteAndTombstone: with the policy Delete and no grace, the account is deleted and its ScimAccount stays only as long as it counts.
func TestDeleteAndTombstone(t *testing.T) {
	w := begin(t)
	w.make(w.app("crm", func(s *v1alpha1.ScimApplicationSpec) {
		s.Lifecycle = v1alpha1.Lifecycle{OnLostAccess: v1alpha1.RemovalDelete, GraceHours: ptr.To[int32](0)}
	}), w.grant("everyone", "crm", "viewer"), w.user("ada"))
	w.eventually("ada has an account", func() bool { return w.settled("crm", "ada", v1alpha1.AccountActive) })
	w.must(w.Delete(t.Context(), w.user("ada")))
	w.eventually("the account is gone", func() bool { return w.settled("crm", "ada", v1alpha1.AccountDeleted) })
	if left := w.memory("crm").Accounts(); len(left) != 0 {
		t.Errorf("the application still has %v", left)
	}
	change(w, w.app("crm"), func(a *v1alpha1.ScimApplication) { a.Spec.RemovalGuard.Expedite = []string{"somebody"} })
	if w.account("crm", "ada") == nil {
		t.Error("the ScimAccount went while its removal still counts")
	}
}

// TestKillSwitch suspends every account at once, whatever the identity provider says and even if it makes the user anew.
func TestKillSwitch(t *testing.T) {
	w := begin(t)
	w.make(w.app("crm"), w.app("erp"), w.grant("everyone", "crm", "viewer"), w.grant("all", "erp", "admin"), w.user("eve"))
	both := func(state v1alpha1.AccountState) bool {
		return w.settled("crm", "eve", state) && w.settled("erp", "eve", state)
	}
	w.eventually("eve has accounts", func() bool { return both(v1alpha1.AccountActive) })
	change(w, w.user("eve"), func(u *v1alpha1.ScimUser) {
		u.Annotations = map[string]string{v1alpha1.AnnotationSuspend: "stolen laptop"}
	})
	w.eventually("eve is out", func() bool { return both(v1alpha1.AccountSuspended) })
	change(w, w.user("eve"), func(u *v1alpha1.ScimUser) { u.Spec.UserName = "eve2@acme.test" })
	w.eventually("the rename is known", func() bool { return w.account("crm", "eve").Spec.UserName == "eve2@acme.test" })
	in := func() bool {
		for _, app := range []string{"crm", "erp"} {
			for _, shown := range w.memory(app).Accounts() {
				if shown.State == connector.Active {
					return true
				}
			}
			if w.account(app, "eve").Spec.State == v1alpha1.AccountActive {
				return true
			}
		}
		return false
	}
	if in() {
		t.Error("a change by the identity provider let eve in")
	}
	w.must(w.Delete(t.Context(), w.user("eve")))
	again := w.user("eve-again")
	again.Spec.ExternalID = "ext-eve"
	w.make(again)
	w.eventually("eve's accounts are those of the new user", func() bool {
		return w.account("crm", "eve").Spec.UserRef.Name == "eve-again" && w.account("erp", "eve").Spec.UserRef.Name == "eve-again"
	})
	if in() {
		t.Error("being made anew let eve in")
	}
	change(w, again, func(u *v1alpha1.ScimUser) { u.Annotations = map[string]string{v1alpha1.AnnotationSuspend: ""} })
	w.eventually("eve is back", func() bool { return both(v1alpha1.AccountActive) })
}

// TestGroupsAndConditions: a group, and a group in a group, give and take; a grant that is no CEL gives nothing and disturbs nobody.
func TestGroupsAndConditions(t *testing.T) {
	w := begin(t)
	engineers := &v1alpha1.ScimGroup{ObjectMeta: w.meta("g-eng"), Spec: v1alpha1.ScimGroupSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, DisplayName: "Engineers"}}
	staff := &v1alpha1.ScimGroup{ObjectMeta: w.meta("g-staff"), Spec: v1alpha1.ScimGroupSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, DisplayName: "Staff"}}
	slice := func(group string, users, groups []string) *v1alpha1.ScimMemberSlice {
		return &v1alpha1.ScimMemberSlice{ObjectMeta: w.meta(group), Spec: v1alpha1.ScimMemberSliceSpec{GroupRef: v1alpha1.LocalReference{Name: group}, Users: users, Groups: groups}}
	}
	byGroup := w.grant("engineers", "crm", "editor")
	byGroup.Spec.Subjects = []v1alpha1.Subject{{Kind: v1alpha1.SubjectGroup, Group: &v1alpha1.GroupSubject{DisplayName: "engineers"}}}
	nested := w.grant("staff", "crm", "viewer")
	nested.Spec.Subjects = []v1alpha1.Subject{{Kind: v1alpha1.SubjectCondition, Condition: `groups.exists(g, g.displayName == "Staff")`}}
	broken := w.grant("broken", "crm", "admin")
	broken.Spec.Subjects = []v1alpha1.Subject{{Kind: v1alpha1.SubjectCondition, Condition: `user.userName ==`}}
	w.make(w.app("crm"), byGroup, nested, broken, engineers, staff, w.user("ada"), w.user("bob"),
		slice("g-eng", []string{"ada"}, nil), slice("g-staff", nil, []string{"g-eng"}))
	w.eventually("ada has both roles", func() bool {
		account := w.account("crm", "ada")
		return w.settled("crm", "ada", v1alpha1.AccountActive) && len(account.Spec.Roles) == 2 && len(account.Status.Sources) == 2
	})
	if w.account("crm", "bob") != nil {
		t.Error("bob, who is in no group, has an account")
	}
	change(w, slice("g-eng", nil, nil), func(s *v1alpha1.ScimMemberSlice) { s.Spec.Users = []string{"bob"} })
	w.eventually("ada is out and bob is in", func() bool {
		return w.settled("crm", "ada", v1alpha1.AccountSuspended) && w.settled("crm", "bob", v1alpha1.AccountActive)
	})
	w.must(w.Delete(t.Context(), engineers))
	w.eventually("nobody is in a group that is gone", func() bool { return w.settled("crm", "bob", v1alpha1.AccountSuspended) })
}
