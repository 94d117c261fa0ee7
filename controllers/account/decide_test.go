// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

const ours = "ns/app-id"

func stored(state connector.State, roles ...string) *connector.Account {
	return &connector.Account{Owner: ours, ExternalID: "1", UserName: "ann", State: state, Roles: roles}
}

// situation is one cell of state × mode × drift × what the application shows × whether it was in sync before.
type situation struct {
	wanted   v1alpha1.AccountState
	mode     v1alpha1.ApplicationMode
	drift    v1alpha1.DriftPolicy
	settled  bool
	shows    string
	observed *connector.Account
}

func (s situation) String() string {
	return fmt.Sprintf("%s/%s/%s/settled=%v/%s", s.wanted, s.mode, s.drift, s.settled, s.shows)
}

func situations() (all []situation) {
	shown := map[string]*connector.Account{
		"nothing":    nil,
		"as wanted":  stored(connector.Active, "editor", "viewer"),
		"too much":   stored(connector.Active, "admin", "editor", "viewer"),
		"too little": stored(connector.Active, "viewer"),
		"both":       stored(connector.Active, "admin", "viewer"),
		"damaged":    stored(connector.Active, "!editor", "viewer"),
		"renamed":    {Owner: ours, ExternalID: "1", UserName: "anna", State: connector.Active, Roles: []string{"editor", "viewer"}},
		"suspended":  stored(connector.Suspended, "editor", "viewer"),
		"foreign":    {Owner: "ns/somebody", ExternalID: "1", UserName: "ann", State: connector.Active, Roles: []string{"viewer"}},
		"unmarked":   {ExternalID: "1", UserName: "ann", State: connector.Active, Roles: []string{"viewer"}},
	}
	for _, wanted := range []v1alpha1.AccountState{v1alpha1.AccountActive, v1alpha1.AccountSuspended, v1alpha1.AccountDeleted} {
		for _, mode := range []v1alpha1.ApplicationMode{v1alpha1.ModeActive, v1alpha1.ModeDryRun, v1alpha1.ModePaused} {
			for _, drift := range []v1alpha1.DriftPolicy{v1alpha1.DriftEnforce, v1alpha1.DriftReport} {
				for _, settled := range []bool{false, true} {
					for shows, observed := range shown {
						all = append(all, situation{wanted, mode, drift, settled, shows, observed})
					}
				}
			}
		}
	}
	return all
}

// stage makes the situation: the objects, what the application shows, and what the status remembers.
func (s situation) stage(t *testing.T) *bench {
	t.Helper()
	app := application()
	app.Spec.Mode, app.Spec.Drift.Policy = s.mode, s.drift
	acct := account(s.wanted, "editor", "viewer")
	if s.free() && s.observed != nil {
		acct.Status.State = v1alpha1.AccountState(s.observed.State) // a leaver was seen to have access
	}
	if s.settled {
		acct.Status.State = s.wanted
		acct.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSettled, Status: metav1.ConditionTrue, ObservedGeneration: 1, Message: settledWith(app)}}
	}
	b := newBench(t, app, person(v1alpha1.StateActive), acct)
	if s.observed != nil {
		b.memory.Put(*s.observed)
	}
	return b
}

// after is the account as the application has it, nil if there is none.
func (b *bench) after() *connector.Account {
	for _, a := range b.memory.Accounts() {
		return &a
	}
	return nil
}

// TestEveryStateModeAndDrift checks what must hold in every cell, and that a second look finds nothing to do.
func TestEveryStateModeAndDrift(t *testing.T) {
	for _, s := range situations() {
		t.Run(s.String(), func(t *testing.T) {
			b := s.stage(t)
			if _, err := b.round(t); err != nil {
				t.Fatal(err)
			}
			s.check(t, b)
			b.writes = 0
			b.memory.ForgetCalls()
			if _, err := b.round(t); err != nil {
				t.Fatal(err)
			}
			changed := slices.ContainsFunc(b.memory.Calls(), func(c connectortest.Call) bool { return c.Changed })
			if b.writes != 0 || changed || s.free() && writingCalls(b) != 0 {
				t.Errorf("a second look wrote %d times here, changed something downstream: %v (%v)", b.writes, changed, b.memory.Calls())
			}
		})
	}
}

