// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
	"github.com/scim-operator/scim-operator/hack/stack"
)

// rename gives a user another userName.
func (tn *tenant) rename(t *testing.T, p somebody, to string) {
	t.Helper()
	answer, err := tn.idp[0].Patch(t.Context(), p.id, idp.EntraPatch("userName", to))
	expect(t, http.StatusOK, answer, err)
}

// TestDrift changes bindings by hand. What is enforced is put back at the next resync, what is only reported stays, and an account that a
// leaver was given again by hand is taken away in any case.
func TestDrift(t *testing.T) {
	s := ownStack(t, stack.Options{ControllerArgs: []string{"--resync=1s", "--leader-elect=false"}})
	t.Run("Enforced", func(t *testing.T) {
		tn := newTenant(t, s)
		people := tn.crowd(t, "staff", 2)
		tn.waitBoundOf(t, people, 2)
		first := tn.bindingOf(t, people[0].userName)
		tn.mustDelete(t, first)
		tn.waitBoundOf(t, people, 2)
		was := tn.bindingOf(t, people[1].userName)
		tn.activate(t, people[1:], false)
		tn.waitBound(t, people[0].userName)
		tn.waitSuspended(t, people[1])
		tn.bindAgain(t, was)
		tn.waitBound(t, people[0].userName)
		tn.waitEvent(t, people[1], "Drift", "")
	})
	t.Run("Reported", func(t *testing.T) {
		tn := newTenant(t, s, func(spec *v1alpha1.ScimApplicationSpec) { spec.Drift.Policy = v1alpha1.DriftReport })
		people := tn.crowd(t, "staff", 3)
		tn.waitBoundOf(t, people, 3)
		was := tn.bindingOf(t, people[2].userName)
		tn.activate(t, people[2:], false)
		tn.waitBoundOf(t, people, 2)
		tn.mustDelete(t, tn.bindingOf(t, people[0].userName))
		tn.waitAccount(t, people[0], v1alpha1.ReasonDrifted)
		tn.bindAgain(t, was)
		tn.waitBound(t, people[1].userName)
		tn.waitAccount(t, people[0], v1alpha1.ReasonDrifted)
		tn.waitPlan(t, v1alpha1.PlanCounts{Create: 1}, v1alpha1.ReasonDrifted) // an account there is its bindings
		tn.changeApplication(t, func(spec *v1alpha1.ScimApplicationSpec) { spec.Drift.Policy = v1alpha1.DriftEnforce })
		tn.waitBoundOf(t, people[:2], 2)
	})
}

// bindingOf is the one binding of a user.
func (tn *tenant) bindingOf(t *testing.T, userName string) *rbacv1.RoleBinding {
	t.Helper()
	var all rbacv1.RoleBindingList
	if err := tn.Client.List(t.Context(), &all, client.InNamespace(tn.target)); err != nil {
		t.Fatal(err)
	}
	for i := range all.Items {
		if all.Items[i].Subjects[0].Name == userName {
			return &all.Items[i]
		}
	}
	t.Fatal("there is no binding")
	return nil
}

// bindAgain binds a leaver again as somebody would who has the old binding in a file: with our marks, under another name.
func (tn *tenant) bindAgain(t *testing.T, was *rbacv1.RoleBinding) {
	t.Helper()
	made := was.DeepCopy()
	made.ObjectMeta = metav1.ObjectMeta{Namespace: tn.target, Name: "hand-made", Labels: was.Labels, Annotations: was.Annotations}
	tn.mustCreate(t, made)
}

// accountOf is the one account of a user.
func (tn *tenant) accountOf(t *testing.T, p somebody) *v1alpha1.ScimAccount {
	t.Helper()
	accounts, err := list(t.Context(), tn, &v1alpha1.ScimAccountList{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range accounts.Items {
		if accounts.Items[i].Spec.UserRef.Name == p.id {
			return &accounts.Items[i]
		}
	}
	t.Fatalf("user %s has no account", p.id)
	return nil
}

// waitSuspended waits until it is known that a leaver is out: what is bound before that belongs to the same removal, and is no drift.
func (tn *tenant) waitSuspended(t *testing.T, p somebody) {
	t.Helper()
	eventually(t, func(context.Context) error {
		if state := tn.accountOf(t, p).Status.State; state != v1alpha1.AccountSuspended {
			return fmt.Errorf("the account is %s", state)
		}
		return nil
	})
}

// waitAccount waits until the account of a user is ready or not for that reason.
func (tn *tenant) waitAccount(t *testing.T, p somebody, reason string) {
	t.Helper()
	eventually(t, func(context.Context) error {
		conditions := tn.accountOf(t, p).Status.Conditions
		if ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); ready == nil || ready.Reason != reason {
			return fmt.Errorf("the account says %+v, want the reason %s", conditions, reason)
		}
		return nil
	})
}

// waitEvent waits for an event of that reason about the account of a user, with that text in its note.
func (tn *tenant) waitEvent(t *testing.T, p somebody, reason, text string) {
	t.Helper()
	account := tn.accountOf(t, p)
	eventually(t, func(ctx context.Context) error {
		var seen []string
		events, err := list(ctx, tn, &eventsv1.EventList{})
		for _, e := range events.Items {
			if e.Regarding.Kind == "ScimAccount" && e.Regarding.Name == account.Name {
				seen = append(seen, e.Reason+": "+e.Note)
			}
			if e.Regarding.Name == account.Name && e.Reason == reason && strings.Contains(e.Note, text) {
				return nil
			}
		}
		if err == nil {
			err = fmt.Errorf("no event %s with %q about the account: %q", reason, text, seen)
		}
		return err
	})
}
