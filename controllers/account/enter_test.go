// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/internal/enqueue"
)

// crowd is many accounts of one application.
func crowd(t *testing.T, n int, app *v1alpha1.ScimApplication) (*bench, []*v1alpha1.ScimAccount) {
	t.Helper()
	objects := []client.Object{app, person(v1alpha1.StateActive)}
	var accounts []*v1alpha1.ScimAccount
	for i := range n {
		a := account(v1alpha1.AccountActive, "viewer")
		a.Name, a.Spec.UserName = "app-"+string(rune('a'+i)), "user-"+string(rune('a'+i))
		accounts, objects = append(accounts, a), append(objects, a)
	}
	return newBench(t, objects...), accounts
}

func (b *bench) reconcile(t *testing.T, a *v1alpha1.ScimAccount) (reconcile.Result, error) {
	t.Helper()
	current := &v1alpha1.ScimAccount{}
	if err := b.Client.Get(t.Context(), client.ObjectKeyFromObject(a), current); err != nil {
		t.Fatal(err)
	}
	return b.Reconcile(t.Context(), current)
}

// TestAnApplicationThatIsDownParksItsAccounts: one finds out, one probe is asked for, and the others cost one write at most, no call.
func TestAnApplicationThatIsDownParksItsAccounts(t *testing.T) {
	b, accounts := crowd(t, 10, application())
	var probes []types.NamespacedName
	b.Probe = func(app types.NamespacedName) { probes = append(probes, app) }
	b.memory.Fail(connector.Unavailablef(0, "down"))
	for range 3 {
		for _, a := range accounts {
			_, _ = b.reconcile(t, a)
		}
	}
	if b.memory.Count() != 1 || b.writes != len(accounts) || len(probes) != 1 || probes[0].Name != "app" {
		t.Errorf("%d calls, %d writes, %d probes", b.memory.Count(), b.writes, len(probes))
	}
	b.mended()
	for _, a := range accounts {
		if _, err := b.reconcile(t, a); err != nil {
			t.Error(err)
		}
	}
	if len(b.memory.Accounts()) != len(accounts) {
		t.Errorf("%d accounts after it was mended", len(b.memory.Accounts()))
	}
}

// TestParkedAccountsComeAgain, in case nobody notices that the application works again.
func TestParkedAccountsComeAgain(t *testing.T) {
	b, accounts := crowd(t, 2, application())
	b.memory.Fail(connector.Deniedf("no"))
	_, _ = b.reconcile(t, accounts[0])
	if res, err := b.reconcile(t, accounts[1]); err != nil || res.RequeueAfter == 0 {
		t.Errorf("%v, again after %v", err, res.RequeueAfter)
	}
}

// TestNoConnectorConcernsAll: without a connector one account finds out, a probe is asked for, and all are woken when that succeeds, though
// the application has been Ready all along. An account that is invalid in itself stops nobody.
func TestNoConnectorConcernsAll(t *testing.T) {
	b, accounts := crowd(t, 3, application())
	opened, probes, woken := 0, 0, map[string]bool{}
	b.Probe = func(types.NamespacedName) { probes++ }
	b.Gates.Wake = func(key types.NamespacedName, _ int, _ time.Duration) { woken[key.Name] = true }
	connect := b.Connect
	b.Connect = func(ctx context.Context, app *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
		opened++
		return connect(ctx, app)
	}
	b.open = connector.Invalidf("there is no Secret")
	accounts[1].Spec.State, accounts[1].Status.State = v1alpha1.AccountSuspended, v1alpha1.AccountActive
	for _, a := range accounts {
		if res, err := b.Reconcile(t.Context(), a.DeepCopy()); err != nil || res.RequeueAfter == 0 {
			t.Errorf("%s: %v, again after %v", a.Name, err, res.RequeueAfter)
		}
	}
	if opened != 1 || probes != 1 || len(woken) != 0 {
		t.Errorf("opened %d times, %d probes, woken %v", opened, probes, woken)
	}
	b.open = nil
	b.mended()
	if len(woken) != len(accounts) {
		t.Errorf("woken: %v", woken)
	}
	b.memory.Fail(connector.Invalidf("a bad name"))
	for _, a := range accounts {
		_, _ = b.reconcile(t, a)
	}
	if opened != 1+len(accounts) || probes != 1 {
		t.Errorf("opened %d times, %d probes", opened, probes)
	}
}

