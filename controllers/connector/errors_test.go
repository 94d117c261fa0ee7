// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connector_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func TestErrors(t *testing.T) {
	var (
		invalid     = connector.Invalidf("role %q is unknown", "x")
		conflict    = connector.Conflictf("taken")
		denied      = connector.Deniedf("no rights")
		unavailable = connector.Unavailablef(3*time.Second, "busy")
	)
	for name, tc := range map[string]struct {
		reason  string
		err     error
		kind    connector.Kind
		retry   time.Duration
		message string
	}{
		"Nil":                  {"", nil, "", 0, ""},
		"Plain":                {"nobody vouches for its text", io.EOF, connector.KindUnknown, 0, "unexpected error"},
		"Invalid":              {"", invalid, connector.KindInvalid, 0, `role "x" is unknown`},
		"Wrapped":              {"", fmt.Errorf("apply: %w", denied), connector.KindDenied, 0, "no rights"},
		"CauseHasKind":         {"the outer kind counts", invalid.Because(unavailable), connector.KindInvalid, 0, `role "x" is unknown`},
		"RetryBeatsTerminal":   {"the removal must be retried", errors.Join(invalid, unavailable), connector.KindUnavailable, 3 * time.Second, `busy; role "x" is unknown`},
		"UnknownBeatsTerminal": {"", errors.Join(conflict, io.EOF), connector.KindUnknown, 0, "taken"},
		"DeniedBeatsConflict":  {"", fmt.Errorf("all: %w", errors.Join(conflict, fmt.Errorf("one: %w", denied))), connector.KindDenied, 0, "no rights; taken"},
		"LongestWait":          {"", errors.Join(unavailable, connector.Unavailablef(9*time.Second, "busy")), connector.KindUnavailable, 9 * time.Second, "busy"},
		"TwoVerbs":             {"", fmt.Errorf("%w and %w", denied, conflict), connector.KindDenied, 0, "no rights; taken"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := connector.KindOf(tc.err); got != tc.kind {
				t.Errorf("KindOf = %q, want %q: %s", got, tc.kind, tc.reason)
			}
			if got := connector.RetryAfter(tc.err); got != tc.retry {
				t.Errorf("RetryAfter = %v, want %v", got, tc.retry)
			}
			if got := connector.Message(tc.err); got != tc.message {
				t.Errorf("Message = %q, want %q", got, tc.message)
			}
		})
	}
}

func TestErrorHidesCause(t *testing.T) {
	err := connector.Deniedf("refused").Because(fmt.Errorf("password hunter2: %w", context.DeadlineExceeded))
	for _, format := range []string{"%v", "%+v", "%s", "%q"} {
		if text := fmt.Sprintf(format, err); strings.Contains(text, "hunter2") {
			t.Errorf("%s prints the cause: %s", format, text)
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error("errors.Is does not find the cause")
	}
}

func TestBecauseLeavesOriginal(t *testing.T) {
	base := connector.Deniedf("refused")
	_ = base.Because(io.EOF)
	if errors.Is(base, io.EOF) {
		t.Error("Because changed its receiver")
	}
}

func TestMessageIsBounded(t *testing.T) {
	var all []error
	for i := range 9 {
		all = append(all, connector.Invalidf("%d", i))
	}
	if got, want := connector.Message(errors.Join(all...)), "0; 1; 2; 3; 4; and 4 more"; got != want {
		t.Errorf("Message = %q, want %q", got, want)
	}
}
