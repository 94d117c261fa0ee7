// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const ns = "ns"

func start() time.Time { return time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC) }

// fixture is a directory acme with the applications crm and erp, whose guards let that many go.
type fixture struct {
	l        *Ledger
	now      time.Time
	dir      *v1alpha1.ScimDirectory
	crm, erp *v1alpha1.ScimApplication
	accounts map[string]*v1alpha1.ScimAccount
	without  bool // the directory is gone
	rules    []Invariant
}

func limits(reversible, irreversible int32) v1alpha1.RemovalGuard {
	return v1alpha1.RemovalGuard{WindowMinutes: 60, Reversible: v1alpha1.RemovalLimit{Count: reversible}, Irreversible: v1alpha1.RemovalLimit{Count: irreversible}}
}

func applicationOf(name string, guard v1alpha1.RemovalGuard) *v1alpha1.ScimApplication {
	a := &v1alpha1.ScimApplication{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
	a.Spec.DirectoryRef.Name, a.Spec.RemovalGuard = "acme", guard
	return a
}

// newFixture has so many users, each active in both applications.
func newFixture(users int, inApplication, inDirectory int32) *fixture {
	f := &fixture{
		now: start(), crm: applicationOf("crm", limits(inApplication, 1)), erp: applicationOf("erp", limits(inApplication, 1)),
		dir: &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "acme"}}, accounts: map[string]*v1alpha1.ScimAccount{},
	}
	f.dir.Spec.RemovalGuard = limits(inDirectory, 100)
	for i := range users {
		for _, app := range []string{"crm", "erp"} {
			a := newAccount(app, fmt.Sprintf("u%d", i+1))
			f.accounts[a.Name] = a
		}
	}
	f.restart()
	return f
}

func newAccount(app, user string) *v1alpha1.ScimAccount {
	a := &v1alpha1.ScimAccount{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: app + "-" + user, UID: types.UID("uid-" + app + user), Generation: 1}}
	a.Spec.ApplicationRef.Name, a.Spec.UserRef.Name, a.Spec.State = app, user, v1alpha1.AccountActive
	a.Spec.UserName, a.Spec.Roles = strings.ToUpper(user), []v1alpha1.RoleName{"viewer"}
	return a
}

// restart throws the ledger away.
func (f *fixture) restart() {
	f.l = &Ledger{}
	var list []v1alpha1.ScimAccount
	for _, a := range f.accounts {
		list = append(list, *a.DeepCopy())
	}
	f.l.Seed(ns, list, []v1alpha1.ScimApplication{*f.crm, *f.erp})
}

func (f *fixture) application(name string) *v1alpha1.ScimApplication {
	if name == "crm" {
		return f.crm
	}
	return f.erp
}

// want is the change of an account to that state and these roles.
func (f *fixture) want(account string, state v1alpha1.AccountState, roles ...v1alpha1.RoleName) Change {
	a := f.accounts[account]
	c := Change{
		Namespace: ns, Account: account, User: a.Spec.UserRef.Name, UserName: a.Spec.UserName, Application: a.Spec.ApplicationRef.Name, Directory: "acme",
		Before: StandingOf(&a.Spec), After: Standing{Active: state == v1alpha1.AccountActive, Roles: roles},
		Digest: fmt.Sprint(state, roles), Held: a.Spec.Held, Kind: v1alpha1.ChangeChange,
	}
	c.Loses = len(minus(c.Before.roles(), c.After.roles())) > 0
	c.Deletes = state == v1alpha1.AccountDeleted && a.Spec.State != v1alpha1.AccountDeleted
	switch {
	case c.Deletes:
		c.Kind = v1alpha1.ChangeDelete
	case c.Loses && !c.After.Active:
		c.Kind = v1alpha1.ChangeSuspend
	case c.Loses:
		c.Kind = v1alpha1.ChangeReduce
	}
	return c
}

func (f *fixture) admit(c Change) Verdict {
	r := Rules{Application: f.application(c.Application), Directory: f.dir, Invariants: f.rules}
	if f.without {
		r.Directory = nil
	}
	return f.l.Admit(f.now, c, r)
}

