// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// TestConcurrently: many workers at a time let exactly as many go as may, and the race detector looks on.
func TestConcurrently(t *testing.T) {
	f := newFixture(200, 50, 60)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < 400; i += 8 {
				account := fmt.Sprintf("%s-u%d", []string{"crm", "erp"}[i%2], i/2+1)
				c := f.want(account, v1alpha1.AccountSuspended)
				v := f.l.Admit(f.now, c, Rules{Application: f.application(c.Application), Directory: f.dir, Invariants: []Invariant{atLeast("viewer", 10)}})
				a := f.accounts[account].DeepCopy()
				a.Generation++
				if a.Spec.Held = v.Held; v.Held == nil {
					a.Spec.State, a.Spec.LostAccessAt = v1alpha1.AccountSuspended, v.LostAccessAt
				}
				f.l.Observe(a)
				f.l.Held(ns, "crm")
				f.l.Unwritten(ns, f.now)
			}
		})
	}
	wg.Wait()
	n := f.l.in(ns)
	left := map[string]bool{}
	for _, e := range n.accounts {
		if !e.seen.standing.Active {
			left[e.user] = true
		}
	}
	crm := n.applications["crm"]
	if got := crm.windows[reversible].people; got != 50 || len(left) != 60 || int64(200-got) != crm.low["viewer"] {
		t.Errorf("%d people left crm, where 50 may, %d the directory, where 60 may, and %d are counted in crm", got, len(left), crm.low["viewer"])
	}
}

// BenchmarkAdmit asks about one account after the other, of as many as there are.
func BenchmarkAdmit(b *testing.B) {
	for _, size := range []int{1_000, 100_000} {
		f := newFixture(size, 100, 100)
		for name, rules := range map[string][]Invariant{"": nil, "invariant": {atLeast("viewer", 2)}} {
			b.Run(fmt.Sprintf("%d%s", size, name), func(b *testing.B) {
				changes := make([]Change, 0, size)
				for i := range size {
					changes = append(changes, f.want(fmt.Sprintf("crm-u%d", i+1), v1alpha1.AccountSuspended))
				}
				f.restart()
				r := Rules{Application: f.crm, Directory: f.dir, Invariants: rules}
				f.l.Admit(f.now, changes[0], r)
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					f.l.Admit(f.now.Add(time.Duration(i)), changes[i%size], r)
				}
			})
		}
	}
}
