// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/idp"
)

// guarded lets so many lose access and so many be deleted in an hour, and keeps accounts otherwise.
func guarded(reversible, irreversible int32) func(*v1alpha1.ScimApplicationSpec) {
	return func(spec *v1alpha1.ScimApplicationSpec) {
		spec.Lifecycle = v1alpha1.Lifecycle{OnDeactivation: v1alpha1.RemovalSuspend, OnLostAccess: v1alpha1.RemovalSuspend}
		spec.RemovalGuard = limits(reversible, irreversible)
	}
}

func limits(reversible, irreversible int32) v1alpha1.RemovalGuard {
	return v1alpha1.RemovalGuard{
		Policy: v1alpha1.GuardEnabled, WindowMinutes: 60,
		Reversible: v1alpha1.RemovalLimit{Count: reversible}, Irreversible: v1alpha1.RemovalLimit{Count: irreversible},
	}
}

// guardian is what holds removals: an application or a directory.
type guardian struct {
	object     client.Object
	removals   func() v1alpha1.HeldRemovals
	conditions func() []metav1.Condition
}

func (tn *tenant) guardApplication() guardian {
	app := &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)}
	return guardian{app, func() v1alpha1.HeldRemovals { return app.Status.Removals }, func() []metav1.Condition { return app.Status.Conditions }}
}

func (tn *tenant) guardDirectory() guardian {
	dir := &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directoryName)}
	return guardian{dir, func() v1alpha1.HeldRemovals { return dir.Status.Removals }, func() []metav1.Condition { return dir.Status.Conditions }}
}

// waitHeld waits until the application of the tenant holds so many removals, and says so everywhere.
func (tn *tenant) waitHeld(t *testing.T, want int) (digest string) {
	t.Helper()
	return tn.waitHeldBy(t, tn.guardApplication(), want)
}

// waitHeldBy waits until so many accounts show that a change of theirs is held and not decided about, and the guardian has their
// count, a digest and the condition Held. None of these is there when nothing is held.
func (tn *tenant) waitHeldBy(t *testing.T, g guardian, want int) (digest string) {
	t.Helper()
	eventually(t, func(ctx context.Context) error {
		held, err := tn.held(ctx)
		if err != nil {
			return err
		}
		held = slices.DeleteFunc(held, func(a v1alpha1.ScimAccount) bool { return a.Spec.Held.Rejected })
		if err := tn.Client.Get(ctx, client.ObjectKeyFromObject(g.object), g.object); err != nil {
			return err
		}
		removals, condition := g.removals(), meta.FindStatusCondition(g.conditions(), v1alpha1.ConditionHeld)
		said := condition != nil && condition.Status == metav1.ConditionTrue && condition.Reason == v1alpha1.ReasonRemovalLimit
		if len(held) != want || int(removals.Count) != want || said != (want > 0) || (removals.Digest != "") != (want > 0) {
			return fmt.Errorf("%d accounts are held, want %d; status %+v, condition %+v", len(held), want, removals, condition)
		}
		digest = removals.Digest
		return nil
	})
	return digest
}

// held are the accounts with a change that waits.
func (tn *tenant) held(ctx context.Context) ([]v1alpha1.ScimAccount, error) {
	accounts, err := list(ctx, tn, &v1alpha1.ScimAccountList{})
	return slices.DeleteFunc(accounts.Items, func(a v1alpha1.ScimAccount) bool { return a.Spec.Held == nil }), err
}

// decide approves or rejects what the application holds under that digest.
func (tn *tenant) decide(t *testing.T, annotation, digest string) {
	t.Helper()
	tn.annotate(t, &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)}, annotation, digest)
}

func (tn *tenant) annotate(t *testing.T, object client.Object, annotation, value string) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, annotation, value)
	if err := tn.Client.Patch(t.Context(), object, client.RawPatch("application/merge-patch+json", patch)); err != nil {
		t.Fatal(err)
	}
}

// TestGuard takes access from five people in every way, of whom two may go. The others wait for somebody to say yes to exactly them.
func TestGuard(t *testing.T) {
	s := shared.get(t)
	for name, remove := range map[string]func(*testing.T, *tenant, []somebody, string){
		"Deactivated": func(t *testing.T, tn *tenant, people []somebody, _ string) { tn.activate(t, people, false) },
		"Deleted": func(t *testing.T, tn *tenant, people []somebody, _ string) {
			for _, p := range people {
				answer, err := tn.idp[0].Delete(t.Context(), p.id)
				expect(t, http.StatusNoContent, answer, err)
			}
		},
		"GroupDeleted": func(t *testing.T, tn *tenant, _ []somebody, group string) {
			answer, err := tn.idp[1].DeleteGroup(t.Context(), group)
			expect(t, http.StatusNoContent, answer, err)
		},
		"GroupEmptied": func(t *testing.T, tn *tenant, _ []somebody, group string) {
			answer, err := tn.idp[1].PutGroup(t.Context(), group, idp.Group("Staff"))
			expect(t, http.StatusOK, answer, err)
		},
		"GrantDeleted": func(t *testing.T, tn *tenant, _ []somebody, _ string) { tn.mustDelete(t, tn.grant("staff")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t, s, guarded(2, 100))
			people, group := tn.staff(t, 5)
			remove(t, tn, people, group)
			digest := tn.waitHeld(t, 3)
			tn.waitBoundOf(t, people, 3)
			tn.decide(t, v1alpha1.AnnotationApprove, "0123456789abcdef")
			tn.decide(t, v1alpha1.AnnotationReject, "0123456789abcdef")
			tn.fenceByUser(t)
			tn.waitHeld(t, 3)
			tn.waitBoundOf(t, people, 3)
			tn.decide(t, v1alpha1.AnnotationApprove, digest)
			tn.waitBoundOf(t, people, 0)
			tn.waitHeld(t, 0)
		})
	}
}

