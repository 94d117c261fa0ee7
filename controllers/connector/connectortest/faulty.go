// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/connectortest/faults"
)

const (
	// maxExchanges bounds at how many exchanges of a call a fault that strikes once is tried. No call should have so many.
	maxExchanges = 24
	// Calls have so long while something is wrong, since clients may try again for ever, and so long where nothing is ever answered.
	faultPatience, silentPatience = 2 * time.Second, 200 * time.Millisecond
)

// errUntrue is what a call of a scene returns when the connector said that all is well and told something that is not so.
var errUntrue = errors.New("the connector says what is not so")

// errNotYet makes [run.again] try again.
var errNotYet = errors.New("not in sync yet")

// scene is something that is done while a fault is on, and what comes after.
type scene struct {
	// call is done while the fault is on. It returns the connector's error, or one that is errUntrue.
	call func(ctx context.Context, conn *errorReader) error
	// nobody says that ErrNotFound is the truth.
	nobody bool
	// done returns what must be so if call returned nil, asked when the fault is over and before anything else is done.
	done func() error
	// settle does what the reconciler does next. It is repeated until it returns nil.
	settle func() error
	// holds checks how things are in the end.
	holds func()
}

func checksOfFaults() []check {
	return []check{
		{"FaultsObserve", underFaults(sceneObserve, sceneObserveNobody)},
		{"FaultsCreate", underFaults(sceneCreate, sceneCreateBlindly)},
		{"FaultsChange", underFaults(sceneChange)},
		{"FaultsSuspend", underFaults(sceneSuspend)},
		{"FaultsRestore", underFaults(sceneRestore)},
		{"FaultsRename", underFaults(sceneRename)},
		{"FaultsDelete", underFaults(sceneDelete)},
		{"FaultsList", underFaults(sceneList)},
		{"FaultsFind", underFaults(sceneFind, sceneFindNobody)},
		{"FaultsAdopt", underFaults(sceneAdopt)},
		{"FaultsRevoke", underFaults(sceneRevoke)},
	}
}

// underFaults plays scenes with every fault of the subject. A setting that the connector has no part in is nil.
func underFaults(settings ...func(*run) *scene) func(testing.TB, Subject) {
	return func(t testing.TB, s Subject) {
		r := start(t, s)
		for _, name := range slices.Sorted(maps.Keys(r.Faults)) {
			for _, set := range settings {
				r.underFault(name, r.Faults[name], set)
			}
		}
	}
}

// underFault plays a scene once, and again for every exchange in it where the fault is one that strikes once.
func (r *run) underFault(name string, f faults.Fault, set func(*run) *scene) {
	r.Helper()
	for after := range maxExchanges {
		s := set(r)
		if s == nil {
			return
		}
		where := fmt.Sprintf("%s, after %d exchanges", name, after)
		lift := sync.OnceValue(f.Inject(after))
		defer lift()
		err := r.during(where, f, s.call)
		struck := lift()
		r.wantHonest(where, f, s, err)
		r.again(where+": to settle", s.settle)
		if s.holds(); r.Failed() {
			r.Fatalf("that was %s: it returned %v", where, err)
		}
		if !f.Once || struck == 0 || testing.Short() && after == 1 {
			return
		}
	}
}

// during calls while the fault is on. Connectors that do not return when their context ends are not waited for.
func (r *run) during(where string, f faults.Fault, call func(context.Context, *errorReader) error) error {
	r.Helper()
	limit := faultPatience
	switch {
	case f.Silent:
		limit = silentPatience
	case f.Harmless:
		limit = patience
	}
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- call(ctx, r.conn) }()
	return within(r.TB, where+": the call never returns", result)
}

// wantHonest wants success that is one, or an error that tells the caller to try again: a fault says nothing of the account, of whose it is,
// or of our rights.
func (r *run) wantHonest(where string, f faults.Fault, s *scene, err error) {
	r.Helper()
	switch {
	case err == nil:
		r.again(where+": it returned nil, and then", s.done)
	case errors.Is(err, errUntrue):
		r.Fatalf("%s: %v", where, err)
	case errors.Is(err, connector.ErrNotFound):
		if !s.nobody {
			r.Fatalf("%s: it returned ErrNotFound for what is there", where)
		}
	case f.Harmless:
		r.Fatalf("%s: it returned %v, and should work", where, err)
	case !passes(err):
		r.Fatalf("%s: it returned %s (%v), want Unavailable or an error without a kind", where, connector.KindOf(err), err)
	}
}

// passes says whether the caller tries again by itself.
func passes(err error) bool {
	kind := connector.KindOf(err)
	return kind == connector.KindUnavailable || kind == connector.KindUnknown
}

// again repeats f until it returns nil. What a fault leaves behind, dead connections or a time to wait, may need some tries; an error that
// nobody would try again after, or that is untrue, ends the test.
func (r *run) again(what string, f func() error) {
	r.Helper()
	var err error
	eventually(r.Context(), func() bool {
		err = f()
		return err == nil || !passes(err) || errors.Is(err, errUntrue)
	})
	if err != nil {
		r.Fatalf("%s: %v", what, err)
	}
}

// settled brings the account to what is wanted.
func (r *run) settled(want connector.Account) *connector.Account {
	r.Helper()
	r.again("to prepare", r.settling(want))
	return r.observedAgain(want)
}

// settling is one round of the reconciler.
func (r *run) settling(want connector.Account) func() error {
	return func() error {
		observed, err := observe(r.Context(), r.conn, want)
		if err != nil || connector.InSync(observed, want) {
			return err
		}
		if _, err = r.conn.Apply(r.Context(), observed, want); err != nil {
			return err
		}
		if observed, err = observe(r.Context(), r.conn, want); err == nil && !connector.InSync(observed, want) {
			return errNotYet
		}
		return err
	}
}

// insync looks without changing anything.
func (r *run) insync(want connector.Account) func() error {
	return func() error {
		observed, err := observe(r.Context(), r.conn, want)
		if err == nil && !connector.InSync(observed, want) {
			return fmt.Errorf("%w: there is %s, and not %s", errUntrue, describe(observed), describe(&want))
		}
		return err
	}
}

func (r *run) observedAgain(want connector.Account) (observed *connector.Account) {
	r.Helper()
	r.again("to observe", func() (err error) {
		observed, err = observe(r.Context(), r.conn, want)
		return err
	})
	return observed
}

// wantCount checks how many accounts there are.
func (r *run) wantCount(acct connector.Account, want int) {
	r.Helper()
	if got := r.countOf(acct); got != want {
		r.Errorf("there are %d accounts, want %d", got, want)
	}
}

// wantNoSecond allows none, since of a suspended account some systems keep nothing.
func (r *run) wantNoSecond(acct connector.Account) {
	r.Helper()
	if got := r.countOf(acct); got > 1 {
		r.Errorf("there are %d accounts, want one at most", got)
	}
}

func (r *run) countOf(acct connector.Account) (count int) {
	r.Helper()
	if r.CountOf != nil {
		return r.CountOf(r.TB, acct.UserName)
	}
	if _, ok := r.Connector.(connector.Lister); !ok {
		r.Fatal("the subject has Faults, and no CountOf")
	}
	r.again("to list", func() error {
		all, err := r.conn.list(r.Context())
		count = 0
		for _, a := range all {
			if a.Owner == acct.Owner || a.UserName == acct.UserName {
				count++
			}
		}
		return err
	})
	return count
}
