// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func foreign(t testing.TB, s Subject) {
	r := start(t, s)
	if len(r.Foreign) == 0 {
		r.Fatal("the subject has no Foreign")
	}
	for name, f := range r.Foreign {
		want := r.account(r.Roles[:2]...)
		state := f.Create(r.TB, want)
		before := state()
		r.besideForeign(name, f, want)
		if after := state(); after != before {
			r.Errorf("%s: changed from %s to %s", name, before, after)
		}
	}
}

// besideForeign does everything to an account that somebody else's stands in the way of.
func (r *run) besideForeign(name string, f Foreign, want connector.Account) {
	observed := r.observe(want)
	if observed != nil && observed.Owner == want.Owner {
		r.Errorf("%s: observed as ours: %s", name, describe(observed))
	}
	for _, seen := range []*connector.Account{observed, nil} {
		_, err := r.conn.Apply(r.Context(), seen, want)
		if conflicts := connector.KindOf(err) == connector.KindConflict; conflicts != f.Conflicts || (err != nil && !conflicts) {
			r.Errorf("%s: Apply returned %v, want a conflict: %v", name, err, f.Conflicts)
		}
	}
	r.toleratesConflict(name, func() error {
		_, err := r.conn.Apply(r.Context(), r.observe(want), suspended(want))
		return err
	})
	r.toleratesConflict(name, func() error { return r.conn.Delete(r.Context(), want) })
	if observed != nil {
		r.toleratesConflict(name, func() error {
			return r.conn.Delete(r.Context(), with(*observed, func(a *connector.Account) { a.Owner = want.Owner }))
		})
	}
}

func (r *run) toleratesConflict(name string, f func() error) {
	r.Helper()
	if err := f(); err != nil && connector.KindOf(err) != connector.KindConflict {
		r.Errorf("%s: %v", name, err)
	}
}

// ended calls every verb with a context that is over.
func ended(t testing.TB, s Subject) {
	r := start(t, s)
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	want := r.account(r.Roles[0])
	r.wantNoWrites("a context that is over", func() {
		for verb, call := range r.verbs(want) {
			if err := call(ctx, r.conn); !errors.Is(err, context.Canceled) {
				r.Errorf("%s returned %v, want the context's error", verb, err)
			}
		}
	})
}

// cancelled cancels every verb while the downstream system keeps it waiting.
func cancelled(t testing.TB, s Subject) {
	r := start(t, s)
	for verb, call := range r.verbs(r.account(r.Roles[0])) {
		hanging, reached := s.Hanging(t)
		ctx, cancel := context.WithCancel(r.Context())
		result := make(chan error, 1)
		go func() { result <- call(ctx, &errorReader{Connector: hanging, t: t, secrets: s.Secrets}) }()
		within(t, verb+" never reached the system", reached)
		cancel()
		if err := within(t, verb+" still waits after its context was cancelled", result); !errors.Is(err, context.Canceled) {
			r.Errorf("%s returned %v, want the context's error", verb, err)
		}
	}
}

// within returns what c delivers, or ends the test when patience or the test itself is over.
func within[V any](t testing.TB, complaint string, c <-chan V) V {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
	case <-t.Context().Done():
	}
	t.Fatal(complaint)
	panic("unreachable")
}

// verb is a call of one method.
type verb func(ctx context.Context, conn *errorReader) error

// verbs are the methods of the connector, those of its capabilities too, as calls that are about want.
func (r *run) verbs(want connector.Account) map[string]verb {
	all := map[string]verb{
		"Observe": func(ctx context.Context, conn *errorReader) error {
			_, err := conn.Observe(ctx, want)
			return err
		},
		"Apply": func(ctx context.Context, conn *errorReader) error {
			_, err := conn.Apply(ctx, nil, want)
			return err
		},
		"Suspend": func(ctx context.Context, conn *errorReader) error {
			_, err := conn.Apply(ctx, &want, suspended(want))
			return err
		},
		"Delete": func(ctx context.Context, conn *errorReader) error { return conn.Delete(ctx, want) },
	}
	maps.Copy(all, r.capabilityVerbs(want))
	return all
}

