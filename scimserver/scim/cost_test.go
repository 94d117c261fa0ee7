// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strconv"
	"strings"
	"testing"
)

// hostileUser is as large as the limits on values allow, in text that is dear
// to fold.
func hostileUser() Resource {
	var list []any
	for i := range DefaultLimits().Elements {
		list = append(list, map[string]any{"value": strings.Repeat("é", 2000) + strconv.Itoa(i)})
	}
	return Resource{"userName": "u", "emails": list}
}

// BenchmarkHostilePatch is the dearest PATCH known: every operation compares
// every value as often as a path can.
func BenchmarkHostilePatch(b *testing.B) {
	rt, r := UserResourceType(), hostileUser()
	path := `emails[value co "éx"` + strings.Repeat(` or value co "éx"`, 62) + `]`
	var operations []any
	for range DefaultLimits().PatchOperations {
		operations = append(operations, map[string]any{"op": "remove", "path": path})
	}
	for b.Loop() {
		if _, err := applyPatch(rt, r, map[string]any{"Operations": operations}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostileFilter is the dearest filter known, on one resource.
func BenchmarkHostileFilter(b *testing.B) {
	f, err := ParseFilter(UserResourceType(), `emails.value co "éx"`+strings.Repeat(` or emails.value co "éx"`, 62))
	if err != nil {
		b.Fatal(err)
	}
	r := hostileUser()
	for b.Loop() {
		f.Match(r, Common{})
	}
}

// BenchmarkDecode reads a body of 1 MiB of the smallest values.
func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"a":[` + strings.Repeat("1,", 1<<19) + `1]}`)
	for b.Loop() {
		if _, err := Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}
