// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func waiting(user string, since int64) v1alpha1.ScimAccount {
	a := newAccount("crm", user)
	a.Spec.Held = &v1alpha1.HeldChange{By: v1alpha1.HeldByApplication, Change: v1alpha1.ChangeSuspend, Digest: "d", Since: *microTime(since)}
	return *a
}

func through(at int64, v v1alpha1.Verdict) v1alpha1.RemovalDecision {
	return v1alpha1.RemovalDecision{Through: *microTime(at), Verdict: v}
}

func setOfAll(decisions []v1alpha1.RemovalDecision, accounts ...v1alpha1.ScimAccount) Set {
	return HeldSet(HeldAmong(accounts), v1alpha1.HeldByApplication, decisions)
}

// TestDigest is of exactly the set, in whatever order it is read.
func TestDigest(t *testing.T) {
	one, two := waiting("u1", 1), waiting("u2", 2)
	digest := setOfAll(nil, one, two).Digest
	if len(digest) != 16 || setOfAll(nil, two, one).Digest != digest {
		t.Errorf("digest %q depends on the order", digest)
	}
	for reason, change := range map[string]func(*v1alpha1.ScimAccount){
		"another change":  func(a *v1alpha1.ScimAccount) { a.Spec.Held.Change = v1alpha1.ChangeDelete },
		"another outcome": func(a *v1alpha1.ScimAccount) { a.Spec.Held.Digest = "e" },
		"held anew":       func(a *v1alpha1.ScimAccount) { a.Spec.Held.Since = *microTime(3) },
		"made anew":       func(a *v1alpha1.ScimAccount) { a.UID = "other" },
		"rejected":        func(a *v1alpha1.ScimAccount) { a.Spec.Held.Rejected = true },
		"another guard":   func(a *v1alpha1.ScimAccount) { a.Spec.Held.By = v1alpha1.HeldByDirectory },
		"not held":        func(a *v1alpha1.ScimAccount) { a.Spec.Held = nil },
	} {
		changed := *two.DeepCopy()
		change(&changed)
		if setOfAll(nil, one, changed).Digest == digest {
			t.Errorf("%s: the same digest", reason)
		}
	}
	if s := setOfAll([]v1alpha1.RemovalDecision{through(2, v1alpha1.VerdictApproved)}, one, two); s.Count != 0 || s.Digest != "" {
		t.Errorf("what is decided about is still asked for: %+v", s)
	}
}

func TestDecide(t *testing.T) {
	one := waiting("u1", 20)
	digest := setOfAll(nil, one).Digest
	approve, reject := v1alpha1.AnnotationApprove, v1alpha1.AnnotationReject
	var full []v1alpha1.RemovalDecision
	accounts := []v1alpha1.ScimAccount{one}
	for i := range int64(mostDecisions) {
		full = append(full, through(i+1, v1alpha1.VerdictApproved))
		accounts = append(accounts, waiting(time.UnixMicro(i).String(), i+1))
	}
	for name, tc := range map[string]struct {
		set         Set
		annotations map[string]string
		decisions   []v1alpha1.RemovalDecision
		want        Outcome
	}{
		"nobody says anything":  {setOfAll(nil, one), nil, nil, OutcomeNone},
		"nothing is held":       {setOfAll(nil), map[string]string{approve: digest}, nil, OutcomeNone},
		"yes":                   {setOfAll(nil, one), map[string]string{approve: digest}, []v1alpha1.RemovalDecision{through(20, v1alpha1.VerdictApproved)}, OutcomeApproved},
		"no, and an old yes":    {setOfAll(nil, one), map[string]string{approve: "old", reject: digest}, []v1alpha1.RemovalDecision{through(20, v1alpha1.VerdictRejected)}, OutcomeRejected},
		"yes and no":            {setOfAll(nil, one), map[string]string{approve: digest, reject: digest}, nil, OutcomeContradictory},
		"an old yes":            {setOfAll(nil, one), map[string]string{approve: "old"}, nil, OutcomeStale},
		"too many are awaited":  {setOfAll(full, accounts...), map[string]string{approve: digest}, full, OutcomeFull},
		"one is needed no more": {setOfAll(full[:2], accounts[2]), nil, full[1:2], OutcomeNone},
	} {
		got, outcome := Decide(tc.set, tc.annotations, true)
		if diff := cmp.Diff(tc.decisions, got.Decisions); diff != "" || outcome != tc.want {
			t.Errorf("%s: outcome %q, want %q, and decisions:\n%s", name, outcome, tc.want, diff)
		}
	}
}

// TestClockGoesBack: what had left the window is in it again, and a later removal is not made an earlier one.
func TestClockGoesBack(t *testing.T) {
	f := newFixture(4, 2, 100)
	for _, account := range []string{"crm-u1", "crm-u2"} {
		if got := f.suspend(account); got != "go" {
			t.Fatalf("%s: %s", account, got)
		}
	}
	f.now = start().Add(2 * time.Hour)
	if got := f.does("crm-u1", v1alpha1.AccountActive, "viewer"); got != "go" {
		t.Fatal(got)
	}
	if got := f.suspend("crm-u1"); got != "go" {
		t.Fatal(got)
	}
	f.now = start().Add(30 * time.Minute)
	if got := f.suspend("crm-u3"); got != "Application" {
		t.Errorf("two left in this hour, as the clock says: %s", got)
	}
	later := f.accounts["crm-u1"].Spec.LostAccessAt
	f.does("crm-u1", v1alpha1.AccountActive, "viewer")
	f.suspend("crm-u1")
	if at := f.accounts["crm-u1"].Spec.LostAccessAt; at.Before(later) {
		t.Errorf("the removal of %s is now one of %s", later, at)
	}
}

func TestWindow(t *testing.T) {
	app, dir := applicationOf("crm", limits(1, 1)), &v1alpha1.ScimDirectory{}
	dir.Spec.RemovalGuard.WindowMinutes = 90
	now := metav1.NewMicroTime(start())
	for reason, tc := range map[string]struct {
		spec v1alpha1.ScimAccountSpec
		app  *v1alpha1.ScimApplication
		dir  *v1alpha1.ScimDirectory
		want time.Time
	}{
		"it never counted":         {v1alpha1.ScimAccountSpec{}, app, dir, time.Time{}},
		"the longer window":        {v1alpha1.ScimAccountSpec{DeletedAt: &now}, app, dir, start().Add(90 * time.Minute)},
		"what it lost before":      {v1alpha1.ScimAccountSpec{LostAccessAt: &now}, app, nil, start().Add(time.Hour)},
		"nobody is left to ask":    {v1alpha1.ScimAccountSpec{DeletedAt: &now}, nil, nil, start()},
		"the directory is all one": {v1alpha1.ScimAccountSpec{DeletedAt: &now}, nil, &v1alpha1.ScimDirectory{}, start().Add(time.Hour)},
	} {
		if got := TombstoneUntil(&tc.spec, tc.app, tc.dir); !got.Equal(tc.want) {
			t.Errorf("%s: until %s, want %s", reason, got, tc.want)
		}
	}
}