func (r *run) capabilityVerbs(want connector.Account) map[string]verb {
	all := map[string]verb{}
	if r.adopts() {
		all["Find"] = func(ctx context.Context, conn *errorReader) error {
			_, err := conn.Find(ctx, r.Keys[0], want.UserName)
			return err
		}
		found := with(want, func(a *connector.Account) { a.Owner, a.ExternalID = "", "1" })
		all["Adopt"] = func(ctx context.Context, conn *errorReader) error {
			_, err := conn.Adopt(ctx, found, want.Owner)
			return err
		}
	}
	if _, ok := r.Connector.(connector.Lister); ok {
		all["List"] = func(ctx context.Context, conn *errorReader) error {
			_, err := conn.list(ctx)
			return err
		}
	}
	if r.revokes() {
		all["Revoke"] = func(ctx context.Context, conn *errorReader) error {
			_, err := conn.Revoke(ctx, want)
			return err
		}
	}
	return all
}

func failing(t testing.TB, s Subject) {
	r := start(t, s)
	for _, kind := range []connector.Kind{connector.KindDenied, connector.KindUnavailable} {
		if s.Failing[kind] == nil {
			r.Errorf("the subject has no connector that is %s", kind)
		}
	}
	for kind, open := range s.Failing {
		conn := &errorReader{Connector: open(t), t: t, secrets: s.Secrets}
		for verb, call := range r.verbs(r.account(r.Roles[0])) {
			r.wantKind(verb, call(r.Context(), conn), kind)
		}
		if prober, ok := conn.Connector.(connector.Prober); ok {
			err := prober.Probe(r.Context())
			conn.read(err, "")
			r.wantKind("Probe", err, kind)
		}
	}
}

func (r *run) wantKind(verb string, err error, kind connector.Kind) {
	r.Helper()
	if got := connector.KindOf(err); got != kind {
		r.Errorf("%s returned %q (%v), want %s", verb, got, err, kind)
	}
}

// twoAtOnce applies different wishes for one account at the same time, as two replicas with stale caches may do.
func twoAtOnce(t testing.TB, s Subject) {
	r := start(t, s)
	for range 5 {
		first := r.account(r.Roles[0], r.Roles[1])
		second := withRoles(first, r.Roles[1], r.Roles[2])
		var both sync.WaitGroup
		for _, want := range []connector.Account{first, first, second} {
			both.Go(func() {
				_, err := r.conn.Apply(r.Context(), nil, want)
				if err != nil && connector.KindOf(err) != connector.KindUnavailable {
					r.Errorf("Apply beside another: %v", err)
				}
			})
		}
		both.Wait()
		if err := settle(r.Context(), r.conn, second); err != nil {
			r.Fatalf("two Applies at once: %v", err)
		}
		r.wantAccess(second.UserName, second.Roles...)
	}
}

// manyAtOnce takes a hundred accounts through their lives at the same time.
func manyAtOnce(t testing.TB, s Subject) {
	r := start(t, s)
	const count = 100
	accounts := make([]connector.Account, count)
	for i := range accounts {
		accounts[i] = r.account(r.Roles[i%3])
	}
	r.everyAccount(accounts)
	for i := range accounts {
		if i%2 == 0 {
			accounts[i] = suspended(accounts[i])
			continue
		}
		accounts[i] = withRoles(accounts[i], slices.Sorted(slices.Values(r.Roles[:2]))...)
	}
	r.everyAccount(accounts)
	for i, want := range accounts {
		observed := r.observe(want)
		if !connector.InSync(observed, want) {
			r.Errorf("account %d: observed %s, want %s", i, describe(observed), describe(&want))
		}
	}
	r.wantAccess(accounts[0].UserName)
	r.wantAccess(accounts[1].UserName, r.Roles[:2]...)
}

func (r *run) everyAccount(accounts []connector.Account) {
	var all sync.WaitGroup
	for i, want := range accounts {
		all.Go(func() {
			if err := settle(r.Context(), r.conn, want); err != nil {
				r.Errorf("account %d: %v", i, err)
			}
		})
	}
	all.Wait()
}
