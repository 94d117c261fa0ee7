// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// Ago is how long ago something was, as kubectl says it; "-" if it never was.
func Ago(now time.Time, at *metav1.Time) string {
	if at == nil || at.IsZero() {
		return "-"
	}
	return duration.HumanDuration(now.Sub(at.Time))
}

// Left is how long something still takes; "over" when it has been.
func Left(now, at time.Time) string {
	if !at.After(now) {
		return "over"
	}
	return duration.HumanDuration(at.Sub(now))
}

// Ready is the condition Ready for people: its reason, in brackets unless it is True.
func Ready(conditions []metav1.Condition) string {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return "-"
	case ready.Status == metav1.ConditionTrue:
		return ready.Reason
	default:
		return "not: " + ready.Reason
	}
}

// Or is s, or "-" where there is none.
func Or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// Count is a number and what it counts: "1 account", "2 accounts".
func Count[N ~int | ~int32 | ~int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if one[len(one)-1] == 'y' {
		return fmt.Sprintf("%d %sies", n, one[:len(one)-1])
	}
	return fmt.Sprintf("%d %ss", n, one)
}