// staff makes n users who have their access by being in a group, and nobody else has any but for whom a grant names.
func (tn *tenant) staff(t *testing.T, n int) (people []somebody, group string) {
	t.Helper()
	tn.mustDelete(t, tn.grant(grantName))
	people = tn.crowd(t, "staff", n)
	ids := make([]string, n)
	for i, p := range people {
		ids[i] = p.id
	}
	group = tn.group(t, "Staff", ids...)
	tn.mustCreate(t, tn.grant("staff", v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Group: &v1alpha1.GroupSubject{DisplayName: "staff"}}),
		tn.grant("fence", v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: fenceName}))
	tn.waitBoundOf(t, people, n)
	return people, group
}

// fenceName is the userName of somebody who has an account by name.
const fenceName = "fence@acme.test"

// fenceByUser waits for what happens after everything before was seen: somebody comes and has an account.
func (tn *tenant) fenceByUser(t *testing.T) {
	t.Helper()
	answer, err := tn.idp[0].Post(t.Context(), idp.EntraUser(idp.Person{UserName: fenceName}))
	tn.waitBoundOf(t, []somebody{{expect(t, http.StatusCreated, answer, err).ID(), fenceName}}, 1)
}

// TestGuardRejected: who was held and is refused keeps the access, until something else is decided.
func TestGuardRejected(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(1, 100))
	people, _ := tn.staff(t, 3)
	tn.activate(t, people, false)
	digest := tn.waitHeld(t, 2)
	kept := tn.waitBoundOf(t, people, 2)
	tn.decide(t, v1alpha1.AnnotationReject, digest)
	tn.waitHeld(t, 0)
	eventually(t, func(ctx context.Context) error {
		held, err := tn.held(ctx)
		if err == nil && (len(held) != 2 || !held[0].Spec.Held.Rejected || !held[1].Spec.Held.Rejected) {
			err = fmt.Errorf("got %d accounts with a change, want 2 whose change was rejected", len(held))
		}
		return err
	})
	tn.fenceByUser(t)
	tn.waitBoundOf(t, people, 2)
	for _, p := range kept { // something else is decided
		answer, err := tn.idp[0].Delete(t.Context(), p.id)
		expect(t, http.StatusNoContent, answer, err)
	}
	tn.decide(t, v1alpha1.AnnotationApprove, tn.waitHeld(t, 2))
	tn.waitBoundOf(t, kept, 0)
}

// TestGuardComesBack: who comes back is held no more, and what was to be approved was another set.
func TestGuardComesBack(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(1, 100))
	people, _ := tn.staff(t, 4)
	tn.activate(t, people, false)
	old := tn.waitHeld(t, 3)
	kept := tn.waitBoundOf(t, people, 3)
	tn.activate(t, kept[:1], true)
	digest := tn.waitHeld(t, 2)
	if digest == old {
		t.Errorf("the digest %s is that of three, and of two of them", digest)
	}
	tn.decide(t, v1alpha1.AnnotationApprove, old)
	tn.fenceByUser(t)
	tn.waitHeld(t, 2)
	tn.waitBoundOf(t, people, 3)
	tn.decide(t, v1alpha1.AnnotationApprove, digest)
	tn.waitBoundOf(t, kept[1:], 0)
	tn.waitBoundOf(t, kept[:1], 1)
}

// TestGuardExpedite: the removals of those who are named go at once, and nobody waits for them.
func TestGuardExpedite(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(1, 100), func(spec *v1alpha1.ScimApplicationSpec) {
		spec.RemovalGuard.Expedite = []string{"STAFF-0@acme.test", "staff-1@acme.test"}
	})
	people, _ := tn.staff(t, 4)
	tn.activate(t, people[:2], false)
	tn.waitBoundOf(t, people[:2], 0)
	tn.activate(t, people[2:], false) // one of them is still within the limit
	tn.waitHeld(t, 1)
	tn.waitBoundOf(t, people[2:], 1)
}

