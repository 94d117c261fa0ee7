// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package account

import (
	"cmp"
	"maps"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/internal/status"
)

// facts is everything that decides what is done to an account that was looked at.
type facts struct {
	observed *connector.Account // nil: there is none
	want     connector.Account
	mode     v1alpha1.ApplicationMode
	drift    v1alpha1.DriftPolicy
	settled  bool                   // it was in sync before, at this generation
	adopted  v1alpha1.AdoptedAccess // empty unless it was adopted at this generation
	by       v1alpha1.AdoptionKey   // by which it was adopted
}

// decision is what is done now, and what is said when it is done.
type decision struct {
	apply   *connector.Account  // nil: nothing is written
	pending v1alpha1.ChangeKind // what is left undone; empty: nothing
	drifted bool                // somebody else changed the account
	verdict status.Verdict
}

// facts gathers what decides about observed.
func (v *visit) facts(observed *connector.Account) facts {
	f := facts{observed: observed, want: v.want, mode: v.app.Spec.Mode, drift: v.app.Spec.Drift.Policy, settled: settled(v.acct, v.app)}
	if a := v.acct.Status.Adoption; v.ours(observed) && a != nil && a.Digest == "" && a.Generation == v.acct.Generation && a.ExternalID == observed.ExternalID {
		f.adopted, f.by = cmp.Or(v.app.Spec.Adoption.Access, v1alpha1.AdoptedOnNextChange), a.Key
	}
	return f
}

// decide says what is done to an account:
//
//	wanted      mode     drift     done                                       left
//	in sync                        nothing                                    nothing
//	anything    DryRun             nothing                                    all of it
//	Suspended                      it is suspended                            nothing
//	Active               Report    nothing, if it was in sync before          all of it
//	Active      Paused             roles that are not wanted are taken away   the rest
//	Active                         it is brought in line                      nothing
//
// What an adopted account keeps for now counts as wanted.
func decide(f facts) decision {
	f = f.withoutStrangers()
	want := f.kept()
	change := difference(f.observed, want)
	switch {
	case change == "" && f.adopted == v1alpha1.AdoptedOnNextChange && f.want.State == connector.Active:
		return decision{verdict: asFound()}
	case change == "":
		return decision{verdict: inSync()}
	case want.State == connector.Suspended && f.mode != v1alpha1.ModeDryRun:
		return decision{apply: &want, drifted: f.settled, verdict: inSync()}
	case f.mode == v1alpha1.ModeDryRun:
		return rehearsed(f, want, change)
	case f.settled && f.drift == v1alpha1.DriftReport:
		return decision{pending: change, drifted: true, verdict: drifted()}
	case f.mode == v1alpha1.ModePaused:
		return reduced(f, want, change)
	default:
		return decision{apply: &want, drifted: f.settled, verdict: inSync()}
	}
}

// rehearsed is the decision about a change that is only shown.
func rehearsed(f facts, want connector.Account, change v1alpha1.ChangeKind) decision {
	if f.observed != nil && f.observed.Owner != want.Owner {
		return decision{verdict: inTheWay()}
	}
	return decision{pending: change, verdict: dryRun()}
}

// reduced is the decision about a change of which only that is made which takes away.
func reduced(f facts, want connector.Account, change v1alpha1.ChangeKind) decision {
	switch {
	case f.observed == nil:
		return decision{pending: change, verdict: paused()}
	case f.observed.Owner != want.Owner:
		return decision{verdict: inTheWay()}
	}
	d, rest := decision{verdict: inSync()}, connector.Reduced(*f.observed, want)
	if !connector.InSync(f.observed, rest) {
		d.apply, d.drifted = &rest, f.settled
	}
	if d.pending = difference(&rest, want); d.pending != "" {
		d.verdict = paused()
	}
	return d
}

// withoutStrangers is f without an account that is not ours, if access is to be taken away: that has nothing to do with it.
func (f facts) withoutStrangers() facts {
	if f.observed != nil && f.want.State == connector.Suspended && f.observed.Owner != f.want.Owner {
		f.observed = nil
	}
	return f
}

// kept is what is wanted of the account for now. An account that was adopted keeps its login, or all that it is, until the ScimAccount
// changes; taking its access away does not wait for that.
func (f facts) kept() connector.Account {
	want := f.want
	switch {
	case f.adopted == "" || want.State == connector.Suspended:
		return want
	case f.adopted == v1alpha1.AdoptedOnNextChange:
		return *f.observed
	}
	want.UserName = f.observed.UserName
	if f.by == v1alpha1.AdoptionKeyEmail {
		want.Profile = maps.Clone(want.Profile)
		delete(want.Profile, attributeEmail)
	}
	return want
}

// difference is what has to be done to make observed what is wanted; empty if nothing.
func difference(observed *connector.Account, want connector.Account) v1alpha1.ChangeKind {
	switch {
	case connector.InSync(observed, want):
		return ""
	case want.State == connector.Suspended:
		return v1alpha1.ChangeSuspend
	case observed == nil || observed.Owner != want.Owner:
		return v1alpha1.ChangeCreate
	default:
		return v1alpha1.ChangeChange
	}
}

// settled reports whether acct was seen in sync since it and the connector of app were last changed.
func settled(acct *v1alpha1.ScimAccount, app *v1alpha1.ScimApplication) bool {
	c := meta.FindStatusCondition(acct.Status.Conditions, v1alpha1.ConditionSettled)
	return c != nil && c.ObservedGeneration == acct.Generation && c.Message == settledWith(app)
}
