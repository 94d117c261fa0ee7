// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// changeApplication changes the spec of the tenant's application and waits until the controller has seen it.
func (tn *tenant) changeApplication(t *testing.T, change func(*v1alpha1.ScimApplicationSpec)) {
	t.Helper()
	app := &v1alpha1.ScimApplication{}
	if err := tn.Client.Get(t.Context(), client.ObjectKey{Namespace: tn.namespace, Name: applicationName}, app); err != nil {
		t.Fatal(err)
	}
	before := client.MergeFrom(app.DeepCopy())
	change(&app.Spec)
	if err := tn.Client.Patch(t.Context(), app, before); err != nil {
		t.Fatal(err)
	}
	tn.waitReady(t, app)
}

func inMode(mode v1alpha1.ApplicationMode) func(*v1alpha1.ScimApplicationSpec) {
	return func(spec *v1alpha1.ScimApplicationSpec) { spec.Mode = mode }
}

// bindingVersions are all bindings of the target with their versions, so that a write that changes nothing shows too.
func (tn *tenant) bindingVersions(t *testing.T) map[string]string {
	t.Helper()
	var all rbacv1.RoleBindingList
	if err := tn.Client.List(t.Context(), &all, client.InNamespace(tn.target)); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, b := range all.Items {
		versions[b.Name] = string(b.UID) + " " + b.ResourceVersion
	}
	return versions
}

// waitPlan waits until the application says what would be done, and the accounts say the same.
func (tn *tenant) waitPlan(t *testing.T, want v1alpha1.PlanCounts, reason string) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		app := &v1alpha1.ScimApplication{}
		if err := tn.Client.Get(ctx, client.ObjectKey{Namespace: tn.namespace, Name: applicationName}, app); err != nil {
			return err
		}
		accounts, err := list(ctx, tn, &v1alpha1.ScimAccountList{})
		if err != nil {
			return err
		}
		var sum v1alpha1.PlanCounts
		counts := map[v1alpha1.ChangeKind]*int32{
			v1alpha1.ChangeCreate: &sum.Create, v1alpha1.ChangeChange: &sum.Change, v1alpha1.ChangeReduce: &sum.Change,
			v1alpha1.ChangeSuspend: &sum.Suspend, v1alpha1.ChangeDelete: &sum.Delete,
		}
		for _, a := range accounts.Items {
			ready := meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionReady)
			if a.Status.Pending == "" {
				continue
			}
			*counts[a.Status.Pending]++
			if ready == nil || ready.Reason != reason {
				return fmt.Errorf("an account with %s pending says %+v, want the reason %s", a.Status.Pending, ready, reason)
			}
		}
		if diff := cmp.Diff(want, sum) + cmp.Diff(want, app.Status.Plan); diff != "" {
			return fmt.Errorf("the plan by the accounts, then by the application (-want +got):\n%s", diff)
		}
		return nil
	})
}

// TestDryRun: an application in DryRun shows what would be done to who joins, moves and leaves, and nothing is. When it is active,
// exactly that is done.
func TestDryRun(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(100, 100))
	people, _ := tn.staff(t, 4)
	tn.changeApplication(t, inMode(v1alpha1.ModeDryRun))
	before, log := tn.bindingVersions(t), tn.watchBindings(t)

	tn.activate(t, people[:2], false)
	tn.rename(t, people[2], "moved@acme.test")
	joiners := tn.crowd(t, "joiner", 3)
	tn.mustCreate(t, tn.grant("joiners",
		v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: joiners[0].userName},
		v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: joiners[1].userName},
		v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: joiners[2].userName}))
	tn.waitPlan(t, v1alpha1.PlanCounts{Create: 3, Change: 1, Suspend: 2}, v1alpha1.ReasonDryRun)

	if diff := cmp.Diff(before, tn.bindingVersions(t)); diff != "" {
		t.Errorf("bindings were written (-before +after):\n%s", diff)
	}
	if order, _, err := log.all(); err != nil || len(order) > 0 {
		t.Errorf("bindings came and went: %v, %v", order, err)
	}
	tn.changeApplication(t, inMode(v1alpha1.ModeActive))
	tn.waitBound(t, append(namesOf(joiners), "moved@acme.test", people[3].userName)...)
	tn.waitPlan(t, v1alpha1.PlanCounts{}, "")
}

// TestPaused: a paused application gives nothing and goes on to take away.
func TestPaused(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(100, 100))
	people, _ := tn.staff(t, 4)
	tn.changeApplication(t, inMode(v1alpha1.ModePaused))
	joiner := tn.crowd(t, "joiner", 1)
	tn.mustCreate(t, tn.grant("joiner", v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: joiner[0].userName}))
	tn.waitPlan(t, v1alpha1.PlanCounts{Create: 1}, v1alpha1.ReasonPaused)
	tn.activate(t, people[:2], false)
	tn.waitBound(t, namesOf(people[2:])...)
	tn.activate(t, people[:1], true) // this gives again, and waits; an account there is its bindings, so it is to be made
	tn.waitPlan(t, v1alpha1.PlanCounts{Create: 2}, v1alpha1.ReasonPaused)
	tn.waitBound(t, namesOf(people[2:])...)
	tn.changeApplication(t, inMode(v1alpha1.ModeActive))
	tn.waitBound(t, joiner[0].userName, people[0].userName, people[2].userName, people[3].userName)
	tn.waitPlan(t, v1alpha1.PlanCounts{}, "")
}
