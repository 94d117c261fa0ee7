// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"slices"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
)

func adopting(key v1alpha1.AdoptionKey, access v1alpha1.AdoptedAccess) *v1alpha1.ScimApplication {
	app := application()
	app.Spec.Mode = v1alpha1.ModeActive
	app.Spec.Adoption = v1alpha1.Adoption{Policy: v1alpha1.AdoptionByKey, Key: key, Access: access, PrivilegedRoles: []v1alpha1.RoleName{"admin"}}
	return app
}

func withEmail(a *v1alpha1.ScimAccount) *v1alpha1.ScimAccount {
	a.Spec.Email, a.Spec.ExternalID = "ann@example.com", "hr-7"
	return a
}

// legacy is an account that was there before.
func legacy(id string, state connector.State, roles ...string) connector.Account {
	return connector.Account{
		ExternalID: id, UserName: "ann.old." + id, State: state, Roles: roles,
		Profile: map[string]string{"email": "Ann@example.com", "externalId": "hr-7", "title": "Dr"},
	}
}

func TestAdoption(t *testing.T) {
	named := legacy("1", connector.Active, "editor")
	named.UserName = "ann"
	marked := named
	marked.Owner = "ns/somebody"
	app := func(key v1alpha1.AdoptionKey) *v1alpha1.ScimApplication { return adopting(key, v1alpha1.AdoptedOnNextChange) }
	dry, paused := app(v1alpha1.AdoptionKeyUserName), app(v1alpha1.AdoptionKeyUserName)
	dry.Spec.Mode, paused.Spec.Mode = v1alpha1.ModeDryRun, v1alpha1.ModePaused
	held := account(v1alpha1.AccountSuspended)
	held.Spec.Held = &v1alpha1.HeldChange{By: v1alpha1.HeldByInvariant, Change: v1alpha1.ChangeCreate}
	for name, tc := range map[string]struct {
		why    string
		app    *v1alpha1.ScimApplication
		acct   *v1alpha1.ScimAccount
		there  []connector.Account
		owner  string // of account 1 afterwards
		reason string
		writes int // downstream
	}{
		"never":               {"an account in the way is a conflict", application(), account(v1alpha1.AccountActive), []connector.Account{named}, "", v1alpha1.ReasonConflict, 0},
		"by name":             {"the account is taken over as it is", app(v1alpha1.AdoptionKeyUserName), account(v1alpha1.AccountActive), []connector.Account{named}, ours, v1alpha1.ReasonInSync, 1},
		"by email":            {"so it is by e-mail", app(v1alpha1.AdoptionKeyEmail), account(v1alpha1.AccountActive), []connector.Account{legacy("1", connector.Active, "editor")}, ours, v1alpha1.ReasonInSync, 1},
		"by external id":      {"and by the identifier", app(v1alpha1.AdoptionKeyExternalID), account(v1alpha1.AccountActive), []connector.Account{legacy("1", connector.Active, "editor")}, ours, v1alpha1.ReasonInSync, 1},
		"nobody there":        {"an account is made as usual", app(v1alpha1.AdoptionKeyEmail), account(v1alpha1.AccountActive, "viewer"), nil, ours, v1alpha1.ReasonInSync, 1},
		"other mark":          {"what bears another mark is never touched", app(v1alpha1.AdoptionKeyUserName), account(v1alpha1.AccountActive), []connector.Account{marked}, "ns/somebody", v1alpha1.ReasonConflict, 0},
		"ambiguous":           {"of two nobody can tell", app(v1alpha1.AdoptionKeyEmail), account(v1alpha1.AccountActive), []connector.Account{legacy("1", connector.Active), legacy("2", connector.Active)}, "", v1alpha1.ReasonConflict, 0},
		"leaver":              {"somebody who must be out is taken over to be suspended", app(v1alpha1.AdoptionKeyEmail), account(v1alpha1.AccountSuspended), []connector.Account{legacy("1", connector.Active, "editor")}, ours, v1alpha1.ReasonInSync, 2},
		"leaver, out already": {"nothing need be taken over to suspend nobody", app(v1alpha1.AdoptionKeyEmail), account(v1alpha1.AccountSuspended), []connector.Account{legacy("1", connector.Suspended)}, "", v1alpha1.ReasonInSync, 0},
		"held creation":       {"what is held touches nothing", app(v1alpha1.AdoptionKeyEmail), held, []connector.Account{legacy("1", connector.Active)}, "", v1alpha1.ReasonHeld, 0},
		"deleted":             {"an account that was not ours is not deleted", app(v1alpha1.AdoptionKeyEmail), account(v1alpha1.AccountDeleted), []connector.Account{legacy("1", connector.Active)}, "", v1alpha1.ReasonInSync, 0},
		"privileged by name":  {"the name is proof enough", app(v1alpha1.AdoptionKeyUserName), account(v1alpha1.AccountActive), []connector.Account{{ExternalID: "1", UserName: "ann", State: connector.Active, Roles: []string{"admin"}}}, ours, v1alpha1.ReasonInSync, 1},
		"privileged":          {"the e-mail is not", app(v1alpha1.AdoptionKeyEmail), account(v1alpha1.AccountActive), []connector.Account{legacy("1", connector.Active, "admin")}, "", v1alpha1.ReasonAdoptionPending, 0},
		"privileged, damaged": {"a damaged role is one too", app(v1alpha1.AdoptionKeyEmail), account(v1alpha1.AccountActive), []connector.Account{legacy("1", connector.Active, "!admin")}, "", v1alpha1.ReasonAdoptionPending, 0},
		"dry run":             {"a dry run only finds", dry, account(v1alpha1.AccountActive), []connector.Account{named}, "", v1alpha1.ReasonDryRun, 0},
		"paused":              {"a pause gives nothing", paused, account(v1alpha1.AccountActive), []connector.Account{legacy("1", connector.Active)}, "", v1alpha1.ReasonPaused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.app, person(v1alpha1.StateActive), withEmail(tc.acct))
			for _, a := range tc.there {
				b.memory.Put(a)
			}
			for range 2 {
				if _, err := b.round(t); err != nil {
					t.Fatal(err)
				}
			}
			if got := b.memory.Accounts()["1"].Owner; got != tc.owner || b.reason(t) != tc.reason || b.memory.Writes() != tc.writes {
				t.Errorf("%s: owner %q, reason %s, %d writes downstream: %v", tc.why, got, b.reason(t), b.memory.Writes(), b.memory.Calls())
			}
		})
	}
}

