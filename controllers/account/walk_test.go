// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// walk is a random sequence of everything that can happen to one account.
type walk struct {
	*bench
	t      *testing.T
	random *rand.Rand
	faulty bool
	// bare says that nothing is left of a suspended account.
	bare  bool
	trace []string
}

// TestRandomWalk: whatever happens in between, once all is well the application shows what a plain model says.
func TestRandomWalk(t *testing.T) {
	const seeds, steps = 60, 60
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			b := newBench(t, application(), person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
			b.Recorder = silent{}
			w := &walk{bench: b, t: t, random: rand.New(rand.NewPCG(seed, 5)), bare: seed%2 == 1}
			bystander := connector.Account{Owner: "ns/bystander", ExternalID: "b", UserName: "bob", State: connector.Active, Roles: []string{"admin"}}
			b.memory.Put(bystander)
			b.memory.Before(w.fault)
			b.Connect = func(context.Context, *v1alpha1.ScimApplication) (connector.Connector, func(), error) {
				return lossy{b.memory, w}, func() {}, nil
			}
			for range steps {
				w.step()
				w.look()
			}
			w.heal()
			w.compare()
			if diff := cmp.Diff(bystander, b.memory.Accounts()["b"]); diff != "" {
				t.Errorf("somebody else's account:\n%s", diff)
			}
			if t.Failed() {
				t.Logf("%+v\n%+v\n%q", w.current(t).Status, w.memory.Accounts(), w.trace)
			}
		})
	}
}

// silent is a recorder that nobody reads.
type silent struct{}

func (silent) Eventf(_, _ runtime.Object, _, _, _, _ string, _ ...any) {}

// step does one random thing.
func (w *walk) step() {
	things := []struct {
		name string
		do   func()
	}{
		{"state", func() { w.change(func(s *v1alpha1.ScimAccountSpec) { s.State = pick(w, allStates()) }) }},
		{"roles", func() { w.change(func(s *v1alpha1.ScimAccountSpec) { s.Roles = pick(w, someRoles()) }) }},
		{"rename", func() {
			w.change(func(s *v1alpha1.ScimAccountSpec) { s.UserName = pick(w, []string{"ann", "anna", "anne"}) })
		}},
		{"profile", func() {
			w.change(func(s *v1alpha1.ScimAccountSpec) { s.DisplayName = pick(w, []string{"", "Ann", "Dr Ann"}) })
		}},
		{"mode", func() {
			w.configure(w.t, func(app *v1alpha1.ScimApplication) {
				app.Spec.Mode = pick(w, []v1alpha1.ApplicationMode{v1alpha1.ModeActive, v1alpha1.ModeDryRun, v1alpha1.ModePaused})
			})
		}},
		{"drift policy", func() {
			w.configure(w.t, func(app *v1alpha1.ScimApplication) {
				app.Spec.Drift.Policy = pick(w, []v1alpha1.DriftPolicy{v1alpha1.DriftEnforce, v1alpha1.DriftReport})
			})
		}},
		{"damage", w.damage},
		{"restore", func() {
			if w.mine() == nil {
				restored := stored(connector.Active, "admin")
				restored.ExternalID = "backup" // not one that the application gives to another account
				w.memory.Put(*restored)
			}
		}},
		{"lose", func() {
			w.damageTo(func(a *connector.Account) { a.Owner, a.UserName = "", strings.ToUpper(a.UserName) })
		}},
		{"adoption", func() {
			w.configure(w.t, func(app *v1alpha1.ScimApplication) {
				app.Spec.Adoption = pick(w, []v1alpha1.Adoption{
					{Policy: v1alpha1.AdoptionNever},
					{Policy: v1alpha1.AdoptionByKey, Key: v1alpha1.AdoptionKeyUserName, Access: v1alpha1.AdoptedImmediately},
					{Policy: v1alpha1.AdoptionByKey, Key: v1alpha1.AdoptionKeyUserName},
				})
			})
		}},
		{"fault", func() { w.faulty = !w.faulty }},
		{"probe", func() { w.Gates.Open(client.ObjectKey{Namespace: "ns", Name: "app"}) }},
		{"restart, status lost", func() { w.forget() }},
	}
	thing := pick(w, things)
	w.trace = append(w.trace, thing.name)
	thing.do()
}

func pick[T any](w *walk, of []T) T { return of[w.random.IntN(len(of))] }

func allStates() []v1alpha1.AccountState {
	return []v1alpha1.AccountState{v1alpha1.AccountActive, v1alpha1.AccountSuspended, v1alpha1.AccountDeleted}
}

func someRoles() [][]v1alpha1.RoleName {
	return [][]v1alpha1.RoleName{nil, {"viewer"}, {"editor"}, {"editor", "viewer"}, {"admin"}}
}

func (w *walk) change(change func(*v1alpha1.ScimAccountSpec)) {
	w.shallBe(w.t, func(a *v1alpha1.ScimAccount) { change(&a.Spec) })
}

func (w *walk) mine() *connector.Account {
	for _, a := range w.memory.Accounts() {
		if a.Owner == ours {
			return &a
		}
	}
	return nil
}

func (w *walk) damageTo(change func(*connector.Account)) {
	if a := w.mine(); a != nil {
		change(a)
		w.memory.Put(*a)
	}
}

