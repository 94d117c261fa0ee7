// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// TestWrittenDiff: the version alone says whether something was written, and the text says what.
func TestWrittenDiff(t *testing.T) {
	account := func(version, identifier string) client.Object {
		return &v1alpha1.ScimAccount{ObjectMeta: metav1.ObjectMeta{ResourceVersion: version}, Status: v1alpha1.ScimAccountStatus{ExternalID: identifier}}
	}
	before := written{"same": account("1", "one"), "changed": account("2", "two"), "gone": account("3", "three")}
	after := written{"same": account("1", "one"), "changed": account("4", "four"), "new": account("5", "five")}
	if diff := before.diff(before); diff != "" {
		t.Errorf("nobody wrote:\n%s", diff)
	}
	diff := before.diff(after)
	for _, want := range []string{"changed:", "two", "four", "gone:", "three", "new:", "five"} {
		if !strings.Contains(diff, want) {
			t.Errorf("it does not say %q:\n%s", want, diff)
		}
	}
	if strings.Contains(diff, "same:") {
		t.Errorf("it speaks of what nobody wrote:\n%s", diff)
	}
}
