// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
)

func TestKeepsAndFallsSilent(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	got := b.memory.Get("ann")
	if got == nil || got.Owner != "ns/app-id" || !slices.Equal(got.Roles, []string{"viewer"}) || b.reason(t) != v1alpha1.ReasonInSync {
		t.Fatalf("downstream %+v, reason %s", got, b.reason(t))
	}
	apiWrites, downstream := b.writes, b.memory.Writes()
	for range 3 {
		if _, err := b.round(t); err != nil {
			t.Fatal(err)
		}
	}
	if b.writes != apiWrites || b.memory.Writes() != downstream || apiWrites != 1 {
		t.Errorf("a converged account made %d writes here and %d downstream; the change itself made %d here", b.writes-apiWrites, b.memory.Writes()-downstream, apiWrites)
	}
}

func TestPutsBackWhatSomebodyTookOrGave(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	for _, roles := range [][]string{{}, {"editor", "viewer"}} {
		drifted := *b.memory.Get("ann")
		drifted.Roles = roles
		b.memory.Put(drifted)
		if _, err := b.round(t); err != nil {
			t.Fatal(err)
		}
		if got := b.memory.Get("ann"); !slices.Equal(got.Roles, []string{"viewer"}) {
			t.Errorf("roles %v after drift to %v", got.Roles, roles)
		}
	}
}

// TestNeverGivesOnTheWordOfACache: the cache shows an active account, the API server knows better.
func TestNeverGivesOnTheWordOfACache(t *testing.T) {
	newer := account(v1alpha1.AccountActive, "viewer")
	newer.Generation = 2
	for reason, live := range map[string][]client.Object{
		"the user is suspended":    {person(v1alpha1.StateSuspended), account(v1alpha1.AccountActive, "viewer")},
		"the user is gone":         {account(v1alpha1.AccountActive, "viewer")},
		"the account was changed":  {person(v1alpha1.StateActive), newer},
		"the account is gone":      {person(v1alpha1.StateActive)},
		"everything is gone there": {},
	} {
		t.Run(reason, func(t *testing.T) {
			b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
			b.Live = newBench(t, live...).Client
			if _, err := b.round(t); err != nil {
				t.Fatal(err)
			}
			if got := b.memory.Get("ann"); got != nil {
				t.Errorf("an account was made: %+v", got)
			}
		})
	}
}

func TestSuspendsOnTheWordOfACache(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateSuspended), account(v1alpha1.AccountSuspended, "viewer"))
	b.memory.Put(connector.Account{Owner: "ns/app-id", ExternalID: "1", UserName: "ann", State: connector.Active, Roles: []string{"viewer"}})
	b.Live = nil // any use of it would panic
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	if got := b.memory.Get("ann"); got.State != connector.Suspended {
		t.Errorf("still %s", got.State)
	}
}

func TestNeverMakesAnAccountForSomebodySuspended(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateSuspended), account(v1alpha1.AccountSuspended, "viewer"))
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	if len(b.memory.Accounts()) != 0 || b.reason(t) != v1alpha1.ReasonInSync {
		t.Errorf("%v, reason %s", b.memory.Accounts(), b.reason(t))
	}
}

func TestNeverTouchesWhatIsNotOurs(t *testing.T) {
	theirs := connector.Account{Owner: "ns/other", ExternalID: "1", UserName: "ann", State: connector.Active, Roles: []string{"editor"}}
	for _, state := range []v1alpha1.AccountState{v1alpha1.AccountActive, v1alpha1.AccountSuspended} {
		b := newBench(t, application(), person(v1alpha1.StateActive), account(state, "viewer"))
		b.memory.Put(theirs)
		_, _ = b.round(t)
		b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.State = v1alpha1.AccountDeleted })
		if err := b.Client.Delete(t.Context(), b.current(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.round(t); err != nil {
			t.Fatal(err)
		}
		if b.current(t) != nil || b.memory.Writes() != 0 {
			t.Errorf("%s: account left %v, %d writes downstream", state, b.current(t) != nil, b.memory.Writes())
		}
	}
}

