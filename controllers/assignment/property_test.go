// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// random makes worlds. Every seed makes the same one each time.
type random struct{ *rand.Rand }

func seeded(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 7))} }

func (r random) oneIn(n int) bool { return r.IntN(n) == 0 }

func pick[T any](r random, from ...T) T { return from[r.IntN(len(from))] }

func (r random) roles() []role {
	return slices.DeleteFunc([]role{"c", "a", "b", "root"}, func(role) bool { return r.oneIn(2) })
}

func (r random) user() *user {
	if r.oneIn(8) {
		return nil
	}
	u := makeUser(externalID(pick(r, "x1", "x1", "x1", "")))
	u.Spec.State = pick(r, v1alpha1.StateActive, v1alpha1.StateActive, v1alpha1.StateSuspended)
	if r.oneIn(8) {
		deletedByIdP(u)
	}
	if r.oneIn(5) {
		pick(r, lockedBy, unlocked)(u)
	}
	return u
}

func (r random) app(name string) *scimApp {
	app := makeApp(onDeactivation(pick(r, v1alpha1.RemovalSuspend, v1alpha1.RemovalDelete)), onLostAccess(pick(r, v1alpha1.RemovalSuspend, v1alpha1.RemovalDelete, v1alpha1.RemovalRetain)), grace(int32(r.IntN(6))))
	app.Name = name
	if r.oneIn(8) {
		going(app)
		app.Spec.DeletionPolicy = pick(r, v1alpha1.DeletionPolicyDelete, v1alpha1.DeletionPolicyRetain)
	}
	if r.oneIn(8) {
		app.Spec.Account.Email = pick[v1alpha1.Expression](r, fails, `groups[0].id`)
	}
	if r.oneIn(10) {
		otherDirectory(app)
	}
	return app
}

func (r random) subject() subject {
	return pick(r, everyone(), everyoneElse(), everyoneElse(), only("ANN"), only("bob"), in(v1alpha1.GroupSubject{DisplayName: "OPS"}), in(v1alpha1.GroupSubject{ID: "g2"}),
		whoever(`user.title == "chief"`), whoever(`user.title == "boss"`), whoever(`groups.exists(g, g.id == "g2")`), whoever(fails), whoever("user ="))
}

func (r random) grant(app, name string) *grant {
	g := makeGrant(name, r.subject(), r.roles()...)
	g.Spec.ApplicationRef = ref(app)
	if r.oneIn(3) {
		also(g, r.subject())
	}
	if r.oneIn(4) {
		g.Spec.RolesFrom = pick[v1alpha1.Expression](r, `"b"`, `["c", "root"]`, `user.roles`, `string(1 / int(user.level - 3))`)
	}
	if r.oneIn(3) {
		from := r.IntN(9) - 4
		window(g, from, from+1+r.IntN(5))
	}
	if r.oneIn(10) {
		going(g)
	}
	return g
}

func (r random) account(app, name, owner string) *account {
	a := of(func(a *account) {
		a.Name, a.Spec.ApplicationRef, a.Spec.UserRef = name, ref(app), ref(owner)
		a.Spec.Roles = r.roles()
	})
	a.Spec.State = pick(r, active, active, suspended, deleted)
	a.Spec.Reason = v1alpha1.StateGranted
	if a.Spec.State != active {
		a.Spec.Reason = pick(r, v1alpha1.StateAccessLost, v1alpha1.StateDeactivated, v1alpha1.StateUserDeleted)
		a.Spec.DeleteAfter = pick(r, nil, at(-1), at(r.IntN(5)))
	}
	if a.Spec.State == suspended && r.oneIn(6) {
		lockedAccount(a)
	}
	a.Spec.Grants = nil
	for _, g := range []string{"g0", "g1", "g2"} {
		if r.oneIn(3) {
			a.Spec.Grants = append(a.Spec.Grants, v1alpha1.AccountGrant{Name: g, Roles: r.roles()})
		}
	}
	if r.oneIn(10) {
		going(a)
	}
	return a
}

func (r random) facts() Facts {
	f := Facts{User: r.user(), Now: noon()}
	for _, g := range []*group{makeGroup("g1", "Ops", ""), makeGroup("g2", "Dev", "")} {
		if r.oneIn(2) {
			f.Groups = append(f.Groups, g)
		}
	}
	for i := range 3 {
		app := fmt.Sprint("app", i)
		if !r.oneIn(6) {
			f.Applications = append(f.Applications, r.app(app))
		}
		for j := range r.IntN(4) {
			f.Grants = append(f.Grants, r.grant(app, fmt.Sprint("g", j)))
		}
		if r.oneIn(2) {
			f.Present = append(f.Present, r.account(app, app+pick(r, "-id", "-id", "-older"), "id"))
		}
		if r.oneIn(3) {
			f.Waiting = append(f.Waiting, changed(r.account(app, app+"-old", "old"), knownAs(pick(r, "x1", "x1", "x2", ""))))
		}
	}
	return f
}

