// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func held(change v1alpha1.ChangeKind, want *spec) *v1alpha1.HeldChange {
	return &v1alpha1.HeldChange{By: v1alpha1.HeldByDirectory, Change: change, Since: metav1.NewMicroTime(noon()), Digest: Digest(want)}
}

func TestSteps(t *testing.T) {
	lost := of(is(suspended, v1alpha1.StateAccessLost), withRoles())
	gone := of(is(deleted, v1alpha1.StateAccessLost), withRoles())
	renamed := func(a *account) { a.Spec.UserName = "eve" }
	teams := func(a *account) { a.Spec.Attributes = []v1alpha1.AccountAttribute{{Name: "teams", Value: "x"}} }
	waits := func(a *account) { a.Spec.Held = held(v1alpha1.ChangeSuspend, &lost.Spec) }
	unmade := func(a *account) { a.Spec.Held = held(v1alpha1.ChangeCreate, &of().Spec) }
	for name, tc := range map[string]struct {
		reason                string
		before, after         *account
		kind                  v1alpha1.ChangeKind // empty: no step
		gives, loses, deletes bool
	}{
		"the same":              {"silence", of(withRoles("b", "a")), of(withRoles("a", "b")), "", false, false, false},
		"a guard's memory":      {"is not decided about", of(func(a *account) { a.Spec.LostAccessAt = &metav1.MicroTime{Time: noon()} }), of(), "", false, false, false},
		"a new one":             {"gives", nil, of(), v1alpha1.ChangeCreate, true, false, false},
		"a new one, suspended":  {"gives nothing yet", nil, lost, v1alpha1.ChangeCreate, false, false, false},
		"made again":            {"as new", gone, of(), v1alpha1.ChangeCreate, true, false, false},
		"restored":              {"gives", lost, of(), v1alpha1.ChangeChange, true, false, false},
		"another role":          {"gives", of(), of(withRoles("a", "b")), v1alpha1.ChangeChange, true, false, false},
		"a role for another":    {"gives and loses", of(), of(withRoles("b")), v1alpha1.ChangeChange, true, true, false},
		"fewer roles":           {"loses", of(withRoles("a", "b")), of(), v1alpha1.ChangeReduce, false, true, false},
		"another name":          {"is somebody else's login", of(), of(renamed), v1alpha1.ChangeChange, true, false, false},
		"another attribute":     {"may mean access in the application", of(), of(teams), v1alpha1.ChangeChange, true, false, false},
		"another reason":        {"is nothing given or lost", of(), of(is(active, v1alpha1.StateRetained)), v1alpha1.ChangeChange, false, false, false},
		"suspended":             {"loses", of(), lost, v1alpha1.ChangeSuspend, false, true, false},
		"suspended, more roles": {"which are worth nothing", of(), of(is(suspended, v1alpha1.StateDeactivated), withRoles("a", "b")), v1alpha1.ChangeSuspend, false, true, false},
		"roles while suspended": {"nothing is lost that could be used", of(is(suspended, v1alpha1.StateDeactivated)), lost, v1alpha1.ChangeChange, false, false, false},
		"deleted":               {"for good", lost, gone, v1alpha1.ChangeDelete, false, false, true},
		"deleted at once":       {"both", of(), gone, v1alpha1.ChangeDelete, false, true, true},
		"no reason to hold":     {"is cleared", of(waits), of(), v1alpha1.ChangeChange, false, false, false},
		"held":                  {"again every time", of(waits), lost, v1alpha1.ChangeSuspend, false, true, false},
		"held before it was":    {"still to be made", of(is(suspended, v1alpha1.StateGranted), unmade), of(), v1alpha1.ChangeCreate, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var present []*account
			if tc.before != nil {
				present = one(tc.before)
			}
			steps, _ := Plan(Decision{Wanted: []Wanted{{Name: "app-id", Spec: decided(&tc.after.Spec)}}}, present, never)
			if tc.kind == "" || len(steps) != 1 {
				if tc.kind != "" || len(steps) != 0 {
					t.Fatalf("%s: %d steps", tc.reason, len(steps))
				}
				return
			}
			s := steps[0]
			if s.Kind != tc.kind || s.Gives != tc.gives || s.Loses != tc.loses || s.Deletes != tc.deletes {
				t.Errorf("%s: %s gives=%v loses=%v deletes=%v", tc.reason, s.Kind, s.Gives, s.Loses, s.Deletes)
			}
		})
	}
}

func TestPlanOrder(t *testing.T) {
	app := func(name string, a *account) *account {
		a.Name, a.Spec.ApplicationRef = name, ref(name)
		return a
	}
	present := []*account{app("a", of(withRoles())), app("b", of()), app("c", of()), app("d", of())}
	after := []*account{app("a", of()), app("b", of(withRoles("b"))), app("c", of(withRoles())), app("d", of(is(suspended, v1alpha1.StateAccessLost)))}
	var d Decision
	for _, a := range after {
		d.Wanted = append(d.Wanted, Wanted{Name: a.Name, Spec: a.Spec})
	}
	steps, _ := Plan(d, present, never)
	var got []string
	for _, s := range steps {
		got = append(got, s.Name)
	}
	if diff := cmp.Diff([]string{"c", "d", "b", "a"}, got); diff != "" {
		t.Errorf("what takes away comes first, what only gives last (-want +got):\n%s", diff)
	}
}