// TestAdoptedAccess: what an adopted account keeps, and until when.
func TestAdoptedAccess(t *testing.T) {
	for access, tc := range map[v1alpha1.AdoptedAccess]struct {
		roles []string
		title string
	}{
		v1alpha1.AdoptedOnNextChange: {[]string{"editor"}, "Dr"},
		v1alpha1.AdoptedImmediately:  {[]string{"viewer"}, "Prof"},
	} {
		t.Run(string(access), func(t *testing.T) {
			acct := withEmail(account(v1alpha1.AccountActive, "viewer"))
			acct.Spec.Attributes = []v1alpha1.AccountAttribute{{Name: "title", Value: "Prof"}}
			b := newBench(t, adopting(v1alpha1.AdoptionKeyEmail, access), person(v1alpha1.StateActive), acct)
			b.memory.Put(legacy("1", connector.Active, "editor"))
			for range 3 {
				if _, err := b.round(t); err != nil {
					t.Fatal(err)
				}
			}
			got := b.after()
			if got.UserName != "ann.old.1" || got.Profile["email"] != "Ann@example.com" {
				t.Error("a login identifier was rewritten on first contact")
			}
			if !slices.Equal(got.Roles, tc.roles) || got.Profile["title"] != tc.title || b.writes != 2 {
				t.Errorf("%+v, %d writes to the API server", got, b.writes)
			}
			b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.DisplayName = "Ann" })
			if _, err := b.round(t); err != nil {
				t.Fatal(err)
			}
			got = b.after()
			if got.UserName != "ann" || got.Profile["email"] != "ann@example.com" || !slices.Equal(got.Roles, []string{"viewer"}) || got.Profile["title"] != "Prof" {
				t.Errorf("after the next change: %+v", got)
			}
		})
	}
}

// TestAdoptedAccountOfALeaver: taking away does not wait for the next change.
func TestAdoptedAccountOfALeaver(t *testing.T) {
	b := newBench(t, adopting(v1alpha1.AdoptionKeyEmail, v1alpha1.AdoptedOnNextChange), person(v1alpha1.StateActive), withEmail(account(v1alpha1.AccountActive)))
	b.memory.Put(legacy("1", connector.Active, "editor"))
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.State = v1alpha1.AccountSuspended })
	if _, err := b.round(t); err != nil || b.after().State != connector.Suspended {
		t.Errorf("%v, left %+v", err, b.after())
	}
}

