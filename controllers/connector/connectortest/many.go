// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"sync"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// callsToSuspend is how many calls an account may need to be looked at and suspended.
	callsToSuspend = 3
	// callsBeside are those for what a connector knows for a while, such as which groups there are, and may have to look up again meanwhile. They
	// do not grow with the accounts.
	callsBeside = 12
	// suspenders are at work at the same time.
	suspenders = 16
)

// suspendMany is the morning on which a thousand people are let go.
func suspendMany(t testing.TB, s Subject) {
	r := start(t, s)
	if r.Calls == nil {
		return
	}
	accounts := make([]connector.Account, s.many())
	for i := range accounts {
		accounts[i] = r.account(r.Roles[i%3])
	}
	staying := r.account(r.Roles[0])
	r.apply(nil, staying)
	r.byMany(accounts, func(a connector.Account) error { return settle(r.Context(), r.conn, a) })
	before := r.Calls()
	r.byMany(accounts, r.suspendOne)
	if calls := r.Calls() - before; calls == 0 || calls > callsToSuspend*len(accounts)+callsBeside {
		r.Errorf("%d accounts were looked at and suspended with %d calls, want some, and %d for each at most", len(accounts), calls, callsToSuspend)
	}
	r.wantFewConnections()
	r.byMany(accounts, func(a connector.Account) error { return r.insync(suspended(a))() })
	for _, i := range []int{0, len(accounts) / 2, len(accounts) - 1} {
		r.wantAccess(accounts[i].UserName)
	}
	r.wantInSync(staying)
	r.wantAccess(staying.UserName, staying.Roles...)
	r.byMany(accounts, func(a connector.Account) error { return r.conn.Delete(r.Context(), a) })
}

func (s Subject) many() int {
	switch {
	case s.Many > 0:
		return s.Many
	case testing.Short():
		return 100
	default:
		return 1000
	}
}

func (r *run) suspendOne(a connector.Account) error {
	observed, err := observe(r.Context(), r.conn, a)
	if err == nil {
		_, err = r.conn.Apply(r.Context(), observed, suspended(a))
	}
	return err
}

func (r *run) wantFewConnections() {
	r.Helper()
	if r.MostConnections == nil {
		return
	}
	if most := r.MostConnections(); most == 0 || most > r.MaxConnections {
		r.Errorf("%d connections were open at the same time, want some, and %d at most", most, r.MaxConnections)
	}
}

// byMany does f for every account, some at the same time.
func (r *run) byMany(accounts []connector.Account, f func(connector.Account) error) {
	r.Helper()
	next := make(chan connector.Account)
	failed := make(chan error, len(accounts))
	var all sync.WaitGroup
	for range suspenders {
		all.Go(func() {
			for a := range next {
				if err := f(a); err != nil {
					failed <- err
				}
			}
		})
	}
	for _, a := range accounts {
		next <- a
	}
	close(next)
	all.Wait()
	if n := len(failed); n > 0 {
		r.Errorf("%d of %d accounts, the first: %v", n, len(accounts), <-failed)
	}
}