// ledger holds some of what takes access away, always the same.
type ledger map[string]bool

func (r random) ledger() ledger {
	l := ledger{}
	for i := range 3 {
		l[fmt.Sprintf("app%d-id", i)] = r.oneIn(3)
	}
	return l
}

func (l ledger) held(s Step) *v1alpha1.HeldChange {
	if removes := s.Loses || s.Deletes || s.Kind == v1alpha1.ChangeCreate; s.Unconditional || !l[s.Name] || !removes {
		return nil
	}
	return held(s.Kind, &s.Want)
}

// carryOut does what a plan says, and reports whether anything was written. The accounts are copied, not changed.
func carryOut(f *Facts, d Decision, l ledger, ended func(*account) bool) (wrote bool) {
	steps, over := Plan(d, slices.Concat(f.Present, f.Waiting), ended)
	all := slices.Concat(f.Present, f.Waiting)
	for _, s := range steps {
		after := &account{ObjectMeta: metav1.ObjectMeta{Name: s.Name}}
		if s.Present != nil {
			after = s.Present.DeepCopy()
			all = slices.DeleteFunc(all, func(a *account) bool { return a == s.Present })
		}
		after.Spec = Applied(s, l.held(s))
		wrote = wrote || s.Present == nil || !equality.Semantic.DeepEqual(after.Spec, s.Present.Spec)
		all = append(all, after)
	}
	all = slices.DeleteFunc(all, func(a *account) bool { return slices.Contains(over, a) })
	f.Present, f.Waiting = nil, nil
	for _, a := range all {
		if a.Spec.UserRef.Name == "id" {
			f.Present = append(f.Present, a)
		} else {
			f.Waiting = append(f.Waiting, a)
		}
	}
	return wrote || len(over) > 0
}

