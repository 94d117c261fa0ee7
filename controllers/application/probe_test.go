// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// asks is a queue that notes after what time something is added.
type asks struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]

	after []time.Duration
}

func (a *asks) AddAfter(_ reconcile.Request, after time.Duration) { a.after = append(a.after, after) }

// ask says after what time an application is probed that somebody asks about.
func ask(t *testing.T, r *Reconciler) time.Duration {
	t.Helper()
	var q asks
	r.asked(t.Context(), event.GenericEvent{Object: app()}, &q)
	if len(q.after) != 1 {
		t.Fatalf("woken %d times", len(q.after))
	}
	return q.after[0]
}

// TestAskedOftenProbedOnce: however many accounts ask about an application, it is probed as often as it would be without them.
func TestAskedOftenProbedOnce(t *testing.T) {
	for name, fault := range map[string]error{"answers": nil, "does not answer": connector.Unavailablef(0, "down")} {
		t.Run(name, func(t *testing.T) {
			memory := connectortest.NewMemory()
			memory.Fail(fault)
			r := newReconciler(t, memory, app(), directory())
			if after := ask(t, r); after != 0 {
				t.Errorf("one that was never probed is probed in %s", after)
			}
			round(t, r)
			if after := ask(t, r); after <= 0 || after > probeAgain {
				t.Errorf("one that was just probed is probed again in %s", after)
			}
			key := client.ObjectKeyFromObject(app())
			if after := r.probes.due(key, time.Now().Add(probeAgain)); after != 0 {
				t.Errorf("one that was probed some time ago is probed in %s", after)
			}
			if r.probes.forget(key); ask(t, r) != 0 {
				t.Error("a new one of that name has to wait")
			}
		})
	}
}

// TestAsksGoThroughTheQueue sends asks as a manager would, and wants one piece of work of all that come while it waits.
func TestAsksGoThroughTheQueue(t *testing.T) {
	r := newReconciler(t, connectortest.NewMemory(), app(), directory())
	events := make(chan event.GenericEvent)
	q := priorityqueue.New[reconcile.Request]("asks")
	defer q.ShutDown()
	handled := make(chan struct{}, 3)
	counting := handler.Funcs{GenericFunc: func(ctx context.Context, e event.GenericEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		r.asked(ctx, e, q)
		handled <- struct{}{}
	}}
	if err := source.Channel(events, counting).Start(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		events <- event.GenericEvent{Object: app()}
		<-handled
	}
	if n := q.Len(); n != 1 {
		t.Errorf("%d pieces of work", n)
	}
	if got, _ := q.Get(); got.NamespacedName != client.ObjectKeyFromObject(app()) {
		t.Errorf("woken: %s", got)
	}
}

// TestAskedWhileProbed makes who asks during a probe wait as well.
func TestAskedWhileProbed(t *testing.T) {
	memory := connectortest.NewMemory()
	r := newReconciler(t, memory, app(), directory())
	var after time.Duration
	memory.Before(func(context.Context, connectortest.Call) error {
		after = ask(t, r)
		return nil
	})
	if round(t, r); after <= 0 {
		t.Error("it is probed again at once")
	}
}

func TestTellsWhoWaits(t *testing.T) {
	memory := connectortest.NewMemory()
	r := newReconciler(t, memory, app(), directory())
	var opened, forgotten []types.NamespacedName
	r.Opened = func(name types.NamespacedName) { opened = append(opened, name) }
	r.Forget = func(name types.NamespacedName) { forgotten = append(forgotten, name) }
	memory.Fail(connector.Deniedf("no right"))
	if round(t, r); len(opened) != 0 {
		t.Error("opened by a probe that failed")
	}
	memory.Fail(nil)
	if round(t, r); len(opened) != 1 || len(forgotten) != 0 {
		t.Errorf("opened %v, forgotten %v", opened, forgotten)
	}
	if err := r.Client.Delete(t.Context(), app()); err != nil {
		t.Fatal(err)
	}
	if round(t, r); len(opened) != 1 || len(forgotten) != 1 || forgotten[0] != client.ObjectKeyFromObject(app()) {
		t.Errorf("opened %v, forgotten %v", opened, forgotten)
	}
}

