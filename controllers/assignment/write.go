// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	applyv1alpha1 "github.com/scim-operator/scim-operator/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
	"github.com/scim-operator/scim-operator/controllers/guard"
)

// fieldOwner owns the spec of every ScimAccount.
const fieldOwner = client.FieldOwner("scim-controller-assignment")

// seedPage is how many ScimAccounts are read at a time when the ledger is filled.
const seedPage = 2000

// carryOut writes what the guard lets go, and holds the rest. What takes away comes first, and each step is tried whatever becomes of
// the others. It reports whether anything was written. noted is what woke the user, if anybody knows.
func (r *Reconciler) carryOut(ctx context.Context, req reconcile.Request, f Facts, w work, noted cause) (wrote bool, err error) {
	r.withdraw(req, f, w)
	if w.empty() {
		return false, nil
	}
	unseeded := r.seed(ctx, req.Namespace)
	failed := []error{unseeded}
	for i := range w.steps {
		step := &w.steps[i]
		if unseeded != nil && !step.Unconditional {
			continue // nobody can say whether it may go
		}
		spec := r.admit(f, step, unseeded == nil)
		if step.Present != nil && equality.Semantic.DeepEqual(step.Present.Spec, spec) {
			continue // held as it was held before
		}
		wrote = true
		failed = append(failed, r.apply(ctx, req, f, step, spec, noted))
	}
	for _, account := range w.over {
		wrote = true
		failed = append(failed, r.drop(ctx, account, slices.Contains(w.decision.Released, account)))
	}
	return wrote, errors.Join(failed...)
}

// drop deletes a ScimAccount that is over, exactly as it was read: a person who comes back may have taken it over since. Of one that
// is released, it asks before whether the application really lets go of it, since a deletion with the application there reaches downstream.
func (r *Reconciler) drop(ctx context.Context, account *v1alpha1.ScimAccount, released bool) error {
	if released {
		if err := r.confirmReleased(ctx, account); err != nil {
			return err
		}
	}
	asRead := client.Preconditions{UID: &account.UID, ResourceVersion: &account.ResourceVersion}
	return client.IgnoreNotFound(r.Client.Delete(ctx, account.DeepCopy(), asRead))
}

// withdraw tells the ledger of the accounts that shall stay as they are, and of those that are not to be made: what was let go for one of
// them and never written has lapsed.
func (r *Reconciler) withdraw(req reconcile.Request, f Facts, w work) {
	hasStep := func(name string) bool {
		return slices.ContainsFunc(w.steps, func(s Step) bool { return s.Name == name })
	}
	for _, account := range f.Present {
		if !hasStep(account.Name) {
			r.Ledger.Observe(account) // our own write may not have come round yet
			r.Ledger.Withdraw(account.Namespace, account.Name)
		}
	}
	var unwanted []string
	for _, app := range f.Applications {
		if name := AccountName(app.Name, req.Name); !hasStep(name) && find(f.Present, name) == nil {
			unwanted = append(unwanted, name)
		}
	}
	r.Ledger.WithdrawNew(req.Namespace, req.Name, unwanted)
}

// seed fills the ledger from the API server, once for each namespace: a cache may lag behind what an earlier leader let go.
func (r *Reconciler) seed(ctx context.Context, namespace string) error {
	r.seeding.Lock()
	defer r.seeding.Unlock()
	if r.Ledger.Seeded(namespace) {
		return nil
	}
	var applications v1alpha1.ScimApplicationList
	if err := r.Live.List(ctx, &applications, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("count the removals of the past: %w", err)
	}
	var accounts []v1alpha1.ScimAccount
	for next := ""; ; {
		var page v1alpha1.ScimAccountList
		if err := r.Live.List(ctx, &page, client.InNamespace(namespace), client.Limit(seedPage), client.Continue(next)); err != nil {
			return fmt.Errorf("count the removals of the past: %w", err)
		}
		accounts = append(accounts, page.Items...)
		if next = page.Continue; next == "" {
			break
		}
	}
	r.Ledger.Seed(namespace, accounts, applications.Items)
	return nil
}

// admit asks the ledger and returns the spec that follows from its verdict. Before the ledger is filled only the kill switch comes here,
// which it would let go anyway.
func (r *Reconciler) admit(f Facts, step *Step, seeded bool) v1alpha1.ScimAccountSpec {
	app := applicationOf(f, &step.Want)
	if app == nil || !seeded {
		return written(step, guard.Verdict{})
	}
	if step.Present != nil {
		r.Ledger.Observe(step.Present)
	}
	verdict := r.Ledger.Admit(f.Now, change(step, app), guard.Rules{Application: app, Directory: directoryOf(f, app), Invariants: r.invariants(app)})
	return written(step, verdict)
}