// TestGuardIrreversible: suspensions and deletions have limits of their own. Whose deletion is held is suspended all the same.
func TestGuardIrreversible(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(100, 1), func(spec *v1alpha1.ScimApplicationSpec) {
		spec.Lifecycle = v1alpha1.Lifecycle{OnDeactivation: v1alpha1.RemovalDelete, OnLostAccess: v1alpha1.RemovalSuspend, GraceHours: new(int32)}
	})
	people, group := tn.staff(t, 5)
	deleted, suspended := people[:3], people[3:]
	tn.activate(t, deleted, false)
	digest := tn.waitHeld(t, 2)
	tn.waitBoundOf(t, deleted, 0)
	held := 0
	for _, p := range deleted {
		spec := tn.accountOf(t, p).Spec
		if spec.Held == nil {
			continue
		}
		held++
		if spec.Held.Change != v1alpha1.ChangeDelete || spec.Held.By != v1alpha1.HeldByApplication || spec.State != v1alpha1.AccountSuspended {
			t.Errorf("got an account that is %s with the change %+v, want it suspended and a deletion held", spec.State, spec.Held)
		}
	}
	if held != 2 {
		t.Errorf("%d deletions are held, want 2", held)
	}
	answer, err := tn.idp[0].PatchGroup(t.Context(), group, idp.EntraRemove(suspended[0].id), idp.EntraRemove(suspended[1].id))
	expect(t, http.StatusNoContent, answer, err)
	tn.waitBoundOf(t, suspended, 0)
	tn.waitHeld(t, 2)
	tn.decide(t, v1alpha1.AnnotationApprove, digest)
	tn.waitBoundOf(t, people, 0)
	tn.waitHeld(t, 0)
	for i, p := range people {
		want := v1alpha1.AccountSuspended
		if i < len(deleted) {
			want = v1alpha1.AccountDeleted
		}
		if state := tn.accountOf(t, p).Spec.State; state != want {
			t.Errorf("the account of person %d is %s, want %s", i, state, want)
		}
	}
}

// TestGuardOfDirectory: people are counted over all applications of a directory, each once.
func TestGuardOfDirectory(t *testing.T) {
	tn := newTenant(t, shared.get(t))
	second := tn.application()
	second.Name, second.Spec.Connector.Kubernetes.Roles[0].Name = "second", "second"
	second.Spec.Lifecycle.OnLostAccess = v1alpha1.RemovalSuspend
	grant := tn.grant("second", v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone})
	grant.Spec.ApplicationRef.Name, grant.Spec.Roles = "second", []v1alpha1.RoleName{"second"}
	tn.mustCreate(t, second, grant)
	tn.changeDirectory(t, func(spec *v1alpha1.ScimDirectorySpec) { spec.RemovalGuard = limits(2, 100) })
	people := tn.crowd(t, "staff", 4)
	tn.waitBound(t, slices.Concat(namesOf(people), namesOf(people))...)
	tn.activate(t, people, false)
	digest := tn.waitHeldBy(t, tn.guardDirectory(), 4) // two people with two accounts each
	kept := tn.waitBoundOf(t, people, 2)
	tn.waitBound(t, slices.Concat(namesOf(kept), namesOf(kept))...)
	tn.annotate(t, &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directoryName)}, v1alpha1.AnnotationApprove, digest)
	tn.waitBound(t)
	tn.waitHeldBy(t, tn.guardDirectory(), 0)
}

func namesOf(people []somebody) (names []string) {
	for _, p := range people {
		names = append(names, p.userName)
	}
	return names
}

// TestGuardOfNamespace: a namespace that is deleted takes no more accesses away at once than anything else does. It goes when
// somebody has said yes.
func TestGuardOfNamespace(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(1, 1))
	people, _ := tn.staff(t, 3)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tn.namespace}}
	tn.mustDelete(t, namespace)
	tn.waitHeld(t, 2)
	tn.waitBoundOf(t, people, 2)
	eventually(t, func(ctx context.Context) error { // the users go before the accounts, which makes another set of what is held
		app := &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)}
		if err := tn.Client.Get(ctx, client.ObjectKeyFromObject(app), app); err != nil {
			return client.IgnoreNotFound(err)
		}
		before := app.DeepCopy()
		app.SetAnnotations(map[string]string{v1alpha1.AnnotationApprove: app.Status.Removals.Digest})
		return errors.Join(tn.Client.Patch(ctx, app, client.MergeFrom(before)), errors.New("the application is still there"))
	})
	tn.waitBoundOf(t, people, 0)
	tn.waitGone(t, namespace)
}

// TestDirectoryDeleted: without its ScimDirectory nobody loses anything, and made again it goes on.
func TestDirectoryDeleted(t *testing.T) {
	tn := newTenant(t, shared.get(t), guarded(1, 1))
	people, _ := tn.staff(t, 3)
	tn.mustDelete(t, &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directoryName)})
	tn.waitReason(t, &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)}, v1alpha1.ReasonDirectoryNotFound)
	tn.waitBoundOf(t, people, 3)
	tn.mustCreate(t, &v1alpha1.ScimDirectory{ObjectMeta: tn.meta(directoryName)})
	tn.waitReason(t, &v1alpha1.ScimApplication{ObjectMeta: tn.meta(applicationName)}, v1alpha1.ReasonConnected)
	tn.waitBoundOf(t, people, 3)
	tn.waitHeld(t, 0)
}
