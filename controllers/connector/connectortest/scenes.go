// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"context"
	"fmt"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// nothing is a scene's settle where nothing is left to do, or its done where the call has said all.
func nothing() error { return nil }

func sceneObserve(r *run) *scene {
	want := r.account(r.Roles[:2]...)
	r.settled(want)
	return &scene{
		call: func(ctx context.Context, conn *errorReader) error {
			observed, err := conn.Observe(ctx, want)
			if err == nil && !connector.InSync(observed, want) {
				return fmt.Errorf("%w: observed %s", errUntrue, describe(observed))
			}
			return err
		},
		done: nothing, settle: r.insync(want), holds: func() { r.wantCount(want, 1) },
	}
}

func sceneObserveNobody(r *run) *scene {
	want := r.account(r.Roles[0])
	return &scene{
		nobody: true,
		call: func(ctx context.Context, conn *errorReader) error {
			observed, err := conn.Observe(ctx, want)
			if err == nil {
				return fmt.Errorf("%w: observed %s, and there is nobody", errUntrue, describe(observed))
			}
			return err
		},
		done: nothing, settle: nothing, holds: func() { r.wantCount(want, 0) },
	}
}

// applying is a scene in which an account that was observed so, or was not there, becomes want.
func (r *run) applying(observed *connector.Account, want connector.Account) *scene {
	return &scene{
		call: func(ctx context.Context, conn *errorReader) error {
			applied, err := conn.Apply(ctx, observed, want)
			if err == nil && !connector.InSync(&applied, want) {
				return fmt.Errorf("%w: Apply returned %s", errUntrue, describe(&applied))
			}
			return err
		},
		done: r.insync(want), settle: r.settling(want),
		holds: func() {
			if want.State == connector.Suspended {
				r.wantAccess(want.UserName)
				r.wantNoSecond(want)
				return
			}
			r.wantAccess(want.UserName, want.Roles...)
			r.wantCount(want, 1)
		},
	}
}

func sceneCreate(r *run) *scene { return r.applying(nil, r.account(r.Roles[:2]...)) }

// sceneCreateBlindly repeats the very call, as one does who does not look again.
func sceneCreateBlindly(r *run) *scene {
	want := r.account(r.Roles[:2]...)
	s := r.applying(nil, want)
	s.settle = func() error {
		_, err := r.conn.Apply(r.Context(), nil, want)
		return err
	}
	holds := s.holds
	s.holds = func() {
		r.again("after it was repeated", r.insync(want))
		holds()
	}
	return s
}

func sceneChange(r *run) *scene {
	was := r.account(r.Roles[:2]...)
	return r.applying(r.settled(was), withRoles(was, r.Roles[1:3]...))
}

func sceneSuspend(r *run) *scene {
	was := r.account(r.Roles[:2]...)
	return r.applying(r.settled(was), suspended(was))
}

func sceneRestore(r *run) *scene {
	want := r.account(r.Roles[:2]...)
	r.settled(want)
	return r.applying(r.settled(suspended(want)), want)
}

// sceneRename renames an account there and back, and the scene is the second of them: connectors that cannot are known by the first.
func sceneRename(r *run) *scene {
	want := r.account(r.Roles[:2]...)
	was := with(want, func(a *connector.Account) { a.UserName = "Old" + a.UserName })
	observed := r.settled(with(want, func(a *connector.Account) { a.UserName = "First" + a.UserName }))
	if _, err := r.conn.Apply(r.Context(), observed, was); connector.KindOf(err) == connector.KindInvalid {
		return nil
	}
	s := r.applying(r.settled(was), want)
	holds := s.holds
	s.holds = func() {
		holds()
		r.wantAccess(was.UserName)
		r.wantNoSecond(want)
	}
	return s
}

func sceneDelete(r *run) *scene {
	was := r.account(r.Roles[:2]...)
	observed := *r.settled(was)
	gone := func() error {
		left, err := observe(r.Context(), r.conn, was)
		if left != nil {
			return fmt.Errorf("%w: there is %s, which was deleted", errUntrue, describe(left))
		}
		return err
	}
	return &scene{
		call:   func(ctx context.Context, conn *errorReader) error { return conn.Delete(ctx, observed) },
		done:   gone,
		settle: func() error { return r.conn.Delete(r.Context(), observed) },
		holds: func() {
			r.again("after it was deleted", gone)
			r.wantAccess(was.UserName)
			r.wantCount(was, 0)
		},
	}
}

