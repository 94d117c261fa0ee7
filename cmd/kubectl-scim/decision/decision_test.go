// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func heldAccount(application, user string, by v1alpha1.HeldBy, kind v1alpha1.ChangeKind, minute int) *v1alpha1.ScimAccount {
	return &v1alpha1.ScimAccount{
		ObjectMeta: metav1.ObjectMeta{Name: application + "-" + user, UID: types.UID(application + user)},
		Spec: v1alpha1.ScimAccountSpec{
			ApplicationRef: v1alpha1.LocalReference{Name: application}, UserRef: v1alpha1.LocalReference{Name: user}, UserName: user + "@acme.test",
			Roles: []v1alpha1.RoleName{"a", "b"},
			Held:  &v1alpha1.HeldChange{By: by, Change: kind, Digest: "d", Since: metav1.NewMicroTime(time.Date(2026, 3, 2, 9, minute, 0, 0, time.UTC))},
		},
	}
}

func TestSummary(t *testing.T) {
	accounts := []*v1alpha1.ScimAccount{
		heldAccount("x", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 0), heldAccount("y", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeDelete, 1),
		heldAccount("x", "2", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 2),
	}
	if got, want := summary(accounts), "2 people: delete 1 account, suspend 2 accounts"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := summary(accounts[:1]), "1 person: suspend 1 account"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHeldTable(t *testing.T) {
	user := &v1alpha1.ScimUser{Spec: v1alpha1.ScimUserSpec{UserName: "Ada@acme.test", State: v1alpha1.StateSuspended}}
	got := heldTable([]*v1alpha1.ScimAccount{
		heldAccount("y", "2", v1alpha1.HeldByDirectory, v1alpha1.ChangeDelete, 5), heldAccount("y", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 1),
		heldAccount("x", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeReduce, 2),
	}, map[string]*v1alpha1.ScimUser{"1": user})
	want := [][]string{
		{"2@acme.test", "y", "Delete", "a,b", "gone", "2026-03-02T09:05:00Z", "", "2"},
		{"Ada@acme.test", "x", "Reduce", "a,b", "Suspended", "2026-03-02T09:02:00Z", "", "1"},
		{"Ada@acme.test", "y", "Suspend", "a,b", "Suspended", "2026-03-02T09:01:00Z", "", "1"},
	}
	if diff := cmp.Diff(want, got.Rows); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestOpen leaves out what is rejected, what another guard holds, and what an earlier decision reaches.
func TestOpen(t *testing.T) {
	rejected := heldAccount("x", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 9)
	rejected.Spec.Held.Rejected = true
	r := &removals{directory: &v1alpha1.ScimDirectory{}}
	r.directory.Status.Removals.Decisions = []v1alpha1.RemovalDecision{{Through: metav1.NewMicroTime(time.Date(2026, 3, 2, 9, 5, 0, 0, time.UTC)), Verdict: v1alpha1.VerdictApproved}}
	open := r.open([]*v1alpha1.ScimAccount{
		rejected, heldAccount("x", "2", v1alpha1.HeldByApplication, v1alpha1.ChangeSuspend, 9), heldAccount("x", "3", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 5),
		heldAccount("x", "4", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 6),
	})
	if len(open) != 1 || open[0].Name != "x-4" {
		t.Errorf("got %d accounts, want the one that nobody decided about", len(open))
	}
}

func TestSame(t *testing.T) {
	a := heldAccount("x", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 1)
	later, other := heldAccount("x", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 2), heldAccount("x", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 1)
	other.Spec.Held.Digest = "e"
	for name, c := range map[string]struct {
		b    *v1alpha1.ScimAccount
		want bool
	}{"Same": {a.DeepCopy(), true}, "HeldAgain": {later, false}, "OtherChange": {other, false}, "OtherAccount": {heldAccount("x", "2", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 1), false}} {
		if got := same(a, c.b); got != c.want {
			t.Errorf("%s: got %t, want %t", name, got, c.want)
		}
	}
}

func TestKindOf(t *testing.T) {
	for name, want := range map[string]string{
		"application": kindApplication, "ScimApp": kindApplication, "scimapplications.scim-operator.dev": kindApplication, "dir": kindDirectory, "scimdirectory": kindDirectory,
		"account": kindAccount, "scimaccounts": kindAccount, "token": "",
	} {
		if got, err := kindOf(name); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestAdoptionState(t *testing.T) {
	pending := &v1alpha1.ScimAccount{Status: v1alpha1.ScimAccountStatus{
		Adoption:   &v1alpha1.AdoptionStatus{ExternalID: "7", Digest: "abc"},
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAdoptionPending}},
	}}
	adopted := pending.DeepCopy()
	adopted.Status.Conditions[0].Reason = v1alpha1.ReasonInSync
	for name, c := range map[string]struct {
		account      *v1alpha1.ScimAccount
		digest, hint string
	}{
		"Pending":       {pending, "abc", ""},
		"Adopted":       {adopted, "", ""},
		"Nothing":       {&v1alpha1.ScimAccount{}, "", ""},
		"ByApplication": {heldAccount("x", "1", v1alpha1.HeldByApplication, v1alpha1.ChangeSuspend, 1), "", "application/x"},
		"ByDirectory":   {heldAccount("x", "1", v1alpha1.HeldByDirectory, v1alpha1.ChangeSuspend, 1), "", "directory"},
		"ByInvariant":   {heldAccount("x", "1", v1alpha1.HeldByInvariant, v1alpha1.ChangeSuspend, 1), "", "nobody can approve"},
	} {
		digest, hint := (&adoption{c.account}).state()
		if digest != c.digest || !strings.Contains(hint, c.hint) || (hint == "") != (c.hint == "") {
			t.Errorf("%s: got %q, %q; want %q, %q", name, digest, hint, c.digest, c.hint)
		}
	}
}