// TestADeniedAdditionKeepsNobodyInside.
func TestADeniedAdditionKeepsNobodyInside(t *testing.T) {
	b, accounts := crowd(t, 3, application())
	b.memory.Before(func(_ context.Context, call connectortest.Call) error {
		if call.Owner != "ns/"+accounts[2].Name {
			return connector.Deniedf("may not bind that role")
		}
		return nil
	})
	_, _ = b.reconcile(t, accounts[0])
	_, _ = b.reconcile(t, accounts[1])
	if n := b.memory.Count(); n != 1 {
		t.Errorf("%d calls for additions", n)
	}
	b.memory.Put(connector.Account{Owner: "ns/" + accounts[2].Name, ExternalID: "c", UserName: "user-c", State: connector.Active})
	leaver := accounts[2].DeepCopy()
	leaver.Spec.State = v1alpha1.AccountSuspended
	if _, err := b.Reconcile(t.Context(), leaver); err != nil || b.memory.Get("user-c").State != connector.Suspended {
		t.Errorf("the leaver: %v, %+v", err, b.memory.Get("user-c"))
	}
}

// TestARemovalHasAPlaceWhenAdditionsHaveAll: with one place, taken by an addition that hangs, another addition waits to be woken and a
// leaver does not.
func TestARemovalHasAPlaceWhenAdditionsHaveAll(t *testing.T) {
	app := application()
	app.Spec.Limits.Concurrency = 1
	b, accounts := crowd(t, 3, app)
	woken := make(chan types.NamespacedName, 10)
	b.Gates.Wake = func(key types.NamespacedName, _ int, _ time.Duration) { woken <- key }
	reached, goOn := make(chan struct{}), make(chan struct{})
	b.memory.Before(func(_ context.Context, call connectortest.Call) error {
		if call.Owner == "ns/"+accounts[0].Name && call.Verb == connectortest.VerbApply {
			close(reached)
			<-goOn
		}
		return nil
	})
	done := make(chan error)
	first := accounts[0].DeepCopy()
	go func() {
		_, err := b.Reconcile(t.Context(), first)
		done <- err
	}()
	<-reached
	if res, err := b.reconcile(t, accounts[1]); err != nil || res.RequeueAfter != 0 || b.memory.Get("user-b") != nil {
		t.Errorf("a second addition: %v, again after %v", err, res.RequeueAfter)
	}
	b.memory.Put(connector.Account{Owner: "ns/" + accounts[2].Name, ExternalID: "c", UserName: "user-c", State: connector.Active})
	leaver := accounts[2].DeepCopy()
	leaver.Spec.State = v1alpha1.AccountSuspended
	if _, err := b.Reconcile(t.Context(), leaver); err != nil || b.memory.Get("user-c").State != connector.Suspended {
		t.Errorf("the leaver: %v, %+v", err, b.memory.Get("user-c"))
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if key := <-woken; key.Name != accounts[1].Name {
		t.Errorf("%s was woken", key)
	}
}

func TestTheRateSaysWhenToComeAgain(t *testing.T) {
	app := application()
	app.Spec.Limits.AccountsPerSecond = 1
	b, accounts := crowd(t, 2, app)
	for i, waits := range []bool{false, true} {
		before := b.memory.Count()
		res, err := b.reconcile(t, accounts[i])
		if err != nil || (b.memory.Count() == before) != waits || waits && res.RequeueAfter > time.Minute {
			t.Errorf("account %d: %v, again after %v", i, err, res.RequeueAfter)
		}
	}
}

// TestWokenAccountsKeepTheirPriority in the queue of the controller.
func TestWokenAccountsKeepTheirPriority(t *testing.T) {
	var w waitingRoom
	w.wake(types.NamespacedName{Name: "early"}, enqueue.Change, 0) // nobody listens yet, and everybody comes at the start
	q := priorityqueue.New[reconcile.Request]("test")
	defer q.ShutDown()
	if err := w.open(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	w.wake(types.NamespacedName{Name: "joiner"}, enqueue.Change, 0)
	w.wake(types.NamespacedName{Name: "leaver"}, enqueue.Leaver, 0)
	for _, want := range []string{"leaver", "joiner"} {
		if got, _, _ := q.GetWithPriority(); got.Name != want {
			t.Errorf("%s, want %s", got.Name, want)
		}
	}
}