// TestOver checks when a ScimAccount that is Deleted is over.
func TestOver(t *testing.T) {
	always := func(*account) bool { return true }
	gone := func(change ...func(*account)) *account {
		return changed(of(is(deleted, v1alpha1.StateAccessLost), withRoles()), change...)
	}
	for reason, tc := range map[string]struct {
		present *account
		want    *account
		ended   func(*account) bool
		over    int
		steps   int
	}{
		"its time is over":      {gone(), gone(), always, 1, 0},
		"not yet":               {gone(), gone(), never, 0, 0},
		"wanted again":          {gone(), of(), always, 0, 1},
		"not Deleted yet":       {of(), gone(), always, 0, 1},
		"it is going by itself": {gone(goingAccount), gone(goingAccount), always, 0, 0},
		"of no application":     {of(), nil, never, 1, 0},
		"that goes by itself":   {of(goingAccount), nil, never, 0, 0},
	} {
		var d Decision
		if tc.want != nil {
			d.Wanted = []Wanted{{Name: "app-id", Spec: tc.want.Spec}}
		} else {
			d.Released = one(tc.present)
		}
		steps, over := Plan(d, one(tc.present), tc.ended)
		if len(over) != tc.over || len(steps) != tc.steps {
			t.Errorf("%s: %d are over, %d steps; want %d and %d", reason, len(over), len(steps), tc.over, tc.steps)
		}
	}
}

func TestApplied(t *testing.T) {
	lostAt := &metav1.MicroTime{Time: noon()}
	lost := of(is(suspended, v1alpha1.StateAccessLost), withRoles())
	present := of(func(a *account) { a.Spec.LostAccessAt, a.Spec.DeletedAt = lostAt, lostAt })
	hold := held(v1alpha1.ChangeSuspend, &lost.Spec)
	for reason, tc := range map[string]struct {
		step Step
		held *v1alpha1.HeldChange
		want *account
	}{
		"carried out, the guard remembers":  {Step{Present: present, Want: lost.Spec}, nil, changed(of(is(suspended, v1alpha1.StateAccessLost), withRoles()), func(a *account) { a.Spec.LostAccessAt, a.Spec.DeletedAt = lostAt, lostAt })},
		"held: as it was":                   {Step{Present: present, Want: lost.Spec}, hold, of(func(a *account) { a.Spec.LostAccessAt, a.Spec.DeletedAt, a.Spec.Held = lostAt, lostAt, hold })},
		"made":                              {Step{Want: of().Spec}, nil, of()},
		"held before it is made: no access": {Step{Want: of().Spec}, hold, of(is(suspended, v1alpha1.StateGranted), withRoles(), noGrants, func(a *account) { a.Spec.Held = hold })},
		"let go":                            {Step{Present: of(func(a *account) { a.Spec.Held = hold }), Want: of().Spec}, nil, of()},
	} {
		if diff := cmp.Diff(decided(&tc.want.Spec), decided(new(Applied(tc.step, tc.held)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
		got := Applied(tc.step, tc.held)
		if got.Held != tc.held || got.LostAccessAt != tc.want.Spec.LostAccessAt || got.DeletedAt != tc.want.Spec.DeletedAt {
			t.Errorf("%s: held %v, lost %v, deleted %v", reason, got.Held, got.LostAccessAt, got.DeletedAt)
		}
	}
}

func TestDigest(t *testing.T) {
	digest := Digest(&of(withRoles("a", "b")).Spec)
	for reason, same := range map[string]*account{
		"order of roles": of(withRoles("b", "a")),
		"when":           of(withRoles("a", "b"), deleteAfter(at(1))),
		"by which grant": of(withRoles("a", "b"), noGrants),
		"the guard":      of(withRoles("a", "b"), func(a *account) { a.Spec.Held = &v1alpha1.HeldChange{}; a.Spec.DeletedAt = &metav1.MicroTime{} }),
	} {
		if Digest(&same.Spec) != digest {
			t.Errorf("%s: another digest", reason)
		}
	}
	for reason, other := range map[string]*account{
		"roles": of(), "state": of(withRoles("a", "b"), is(suspended, v1alpha1.StateGranted)), "reason": of(withRoles("a", "b"), is(active, v1alpha1.StateRetained)),
		"name": of(withRoles("a", "b"), func(a *account) { a.Spec.UserName = "eve" }), "user": of(withRoles("a", "b"), func(a *account) { a.Spec.UserRef = ref("eve") }),
	} {
		if Digest(&other.Spec) == digest {
			t.Errorf("%s: the same digest", reason)
		}
	}
}
