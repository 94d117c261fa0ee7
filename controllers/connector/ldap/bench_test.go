// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"errors"
	"sync"
	"testing"
	"time"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
	ldapapp "github.com/scim-operator/scim-operator/hack/apps/ldap"
)

// BenchmarkCreateSuspend makes and suspends accounts with one role, eight at a time on the connections of the pool, beside a client that sends the
// changes alone on as many connections: what it costs to look first and to look again.
func BenchmarkCreateSuspend(b *testing.B) {
	w := inWorld(b)
	conn := openWith(b, w.config(nil))
	raw := openWith(b, w.config(nil))
	for b.Loop() {
		accounts := make([]connector.Account, 500)
		for i := range accounts {
			accounts[i] = person("bench", "reader")
		}
		b.ReportMetric(perSecond(b, accounts, func(want connector.Account) error {
			observed, err := observed(b, conn, want)
			if err == nil {
				_, err = conn.Apply(b.Context(), observed, want)
			}
			return err
		}), "create/s")
		b.ReportMetric(perSecond(b, accounts, func(want connector.Account) error {
			observed, err := observed(b, conn, suspended(want))
			if err == nil {
				_, err = conn.Apply(b.Context(), observed, suspended(want))
			}
			return err
		}), "suspend/s")
		each(b, accounts, func(want connector.Account) error { return conn.Delete(b.Context(), want) })
		b.ReportMetric(perSecond(b, accounts, func(want connector.Account) error { return rawCreate(b, raw, want) }), "raw-create/s")
		b.ReportMetric(perSecond(b, accounts, func(want connector.Account) error { return rawSuspend(b, raw, want) }), "raw-suspend/s")
		each(b, accounts, func(want connector.Account) error { return conn.Delete(b.Context(), want) })
	}
}

func observed(b *testing.B, conn *Connector, want connector.Account) (*connector.Account, error) {
	found, err := conn.Observe(b.Context(), want)
	if errors.Is(err, connector.ErrNotFound) {
		return nil, nil
	}
	return found, err
}

func perSecond(b *testing.B, accounts []connector.Account, f func(connector.Account) error) float64 {
	began := time.Now()
	each(b, accounts, f)
	return float64(len(accounts)) / time.Since(began).Seconds()
}

// rawCreate sends what must be sent at least.
func rawCreate(b *testing.B, conn *Connector, want connector.Account) error {
	add := personEntry(want)
	add.Attribute("description", []string{markPrefix + want.Owner})
	return rawly(b, conn, func(s *session) error { return s.Add(add) }, ldapv3.AddAttribute, add.DN)
}

func rawSuspend(b *testing.B, conn *Connector, want connector.Account) error {
	at, _ := parseDN(rdnOf("uid", want.UserName) + "," + ldapapp.PeopleDN)
	lock := step{at: at, changes: damage(ldapv3.ReplaceAttribute, attributeLocked, lockedForGood)}.modification(nil)
	return rawly(b, conn, func(s *session) error { return s.Modify(lock) }, ldapv3.DeleteAttribute, at.text)
}

func rawly(b *testing.B, conn *Connector, first func(*session) error, operation uint, member string) error {
	_, err := conn.pool.with(b.Context(), func(s *session) error {
		if err := first(s); err != nil {
			return err
		}
		return s.Modify(step{at: conn.roles[1].group, changes: damage(operation, "member", member)}.modification(nil))
	})
	return err
}

// each does f for all accounts, eight at a time.
func each(b *testing.B, accounts []connector.Account, f func(connector.Account) error) {
	b.Helper()
	next := make(chan connector.Account)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for want := range next {
				if err := f(want); err != nil {
					b.Errorf("%v: %v", err, errors.Unwrap(err))
				}
			}
		})
	}
	for _, want := range accounts {
		next <- want
	}
	close(next)
	all.Wait()
}
