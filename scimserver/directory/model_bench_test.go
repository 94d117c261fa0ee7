// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const many = 100_000

// manyUsers are users of the usual size, in no order.
func manyUsers() []*v1alpha1.ScimUser {
	users := make([]*v1alpha1.ScimUser, many)
	for i, n := range rand.New(rand.NewPCG(1, 1)).Perm(many) {
		attributes := fmt.Sprintf(`{"displayName":"Grace Hopper %[1]d","emails":[{"primary":true,"type":"work","value":"user%[1]d@example.com"}],`+
			`"name":{"familyName":"Hopper","formatted":"Grace Hopper","givenName":"Grace"},"title":"Rear Admiral","locale":"en-US","timezone":"Europe/Vienna",`+
			`"phoneNumbers":[{"type":"work","value":"+1 555 01%[1]d"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":`+
			`{"costCenter":"4130","department":"Tour Operations","employeeNumber":"%[1]d","manager":{"value":"26118915-6090-4610-87e4-49d8ca9f808d"},"organization":"Universal Studios"}}`, n)
		users[i] = fabricated(uuid.NewString(), n/10, i+1, fmt.Sprintf("User%d@example.com", n), attributes)
		users[i].Spec.ExternalID = fmt.Sprintf("00u%d", n)
	}
	return users
}

func fed(users []*v1alpha1.ScimUser) *Model {
	m := deaf(true)
	h := m.users.handler()
	for _, u := range users {
		h.OnAdd(u, true)
	}
	m.users.rollOf(users[0]).page(nil, 0, 1)
	return m
}

// BenchmarkModelStart is what the model adds to the start: everybody in any order, until the first page.
func BenchmarkModelStart(b *testing.B) {
	users := manyUsers()
	var before, after runtime.MemStats
	var m *Model
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		m = fed(users)
		runtime.GC()
		runtime.ReadMemStats(&after)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "B/user")
	runtime.KeepAlive(m)
}

func BenchmarkList(b *testing.B) {
	s := offline(fed(manyUsers()))
	for _, bench := range []struct{ name, query string }{
		{"page of 100", "startIndex=50001&count=100"},
		{"page of 1", "startIndex=50001&count=1"},
		{"userName hit", "filter=userName+eq+%22user777@example.com%22"},
		{"externalId hit", "filter=externalId+eq+%2200u777%22"},
		{"email hit", "filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22USER777@example.com%22"},
		{"scan of attributes", "filter=title+eq+%22nobody%22"},
		{"scan without attributes", "filter=active+eq+false"},
		{"scan of everybody", "filter=active+eq+true&count=100"},
		{"sorted by userName", "sortBy=userName&count=100"},
		{"sorted by familyName", "sortBy=name.familyName&count=100"},
	} {
		q := query(b, bench.query)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.List(b.Context(), theDirectory, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	q := query(b, "cursor=&count=100")
	q.After = &scim.Position{LastCreated: fabricated("", 5000, 1, "", "").CreationTimestamp.Time}
	b.Run("page of 100 by cursor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			page, err := s.List(b.Context(), theDirectory, q)
			if err != nil || statusOf(err) != http.StatusOK || len(page.Resources) != 100 {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkModelWrite is one user more, and again one less, in a large directory that is read in between.
func BenchmarkModelWrite(b *testing.B) {
	users := manyUsers()
	m := fed(users)
	r := m.users.rollOf(users[0])
	for b.Loop() {
		u := fabricated(uuid.NewString(), many, 1, "new", "")
		m.saw(u)
		r.page(nil, 0, 100)
		m.gone(users[0])
		m.users.handler().OnDelete(users[0])
		users[0].ResourceVersion = "9999999"
		m.saw(users[0])
		r.page(nil, 0, 100)
		r.forget(u.Name, 1)
	}
}
