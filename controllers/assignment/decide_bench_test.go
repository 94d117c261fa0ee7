// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"fmt"
	"testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// BenchmarkDecide is one person, 10 applications with 20 grants altogether, as many conditions as groups and names.
func BenchmarkDecide(b *testing.B) {
	f := Facts{User: makeUser(), Groups: []*group{makeGroup("g1", "Ops", ""), makeGroup("g2", "Dev", "")}, Now: noon()}
	for i := range 10 {
		name := fmt.Sprint("app", i)
		f.Applications = append(f.Applications, makeApp(func(a *scimApp) { a.Name = name }))
		for j, g := range []*grant{makeGrant("x", in(v1alpha1.GroupSubject{DisplayName: "ops"}), "a"), makeGrant("y", whoever(`user.title == "chief"`), "b")} {
			if i%2 == j {
				also(g, only("bob"))
			}
			g.Spec.ApplicationRef = ref(name)
			f.Grants = append(f.Grants, g)
		}
	}
	programs := &expression.Cache{}
	for _, w := range Decide(f, programs).Wanted {
		f.Present = append(f.Present, &account{Spec: w.Spec})
		f.Present[len(f.Present)-1].Name = w.Name
	}
	b.ReportAllocs()
	for b.Loop() {
		if steps, _ := Plan(Decide(f, programs), f.Present, never); len(steps) > 0 {
			b.Fatal("not settled")
		}
	}
}
