// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
)

// bench is a reconciler between a fake API server and an application in memory.
type bench struct {
	*Reconciler
	memory *connectortest.Memory
	open   error // what Connect returns
	writes int   // to the API server
}

func newBench(t *testing.T, objects ...client.Object) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	b := &bench{memory: connectortest.NewMemory("viewer", "editor")}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&v1alpha1.ScimAccount{}, &v1alpha1.ScimApplication{}).
		WithInterceptorFuncs(interceptor.Funcs{
			Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
				b.writes++
				return c.Patch(ctx, o, p, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				b.writes++
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			},
		}).Build()
	b.Reconciler = &Reconciler{
		Client: c, Live: c, Resync: time.Hour, Recorder: events.NewFakeRecorder(100),
		Connect: func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
			return b.memory, func() {}, b.open
		},
	}
	return b
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "ns", Name: name, Generation: 1}
}

func application() *v1alpha1.ScimApplication {
	return &v1alpha1.ScimApplication{ObjectMeta: meta("app")}
}

func person(state v1alpha1.State) *v1alpha1.ScimUser {
	return &v1alpha1.ScimUser{ObjectMeta: meta("id"), Spec: v1alpha1.ScimUserSpec{UserName: "ann", State: state}}
}

func account(state v1alpha1.State, roles ...v1alpha1.RoleName) *v1alpha1.ScimAccount {
	a := &v1alpha1.ScimAccount{ObjectMeta: meta("app-id"), Spec: v1alpha1.ScimAccountSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: "app"}, UserRef: v1alpha1.LocalReference{Name: "id"}, UserName: "ann", State: state, Roles: roles,
	}}
	a.Finalizers = []string{v1alpha1.FinalizerAccount}
	return a
}

// round reconciles the account once, as it now is.
func (b *bench) round(t *testing.T) (reconcile.Result, error) {
	t.Helper()
	a := b.current(t)
	if a == nil {
		t.Fatal("the account is gone")
	}
	return b.Reconcile(t.Context(), a)
}

func (b *bench) current(t *testing.T) *v1alpha1.ScimAccount {
	t.Helper()
	a := &v1alpha1.ScimAccount{}
	err := b.Client.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "app-id"}, a)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (b *bench) reason(t *testing.T) string {
	t.Helper()
	for _, c := range b.current(t).Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason
		}
	}
	return ""
}

func TestKeepsAndFallsSilent(t *testing.T) {
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.StateActive, "viewer"))
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
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.StateActive, "viewer"))
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
	newer := account(v1alpha1.StateActive, "viewer")
	newer.Generation = 2
	for reason, live := range map[string][]client.Object{
		"the user is suspended":    {person(v1alpha1.StateSuspended), account(v1alpha1.StateActive, "viewer")},
		"the user is gone":         {account(v1alpha1.StateActive, "viewer")},
		"the account was changed":  {person(v1alpha1.StateActive), newer},
		"the account is gone":      {person(v1alpha1.StateActive)},
		"everything is gone there": {},
	} {
		t.Run(reason, func(t *testing.T) {
			b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.StateActive, "viewer"))
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
	b := newBench(t, application(), person(v1alpha1.StateSuspended), account(v1alpha1.StateSuspended, "viewer"))
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
	b := newBench(t, application(), person(v1alpha1.StateSuspended), account(v1alpha1.StateSuspended, "viewer"))
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	if len(b.memory.Accounts()) != 0 || b.reason(t) != v1alpha1.ReasonInSync {
		t.Errorf("%v, reason %s", b.memory.Accounts(), b.reason(t))
	}
}

func TestNeverTouchesWhatIsNotOurs(t *testing.T) {
	theirs := connector.Account{Owner: "ns/other", ExternalID: "1", UserName: "ann", State: connector.Active, Roles: []string{"editor"}}
	for _, state := range []v1alpha1.State{v1alpha1.StateActive, v1alpha1.StateSuspended} {
		b := newBench(t, application(), person(state), account(state, "viewer"))
		b.memory.Put(theirs)
		_, _ = b.round(t)
		a := b.current(t)
		if err := b.Client.Delete(t.Context(), a); err != nil {
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
			objects := []client.Object{person(v1alpha1.StateActive), account(v1alpha1.StateActive, "viewer")}
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
	b := newBench(t, application(), account(v1alpha1.StateActive))
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
	b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.StateActive, "viewer"))
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
	b := newBench(t, stalled, person(v1alpha1.StateActive), account(v1alpha1.StateActive, "viewer"))
	b.memory.Fail(errors.New("must not be called"))
	if _, err := b.round(t); err != nil || b.reason(t) != v1alpha1.ReasonApplicationNotReady {
		t.Errorf("%v, reason %s", err, b.reason(t))
	}
	suspend := newBench(t, stalled, person(v1alpha1.StateSuspended), account(v1alpha1.StateSuspended, "viewer"))
	suspend.memory.Put(connector.Account{Owner: "ns/app-id", ExternalID: "1", UserName: "ann", State: connector.Active})
	if _, err := suspend.round(t); err != nil || suspend.memory.Get("ann").State != connector.Suspended {
		t.Errorf("a leaver waits for an application that is not ready (%v)", err)
	}
}
