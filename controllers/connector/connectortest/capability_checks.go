// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package connectortest

import (
	"slices"
	"sync"
	"testing"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// noSuchAttribute is one that no system keeps.
const noSuchAttribute = "scim-operator.dev/no-such-attribute"

func profile(t testing.TB, s Subject) {
	r := start(t, s)
	profiled, ok := r.Connector.(connector.Profiled)
	if ok != (len(r.Profile) > 0) {
		r.Fatalf("the connector is Profiled: %v, the subject has the Profile %v", ok, r.Profile)
	}
	if !ok {
		return
	}
	if profiled.Keeps(noSuchAttribute) {
		r.Errorf("it keeps %q", noSuchAttribute)
	}
	for name, value := range r.Profile {
		if !profiled.Keeps(name) {
			r.Errorf("it does not keep %q", name)
		}
		r.keepsAttribute(name, value)
	}
}

// keepsAttribute changes one attribute, leaves it unnamed and takes it away.
func (r *run) keepsAttribute(name, value string) {
	r.Helper()
	created := r.account(r.Roles[0])
	r.apply(nil, created)
	unnamed := with(created, func(a *connector.Account) { a.Profile = nil })
	for _, next := range []string{"new-" + value, ""} {
		want := with(created, func(a *connector.Account) { a.Profile = map[string]string{name: next} })
		observed := r.observe(want)
		if connector.InSync(observed, want) {
			r.Fatalf("%s: %q is wanted, and in sync with %s", name, next, describe(observed))
		}
		r.apply(observed, want)
		r.wantInSync(want)
		r.wantNoWrites("applying without "+name, func() { r.apply(r.observe(unnamed), unnamed) })
		r.wantInSync(want)
	}
}

func find(t testing.TB, s Subject) {
	r := start(t, s)
	if !r.adopts() {
		return
	}
	like := r.candidate(r.Roles[:2]...)
	state := r.Unmarked(r.TB, like)
	before := state()
	r.wantNoWrites("finding", func() {
		for _, key := range r.Keys {
			r.wantFound(key, like)
		}
		for _, value := range append(oddQueries(like.UserName), "*", "%", "", like.UserName[:len(like.UserName)-1], "no-such-"+like.UserName) {
			r.wantNobody(value)
		}
		r.refusesUnknownKeys(like)
	})
	if after := state(); after != before {
		r.Errorf("finding changed the account from %s to %s", before, after)
	}
}

// wantFound checks that the key finds exactly the unmarked account that was made like that.
func (r *run) wantFound(key connector.Key, like connector.Account) connector.Account {
	r.Helper()
	found, err := r.conn.Find(r.Context(), key, valueOf(key, like))
	if err != nil || len(found) != 1 {
		r.Fatalf("Find by %s returned %+v, %v, want one account", key, found, err)
	}
	same := found[0].UserName == like.UserName && found[0].State == connector.Active && slices.Equal(found[0].Roles, like.Roles)
	if found[0].Owner != "" || found[0].ExternalID == "" || !same {
		r.Errorf("Find by %s returned %s, want %s without an owner", key, describe(&found[0]), describe(&like))
	}
	return found[0]
}

// wantNobody checks that no key finds an account by that value.
func (r *run) wantNobody(value string) {
	r.Helper()
	for _, key := range r.Keys {
		found, err := r.conn.Find(r.Context(), key, value)
		if len(found) > 0 || err != nil && connector.KindOf(err) != connector.KindInvalid {
			r.Errorf("Find by %s %q returned %+v, %v, want nothing", key, value, found, err)
		}
	}
}

func (r *run) refusesUnknownKeys(like connector.Account) {
	for _, key := range []connector.Key{connector.KeyUserName, connector.KeyEmail, connector.KeyExternalID, "Shoe size"} {
		if slices.Contains(r.Keys, key) {
			continue
		}
		if found, err := r.conn.Find(r.Context(), key, like.UserName); connector.KindOf(err) != connector.KindInvalid {
			r.Errorf("Find by the unknown key %q returned %+v, %v, want Invalid", key, found, err)
		}
	}
}

// findOnlyUnmarked looks for accounts that are ours or bear another mark.
func findOnlyUnmarked(t testing.TB, s Subject) {
	r := start(t, s)
	if !r.adopts() {
		return
	}
	ours := r.candidate(r.Roles[:2]...)
	r.apply(nil, ours)
	for _, key := range r.Keys {
		if found, err := r.conn.Find(r.Context(), key, valueOf(key, ours)); err != nil || len(found) > 0 {
			r.Errorf("Find by %s returned %+v, %v of an account that is ours", key, found, err)
		}
	}
	for name, f := range r.Foreign {
		r.findBeside(name, f)
	}
}

func (r *run) findBeside(name string, f Foreign) {
	like := r.candidate(r.Roles[:2]...)
	state := f.Create(r.TB, like)
	before := state()
	for _, key := range r.Keys {
		found, err := r.conn.Find(r.Context(), key, valueOf(key, like))
		if err != nil || slices.ContainsFunc(found, func(a connector.Account) bool { return a.Owner != "" }) {
			r.Errorf("%s: Find by %s returned %+v, %v, want none that bears a mark", name, key, found, err)
		}
	}
	if after := state(); after != before {
		r.Errorf("%s: finding changed it from %s to %s", name, before, after)
	}
}

// findShared wants both accounts that have a key in common, since nobody can tell whose they are.
func findShared(t testing.TB, s Subject) {
	r := start(t, s)
	if !r.adopts() {
		return
	}
	for _, key := range r.Shared {
		first, second := r.candidate(r.Roles[0]), r.candidate(r.Roles[0])
		share(key, first, &second)
		r.Unmarked(r.TB, first)
		r.Unmarked(r.TB, second)
		found, err := r.conn.Find(r.Context(), key, valueOf(key, first))
		if err != nil || len(found) != 2 || found[0].ExternalID == found[1].ExternalID {
			r.Errorf("Find by %s returned %+v, %v, want the two that have it", key, found, err)
		}
	}
}

func adopt(t testing.TB, s Subject) {
	r := start(t, s)
	if !r.adopts() {
		return
	}
	like := r.candidate(r.Roles[:2]...)
	state := r.Unmarked(r.TB, like)
	before := state()
	found := r.wantFound(r.Keys[0], like)
	adopted := r.adopt(found, like.Owner)
	if want := with(found, func(a *connector.Account) { a.Owner = like.Owner }); !sameAccount(adopted, want) {
		r.Errorf("Adopt returned %s for %s", describe(&adopted), describe(&found))
	}
	if after := state(); after != before {
		r.Errorf("adopting changed more than the mark: from %s to %s", before, after)
	}
	r.wantAccess(like.UserName, like.Roles...)
	r.wantNoWrites("adopting again", func() { r.adopt(found, like.Owner) })
	r.wantNoWrites("adopting for another", func() { r.refusesAdoption(found, r.account().Owner) })
	r.wantNobody(like.UserName)
	r.livesOn(like)
	r.refusesAdoption(found, like.Owner)
}

// livesOn takes an adopted account through the rest of its life.
func (r *run) livesOn(want connector.Account) {
	r.Helper()
	observed := r.observe(want)
	if observed == nil || observed.Owner != want.Owner || observed.UserName != want.UserName || observed.State != connector.Active {
		r.Fatalf("observed %s after adopting %s", describe(observed), describe(&want))
	}
	r.apply(observed, want)
	r.wantInSync(want)
	r.wantAccess(want.UserName, want.Roles...)
	r.apply(r.observe(want), suspended(want))
	r.wantAccess(want.UserName)
	if err := r.conn.Delete(r.Context(), want); err != nil {
		r.Fatalf("Delete: %v", err)
	}
}

// adopt adopts, and returns the account as it is told.
func (r *run) adopt(found connector.Account, owner string) connector.Account {
	r.Helper()
	adopted, err := r.conn.Adopt(r.Context(), found, owner)
	if err != nil {
		r.Fatalf("Adopt: %v", err)
	}
	return adopted
}

func (r *run) refusesAdoption(found connector.Account, owner string) {
	r.Helper()
	if adopted, err := r.conn.Adopt(r.Context(), found, owner); connector.KindOf(err) != connector.KindConflict {
		r.Errorf("Adopt returned %s, %v, want a Conflict", describe(&adopted), err)
	}
}

// adoptAtOnce has two owners adopt one account at the same time.
func adoptAtOnce(t testing.TB, s Subject) {
	r := start(t, s)
	if !r.adopts() {
		return
	}
	for range 5 {
		like := r.candidate(r.Roles[0])
		r.Unmarked(r.TB, like)
		found := r.wantFound(r.Keys[0], like)
		owners := [2]string{r.account().Owner, r.account().Owner}
		var errs [2]error
		var both sync.WaitGroup
		for i, owner := range owners {
			both.Go(func() { _, errs[i] = r.conn.Adopt(r.Context(), found, owner) })
		}
		both.Wait()
		r.wantOneWinner(like, owners, errs)
	}
}

func (r *run) wantOneWinner(like connector.Account, owners [2]string, errs [2]error) {
	r.Helper()
	won := 0
	for i, err := range errs {
		observed := r.observe(with(like, func(a *connector.Account) { a.Owner = owners[i] }))
		ours := observed != nil && observed.Owner == owners[i]
		if err == nil {
			won++
		}
		if ours != (err == nil) {
			r.Errorf("Adopt returned %v, and then there is %s", err, describe(observed))
		}
	}
	if won != 1 {
		r.Errorf("%d adopted the same account", won)
	}
}

func list(t testing.TB, s Subject) {
	r := start(t, s)
	if _, ok := r.Connector.(connector.Lister); !ok {
		return
	}
	c := r.crowd(s)
	var all []connector.Account
	r.wantNoWrites("listing", func() {
		var err error
		if all, err = r.conn.list(r.Context()); err != nil {
			r.Fatalf("List: %v", err)
		}
	})
	ids := map[string]bool{}
	for _, a := range all {
		if a.ExternalID == "" || ids[a.ExternalID] {
			r.Errorf("the externalID of %s is empty or was there already", describe(&a))
		}
		ids[a.ExternalID] = true
	}
	for _, want := range c.ours {
		r.wantListed(all, want, 1)
	}
	for _, want := range c.gone {
		r.wantListed(all, want, 0)
	}
	for _, want := range c.others {
		r.wantListed(all, with(want, func(a *connector.Account) { a.Owner = "" }), 1)
	}
}

// crowd is what a list is made of.
type crowd struct{ ours, gone, others []connector.Account }

// crowd makes enough accounts of every sort for several pages of a small list.
func (r *run) crowd(s Subject) (c crowd) {
	for range 4 {
		active := r.account(r.Roles[:2]...)
		r.apply(nil, active)
		leaver := r.account(r.Roles[0])
		r.apply(nil, leaver)
		r.apply(r.observe(leaver), suspended(leaver))
		stranger := r.candidate(r.Roles[0])
		r.Unmarked(r.TB, stranger)
		c.ours, c.others = append(c.ours, active), append(c.others, stranger)
		if s.SuspendedLeavesNothing {
			c.gone = append(c.gone, leaver)
		} else {
			c.ours = append(c.ours, suspended(leaver))
		}
	}
	return c
}

// wantListed checks how often all has the account, and that it is as it shall be.
func (r *run) wantListed(all []connector.Account, want connector.Account, times int) {
	r.Helper()
	listed := 0
	for _, a := range all {
		if a.Owner != want.Owner || a.UserName != want.UserName {
			continue
		}
		listed++
		if !connector.InSync(&a, want) {
			r.Errorf("listed %s, want %s", describe(&a), describe(&want))
		}
	}
	if listed != times {
		r.Errorf("%s is listed %d times, want %d", describe(&want), listed, times)
	}
}

// listCutShort wants to hear of a list that breaks off, and to be able to break off itself.
func listCutShort(t testing.TB, s Subject) {
	r := start(t, s)
	lister, ok := r.Connector.(connector.Lister)
	if !ok {
		return
	}
	if s.Truncated == nil {
		r.Fatal("the subject has no Truncated")
	}
	r.crowd(s)
	looks := 0
	for _, err := range lister.List(r.Context()) {
		if looks++; err != nil || looks == 2 {
			break
		}
	}
	truncated := &errorReader{Connector: s.Truncated(r.TB), t: r.TB, secrets: s.Secrets}
	all, err := truncated.list(r.Context())
	if err == nil || connector.KindOf(err) == connector.KindUnknown {
		r.Errorf("a list that broke off after %d accounts ended with %v, want an error of a kind", len(all), err)
	}
}

func revoke(t testing.TB, s Subject) {
	r := start(t, s)
	if _, ok := r.Connector.(connector.Revoker); !ok {
		return
	}
	r.wantNoWrites("revoking for nobody", func() { r.revoke(r.account(r.Roles[0])) })
	leaver, neighbour := r.account(r.Roles[0]), r.account(r.Roles[0])
	r.apply(nil, leaver)
	r.apply(nil, neighbour)
	leaverIs, neighbourIs := r.open(leaver, false), r.open(neighbour, true)
	r.apply(r.observe(leaver), suspended(leaver))
	before := r.observe(leaver)
	r.revoke(leaver)
	if leaverIs() || !neighbourIs() {
		r.Errorf("after Revoke, what the leaver opened is alive: %v, and that of the neighbour: %v", leaverIs(), neighbourIs())
	}
	r.wantNoWrites("revoking again", func() { r.revoke(leaver) })
	if after := r.observe(leaver); describe(after) != describe(before) {
		r.Errorf("revoking changed the account from %s to %s", describe(before), describe(after))
	}
	r.wantAccess(leaver.UserName)
	r.wantInSync(neighbour)
	r.wantAccess(neighbour.UserName, neighbour.Roles...)
}

// revoke revokes, and checks that it says what became of both.
func (r *run) revoke(acct connector.Account) {
	r.Helper()
	revocation, err := r.conn.Revoke(r.Context(), acct)
	if err != nil {
		r.Fatalf("Revoke: %v", err)
	}
	for _, state := range []connector.RevocationState{revocation.Sessions, revocation.Tokens} {
		if !slices.Contains([]connector.RevocationState{connector.Revoked, connector.NotNeeded, connector.NotSupported}, state) {
			r.Errorf("Revoke returned %+v", revocation)
		}
	}
}

// open opens something with the account. Where nothing needs to be revoked, nothing is: it is as dead or alive as after says.
func (r *run) open(acct connector.Account, after bool) (alive func() bool) {
	r.Helper()
	switch {
	case !r.revokes():
		return func() bool { return after }
	case r.Open == nil:
		r.Fatal("the subject has no Open")
	}
	return r.Open(r.TB, acct)
}

// adopts says whether the connector is an Adopter, and holds the subject to describing it.
func (r *run) adopts() bool {
	r.Helper()
	_, ok := r.Connector.(connector.Adopter)
	if ok && (len(r.Keys) == 0 || r.Unmarked == nil) {
		r.Fatal("the subject has no Keys or no Unmarked")
	}
	return ok
}