// TestApprovalIsBoundToWhatWasSeen: an approval holds for that account with those roles, and for nothing else.
func TestApprovalIsBoundToWhatWasSeen(t *testing.T) {
	b := newBench(t, adopting(v1alpha1.AdoptionKeyEmail, v1alpha1.AdoptedOnNextChange), person(v1alpha1.StateActive), withEmail(account(v1alpha1.AccountActive)))
	say := func(annotation, digest string) {
		t.Helper()
		a := b.current(t)
		a.Annotations = map[string]string{annotation: digest}
		if err := b.Client.Update(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if _, err := b.round(t); err != nil {
			t.Fatal(err)
		}
	}
	b.memory.Put(legacy("1", connector.Active, "admin"))
	say(v1alpha1.AnnotationApprove, "guessed")
	first := b.current(t).Status.Adoption.Digest
	say(v1alpha1.AnnotationReject, first)
	if b.reason(t) != v1alpha1.ReasonConflict || b.current(t).Status.Adoption.Digest != first {
		t.Fatalf("rejected: reason %s, %+v", b.reason(t), b.current(t).Status.Adoption)
	}
	b.memory.Put(legacy("1", connector.Active, "admin", "editor"))
	say(v1alpha1.AnnotationApprove, first)
	second := b.current(t).Status.Adoption.Digest
	if b.reason(t) != v1alpha1.ReasonAdoptionPending || second == first || b.after().Owner != "" {
		t.Fatalf("an old approval: reason %s, %+v", b.reason(t), b.after())
	}
	say(v1alpha1.AnnotationApprove, second)
	got := b.current(t).Status.Adoption
	if b.reason(t) != v1alpha1.ReasonInSync || b.after().Owner != ours || got.Digest != "" || got.Generation != 1 || got.ExternalID != "1" {
		t.Errorf("approved: reason %s, %+v, %+v", b.reason(t), b.after(), got)
	}
}

// TestAdoptionConfirmsLive: the cache says that the user is active, the API server knows better.
func TestAdoptionConfirmsLive(t *testing.T) {
	locked := person(v1alpha1.StateActive)
	locked.Annotations = map[string]string{v1alpha1.AnnotationSuspend: "left"}
	for reason, live := range map[string][]client.Object{
		"the user is suspended": {person(v1alpha1.StateSuspended), withEmail(account(v1alpha1.AccountActive))},
		"the user is locked":    {locked, withEmail(account(v1alpha1.AccountActive))},
		"the account is gone":   {person(v1alpha1.StateActive)},
	} {
		t.Run(reason, func(t *testing.T) {
			b := newBench(t, adopting(v1alpha1.AdoptionKeyEmail, v1alpha1.AdoptedImmediately), person(v1alpha1.StateActive), withEmail(account(v1alpha1.AccountActive)))
			b.memory.Put(legacy("1", connector.Active))
			b.Live = newBench(t, live...).Client
			if _, err := b.round(t); err != nil || b.after().Owner != "" {
				t.Errorf("%v: %+v", err, b.after())
			}
		})
	}
}

// TestAdoptionThatWasCutShort: the mark was put on and the answer was lost. The account still is one that was adopted.
func TestAdoptionThatWasCutShort(t *testing.T) {
	b := newBench(t, adopting(v1alpha1.AdoptionKeyEmail, v1alpha1.AdoptedOnNextChange), person(v1alpha1.StateActive), withEmail(account(v1alpha1.AccountActive, "viewer")))
	b.memory.Put(legacy("1", connector.Active, "editor"))
	b.Connect = func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
		return deaf{b.memory}, func() {}, nil
	}
	if _, err := b.round(t); err == nil {
		t.Fatal("the answer was not lost")
	}
	b.Connect = func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
		return b.memory, func() {}, nil
	}
	if _, err := b.round(t); err != nil || b.reason(t) != v1alpha1.ReasonInSync {
		t.Fatalf("%v, reason %s", err, b.reason(t))
	}
	if got := b.after(); got.UserName != "ann.old.1" || !slices.Equal(got.Roles, []string{"editor"}) {
		t.Errorf("%+v", got)
	}
}

// deaf adopts and does not hear the answer.
type deaf struct{ *connectortest.Memory }

func (d deaf) Adopt(ctx context.Context, found connector.Account, owner string) (connector.Account, error) {
	_, err := d.Memory.Adopt(ctx, found, owner)
	return connector.Account{}, errors.Join(err, errors.New("connection lost"))
}
