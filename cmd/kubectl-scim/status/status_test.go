// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(d)} }

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "acme", Name: name} }

func condition(about string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{Type: about, Status: status, Reason: reason, Message: "m"}
}

func ready(reason string) []metav1.Condition {
	return []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionTrue, reason)}
}

func notReady(reason string) []metav1.Condition {
	return []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionFalse, reason)}
}

// healthy is a directory with a token, an application and a grant, and nothing to complain about.
func healthy() *state {
	return &state{
		directories: []*v1alpha1.ScimDirectory{{ObjectMeta: named("corp"), Status: v1alpha1.ScimDirectoryStatus{Conditions: ready(v1alpha1.ReasonServing), Users: 3, URL: "https://x"}}},
		tokens: []*v1alpha1.ScimToken{{
			ObjectMeta: named("okta"), Spec: v1alpha1.ScimTokenSpec{DirectoryRef: v1alpha1.LocalReference{Name: "corp"}},
			Status: v1alpha1.ScimTokenStatus{Conditions: ready(v1alpha1.ReasonIssued), Credentials: []v1alpha1.TokenCredential{{KeyID: "A", LastUsedAt: at(-time.Minute)}}},
		}},
		applications: []*v1alpha1.ScimApplication{{
			ObjectMeta: named("app"), Spec: v1alpha1.ScimApplicationSpec{DirectoryRef: v1alpha1.LocalReference{Name: "corp"}, Mode: v1alpha1.ModeActive},
			Status: v1alpha1.ScimApplicationStatus{Conditions: ready(v1alpha1.ReasonConnected), Accounts: v1alpha1.AccountCounts{Desired: 3, Ready: 3}},
		}},
		grants: []*v1alpha1.ScimGrant{{ObjectMeta: named("staff"), Spec: v1alpha1.ScimGrantSpec{ApplicationRef: v1alpha1.LocalReference{Name: "app"}}, Status: v1alpha1.ScimGrantStatus{Conditions: ready(v1alpha1.ReasonInEffect)}}},
	}
}

