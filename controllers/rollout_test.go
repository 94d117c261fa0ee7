// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
)

// unmarked is an account that somebody made in the application by hand.
func unmarked(id, userName string, roles ...string) connector.Account {
	return connector.Account{ExternalID: id, UserName: userName, State: connector.Active, Roles: roles, Profile: map[string]string{"email": userName}}
}

// writes are the calls that change an application, or could.
func writes(m *connectortest.Memory) int {
	return m.Count(connectortest.VerbApply, connectortest.VerbDelete, connectortest.VerbAdopt, connectortest.VerbRevoke)
}

// TestDryRun shows what would be done and calls nothing that changes anything, for joiners, leavers and those who come back.
func TestDryRun(t *testing.T) {
	w := begin(t)
	crm := w.memory("crm")
	crm.Put(unmarked("root", "root@acme.test", "admin"))
	w.make(w.app("crm", func(s *v1alpha1.ScimApplicationSpec) { s.Mode = v1alpha1.ModeDryRun }), w.grant("everyone", "crm", "viewer"))
	for i := range 10 {
		w.make(w.user(fmt.Sprint("user", i)))
	}
	plan := func() v1alpha1.PlanCounts {
		app := w.app("crm")
		w.must(w.Get(t.Context(), w.key("crm"), app))
		return app.Status.Plan
	}
	w.eventually("ten accounts would be made", func() bool { return plan() == v1alpha1.PlanCounts{Create: 10} })
	change(w, w.user("user0"), func(u *v1alpha1.ScimUser) { u.Spec.State = v1alpha1.StateSuspended })
	w.must(w.Delete(t.Context(), w.user("user1")))
	w.eventually("who leaves has nothing to be made", func() bool { return plan() == v1alpha1.PlanCounts{Create: 8} })
	if n := writes(crm); n != 0 {
		t.Errorf("a dry run made %d calls that write: %v", n, crm.Calls())
	}
	change(w, w.app("crm"), func(a *v1alpha1.ScimApplication) { a.Spec.Mode = v1alpha1.ModeActive })
	w.eventually("the plan is carried out", func() bool { return plan() == v1alpha1.PlanCounts{} && len(crm.Accounts()) == 9 })
}

// TestAdoption takes over what was there: by the login name at once but unchanged, a privileged account by e-mail only when somebody
// approves exactly that, and never one of two that look alike.
func TestAdoption(t *testing.T) {
	w := begin(t)
	crm := w.memory("crm")
	crm.Put(unmarked("1", "ada@acme.test", "viewer", "editor"))
	crm.Put(unmarked("9", "service@acme.test", "admin"))
	w.make(w.app("crm", func(s *v1alpha1.ScimApplicationSpec) {
		s.Adoption = v1alpha1.Adoption{Policy: v1alpha1.AdoptionByKey, Key: v1alpha1.AdoptionKeyUserName}
	}), w.grant("everyone", "crm", "viewer"), w.user("ada"))
	w.eventually("ada's account is ours", func() bool {
		account := w.account("crm", "ada")
		return account != nil && account.Status.Adoption != nil && account.Status.ExternalID == "1" && w.settled("crm", "ada", v1alpha1.AccountActive)
	})
	if got := crm.Get("ada@acme.test"); !slices.Equal(got.Roles, []string{"viewer", "editor"}) || got.Owner == "" {
		t.Errorf("an adopted account was changed: %+v", got)
	}
	w.make(w.grant("more", "crm", "admin"))
	w.eventually("the next change brings it in line", func() bool { return slices.Equal(crm.Get("ada@acme.test").Roles, []string{"admin", "viewer"}) })
	w.eventually("the account that nobody explains is listed", func() bool {
		app := w.app("crm")
		w.must(w.Get(t.Context(), w.key("crm"), app))
		return app.Status.Orphans.Count == 1 || len(app.Status.Orphans.ExternalIDs) > 0
	})
}

// TestPrivilegedAdoption needs an approval that is bound to what was found.
func TestPrivilegedAdoption(t *testing.T) {
	w := begin(t)
	crm := w.memory("crm")
	crm.Put(connector.Account{ExternalID: "1", UserName: "root", State: connector.Active, Roles: []string{"admin"}, Profile: map[string]string{"email": "ada@acme.test"}})
	w.make(w.app("crm", func(s *v1alpha1.ScimApplicationSpec) {
		s.Account.Email = "user.userName"
		s.Adoption = v1alpha1.Adoption{Policy: v1alpha1.AdoptionByKey, Key: v1alpha1.AdoptionKeyEmail, PrivilegedRoles: []v1alpha1.RoleName{"admin"}, Access: v1alpha1.AdoptedImmediately}
	}), w.grant("everyone", "crm", "viewer"), w.user("ada"))
	digest := func() string {
		account := w.account("crm", "ada")
		if account == nil || account.Status.Adoption == nil {
			return ""
		}
		return account.Status.Adoption.Digest
	}
	w.eventually("it waits for an approval", func() bool { return digest() != "" })
	old := digest()
	changed := *crm.Get("root")
	changed.Roles = []string{"admin", "editor"}
	crm.Put(changed)
	approve := func(digest string) {
		change(w, w.account("crm", "ada"), func(a *v1alpha1.ScimAccount) {
			a.SetAnnotations(map[string]string{v1alpha1.AnnotationApprove: digest})
		})
	}
	approve(old)
	w.eventually("what changed has another digest", func() bool { return digest() != old && digest() != "" })
	if crm.Get("root").Owner != "" {
		t.Error("an approval of something else was taken")
	}
	approve(digest())
	w.eventually("it is adopted and in line, but for the login name", func() bool {
		got := crm.Get("root")
		return got.Owner != "" && slices.Equal(got.Roles, []string{"viewer"})
	})
}

// TestInvariants: the last but one administrator does not go, and nobody gets what they must not have, until the invariant allows it.
func TestInvariants(t *testing.T) {
	w := begin(t)
	w.make(w.app("crm", func(s *v1alpha1.ScimApplicationSpec) {
		s.Invariants = []v1alpha1.Invariant{
			{Name: "two-admins", Expression: `active["admin"] >= 2`},
			{Name: "separate", Expression: `!("editor" in account.roles && "viewer" in account.roles)`},
		}
	}), w.grant("admins", "crm", "admin"))
	for _, name := range []string{"ada", "bob"} {
		w.make(w.user(name))
		w.eventually(name+" is an administrator", func() bool { return w.settled("crm", name, v1alpha1.AccountActive) })
	}
	change(w, w.user("ada"), func(u *v1alpha1.ScimUser) { u.Spec.State = v1alpha1.StateSuspended })
	w.eventually("ada is held", func() bool {
		held := w.account("crm", "ada").Spec.Held
		return held != nil && held.By == v1alpha1.HeldByInvariant && held.Invariant == "two-admins"
	})
	w.make(w.user("cyd"))
	w.eventually("with another administrator, ada goes", func() bool { return w.settled("crm", "ada", v1alpha1.AccountSuspended) })
	w.make(w.grant("both", "crm", "editor", "viewer"))
	w.eventually("bob, who would be both, is held", func() bool {
		account := w.account("crm", "bob")
		return account.Spec.Held != nil && account.Spec.Held.Invariant == "separate" && slices.Equal(account.Spec.Roles, []v1alpha1.RoleName{"admin"})
	})
}
