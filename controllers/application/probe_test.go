// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package application

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// TestAskedOftenProbedOnce: however many accounts ask about an application that does not answer, the next probe is the one that is planned.
func TestAskedOftenProbedOnce(t *testing.T) {
	memory := connectortest.NewMemory()
	r := newReconciler(t, memory, app(), directory())
	wakes := func() int { return len(r.asked(t.Context(), app())) }
	if wakes() != 1 {
		t.Error("an application that nobody has probed yet is not probed")
	}
	round(t, r)
	if wakes() != 1 {
		t.Error("an application that answered is not probed when a call failed")
	}
	memory.Fail(connector.Unavailablef(0, "down"))
	round(t, r)
	if n := wakes(); n != 0 {
		t.Errorf("an application that does not answer is probed again %d times", n)
	}
	key := client.ObjectKeyFromObject(app())
	if r.failing.useless(key, time.Now().Add(probeAgain)) {
		t.Error("it is given up for longer than until the next probe")
	}
	memory.Fail(nil)
	round(t, r)
	if wakes() != 1 {
		t.Error("an application that answers again is not probed")
	}
}

// TestAskedWhileProbed drops who asks for a probe that is under way.
func TestAskedWhileProbed(t *testing.T) {
	memory := connectortest.NewMemory()
	r := newReconciler(t, memory, app(), directory())
	asked := -1
	memory.Before(func(context.Context, connectortest.Call) error {
		asked = len(r.asked(t.Context(), app()))
		return nil
	})
	if round(t, r); asked != 0 {
		t.Errorf("woken %d times", asked)
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