func TestInvalidExpressions(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*v1alpha1.ScimApplicationSpec)
		want   string // the field, empty if all is well
	}{
		"none": {func(*v1alpha1.ScimApplicationSpec) {}, ""},
		"good ones": {func(s *v1alpha1.ScimApplicationSpec) {
			s.Account.UserName, s.Account.Email = "user.userName", "user.userName + '@example.com'"
			s.Account.Attributes = []v1alpha1.AttributeMapping{{Name: "teams", Value: "groups.map(g, g.displayName)"}}
			s.Invariants = []v1alpha1.Invariant{{Name: "admins", Expression: "active['admin'] >= 2"}}
		}, ""},
		"userName":    {func(s *v1alpha1.ScimApplicationSpec) { s.Account.UserName = "user." }, "account.userName: "},
		"displayName": {func(s *v1alpha1.ScimApplicationSpec) { s.Account.DisplayName = "1 + 1" }, "account.displayName: "},
		"email":       {func(s *v1alpha1.ScimApplicationSpec) { s.Account.Email = "usr.userName" }, "account.email: "},
		"attribute": {func(s *v1alpha1.ScimApplicationSpec) {
			s.Account.Attributes = []v1alpha1.AttributeMapping{{Name: "good", Value: "1"}, {Name: "teams", Value: "("}}
		}, "account.attributes[teams]: "},
		"invariant": {func(s *v1alpha1.ScimApplicationSpec) {
			s.Invariants = []v1alpha1.Invariant{{Name: "admins", Expression: "'not a bool'"}}
		}, "invariants[admins]: "},
	} {
		t.Run(name, func(t *testing.T) {
			with := app()
			tc.change(&with.Spec)
			r := newReconciler(t, connectortest.NewMemory(), with, directory())
			opened := 0
			r.Opened = func(types.NamespacedName) { opened++ }
			got := round(t, r)
			bad := tc.want != ""
			if status.IsStalled(got.Status.Conditions, 1) != bad || (reason(got) == v1alpha1.ReasonInvalidExpression) != bad {
				t.Errorf("conditions %+v", got.Status.Conditions)
			}
			if message := got.Status.Conditions[0].Message; bad && !strings.HasPrefix(message, tc.want) {
				t.Errorf("the message is %q", message)
			}
			if opened != 1 {
				t.Error("the application answers, and those who wait for that are not told")
			}
		})
	}
}

// TestDeniedComesBeforeExpressions: what keeps everything from working is what is shown.
func TestDeniedComesBeforeExpressions(t *testing.T) {
	with := app()
	with.Spec.Account.UserName = "user."
	memory := connectortest.NewMemory()
	memory.Fail(connector.Deniedf("no right"))
	if got := round(t, newReconciler(t, memory, with, directory())); reason(got) != v1alpha1.ReasonDenied {
		t.Errorf("reason %s", reason(got))
	}
}

func TestAdoptionNeedsAnAdopter(t *testing.T) {
	with := app()
	with.Spec.Adoption = v1alpha1.Adoption{Policy: v1alpha1.AdoptionByKey, Key: v1alpha1.AdoptionKeyEmail}
	r := newReconciler(t, connectortest.NewMemory(), with, directory())
	if got := round(t, r); reason(got) != v1alpha1.ReasonConnected {
		t.Errorf("with an adopter: reason %s", reason(got))
	}
	r.Connections.Forget(with.Namespace, with.Name)
	r.Connections.Openers[v1alpha1.ConnectorKubernetes] = func(context.Context, *v1alpha1.ScimApplication, map[string][]byte) (connector.Connector, error) {
		return struct{ connector.Connector }{connectortest.NewMemory()}, nil
	}
	if got := round(t, r); reason(got) != v1alpha1.ReasonInvalid {
		t.Errorf("without one: reason %s", reason(got))
	}
}
