// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package catalogue

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	for _, name := range Names() {
		if start, err := Find(name); start == nil || err != nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err := Find("nothing")
	if err == nil {
		t.Fatal("found what is not there")
	}
	for _, name := range Names() {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not say that there is %s", err, name)
		}
	}
}