// free reports whether nothing stands in the way: a connector is asked again whether it does.
func (s situation) free() bool { return s.observed == nil || s.observed.Owner == ours }

func writingCalls(b *bench) (n int) {
	for _, c := range b.memory.Calls() {
		if c.Verb.Writes() {
			n++
		}
	}
	return n
}

func (s situation) check(t *testing.T, b *bench) {
	t.Helper()
	after, acct := b.after(), b.current(t)
	ready := status.IsReady(acct.Status.Conditions, 1)
	same := fmt.Sprint(after) == fmt.Sprint(s.observed) || after != nil && s.observed != nil && fmt.Sprint(*after) == fmt.Sprint(*s.observed)
	if acct.Status.Pending != "" && ready {
		t.Errorf("ready although %s is pending", acct.Status.Pending)
	}
	switch {
	case !s.free():
		if !same || ready == (s.wanted == v1alpha1.AccountActive) {
			t.Errorf("ready %v, and an account of somebody else is now %+v", ready, after)
		}
	case s.mode == v1alpha1.ModeDryRun:
		if writingCalls(b) != 0 || !same || ready == (acct.Status.Pending != "") {
			t.Errorf("a dry run wrote: %v; ready %v, pending %q", b.memory.Calls(), ready, acct.Status.Pending)
		}
	case s.wanted == v1alpha1.AccountDeleted:
		if after != nil || !ready || acct.Status.State != v1alpha1.AccountDeleted {
			t.Errorf("left %+v, ready %v", after, ready)
		}
	case s.wanted == v1alpha1.AccountSuspended:
		if (after == nil) != (s.observed == nil) || after != nil && after.State != connector.Suspended || !ready {
			t.Errorf("left %+v, ready %v", after, ready)
		}
	default:
		s.checkActive(t, after, same, acct)
	}
}

func (s situation) checkActive(t *testing.T, after *connector.Account, same bool, acct *v1alpha1.ScimAccount) {
	t.Helper()
	want := desired(account(v1alpha1.AccountActive, "editor", "viewer"), nil)
	inSync, ready := connector.InSync(after, want), status.IsReady(acct.Status.Conditions, 1)
	switch {
	case ready != inSync || (acct.Status.Pending == "") != inSync:
		t.Errorf("in sync %v, ready %v, pending %q", inSync, ready, acct.Status.Pending)
	case s.settled && s.drift == v1alpha1.DriftReport:
		if !same {
			t.Errorf("drift that shall be reported was changed: %+v", after)
		}
	case s.mode == v1alpha1.ModePaused:
		s.checkPaused(t, after)
	case !inSync:
		t.Errorf("left %+v", after)
	}
}

func (s situation) checkPaused(t *testing.T, after *connector.Account) {
	t.Helper()
	if (after == nil) != (s.observed == nil) {
		t.Fatalf("paused, and %+v became %+v", s.observed, after)
	}
	if after == nil {
		return
	}
	if after.UserName != s.observed.UserName || after.State != s.observed.State {
		t.Errorf("paused, and %+v became %+v", s.observed, after)
	}
	for _, role := range after.Roles {
		if !slices.Contains(s.observed.Roles, role) || after.State == connector.Active && !slices.Contains([]string{"editor", "viewer"}, role) {
			t.Errorf("role %s was given or left", role)
		}
	}
}