// written is the spec after a verdict. What counts in a window is written together with what it speaks of.
func written(step *Step, verdict guard.Verdict) v1alpha1.ScimAccountSpec {
	spec := Applied(*step, verdict.Held)
	if verdict.LostAccessAt != nil {
		spec.LostAccessAt = verdict.LostAccessAt
	}
	if verdict.DeletedAt != nil {
		spec.DeletedAt = verdict.DeletedAt
	}
	return spec
}

func change(step *Step, app *v1alpha1.ScimApplication) guard.Change {
	c := guard.Change{
		Namespace: app.Namespace, Application: app.Name, Directory: app.Spec.DirectoryRef.Name,
		Account: step.Name, User: step.Want.UserRef.Name, UserName: step.Want.UserName,
		Kind: step.Kind, After: guard.StandingOf(&step.Want), Loses: step.Loses, Deletes: step.Deletes,
		Unconditional: step.Unconditional, Digest: Digest(&step.Want),
	}
	c.Grants = namesOf(step.Want.Grants)
	if step.Present != nil {
		c.Before, c.Held = guard.StandingOf(&step.Present.Spec), step.Present.Spec.Held
		c.GrantsBefore = namesOf(step.Present.Spec.Grants)
	}
	return c
}

func namesOf(grants []v1alpha1.AccountGrant) []string {
	all := make([]string, 0, len(grants))
	for _, grant := range grants {
		all = append(all, grant.Name)
	}
	return all
}

// invariants are those of an application. One that is not valid CEL fails whenever it is asked.
func (r *Reconciler) invariants(app *v1alpha1.ScimApplication) (all []guard.Invariant) {
	for _, declared := range app.Spec.Invariants {
		program, err := r.Programs.Invariant(declared.Expression)
		all = append(all, guard.Invariant{Name: declared.Name, Holds: func(a guard.Account, active map[string]int64) (bool, error) {
			if err != nil {
				return false, err
			}
			return program.Holds(seen(a), active)
		}})
	}
	return all
}

// seen is an account as expressions see it.
func seen(a guard.Account) expression.Account {
	roles := make([]string, 0, len(a.Roles))
	for _, role := range a.Roles {
		roles = append(roles, string(role))
	}
	return expression.Account{UserName: a.UserName, State: string(a.State), Roles: roles, Grants: a.Grants}
}

// apply writes one ScimAccount. It comes with its finalizer, so that no account is ever made downstream without. One that was read is never
// made anew when it is gone since.
func (r *Reconciler) apply(ctx context.Context, req reconcile.Request, f Facts, step *Step, spec v1alpha1.ScimAccountSpec, noted cause) error {
	wanted, err := configured(&spec)
	if err != nil {
		return err
	}
	config := applyv1alpha1.ScimAccount(step.Name, req.Namespace).WithSpec(wanted)
	if step.Present == nil || step.Present.DeletionTimestamp.IsZero() || controllerutil.ContainsFinalizer(step.Present, v1alpha1.FinalizerAccount) {
		config = config.WithFinalizers(v1alpha1.FinalizerAccount) // to one that is going none can be added
	}
	config = config.WithAnnotations(resolve(f, step, noted).annotations())
	if step.Present != nil {
		config = config.WithUID(step.Present.UID)
		if isContested(f, step) {
			config = config.WithResourceVersion(step.Present.ResourceVersion)
		}
	}
	return r.Client.Apply(ctx, config, fieldOwner, client.ForceOwnership)
}

// isContested reports whether another user may be after the same ScimAccount: it is taken over, or its user is gone and somebody may
// take it over now. It is written only as it was read then.
func isContested(f Facts, step *Step) bool {
	return step.Present.Spec.UserRef != step.Want.UserRef || isGone(f.User)
}

// configured is spec as server-side apply takes it: both have the same JSON.
func configured(spec *v1alpha1.ScimAccountSpec) (*applyv1alpha1.ScimAccountSpecApplyConfiguration, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("write spec as JSON: %w", err)
	}
	config := applyv1alpha1.ScimAccountSpec()
	if err := json.Unmarshal(text, config); err != nil {
		return nil, fmt.Errorf("read spec from JSON: %w", err)
	}
	return config, nil
}
