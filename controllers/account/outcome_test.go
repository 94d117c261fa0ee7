// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

func TestOutcomeOf(t *testing.T) {
	const resync = 10 * time.Minute
	for name, tc := range map[string]struct {
		reason   string
		err      error
		removal  bool
		want     string
		stalled  bool
		min, max time.Duration
		backsOff bool
	}{
		"invalid":             {"nothing helps but a change", connector.Invalidf("unknown role"), false, v1alpha1.ReasonInvalid, true, resync, 2 * resync, false},
		"conflict":            {"somebody must decide", connector.Conflictf("exists"), false, v1alpha1.ReasonConflict, true, resync, 2 * resync, false},
		"denied":              {"a right is missing", connector.Deniedf("no right"), false, v1alpha1.ReasonDenied, true, resync, 2 * resync, false},
		"denied removal":      {"a removal is not left for long", connector.Deniedf("no right"), true, v1alpha1.ReasonDenied, true, pressing, 2 * pressing, false},
		"unavailable":         {"the queue backs off", connector.Unavailablef(0, "down"), false, v1alpha1.ReasonUnavailable, false, 0, 0, true},
		"unavailable, when":   {"the application says when", connector.Unavailablef(7*time.Second, "down"), false, v1alpha1.ReasonUnavailable, false, 7 * time.Second, 14 * time.Second, false},
		"unknown":             {"a bug backs off", errors.New("boom"), false, v1alpha1.ReasonError, false, 0, 0, true},
		"wrapped unavailable": {"wrapping changes nothing", fmt.Errorf("apply: %w", connector.Unavailablef(time.Second, "down")), false, v1alpha1.ReasonUnavailable, false, time.Second, 2 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := outcomeOf(tc.err, tc.removal, resync)
			var conditions []metav1.Condition
			o.verdict.Set(&conditions, 1)
			if o.verdict.Reason() != tc.want || status.IsStalled(conditions, 1) != tc.stalled {
				t.Errorf("%s: %s, stalled %v; want %s, %v", tc.reason, o.verdict.Reason(), status.IsStalled(conditions, 1), tc.want, tc.stalled)
			}
			if o.again < tc.min || o.again > tc.max || (o.err != nil) != tc.backsOff {
				t.Errorf("%s: again after %v with error %v", tc.reason, o.again, o.err)
			}
		})
	}
}

func TestOutcomeQuotesNobody(t *testing.T) {
	secret := errors.New(`user "zz9-canary@example.com" has password hunter2`)
	for _, err := range []error{secret, fmt.Errorf("apply: %w", secret), connector.Unavailablef(0, "the application does not answer").Because(secret)} {
		o := outcomeOf(err, false, time.Minute)
		var conditions []metav1.Condition
		o.verdict.Set(&conditions, 1)
		for _, text := range []string{fmt.Sprint(o.err), conditions[0].Message} {
			if strings.Contains(text, "canary") || strings.Contains(text, "hunter2") {
				t.Errorf("%q quotes what the application said", text)
			}
		}
	}
}