// TestDriftIsTold: what somebody changed is told once, as a warning; work that was not done yet is no drift.
func TestDriftIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		s       situation
		drifted bool
	}{
		"put back":    {"a role that somebody added", situation{v1alpha1.AccountActive, "", v1alpha1.DriftEnforce, true, "", stored(connector.Active, "admin", "editor", "viewer")}, true},
		"damaged":     {"a damaged role is drift", situation{v1alpha1.AccountActive, "", v1alpha1.DriftEnforce, true, "", stored(connector.Active, "!editor", "viewer")}, true},
		"reported":    {"a role that somebody added", situation{v1alpha1.AccountActive, "", v1alpha1.DriftReport, true, "", stored(connector.Active, "admin", "editor", "viewer")}, true},
		"re-enabled":  {"a leaver is out again, whatever the policy", situation{v1alpha1.AccountSuspended, "", v1alpha1.DriftReport, true, "", stored(connector.Active, "viewer")}, true},
		"restored":    {"a deleted account is gone again, whatever the policy", situation{v1alpha1.AccountDeleted, "", v1alpha1.DriftReport, true, "", stored(connector.Active, "viewer")}, true},
		"not yet":     {"nothing was in sync before", situation{v1alpha1.AccountActive, "", v1alpha1.DriftReport, false, "", stored(connector.Active, "viewer")}, false},
		"nothing new": {"nothing differs", situation{v1alpha1.AccountActive, "", v1alpha1.DriftReport, true, "", stored(connector.Active, "editor", "viewer")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := tc.s.stage(t)
			for range 3 {
				if _, err := b.round(t); err != nil {
					t.Fatal(err)
				}
			}
			told := 0
			for _, event := range b.events() {
				if len(event) > 13 && event[:13] == "Warning Drift" {
					told++
				}
			}
			if tc.drifted != (told == 1) || told > 1 {
				t.Errorf("%s: told %d times", tc.reason, told)
			}
		})
	}
}

// TestChangedConnectorIsNoDrift: what a role stands for changed because we were told so.
func TestChangedConnectorIsNoDrift(t *testing.T) {
	app := application()
	app.Spec.Drift.Policy = v1alpha1.DriftReport
	b := newBench(t, app, person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	if _, err := b.round(t); err != nil {
		t.Fatal(err)
	}
	b.memory.Put(*stored(connector.Active, "!viewer"))
	if _, err := b.round(t); err != nil || b.reason(t) != v1alpha1.ReasonDrifted {
		t.Fatalf("%v, reason %s", err, b.reason(t))
	}
	b.configure(t, func(app *v1alpha1.ScimApplication) { app.Spec.Connector.Type = "Other" })
	if _, err := b.round(t); err != nil || b.reason(t) != v1alpha1.ReasonInSync || !slices.Equal(b.after().Roles, []string{"viewer"}) {
		t.Errorf("%v, reason %s, %+v", err, b.reason(t), b.after())
	}
}

// TestReportedDriftOutlivesAnOutage: an error in between does not make drift to be reported into work to be done.
func TestReportedDriftOutlivesAnOutage(t *testing.T) {
	app := application()
	app.Spec.Drift.Policy = v1alpha1.DriftReport
	b := newBench(t, app, person(v1alpha1.StateActive), account(v1alpha1.AccountActive, "viewer"))
	for _, fault := range []error{nil, connector.Unavailablef(1, "down"), nil} {
		b.mended()
		b.memory.Fail(fault)
		if _, err := b.round(t); err != nil {
			t.Fatal(err)
		}
		b.memory.Put(*stored(connector.Active, "editor"))
	}
	if b.reason(t) != v1alpha1.ReasonDrifted || b.current(t).Status.Pending != v1alpha1.ChangeChange || !slices.Equal(b.after().Roles, []string{"editor"}) {
		t.Errorf("reason %s, %+v", b.reason(t), b.after())
	}
	b.shallBe(t, func(a *v1alpha1.ScimAccount) { a.Spec.Roles = []v1alpha1.RoleName{"viewer", "admin"} })
	if _, err := b.round(t); err != nil || b.reason(t) != v1alpha1.ReasonInSync || b.current(t).Status.Pending != "" {
		t.Errorf("%v: a change of the account is applied, reason %s", err, b.reason(t))
	}
}