// forWorlds runs a test over many worlds, each printed by its seed when the test fails.
func forWorlds(t *testing.T, test func(t *testing.T, r random, f Facts, programs *expression.Cache)) {
	t.Helper()
	programs := &expression.Cache{}
	for seed := range uint64(2000) {
		r := seeded(seed)
		f := r.facts()
		test(t, r, f, programs)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// access is what a decision lets somebody do, as "account" and "account/role".
func access(d Decision, counts func(*Wanted) bool) map[string]bool {
	can := map[string]bool{}
	for i := range d.Wanted {
		w := &d.Wanted[i]
		if w.Spec.State != active || !counts(w) {
			continue
		}
		can[w.Name] = true
		for _, role := range w.Spec.Roles {
			can[w.Name+"/"+string(role)] = true
		}
	}
	return can
}

func anyReason(*Wanted) bool   { return true }
func isGranted(w *Wanted) bool { return w.Spec.Reason == v1alpha1.StateGranted }

func hasElse(g *grant) bool {
	return slices.ContainsFunc(g.Spec.Subjects, func(s subject) bool { return s.Kind == v1alpha1.SubjectEveryoneElse })
}

// TestMoreGrantsTakeNothing: a grant more never takes an account away, nor a role that does not come from EveryoneElse. What is merely
// retained is nobody's by a grant, and a grant makes it what grants say.
func TestMoreGrantsTakeNothing(t *testing.T) {
	forWorlds(t, func(t *testing.T, r random, f Facts, programs *expression.Cache) {
		before := Decide(f, programs)
		more := f
		more.Grants = append(slices.Clone(f.Grants), r.grant(pick(r, "app0", "app1", "app2"), "new"))
		after := access(Decide(more, programs), anyReason)
		byElse := map[string]bool{}
		for _, g := range f.Grants {
			byElse[g.Spec.ApplicationRef.Name+"/"+g.Name] = hasElse(g)
		}
		for i := range before.Wanted {
			w := &before.Wanted[i]
			if w.Spec.State != active || !isGranted(w) {
				continue
			}
			if !after[w.Name] {
				t.Errorf("the account %s is gone", w.Name)
			}
			for _, g := range w.Spec.Grants {
				for _, role := range g.Roles {
					if !byElse[w.Spec.ApplicationRef.Name+"/"+g.Name] && !after[w.Name+"/"+string(role)] {
						t.Errorf("the role %s of %s is gone", role, w.Name)
					}
				}
			}
		}
	})
}

func shuffled[T any](r random, all []T) []T {
	all = slices.Clone(all)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// TestOrderMeansNothing: neither that of the facts nor that of the subjects of a grant.
func TestOrderMeansNothing(t *testing.T) {
	forWorlds(t, func(t *testing.T, r random, f Facts, programs *expression.Cache) {
		other := Facts{User: f.User, Now: f.Now, Groups: shuffled(r, f.Groups), Applications: shuffled(r, f.Applications), Present: shuffled(r, f.Present), Waiting: shuffled(r, f.Waiting)}
		for _, g := range shuffled(r, f.Grants) {
			g = g.DeepCopy()
			g.Spec.Subjects = shuffled(r, g.Spec.Subjects)
			other.Grants = append(other.Grants, g)
		}
		if diff := cmp.Diff(Decide(f, programs), Decide(other, programs)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestPlansSettle: once a plan is carried out there is nothing left to write, whatever is held, at each of several times.
func TestPlansSettle(t *testing.T) {
	forWorlds(t, func(t *testing.T, r random, f Facts, programs *expression.Cache) {
		l := r.ledger()
		for range 6 {
			over := ledger{"app0-id": r.oneIn(2), "app1-id": r.oneIn(2)}
			ended := func(a *account) bool { return over[a.Name] }
			carryOut(&f, Decide(f, programs), l, ended)
			carryOut(&f, Decide(f, programs), l, never) // what was over may have made place for an account that waits
			before := slices.Concat(f.Present, f.Waiting)
			if carryOut(&f, Decide(f, programs), l, never) {
				t.Errorf("not settled at %s: %s", f.Now, cmp.Diff(before, slices.Concat(f.Present, f.Waiting)))
			}
			f.Now = f.Now.Add(time.Duration(r.IntN(150)) * time.Minute)
		}
	})
}

// TestNothingIsGivenByItself: nobody who is out is Active, and whatever is given has a grant in effect that matches, or that failed and gave it before.
func TestNothingIsGivenByItself(t *testing.T) {
	forWorlds(t, func(t *testing.T, _ random, f Facts, programs *expression.Cache) {
		d := Decide(f, programs)
		out := f.User == nil || f.User.Spec.State == v1alpha1.StateSuspended || f.User.Annotations[v1alpha1.AnnotationSuspend] != "" || d.Locked
		if out && len(access(d, anyReason)) > 0 {
			t.Errorf("somebody who is out may enter: %v", access(d, anyReason))
		}
		steps, _ := Plan(d, slices.Concat(f.Present, f.Waiting), never)
		for _, s := range steps {
			if s.Gives && len(s.Want.Grants) == 0 {
				t.Errorf("%s is given without a grant", s.Name)
			}
		}
		for _, w := range d.Wanted {
			for _, given := range w.Spec.Grants {
				if w.Spec.State == active && !explains(f, w.Spec.ApplicationRef.Name, given, programs) {
					t.Errorf("%s: nothing explains %v", w.Name, given)
				}
			}
		}
	})
}

// explains reports whether a grant of f gives what is given.
func explains(f Facts, app string, given v1alpha1.AccountGrant, programs *expression.Cache) bool {
	at := slices.IndexFunc(f.Applications, func(a *scimApp) bool { return a.Name == app })
	return slices.ContainsFunc(f.Grants, func(g *grant) bool {
		if g.Name != given.Name || g.Spec.ApplicationRef.Name != app || !inEffect(g, f.Now) {
			return false
		}
		match := MatchOf(g, f.Applications[at], f, programs)
		wasGiven := slices.ContainsFunc(slices.Concat(f.Present, f.Waiting), func(a *account) bool {
			return a.Spec.ApplicationRef.Name == app && slices.ContainsFunc(a.Spec.Grants, func(g v1alpha1.AccountGrant) bool { return g.Name == given.Name })
		})
		return (match.Matched && slices.Equal(match.Roles, given.Roles)) || (match.Err != nil && wasGiven)
	})
}

// TestRecycledNames: nobody gets what waits for somebody else.
func TestRecycledNames(t *testing.T) {
	forWorlds(t, func(t *testing.T, _ random, f Facts, programs *expression.Cache) {
		for _, w := range Decide(f, programs).Wanted {
			waits := slices.IndexFunc(f.Waiting, func(a *account) bool { return a.Name == w.Name })
			if waits >= 0 && (f.User.Spec.ExternalID == "" || f.Waiting[waits].Spec.ExternalID != f.User.Spec.ExternalID) {
				t.Errorf("%s is given to somebody else", w.Name)
			}
		}
	})
}

// TestBrokenExpressions: when every expression breaks, nobody who settled gains or loses anything.
func TestBrokenExpressions(t *testing.T) {
	forWorlds(t, func(t *testing.T, r random, f Facts, programs *expression.Cache) {
		carryOut(&f, Decide(f, programs), nil, never)
		before := Decide(f, programs)
		broken := f
		broken.Grants = nil
		for _, g := range f.Grants {
			g = g.DeepCopy()
			for i := range g.Spec.Subjects {
				if g.Spec.Subjects[i].Condition != "" {
					g.Spec.Subjects[i].Condition = pick[v1alpha1.Expression](r, fails, "user =")
				}
			}
			if g.Spec.RolesFrom != "" {
				g.Spec.RolesFrom = "user ="
			}
			broken.Grants = append(broken.Grants, g)
		}
		if diff := cmp.Diff(access(before, anyReason), access(Decide(broken, programs), anyReason)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestGroupsThatDoNotMatter: where nothing speaks of groups, they need not be looked up.
func TestGroupsThatDoNotMatter(t *testing.T) {
	without := 0
	forWorlds(t, func(t *testing.T, r random, f Facts, programs *expression.Cache) {
		if r.oneIn(2) {
			f.Grants = slices.DeleteFunc(f.Grants, SeesGroups)
		}
		if f.seesGroups() {
			return
		}
		blind := f
		blind.Groups = nil
		if len(f.Groups) > 0 {
			without++
		}
		if diff := cmp.Diff(Decide(f, programs), Decide(blind, programs)); diff != "" {
			t.Error(diff)
		}
	})
	if without < 100 {
		t.Errorf("only %d worlds have groups that do not matter", without)
	}
}

// TestTimeAlone: strictly before Next nothing changes, and at Next something does.
func TestTimeAlone(t *testing.T) {
	forWorlds(t, func(t *testing.T, r random, f Facts, programs *expression.Cache) {
		carryOut(&f, Decide(f, programs), nil, never)
		d := Decide(f, programs)
		end := f.Now.Add(1000 * time.Hour)
		if !d.Next.IsZero() {
			end = d.Next
			if !end.After(f.Now) {
				t.Errorf("Next is %s, which is not after %s", end, f.Now)
			}
		}
		then := f
		for _, before := range []time.Time{end.Add(-1), f.Now.Add(time.Duration(r.Int64N(int64(end.Sub(f.Now)))))} {
			then.Now = before
			if diff := cmp.Diff(d, Decide(then, programs)); diff != "" {
				t.Errorf("at %s, before %s, there is a change: %s", before, end, diff)
			}
		}
		then.Now = end
		if after := Decide(then, programs); !d.Next.IsZero() && cmp.Equal(d.Wanted, after.Wanted) && cmp.Equal(d.MappingFailed, after.MappingFailed) {
			t.Errorf("nothing changes at %s", end)
		}
	})
}

// TestWithoutGrants: when there are no grants, nobody has access but what is retained.
func TestWithoutGrants(t *testing.T) {
	forWorlds(t, func(t *testing.T, _ random, f Facts, programs *expression.Cache) {
		f.Grants = nil
		notRetained := func(w *Wanted) bool { return w.Spec.Reason != v1alpha1.StateRetained }
		if can := access(Decide(f, programs), notRetained); len(can) > 0 {
			t.Errorf("without any grant: %v", can)
		}
	})
}

// TestWorldsDiffer makes sure that the properties above speak of something.
func TestWorldsDiffer(t *testing.T) {
	seen := map[string]int{}
	forWorlds(t, func(_ *testing.T, _ random, f Facts, programs *expression.Cache) {
		d := Decide(f, programs)
		for _, w := range d.Wanted {
			seen[strings.Join([]string{string(w.Spec.State), string(w.Spec.Reason)}, "/")]++
			if strings.HasSuffix(w.Name, "-old") {
				seen["taken over"]++
			}
		}
		if !d.Next.IsZero() {
			seen["time"]++
		}
		seen["mapping failed"] += len(d.MappingFailed)
	})
	t.Log(seen)
	for _, what := range []string{"Active/Granted", "Active/Retained", "Suspended/Deactivated", "Suspended/UserDeleted", "Suspended/AccessLost", "Suspended/Locked", "Deleted/UserDeleted",
		"Deleted/Deactivated", "Deleted/AccessLost", "Deleted/ApplicationDeleted", "taken over", "time", "mapping failed"} {
		if seen[what] < 20 {
			t.Errorf("%s only %d times", what, seen[what])
		}
	}
}