func holds(by v1alpha1.HeldBy, application string, ago time.Duration, rejected bool) *v1alpha1.ScimAccount {
	return &v1alpha1.ScimAccount{ObjectMeta: named(application + "-1"), Spec: v1alpha1.ScimAccountSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: application},
		Held:           &v1alpha1.HeldChange{By: by, Since: metav1.NewMicroTime(now.Add(-ago)), Rejected: rejected},
	}}
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		change func(*state)
		want   []string // level, what and a part of what is the matter
	}{
		"Healthy":    {"nothing to say", func(*state) {}, nil},
		"Directory":  {"nobody can reach it", func(s *state) { s.directories[0].Status.Conditions = notReady(v1alpha1.ReasonNoPublicURL) }, []string{"BROKEN directory/corp NoPublicURL"}},
		"New":        {"no controller runs, perhaps", func(s *state) { s.directories[0].Status.Conditions = nil }, []string{"BROKEN directory/corp Pending"}},
		"Suspended":  {"the identity provider gets 503", func(s *state) { s.directories[0].Spec.Suspended = true }, []string{"WAITS directory/corp suspended"}},
		"NoToken":    {"", func(s *state) { s.tokens = nil }, []string{"WAITS directory/corp no valid token"}},
		"OtherToken": {"of another namespace", func(s *state) { s.tokens[0].Namespace = "other" }, []string{"WAITS directory/corp no valid token"}},
		"TokenOver":  {"", func(s *state) { s.tokens[0].Status.Credentials[0].NotAfter = at(0) }, []string{"WAITS directory/corp no valid token"}},
		"JWT": {"it needs no token", func(s *state) {
			s.tokens, s.directories[0].Spec.Authentication.JWT = nil, &v1alpha1.JWTAuthentication{}
		}, nil},
		"Keys": {"", func(s *state) {
			s.directories[0].Status.Conditions = append(s.directories[0].Status.Conditions, condition(v1alpha1.ConditionKeysFetched, metav1.ConditionFalse, "Unavailable"))
		}, []string{"BROKEN directory/corp the keys of the issuer: Unavailable"}},
		"Unseen": {"tokens that the caller may not see may be there", func(s *state) { s.tokens, s.unknown = nil, []string{"x"} }, nil},
		"HeldByDirectory": {"with the age of the oldest that is its own", func(s *state) {
			s.directories[0].Status.Removals.Count = 2
			s.held = []*v1alpha1.ScimAccount{
				holds(v1alpha1.HeldByDirectory, "app", time.Hour, false), holds(v1alpha1.HeldByDirectory, "app", 3*time.Hour, false),
				holds(v1alpha1.HeldByDirectory, "app", 9*time.Hour, true), holds(v1alpha1.HeldByApplication, "app", 8*time.Hour, false), holds(v1alpha1.HeldByDirectory, "foreign", 7*time.Hour, false),
			}
		}, []string{"WAITS directory/corp the removal guard holds 2 accounts, the oldest for 3h"}},
		"HeldHere": {"", func(s *state) {
			s.applications[0].Status.Removals.Count = 1
			s.held = []*v1alpha1.ScimAccount{holds(v1alpha1.HeldByApplication, "app", time.Hour, false)}
		}, []string{"WAITS application/app the removal guard holds 1 account, the oldest for 60m"}},
		"Invariant": {"", func(s *state) {
			s.applications[0].Status.Conditions = append(s.applications[0].Status.Conditions, condition(v1alpha1.ConditionHeld, metav1.ConditionTrue, v1alpha1.ReasonInvariant))
		}, []string{"WAITS application/app m"}},
		"Token":   {"the identity provider gets 401", func(s *state) { s.tokens[0].Status.Conditions = notReady(v1alpha1.ReasonRevoked) }, []string{"BROKEN token/okta Revoked"}},
		"Expired": {"", func(s *state) { s.tokens[0].Spec.ExpiresAt = at(0) }, []string{"BROKEN token/okta expired"}},
		"Expiring": {"", func(s *state) {
			s.tokens[0].Status.Conditions = append(s.tokens[0].Status.Conditions, condition(v1alpha1.ConditionExpiring, metav1.ConditionTrue, "Within7Days"))
		}, []string{"WAITS token/okta m"}},
		"Rotating": {"the identity provider has not got the new one", func(s *state) {
			s.tokens[0].Status.Conditions = append(s.tokens[0].Status.Conditions, condition(v1alpha1.ConditionRotating, metav1.ConditionTrue, v1alpha1.ReasonWaitingForUse))
		}, []string{"WAITS token/okta rotating"}},
		"Grace": {"it ends by itself", func(s *state) {
			s.tokens[0].Status.Conditions = append(s.tokens[0].Status.Conditions, condition(v1alpha1.ConditionRotating, metav1.ConditionTrue, v1alpha1.ReasonGrace))
		}, []string{"NOTE token/okta rotating"}},
		"Unused": {"", func(s *state) {
			s.tokens[0].Status.Conditions = append(s.tokens[0].Status.Conditions, condition(v1alpha1.ConditionUnused, metav1.ConditionTrue, "NotUsed"))
		}, []string{"NOTE token/okta unused"}},
		"Denied": {"", func(s *state) { s.applications[0].Status.Conditions = notReady(v1alpha1.ReasonDenied) }, []string{"BROKEN application/app Denied"}},
		"Late": {"what is held is told elsewhere", func(s *state) {
			s.applications[0].Status.Accounts = v1alpha1.AccountCounts{Desired: 9, Ready: 4, Held: 3}
		}, []string{"WAITS application/app 2 accounts not as they shall be"}},
		"DryRun": {"nothing is late there", func(s *state) {
			s.applications[0].Spec.Mode = v1alpha1.ModeDryRun
			s.applications[0].Status.Accounts.Ready = 0
		}, []string{"NOTE application/app dry run"}},
		"Paused":  {"", func(s *state) { s.applications[0].Spec.Mode = v1alpha1.ModePaused }, []string{"NOTE application/app paused"}},
		"Orphans": {"", func(s *state) { s.applications[0].Status.Orphans.Count = 2 }, []string{"NOTE application/app 2 orphans"}},
		"Grant":   {"", func(s *state) { s.grants[0].Status.Conditions = notReady(v1alpha1.ReasonUnknownRole) }, []string{"BROKEN grant/staff UnknownRole"}},
		"Ended":   {"", func(s *state) { s.grants[0].Status.Conditions = ready(v1alpha1.ReasonExpired) }, []string{"NOTE grant/staff expired"}},
		"Order": {"the worst comes first", func(s *state) {
			s.directories[0].Spec.Suspended, s.applications[0].Spec.Mode = true, v1alpha1.ModePaused
			s.grants[0].Status.Conditions = notReady(v1alpha1.ReasonInvalidExpression)
		}, []string{"BROKEN grant/staff", "WAITS directory/corp", "NOTE application/app"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			c.change(s)
			problems := problemsOf(s, now)
			if len(problems) != len(c.want) {
				t.Fatalf("%s: got %+v, want %q", c.reason, problems, c.want)
			}
			for i, want := range c.want {
				if got := fmt.Sprintf("%s %s %s", problems[i].Level, problems[i].What, problems[i].Is); !strings.HasPrefix(got, want) {
					t.Errorf("%s: got %q, want %q", c.reason, got, want)
				}
			}
			attention := len(c.want) > 0 && !strings.HasPrefix(c.want[0], "NOTE")
			if got := reportOf(s, now, false).needsAttention(); got != attention {
				t.Errorf("%s: got %t for whether it needs attention, want %t", c.reason, got, attention)
			}
		})
	}
}

func TestReport(t *testing.T) {
	s := healthy()
	s.grants[0].Status.Conditions = notReady(v1alpha1.ReasonUnknownRole)
	s.held = []*v1alpha1.ScimAccount{holds(v1alpha1.HeldByInvariant, "app", time.Hour, false), holds(v1alpha1.HeldByDirectory, "app", 2*time.Hour, false), holds(v1alpha1.HeldByDirectory, "app", 3*time.Hour, true)}
	r := reportOf(s, now, true)
	if want := now.Add(-2 * time.Hour); r.OldestHeld == nil || !r.OldestHeld.Time.Equal(want) {
		t.Errorf("got %v as the oldest that is held, want %v", r.OldestHeld, want)
	}
	got := [][]string{r.directories().Rows[0], r.tokens().Rows[0], r.applications().Rows[0], r.grants().Rows[0]}
	want := [][]string{
		{"acme", "corp", "Serving", "3", "0", "https://x"}, {"acme", "okta", "corp", "Issued", "60s ago", "never", ""},
		{"acme", "app", "Connected", "Active", "3", "3", "0", "0", ""}, {"acme", "staff", "app", "not: UnknownRole", "m"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
