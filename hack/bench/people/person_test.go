// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPerson: Check in writer.go compares with a real server; here is what no server tells.
func TestPerson(t *testing.T) {
	names, some, x := map[string]bool{}, 1000, 0
	for p := range Person(some) {
		for _, name := range []string{p.UserName(), p.ExternalID()} {
			if names[name] {
				t.Fatalf("%q is the name of two people", name)
			}
			names[name] = true
		}
		if p.UserName() != strings.ToLower(p.UserName()) {
			t.Errorf("%q is not its own canonical form", p.UserName())
		}
		if size := len(p.Attributes()); size < 600 || size > 800 {
			t.Errorf("the attributes take %d bytes, want 600 to 800 as those of real users", size)
		}
		if strings.Contains(p.DisplayName(), "x") {
			x++
		}
	}
	if x != some/25 {
		t.Errorf("%d of %d have an x, want one in 25", x, some)
	}
}

func TestBody(t *testing.T) {
	var body, attributes map[string]any
	for text, into := range map[string]*map[string]any{string(Person(7).Body()): &body, string(Person(7).Attributes()): &attributes} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	for _, own := range []string{"schemas", "userName", "externalId", "active"} {
		if body[own] == nil {
			t.Errorf("the body has no %s", own)
		}
		delete(body, own)
	}
	if diff := cmp.Diff(body, attributes); diff != "" {
		t.Errorf("what is stored is not the rest of what is posted (-posted +stored):\n%s", diff)
	}
}

func TestObjects(t *testing.T) {
	name, user := Objects(7, "id")
	if name.Spec.Holder != user.Name || name.Spec.Value != user.Spec.UserName || name.Spec.DirectoryRef != user.Spec.DirectoryRef {
		t.Errorf("the reservation %+v is not that of %+v", name.Spec, user.Spec)
	}
	other, _ := Objects(8, "id")
	if other.Name == name.Name {
		t.Error("two userNames have one reservation")
	}
}