// damage is what somebody does to our account in the application.
func (w *walk) damage() {
	w.damageTo(func(a *connector.Account) {
		switch w.random.IntN(4) {
		case 0:
			a.State = connector.Active
		case 1:
			a.Roles = []string{"admin", "editor", "viewer"}
		case 2:
			a.Roles = []string{"!viewer"}
		default:
			a.UserName = "renamed"
		}
	})
}

// forget loses the status, as a restored backup does.
func (w *walk) forget() {
	a := w.current(w.t)
	a.Status = v1alpha1.ScimAccountStatus{}
	if err := w.Client.Status().Update(w.t.Context(), a); err != nil {
		w.t.Fatal(err)
	}
}

// lossy is the application behind a connection that loses answers.
type lossy struct {
	*connectortest.Memory
	w *walk
}

func (l lossy) Apply(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
	apply := l.Memory.Apply
	if l.w.bare {
		apply = bare{l.Memory}.Apply
	}
	applied, err := apply(ctx, observed, want)
	return applied, errors.Join(err, l.w.fault(ctx, connectortest.Call{}))
}

func (l lossy) Delete(ctx context.Context, observed connector.Account) error {
	return errors.Join(l.Memory.Delete(ctx, observed), l.w.fault(ctx, connectortest.Call{}))
}

// fault makes calls fail now and then.
func (w *walk) fault(context.Context, connectortest.Call) error {
	if w.faulty && w.random.IntN(3) == 0 {
		return pick(w, []error{connector.Unavailablef(0, "down"), connector.Deniedf("no"), errors.New("boom")})
	}
	return nil
}

// look reconciles once and checks what holds at every step.
func (w *walk) look() {
	before, there := w.mine(), w.memory.Accounts()
	mode := w.mode()
	w.memory.ForgetCalls()
	_, err := w.round(w.t)
	after := w.mine()
	if mode == v1alpha1.ModeDryRun && writingCalls(w.bench) != 0 {
		w.t.Fatalf("a dry run wrote: %v", w.memory.Calls())
	}
	if mode == v1alpha1.ModePaused && gained(before, after) {
		w.t.Fatalf("paused, and %+v became %+v", before, after)
	}
	if w.memory.Count(connectortest.VerbAdopt) != 0 && after != nil && there[after.ExternalID].UserName != "" && there[after.ExternalID].UserName != after.UserName {
		w.t.Fatalf("%+v was renamed when it was adopted", there[after.ExternalID])
	}
	if ready := status.IsReady(w.current(w.t).Status.Conditions, w.current(w.t).Generation); err != nil && ready {
		w.t.Fatalf("ready after %v", err)
	}
}

func (w *walk) mode() (mode v1alpha1.ApplicationMode) {
	app, err := w.application(w.t.Context(), w.current(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	return app.Spec.Mode
}

// gained reports whether access was given.
func gained(before, after *connector.Account) bool {
	switch {
	case after == nil || after.State == connector.Suspended:
		return false
	case before == nil || before.State == connector.Suspended:
		return true
	}
	return slices.ContainsFunc(after.Roles, func(role string) bool { return !slices.Contains(before.Roles, role) })
}

// heal ends all that hinders, moves the generation that adopted accounts wait for, and looks until nothing is to be done.
func (w *walk) heal() {
	w.faulty = false
	w.mended()
	w.configure(w.t, func(app *v1alpha1.ScimApplication) {
		app.Spec.Mode, app.Spec.Drift.Policy = v1alpha1.ModeActive, v1alpha1.DriftEnforce
	})
	for id, a := range w.memory.Accounts() {
		if a.Owner == "" {
			a.UserName = "stranger " + id
			w.memory.Put(a)
		}
	}
	w.change(func(*v1alpha1.ScimAccountSpec) {})
	if _, err := w.round(w.t); err != nil {
		w.t.Fatal(err)
	}
	w.writes = 0
	writes := w.memory.Writes()
	if _, err := w.round(w.t); err != nil || w.writes != 0 || w.memory.Writes() != writes {
		w.t.Errorf("not silent: %v, %d writes here, %d downstream", err, w.writes, w.memory.Writes()-writes)
	}
}

// compare holds what there is against the model: what the spec says, and nothing for somebody who is out.
func (w *walk) compare() {
	w.t.Helper()
	spec, got := w.current(w.t).Spec, w.mine()
	switch spec.State {
	case v1alpha1.AccountDeleted:
		if got != nil {
			w.t.Errorf("left %+v", got)
		}
	case v1alpha1.AccountSuspended:
		if got != nil && got.State != connector.Suspended {
			w.t.Errorf("left %+v", got)
		}
	default:
		var roles []string
		for _, role := range spec.Roles {
			roles = append(roles, string(role))
		}
		if got == nil || got.State != connector.Active || got.UserName != spec.UserName || !slices.Equal(got.Roles, roles) || got.Profile["displayName"] != spec.DisplayName {
			w.t.Errorf("%+v, want %+v", got, spec)
		}
	}
	if w.reason(w.t) != v1alpha1.ReasonInSync {
		w.t.Errorf("reason %s", w.reason(w.t))
	}
}