func TestRemove(t *testing.T) {
	going := func(policy v1alpha1.DeletionPolicy) *v1alpha1.ScimApplication {
		a := application()
		now := metav1.Now()
		a.DeletionTimestamp, a.Finalizers, a.Spec.DeletionPolicy = &now, []string{v1alpha1.FinalizerApplication}, policy
		return a
	}
	for name, tc := range map[string]struct {
		reason           string
		app              *v1alpha1.ScimApplication
		open, fault      error
		accountLeft      bool
		downstreamStands bool
	}{
		"deleted":                     {"the account goes first, then the object", application(), nil, nil, false, false},
		"application deleted":         {"so it is when the application is deleted", going(v1alpha1.DeletionPolicyDelete), nil, nil, false, false},
		"application deleted, retain": {"Retain lets go", going(v1alpha1.DeletionPolicyRetain), nil, nil, false, true},
		"application gone":            {"nothing stays because its application is gone", nil, nil, nil, false, true},
		"secret went first":           {"nor because its Secret went first", going(v1alpha1.DeletionPolicyDelete), connector.Invalidf("no Secret"), nil, false, true},
		"secret missing":              {"but a missing Secret of a living application is to be mended", application(), connector.Invalidf("no Secret"), nil, true, true},
		"application down":            {"and one that is down is waited for", going(v1alpha1.DeletionPolicyDelete), nil, connector.Unavailablef(time.Second, "down"), true, true},
		"application says no":         {"as is one that denies", application(), nil, connector.Deniedf("no"), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			objects := []client.Object{person(v1alpha1.StateActive), account(v1alpha1.AccountDeleted, "viewer")}
			if tc.app != nil {
				objects = append(objects, tc.app)
			}
			b := newBench(t, objects...)
			b.open = tc.open
			b.memory.Put(connector.Account{Owner: "ns/app-id", ExternalID: "1", UserName: "ann", State: connector.Active, Roles: []string{"viewer"}})
			b.memory.Fail(tc.fault)
			if err := b.Client.Delete(t.Context(), b.current(t)); err != nil {
				t.Fatal(err)
			}
			if _, err := b.round(t); err != nil {
				t.Fatal(err)
			}
			b.memory.Fail(nil)
			if left := b.current(t) != nil; left != tc.accountLeft {
				t.Errorf("%s: the ScimAccount is left: %v", tc.reason, left)
			}
			if stands := b.memory.Get("ann") != nil; stands != tc.downstreamStands {
				t.Errorf("%s: the account downstream stands: %v", tc.reason, stands)
			}
		})
	}
}

// TestDeletionThatDoesNothingIsSeen: a connector that says yes and deletes nothing does not get the ScimAccount removed.
func TestDeletionThatDoesNothingIsSeen(t *testing.T) {
	b := newBench(t, application(), account(v1alpha1.AccountDeleted))
	b.memory.Put(connector.Account{Owner: "ns/app-id", ExternalID: "1", UserName: "ann", State: connector.Active})
	b.Connect = func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
		return lazy{b.memory}, func() {}, nil
	}
	if err := b.Client.Delete(t.Context(), b.current(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.round(t); err == nil || b.current(t) == nil {
		t.Error("the ScimAccount went although its account is still there")
	}
}

type lazy struct{ connector.Connector }

func (lazy) Delete(context.Context, connector.Account) error { return nil }

func TestErrorsEndInTheStatusAndAreWrittenOnce(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	b.memory.Fail(errors.New("boom"))
	for range 3 {
		if _, err := b.round(t); err == nil {
			t.Fatal("an unknown error must make the queue back off")
		}
	}
	if b.writes != 1 || b.reason(t) != v1alpha1.ReasonError {
		t.Errorf("%d writes, reason %s", b.writes, b.reason(t))
	}
}

func TestWaitsForItsApplication(t *testing.T) {
	stalled := application()
	stalled.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, ObservedGeneration: 1, Reason: v1alpha1.ReasonDenied}}
	b := newBench(t, stalled, person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	b.memory.Fail(errors.New("must not be called"))
	if _, err := b.round(t); err != nil || b.reason(t) != v1alpha1.ReasonApplicationNotReady {
		t.Errorf("%v, reason %s", err, b.reason(t))
	}
	suspend := newBench(t, stalled, person(v1alpha1.StateSuspended), account(v1alpha1.AccountSuspended, "viewer"))
	suspend.memory.Put(connector.Account{Owner: "ns/app-id", ExternalID: "1", UserName: "ann", State: connector.Active})
	if _, err := suspend.round(t); err != nil || suspend.memory.Get("ann").State != connector.Suspended {
		t.Errorf("a leaver waits for an application that is not ready (%v)", err)
	}
}