// sceneList wants a list that has every account, or ends with an error.
func sceneList(r *run) *scene {
	if _, ok := r.Connector.(connector.Lister); !ok {
		return nil
	}
	wanted := make([]connector.Account, 4)
	for i := range wanted {
		wanted[i] = r.account(r.Roles[0])
		r.settled(wanted[i])
	}
	list := func(ctx context.Context, conn *errorReader) error {
		all, err := conn.list(ctx)
		for _, want := range wanted {
			if n := listed(all, want); err == nil && n != 1 {
				return fmt.Errorf("%w: of %d accounts, %s is listed %d times", errUntrue, len(all), describe(&want), n)
			}
		}
		return err
	}
	return &scene{call: list, done: nothing, settle: func() error { return list(r.Context(), r.conn) }, holds: func() {}}
}

// listed counts the accounts that are the one that is wanted, in every respect.
func listed(all []connector.Account, want connector.Account) (times int) {
	for _, a := range all {
		if a.Owner == want.Owner && connector.InSync(&a, want) {
			times++
		}
	}
	return times
}

func sceneFind(r *run) *scene {
	if !r.adopts() {
		return nil
	}
	like := r.candidate(r.Roles[:2]...)
	r.Unmarked(r.TB, like)
	return r.finding(valueOf(r.Keys[0], like), 1)
}

func sceneFindNobody(r *run) *scene {
	if !r.adopts() {
		return nil
	}
	return r.finding(valueOf(r.Keys[0], r.candidate()), 0)
}

// finding looks for a value that so many accounts have.
func (r *run) finding(value string, count int) *scene {
	find := func(ctx context.Context, conn *errorReader) error {
		found, err := conn.Find(ctx, r.Keys[0], value)
		if err == nil && len(found) != count {
			return fmt.Errorf("%w: found %+v, want %d", errUntrue, found, count)
		}
		return err
	}
	return &scene{call: find, done: nothing, settle: func() error { return find(r.Context(), r.conn) }, holds: func() {}}
}

func sceneAdopt(r *run) *scene {
	if !r.adopts() {
		return nil
	}
	like := r.candidate(r.Roles[:2]...)
	r.Unmarked(r.TB, like)
	var found []connector.Account
	r.again("to find", func() (err error) {
		found, err = r.conn.Find(r.Context(), r.Keys[0], valueOf(r.Keys[0], like))
		return err
	})
	if len(found) != 1 {
		r.Fatalf("found %+v, want one account", found)
	}
	adopt := func(ctx context.Context, conn *errorReader) error {
		adopted, err := conn.Adopt(ctx, found[0], like.Owner)
		if err == nil && (adopted.Owner != like.Owner || adopted.UserName != like.UserName) {
			return fmt.Errorf("%w: Adopt returned %s", errUntrue, describe(&adopted))
		}
		return err
	}
	ours := func() error {
		observed, err := observe(r.Context(), r.conn, like)
		if err == nil && (observed == nil || observed.Owner != like.Owner || observed.UserName != like.UserName) {
			return fmt.Errorf("%w: there is %s, which was adopted", errUntrue, describe(observed))
		}
		return err
	}
	return &scene{
		call: adopt, done: ours, settle: func() error { return adopt(r.Context(), r.conn) },
		holds: func() {
			r.again("after it was adopted", ours)
			r.wantCount(like, 1)
		},
	}
}

func sceneRevoke(r *run) *scene {
	if !r.revokes() {
		return nil
	}
	was := r.account(r.Roles[0])
	r.settled(was)
	alive := r.open(was, false)
	r.settled(suspended(was))
	dead := func() error {
		if !eventually(r.Context(), func() bool { return !alive() }) {
			return fmt.Errorf("%w: what was revoked is alive", errUntrue)
		}
		return nil
	}
	revoke := func(ctx context.Context, conn *errorReader) error {
		_, err := conn.Revoke(ctx, was)
		return err
	}
	return &scene{
		call: revoke, done: dead, settle: func() error { return revoke(r.Context(), r.conn) },
		holds: func() { r.again("after it was revoked", dead) },
	}
}
