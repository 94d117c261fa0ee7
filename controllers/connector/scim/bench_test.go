// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"net/http"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// BenchmarkCreateSuspend makes accounts with one role and suspends them, and does the same by as few requests as can be: a POST, a PATCH of the
// group and a PATCH of the user.
func BenchmarkCreateSuspend(b *testing.B) {
	for _, name := range []string{"scimmy", "better-auth"} {
		b.Run(name, func(b *testing.B) { benchmark(b, serverNamed(b, name)) })
	}
}

func benchmark(b *testing.B, s *server) {
	conn := openWith(b, config(s.url, s.token))
	group, err := s.groupNamed(b.Context(), "writer")
	if err != nil {
		b.Fatal(err)
	}
	var create, suspend, rawCreate, rawSuspend time.Duration
	for b.Loop() {
		want := someone("writer")
		create += took(func() { want = settle(b, conn, want) })
		want.State = connector.Suspended
		suspend += took(func() { settle(b, conn, want) })

		raw, id := someone(), ""
		rawCreate += took(func() {
			id = s.must(b, http.MethodPost, usersPath, (&Connector{}).newUser(raw)).text(attrID)
			s.must(b, http.MethodPatch, groupsPath+"/"+group, patchBody(operation{Op: "add", Path: attrMembers, Value: valuesOf([]string{id})}))
		})
		rawSuspend += took(func() {
			s.must(b, http.MethodPatch, usersPath+"/"+id, patchBody(operation{Op: "replace", Path: attrActive, Value: false}))
		})
	}
	for unit, duration := range map[string]time.Duration{
		"created/s": create, "suspended/s": suspend, "raw-created/s": rawCreate, "raw-suspended/s": rawSuspend,
	} {
		b.ReportMetric(float64(b.N)/duration.Seconds(), unit)
	}
}

func took(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}