// write carries a verdict out, and returns what the ScimAccount says then.
func (f *fixture) write(c Change, state v1alpha1.AccountState, v Verdict) *v1alpha1.ScimAccount {
	a := f.accounts[c.Account].DeepCopy()
	a.Generation++
	a.Spec.Held = v.Held
	if v.Held == nil {
		a.Spec.State, a.Spec.Roles = state, c.After.Roles
		if v.LostAccessAt != nil {
			a.Spec.LostAccessAt = v.LostAccessAt
		}
		if v.DeletedAt != nil {
			a.Spec.DeletedAt = v.DeletedAt
		}
	}
	f.accounts[c.Account] = a
	return a
}

// does is one round of assignment: observe, admit, write, observe. It says what holds the change.
func (f *fixture) does(account string, state v1alpha1.AccountState, roles ...v1alpha1.RoleName) string {
	f.l.Observe(f.accounts[account])
	c := f.want(account, state, roles...)
	v := f.admit(c)
	f.l.Observe(f.write(c, state, v))
	switch {
	case v.Held == nil:
		return "go"
	case v.Held.Rejected:
		return "rejected"
	default:
		return string(v.Held.By)
	}
}

func (f *fixture) suspend(account string) string { return f.does(account, v1alpha1.AccountSuspended) }

// decide says yes or no to what the application crm holds.
func (f *fixture) decide(annotation string) Outcome {
	removals := &f.crm.Status.Removals
	set := HeldSet(f.of("crm"), v1alpha1.HeldByApplication, removals.Decisions)
	var outcome Outcome
	*removals, outcome = Decide(set, map[string]string{annotation: set.Digest}, true)
	return outcome
}

func (f *fixture) of(app string) func(func(*v1alpha1.ScimAccount) bool) {
	return func(yield func(*v1alpha1.ScimAccount) bool) {
		for _, a := range f.accounts {
			if a.Spec.ApplicationRef.Name == app && !yield(a) {
				return
			}
		}
	}
}

