// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestSet(t *testing.T) {
	var conditions []metav1.Condition
	Stalled(v1alpha1.ReasonDenied, "no right").Set(&conditions, 3)
	if IsReady(conditions, 3) || !IsStalled(conditions, 3) || IsStalled(conditions, 4) {
		t.Errorf("stalled at generation 3: %+v", conditions)
	}
	before := append([]metav1.Condition{}, conditions...)
	Stalled(v1alpha1.ReasonDenied, "no right").Set(&conditions, 3)
	if diff := cmp.Diff(before, conditions); diff != "" {
		t.Errorf("the same verdict changed something:\n%s", diff)
	}
	Ready(v1alpha1.ReasonConnected, "well").Set(&conditions, 4)
	if !IsReady(conditions, 4) || IsReady(conditions, 5) || IsStalled(conditions, 4) || len(conditions) != 1 {
		t.Errorf("ready at generation 4: %+v", conditions)
	}
	Waiting(v1alpha1.ReasonUnavailable, strings.Repeat("x", 5000)).Set(&conditions, 4)
	if IsReady(conditions, 4) || IsStalled(conditions, 4) || len(conditions[0].Message) > maxMessage {
		t.Errorf("waiting at generation 4: %d characters", len(conditions[0].Message))
	}
}
