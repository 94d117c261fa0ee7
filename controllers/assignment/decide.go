// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"cmp"
	"slices"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// Facts are what the decision about one person is made from. The order within each list means nothing.
type Facts struct {
	// User is nil when the ScimUser is gone.
	User *v1alpha1.ScimUser
	// Groups are all that the user is in, those that hold one of these too.
	Groups []*v1alpha1.ScimGroup
	// Applications of the namespace.
	Applications []*v1alpha1.ScimApplication
	// Grants of the namespace.
	Grants []*v1alpha1.ScimGrant
	// Present are the accounts whose userRef is the user.
	Present []*v1alpha1.ScimAccount
	// Waiting are the accounts with the user's externalID whose own user is deleted or gone: this person may come back to them.
	Waiting []*v1alpha1.ScimAccount
	// Directories of the namespace. They matter to removal guards alone: nothing is decided by them.
	Directories []*v1alpha1.ScimDirectory
	// Now is when it is decided.
	Now time.Time
}

// Wanted is one account as it shall be.
type Wanted struct {
	// Name of the ScimAccount.
	Name string
	// Spec has no lostAccessAt, no deletedAt and no held: these belong to the removal guard.
	Spec v1alpha1.ScimAccountSpec
	// Unconditional is the kill switch: no guard and no invariant may hold it.
	Unconditional bool
	// UsedGroups are the names of the ScimGroups that the access rests on, sorted. Before anything is given, it is confirmed that the user
	// is in them.
	UsedGroups []string
}

// Decision is what shall be, for one person.
type Decision struct {
	// Wanted are sorted by application.
	Wanted []Wanted
	// Released are the ScimAccounts to delete without deciding anything about what is downstream: their application is gone, or lets go of
	// its accounts.
	Released []*v1alpha1.ScimAccount
	// Locked says that the kill switch is on.
	Locked bool
	// MappingFailed names the applications, sorted, for which no account can be made of this user. One that is there keeps its names.
	MappingFailed []string
	// Next is when time alone changes something, provided that this decision is carried out; zero is never.
	Next time.Time
}

// Decide says which accounts one person shall have. It is pure, and the only place where access comes from: what the user is (see
// lifecycle.go), what grants give (entitle.go), what an account is called (mapping.go) and whose account it is (continuity.go).
func Decide(f Facts, programs *expression.Cache) Decision {
	d := newDecider(f, programs)
	decision := Decision{Locked: d.locked}
	for _, app := range f.Applications {
		d.decideIn(app, &decision)
	}
	for _, account := range f.Present {
		if applicationOf(f, &account.Spec) == nil {
			decision.Released = append(decision.Released, account)
		}
	}
	slices.SortFunc(decision.Wanted, func(a, b Wanted) int {
		return cmp.Or(cmp.Compare(a.Spec.ApplicationRef.Name, b.Spec.ApplicationRef.Name), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(decision.Released, byName)
	slices.Sort(decision.MappingFailed)
	return decision
}

// decider is what one decision needs to know about the person in every application.
type decider struct {
	Facts
	person    *person
	returning []*v1alpha1.ScimAccount
	locked    bool
}

func newDecider(f Facts, programs *expression.Cache) *decider {
	d := &decider{Facts: f, person: newPerson(f.User, f.Groups, programs)}
	d.returning = returning(f)
	d.locked = locked(f.User, f.Present, d.returning)
	return d
}

// decideIn decides about all accounts in one application. There is one, or none. If ever there are two, the second has no grants.
func (d *decider) decideIn(app *v1alpha1.ScimApplication, decision *Decision) {
	accounts := accountsIn(app, d.Present)
	if letsGo(app) {
		decision.Released = append(decision.Released, accounts...)
		return
	}
	offer := d.person.offerOf(app, d.Grants, d.Now)
	if len(accounts) == 0 {
		accounts = []*v1alpha1.ScimAccount{d.takenOver(app, offer)}
	}
	for i, account := range accounts {
		if i > 0 {
			offer = offerNothing(app)
		}
		d.decideAbout(account, offer, decision)
	}
}

// takenOver is the account in app that the person left and comes back to, nil if there is none or nothing is given there: without a grant
// it goes on waiting.
func (d *decider) takenOver(app *v1alpha1.ScimApplication, offer *offer) *v1alpha1.ScimAccount {
	if waiting := accountsIn(app, d.returning); len(waiting) > 0 && len(offer.at(d.Now, d.recorded(waiting[0]))) > 0 {
		return waiting[0]
	}
	return nil
}

// decideAbout adds to decision what becomes of account, which is nil where there is none.
func (d *decider) decideAbout(account *v1alpha1.ScimAccount, offer *offer, decision *Decision) {
	now := d.outcome(account, offer, d.Now)
	if now.mappingFailed {
		decision.MappingFailed = append(decision.MappingFailed, offer.app.Name)
	}
	decision.Next = earliest(decision.Next, d.next(account, offer, now))
	if now.spec == nil {
		return
	}
	wanted := Wanted{Name: d.nameOf(account, offer.app), Spec: *now.spec, Unconditional: now.spec.Reason == v1alpha1.StateLocked}
	if wanted.Spec.State == v1alpha1.AccountActive {
		wanted.UsedGroups = sorted(slices.Concat(offer.groupsOf(wanted.Spec.Grants), d.person.mappedGroups(offer.app)))
	}
	decision.Wanted = append(decision.Wanted, wanted)
}

func (d *decider) nameOf(account *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) string {
	if account != nil {
		return account.Name
	}
	return AccountName(app.Name, d.User.Name) // only a user has an account made
}

// next is the first point in time at which the decision about an account is another one. It is found by deciding again, about the account as
// it will be then, at each time that could matter: so it never wakes anybody for nothing.
func (d *decider) next(account *v1alpha1.ScimAccount, offer *offer, now outcome) time.Time {
	edges := offer.edges(d.Now)
	if now.spec != nil && now.spec.DeleteAfter != nil && now.spec.DeleteAfter.After(d.Now) {
		edges = append(edges, now.spec.DeleteAfter.Time)
	}
	if len(edges) == 0 {
		return time.Time{}
	}
	then := account
	if now.spec != nil {
		then = &v1alpha1.ScimAccount{Spec: *now.spec}
		if account != nil {
			then.ObjectMeta = account.ObjectMeta
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	for _, edge := range edges {
		if !now.equals(d.outcome(then, offer, edge)) {
			return edge
		}
	}
	return time.Time{}
}

// earliest is the earlier of two times, of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func byName(a, b *v1alpha1.ScimAccount) int { return cmp.Compare(a.Name, b.Name) }
