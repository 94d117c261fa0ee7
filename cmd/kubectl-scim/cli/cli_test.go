// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestWords(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	earlier := metav1.NewTime(now.Add(-time.Hour))
	condition := func(status metav1.ConditionStatus) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: "Why"}}
	}
	got := []string{
		Count(1, "account"), Count(2, "account"), Count(0, "directory"), Ago(now, nil), Ago(now, &earlier), Left(now, now), Left(now, now.Add(48*time.Hour)),
		Ready(nil), Ready(condition(metav1.ConditionTrue)), Ready(condition(metav1.ConditionFalse)),
	}
	want := []string{"1 account", "2 accounts", "0 directories", "-", "60m", "over", "2d", "-", "Why", "not: Why"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCode(t *testing.T) {
	for want, err := range map[int]error{0: nil, 1: errors.New("x"), 2: fmt.Errorf("status: %w", ErrAttention)} {
		if got := Code(err); got != want {
			t.Errorf("%v: got %d, want %d", err, got, want)
		}
	}
}

func TestAsk(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		yes    bool
		want   string // a part of the error
	}{
		"Yes":      {"yes\n", false, ""},
		"NoLine":   {"yes", false, ""},
		"Flag":     {"", true, ""},
		"No":       {"no\n", false, "was not yes"},
		"Short":    {"y\n", false, "was not yes"},
		"Empty":    {"\n", false, "was not yes"},
		"Nobody":   {"", false, "say --yes"},
		"TooEager": {"yes yes\n", false, "was not yes"},
	} {
		t.Run(name, func(t *testing.T) {
			streams, in, _, _ := genericiooptions.NewTestIOStreams()
			in.WriteString(c.answer)
			err := (&Question{yes: c.yes}).Ask(NewEnv(streams, clocktesting.NewFakePassiveClock(time.Time{})), "Do it?")
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