// TestAdmit plays rounds "account what" and says what each must come to.
func TestAdmit(t *testing.T) {
	for name, tc := range map[string]struct {
		inApplication, inDirectory int32
		reason                     string
		given                      func(*fixture)
		rounds                     []string
	}{
		"a single leaver": {1, 1, "the first ones never wait, in no application", nil,
			[]string{"crm-u1 suspend: go", "erp-u1 suspend: go"}},
		"the application": {2, 100, "the third person is one too many", nil,
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: go", "crm-u3 suspend: Application", "erp-u3 suspend: go"}},
		"the directory": {2, 1, "it is asked first, and counts people over all applications", nil,
			[]string{"crm-u1 suspend: go", "erp-u2 suspend: Directory", "erp-u1 suspend: go", "crm-u2 suspend: Directory"}},
		"stays held": {1, 100, "time lets nothing go, but those who come later are not held for that", nil,
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: Application", "later", "crm-u2 suspend: Application", "crm-u3 suspend: go"}},
		"restart": {1, 100, "a restart lets nothing go and forgets nobody", nil,
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: Application", "restart", "crm-u2 suspend: Application", "crm-u3 suspend: Application"}},
		"counts once": {1, 100, "who counts already costs nothing", nil,
			[]string{"crm-u1 suspend: go", "crm-u1 activate: go", "crm-u1 suspend: go", "crm-u2 suspend: Application"}},
		"harmless": {1, 100, "what takes nothing is no removal, and ends a hold", nil,
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: Application", "crm-u2 activate: go", "crm-u2 suspend: Application"}},
		"disabled": {1, 1, "a guard that is disabled holds nothing, and lets go what it held", func(f *fixture) { f.dir.Spec.RemovalGuard.Policy = v1alpha1.GuardDisabled },
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: Application", "disable", "crm-u2 suspend: go"}},
		"no directory": {100, 1, "a directory that is gone holds nothing", func(f *fixture) { f.without = true },
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: go"}},
		"expedite": {1, 100, "whatever the case of the name, and does not count", func(f *fixture) { f.dir.Spec.RemovalGuard.Expedite = []string{"u1"} },
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: go", "crm-u3 suspend: Application"}},
		"approve": {1, 100, "exactly the set goes, and does not count", nil,
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: Application", "approve", "crm-u3 suspend: Application", "crm-u2 suspend: go", "crm-u3 suspend: Application", "later", "crm-u4 suspend: go"}},
		"reject": {1, 100, "exactly the set is dropped, until something else is decided", nil,
			[]string{"crm-u1 suspend: go", "crm-u2 suspend: Application", "reject", "crm-u2 suspend: rejected", "later", "crm-u2 suspend: rejected", "restart", "crm-u2 suspend: rejected", "crm-u2 delete: go"}},
		"irreversible": {100, 100, "it has a limit of its own; what loses and deletes needs both", nil,
			[]string{"crm-u1 suspend: go", "crm-u1 delete: go", "crm-u2 delete: Application", "crm-u2 suspend: go", "crm-u2 delete: Application"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(4, tc.inApplication, tc.inDirectory)
			if tc.given != nil {
				tc.given(f)
			}
			for i, line := range tc.rounds {
				what, want, _ := strings.Cut(line, ": ")
				if got := f.round(what); got != want {
					t.Errorf("%s: round %d, %s: %s, want %s", tc.reason, i+1, what, got, want)
				}
				f.now = f.now.Add(time.Second)
			}
		})
	}
}

func (f *fixture) round(what string) string {
	account, do, _ := strings.Cut(what, " ")
	switch {
	case what == "restart":
		f.restart()
	case what == "later":
		f.now = f.now.Add(2 * time.Hour)
	case what == "disable":
		f.crm.Spec.RemovalGuard.Policy = v1alpha1.GuardDisabled
	case what == "approve":
		f.decide(v1alpha1.AnnotationApprove)
	case what == "reject":
		f.decide(v1alpha1.AnnotationReject)
	case do == "suspend":
		return f.suspend(account)
	case do == "activate":
		return f.does(account, v1alpha1.AccountActive, "viewer")
	case do == "delete":
		return f.does(account, v1alpha1.AccountDeleted)
	}
	return ""
}

// TestAskedAgain: the same question gets the same answer and takes no further place, whether the write failed or not.
func TestAskedAgain(t *testing.T) {
	f := newFixture(3, 1, 100)
	first := f.admit(f.want("crm-u1", v1alpha1.AccountSuspended))
	f.now = f.now.Add(time.Minute)
	if again := f.admit(f.want("crm-u1", v1alpha1.AccountSuspended)); first.LostAccessAt == nil || cmp.Diff(first, again) != "" {
		t.Errorf("asked again:\n%s", cmp.Diff(first, again))
	}
	held := f.admit(f.want("crm-u2", v1alpha1.AccountSuspended))
	f.now = f.now.Add(time.Minute)
	if again := f.admit(f.want("crm-u2", v1alpha1.AccountSuspended)); held.Held == nil || cmp.Diff(held, again) != "" {
		t.Errorf("asked again about what is held:\n%s", cmp.Diff(held, again))
	}
	if !f.l.Unwritten(ns, held.Held.Since.Time) {
		t.Error("a hold that nobody has seen counts as seen")
	}
	f.l.Withdraw(ns, "crm-u1")
	if v := f.admit(f.want("crm-u3", v1alpha1.AccountSuspended)); v.Held != nil {
		t.Error("a place that was given back is still taken")
	}
	f.now = f.now.Add(2 * time.Hour)
	if v := f.admit(f.want("crm-u3", v1alpha1.AccountSuspended)); v.LostAccessAt == nil || !v.LostAccessAt.Time.Equal(f.now) {
		t.Errorf("a write that comes hours late counts then, and not now: %+v", v)
	}
}

// TestSinceIsLater: than every decision and every other, even when the clock goes back and we start anew.
func TestSinceIsLater(t *testing.T) {
	f := newFixture(6, 1, 100)
	f.suspend("crm-u1")
	seen := map[int64]bool{}
	for i, account := range []string{"crm-u2", "crm-u3", "crm-u4", "crm-u5"} {
		if got := f.suspend(account); got != "Application" {
			t.Fatalf("%s: %s", account, got)
		}
		since := f.accounts[account].Spec.Held.Since
		if seen[micros(&since)] || decided(f.crm.Status.Removals.Decisions, f.accounts[account].Spec.Held) != "" {
			t.Errorf("%s is held since %s, which was taken or decided about", account, since)
		}
		seen[micros(&since)] = true
		f.now = f.now.Add(-20 * time.Minute)
		if i == 1 {
			f.decide(v1alpha1.AnnotationApprove)
			f.restart()
		}
	}
}

func TestKillSwitch(t *testing.T) {
	f := newFixture(3, 1, 1)
	f.rules = []Invariant{{Name: "nobody leaves", Holds: func(a Account, _ map[string]int64) (bool, error) { return a.State == v1alpha1.AccountActive, nil }}}
	c := f.want("crm-u1", v1alpha1.AccountSuspended)
	c.Unconditional = true
	if v := f.admit(c); v != (Verdict{}) {
		t.Errorf("locked: %+v", v)
	}
	f.rules = nil
	if got := f.suspend("crm-u2"); got != "go" {
		t.Errorf("the kill switch took a place: %s", got)
	}
}

// TestPercent is of those who had access before the removals of the window, so that the last place is not taken by the first.
func TestPercent(t *testing.T) {
	f := newFixture(30, 100, 100)
	f.crm.Spec.RemovalGuard.Reversible.Percent = 9 // 2.7 of 30 are 3
	for i, want := range []string{"go", "go", "go", "Application"} {
		if got := f.suspend(fmt.Sprintf("crm-u%d", i+1)); got != want {
			t.Errorf("leaver %d: %s, want %s", i+1, got, want)
		}
	}
	if allowed(v1alpha1.RemovalLimit{Count: 5, Percent: 1}, 0) != 1 {
		t.Error("a single leaver waits for a percentage")
	}
}

// TestTombstones: what is gone counts on, and a late word of it is not believed.
func TestTombstones(t *testing.T) {
	f := newFixture(3, 1, 100)
	before := f.accounts["crm-u1"]
	f.suspend("crm-u1")
	gone := f.accounts["crm-u1"]
	if until := TombstoneUntil(&gone.Spec, f.crm, f.dir); !until.Equal(f.now.Add(time.Hour)) {
		t.Errorf("the tombstone stays until %s", until)
	}
	f.l.Forget(gone)
	f.l.Observe(before)
	f.l.Observe(gone)
	if got := f.suspend("crm-u2"); got != "Application" {
		t.Errorf("the place of an account that is gone was given away: %s", got)
	}
	f.now = f.now.Add(2 * time.Hour)
	if got := f.suspend("crm-u3"); got != "go" || len(f.l.in(ns).ghosts) != 0 || len(f.l.in(ns).accounts) != 5 {
		t.Errorf("after the window: %s, with %d ghosts and %d accounts", got, len(f.l.in(ns).ghosts), len(f.l.in(ns).accounts))
	}
}

func atLeast(role string, n int64) Invariant {
	return Invariant{Name: "enough", Holds: func(_ Account, active map[string]int64) (bool, error) { return active[role] >= n, nil }}
}

func atMost(role string, n int64) Invariant {
	return Invariant{Name: "not too many", Holds: func(_ Account, active map[string]int64) (bool, error) { return active[role] <= n, nil }}
}

func TestInvariants(t *testing.T) {
	apart := Invariant{Name: "apart", Holds: func(a Account, _ map[string]int64) (bool, error) {
		roles := fmt.Sprint(a.Roles)
		return !strings.Contains(roles, "deployer") || !strings.Contains(roles, "approver"), nil
	}}
	broken := Invariant{Name: "broken", Holds: func(Account, map[string]int64) (bool, error) { return false, errors.New("no such key") }}
	type roles = []v1alpha1.RoleName
	for reason, tc := range map[string]struct {
		i             Invariant
		others        int // active admins beside
		before, after roles
		held          bool
	}{
		"the second last admin stays":                   {atLeast("admin", 2), 1, roles{"admin"}, nil, true},
		"the third last may go":                         {atLeast("admin", 2), 2, roles{"admin"}, nil, false},
		"an admin joins when there are too few":         {atLeast("admin", 2), 0, nil, roles{"admin"}, false},
		"a step further away is held":                   {atLeast("admin", 5), 2, roles{"admin"}, nil, true},
		"what has nothing to do with it goes":           {atLeast("admin", 5), 2, roles{"viewer"}, nil, false},
		"one too many":                                  {atMost("admin", 2), 2, nil, roles{"admin"}, true},
		"even more of too many":                         {atMost("admin", 1), 2, nil, roles{"admin"}, true},
		"one less of too many":                          {atMost("admin", 1), 2, roles{"admin"}, nil, false},
		"roles that do not go together":                 {apart, 0, roles{"deployer"}, roles{"approver", "deployer"}, true},
		"they go apart":                                 {apart, 0, roles{"approver", "deployer"}, roles{"deployer"}, false},
		"an expression that fails keeps nobody in":      {broken, 0, roles{"admin"}, nil, false},
		"an expression that fails gives nothing":        {broken, 0, nil, roles{"admin"}, true},
		"an expression that fails leaves the rest be":   {broken, 0, roles{"admin"}, roles{"admin"}, false},
		"moving from one role to another is one change": {atLeast("admin", 1), 0, roles{"admin"}, roles{"viewer"}, true},
	} {
		f := newFixture(4, 100, 100)
		for i := range tc.others {
			f.accounts[fmt.Sprintf("crm-u%d", i+2)].Spec.Roles = roles{"admin"}
		}
		f.accounts["crm-u1"].Spec.Roles = tc.before
		f.restart()
		f.rules = []Invariant{tc.i}
		v := f.admit(f.want("crm-u1", v1alpha1.AccountActive, tc.after...))
		if (v.Held != nil) != tc.held || v.Held != nil && (v.Held.By != v1alpha1.HeldByInvariant || v.Held.Invariant != tc.i.Name) {
			t.Errorf("%s: %+v", reason, v.Held)
		}
		want := map[bool][]string{true: {"u1"}, false: {}}[tc.held]
		if diff := cmp.Diff(want, f.l.Held(ns, "crm")); diff != "" {
			t.Errorf("%s: who waits:\n%s", reason, diff)
		}
	}
}

// TestInFlight: what is let go and not written yet counts for those who come next, in the way that is worse for them.
func TestInFlight(t *testing.T) {
	f := newFixture(4, 100, 100)
	for _, name := range []string{"crm-u1", "crm-u2", "crm-u3"} {
		f.accounts[name].Spec.Roles = []v1alpha1.RoleName{"admin"}
	}
	f.restart()
	f.rules = []Invariant{atLeast("admin", 2)}
	if f.admit(f.want("crm-u1", v1alpha1.AccountSuspended)).Held != nil || f.admit(f.want("crm-u2", v1alpha1.AccountSuspended)).Held == nil {
		t.Error("two admins left at once")
	}
	joins := f.want("crm-u4", v1alpha1.AccountActive, "admin")
	v := f.admit(joins)
	if v.Held != nil || f.admit(f.want("crm-u2", v1alpha1.AccountSuspended)).Held == nil {
		t.Error("somebody left in favour of one who has not arrived")
	}
	if !f.l.Observe(f.write(joins, v1alpha1.AccountActive, v)) || f.admit(f.want("crm-u2", v1alpha1.AccountSuspended)).Held != nil {
		t.Error("the arrival let nobody go")
	}
}

// TestForgetIsAboutOne: word of the end of an account may come after word of the next one of the same name, which stays known.
func TestForgetIsAboutOne(t *testing.T) {
	f := newFixture(3, 100, 100)
	f.rules = []Invariant{atLeast("viewer", 3)}
	old := f.accounts["crm-u1"]
	next := old.DeepCopy()
	next.UID = "next"
	f.l.Observe(next)
	f.l.Forget(old)
	f.accounts["crm-u1"] = next
	next.Generation++
	next.Spec.Roles = nil
	f.l.Observe(next)
	if got := f.suspend("crm-u2"); got != "Invariant" {
		t.Errorf("the roles of the next one are not known: %s", got)
	}
	f.l.Observe(old)
	if got := f.suspend("crm-u2"); got != "Invariant" {
		t.Errorf("a late word of the old one is believed: %s", got)
	}
}

// TestWithdrawNew: an account that could not be made takes no place in what invariants count once it is not wanted any more. One that
// is there, or that is another user's, keeps it.
func TestWithdrawNew(t *testing.T) {
	f := newFixture(2, 100, 100)
	f.rules = []Invariant{atMost("viewer", 3)}
	join := func(user string) Change {
		return Change{
			Namespace: ns, Account: "crm-" + user, User: user, UserName: user, Application: "crm", Directory: "acme",
			After: Standing{Active: true, Roles: []v1alpha1.RoleName{"viewer"}}, Digest: user, Kind: v1alpha1.ChangeCreate,
		}
	}
	if v := f.admit(join("u3")); v.Held != nil {
		t.Fatalf("there is a place: %+v", v.Held)
	}
	f.l.WithdrawNew(ns, "u4", []string{"crm-u3"})
	f.l.WithdrawNew(ns, "u1", []string{"crm-u1", "crm-u9"})
	if v := f.admit(join("u4")); v.Held == nil {
		t.Error("the place was given up by somebody else")
	}
	f.l.WithdrawNew(ns, "u3", []string{"crm-u3"})
	if v := f.admit(join("u4")); v.Held != nil {
		t.Error("the place is still taken")
	}
}
