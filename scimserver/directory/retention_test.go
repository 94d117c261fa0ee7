// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// keeping returns dir with the policy to keep deleted users for two days.
func keeping(t *testing.T, dir Directory) Directory {
	t.Helper()
	profile, err := NewProfile(&v1alpha1.ScimDirectorySpec{
		Deletion: v1alpha1.DirectoryDeletion{Policy: v1alpha1.DeactivateUsers, RetentionDays: 2},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir.Profile = profile
	return dir
}

// TestDeletedUserIsKept: to SCIM the user is gone like any other, and the object says that the accounts are to be suspended.
func TestDeletedUserIsKept(t *testing.T) {
	c := admin(t, 0)
	dir := keeping(t, inNamespace(t, c))
	users, groups := newUsers(t, c, c), newGroups(t, c, c)
	created, err := users.Create(t.Context(), dir, scim.Resource{"userName": "ada", "displayName": "Ada", "active": true})
	wantStatus(t, "Create", err, http.StatusOK)
	group, err := groups.Create(t.Context(), dir, scim.Resource{"displayName": "g", "members": membersAttribute(created.ID)}, false)
	wantStatus(t, "Create group", err, http.StatusOK)
	wantStatus(t, "Delete under a stale version", users.Delete(t.Context(), dir, created.ID, only(7)), http.StatusPreconditionFailed)
	wantStatus(t, "Delete", users.Delete(t.Context(), dir, created.ID, Precondition{}), http.StatusOK)

	kept := look(t, c, dir.Namespace).users[created.ID]
	want := v1alpha1.ScimUserSpec{
		DirectoryRef: v1alpha1.LocalReference{Name: dir.Name}, UserName: "ada", State: v1alpha1.StateSuspended,
		DeletedAt: kept.Spec.DeletedAt, Attributes: kept.Spec.Attributes,
	}
	if diff := cmp.Diff(want, kept.Spec); diff != "" || kept.Spec.DeletedAt == nil || kept.Spec.Attributes == nil {
		t.Errorf("what is kept of the user (-want +got):\n%s", diff)
	}
	wantMembers(t, groups, dir, group.ID)
	_, err = users.Get(t.Context(), dir, created.ID)
	wantStatus(t, "Get", err, http.StatusNotFound)
	_, err = users.Modify(t.Context(), dir, created.ID, Precondition{}, rename("bob"))
	wantStatus(t, "Modify", err, http.StatusNotFound)
	wantStatus(t, "Delete again", users.Delete(t.Context(), dir, created.ID, Precondition{}), http.StatusNotFound)
	_, err = groups.Change(t.Context(), dir, group.ID, Precondition{}, GroupChange{Replace: true, Members: []scim.Member{{Value: created.ID}}}, false)
	wantStatus(t, "adding the user to a group", err, http.StatusBadRequest)
	for _, text := range []string{`userName eq "ada"`, `id eq "` + created.ID + `"`, `displayName eq "Ada"`} {
		page, err := users.List(t.Context(), dir, filter(t, users, text))
		if err != nil || page.Total != 0 {
			t.Errorf("%s: %d users (%v), want none", text, page.Total, err)
		}
	}
	again, err := users.Create(t.Context(), dir, named("ADA"))
	wantStatus(t, "Create again", err, http.StatusOK)
	if again.ID == created.ID {
		t.Error("the id of a deleted user was used again")
	}
	look(t, c, dir.Namespace).check(t)
}

// TestRetentionEnds: the object goes when the directory says so, which may change its mind meanwhile, and not a moment before.
func TestRetentionEnds(t *testing.T) {
	c := admin(t, 0)
	dir := keeping(t, inNamespace(t, c))
	users := newUsers(t, c, c)
	clk := clocktesting.NewFakePassiveClock(time.Unix(1e9, 0))
	users.clock = clk
	j := NewJanitor(c, uncached{c}, modelOf(t, 0), []string{dir.Namespace})
	j.clock, j.log = clk, slog.New(slog.DiscardHandler)
	gone, err := users.Create(t.Context(), dir, named("gone"))
	wantStatus(t, "Create", err, http.StatusOK)
	stays, err := users.Create(t.Context(), dir, scim.Resource{"userName": "stays", "active": false})
	wantStatus(t, "Create", err, http.StatusOK)
	wantStatus(t, "Delete", users.Delete(t.Context(), dir, gone.ID, Precondition{}), http.StatusOK)
	sweep := func(after time.Duration) bool {
		clk.SetTime(clk.Now().Add(after))
		j.endRetention(t.Context())
		w := look(t, c, dir.Namespace)
		if _, there := w.users[stays.ID]; !there {
			t.Fatal("a user whom nobody deleted is gone")
		}
		_, there := w.users[gone.ID]
		return there
	}
	if !sweep(100 * 24 * time.Hour) {
		t.Fatal("the user was removed although there is no directory that says when")
	}
	object := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: dir.Namespace, Name: dir.Name}}
	object.Spec.Deletion = v1alpha1.DirectoryDeletion{Policy: v1alpha1.DeleteUsers, RetentionDays: 101}
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if !sweep(24*time.Hour - time.Second) {
		t.Fatal("the user was removed before its time")
	}
	if sweep(time.Second) {
		t.Error("the user is still there")
	}
}
