// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// What becomes of an account? The first row that fits says it.
//
//	the application lets go of its accounts                     released: not decided about (see letsGo)
//	the ScimAccount is being deleted                            Deleted/ApplicationDeleted
//	the kill switch is on                                       what the rows below say, but Suspended/Locked
//	the application is being deleted      there is one          Deleted/ApplicationDeleted
//	user active,     a grant matches                            Active/Granted
//	user suspended,  a grant matches                            Suspended/Deactivated, then Deleted if onDeactivation is Delete
//	there is none                                               none
//	it is Deleted                                               as it is
//	user deleted                                                Suspended/UserDeleted without roles, then Deleted if either policy is Delete
//	user suspended,  none matches                               Suspended/Deactivated, then Deleted if either policy is Delete
//	user active,     none matches         Suspend, Delete       Suspended/AccessLost without roles, then Deleted if onLostAccess is Delete
//	                                      Retain                as it is, but Retained
//
// An account is not made only to be deleted: for a user who is suspended where onDeactivation is Delete there is none, and one that is
// Deleted stays so. A grant makes names and roles new; without one they stay, or go.

// graceByDefault is spec.lifecycle.graceHours of an application that has none, as the API server sets it.
const graceByDefault = 168

// outcome is what shall become of one account.
type outcome struct {
	spec          *v1alpha1.ScimAccountSpec // nil: none
	mappingFailed bool
}

func (o outcome) equals(other outcome) bool {
	if o.spec == nil || other.spec == nil {
		return o == other
	}
	return o.mappingFailed == other.mappingFailed && isEqual(o.spec, other.spec)
}

// circumstances are all that an outcome follows from.
type circumstances struct {
	app     *v1alpha1.ScimApplication
	person  *person
	account *v1alpha1.ScimAccount   // nil: there is none
	grants  []v1alpha1.AccountGrant // that match, none for a user who is deleted
	locked  bool
	now     time.Time
}

// outcome decides about account, which is nil where there is none, at a time.
func (d *decider) outcome(account *v1alpha1.ScimAccount, offer *offer, at time.Time) outcome {
	c := circumstances{app: offer.app, person: d.person, account: account, grants: offer.at(at, d.recorded(account)), locked: d.locked, now: at}
	if account != nil && !account.DeletionTimestamp.IsZero() {
		return outcome{spec: c.applicationDeleted()}
	}
	o := c.outcome()
	switch {
	case o.spec == nil:
	case d.User != nil && o.spec.UserRef.Name != d.User.Name:
		o.spec = nil // what waits and cannot be taken over goes on waiting
	case d.locked:
		o.spec.State, o.spec.Reason = v1alpha1.AccountSuspended, v1alpha1.StateLocked
	}
	return o
}

// recorded is what an account says was given to this very user. What an earlier ScimUser had, an expression that fails gives to nobody.
func (d *decider) recorded(account *v1alpha1.ScimAccount) []v1alpha1.AccountGrant {
	if account == nil || d.User == nil || account.Spec.UserRef.Name != d.User.Name {
		return nil
	}
	return account.Spec.Grants
}

// letsGo reports whether app leaves its accounts as they are and nobody keeps them any more.
func letsGo(app *v1alpha1.ScimApplication) bool {
	return !app.DeletionTimestamp.IsZero() && app.Spec.DeletionPolicy == v1alpha1.DeletionPolicyRetain
}

func (c *circumstances) outcome() outcome {
	switch {
	case !c.app.DeletionTimestamp.IsZero():
		return outcome{spec: c.applicationDeleted()}
	case len(c.grants) > 0:
		return c.granted()
	case !c.isAlive():
		return outcome{spec: c.notMade()}
	case isGone(c.person.user):
		return outcome{spec: c.userDeleted()}
	case c.person.user.Spec.State == v1alpha1.StateActive:
		return outcome{spec: c.accessLost()}
	default:
		return outcome{spec: c.deactivated()}
	}
}

// isAlive reports whether there is an account that is not Deleted. The kill switch stops a deletion.
func (c *circumstances) isAlive() bool {
	return c.account != nil && (c.locked || c.account.Spec.State != v1alpha1.AccountDeleted)
}

// asItIs is the account as it is, nil if there is none. It goes on knowing by which externalID the person is known.
func (c *circumstances) asItIs() *v1alpha1.ScimAccountSpec {
	if c.account == nil {
		return nil
	}
	spec := decided(&c.account.Spec)
	if !isGone(c.person.user) {
		spec.ExternalID = c.person.user.Spec.ExternalID
	}
	return &spec
}

// notMade is what is Deleted and stays so, nil if there is nothing. It records the grants that match, and no others: these would give again when
// their expressions fail.
func (c *circumstances) notMade() *v1alpha1.ScimAccountSpec {
	spec := c.asItIs()
	if spec != nil {
		spec.Grants = named(c.grants)
	}
	return spec
}

func (c *circumstances) applicationDeleted() *v1alpha1.ScimAccountSpec {
	spec := c.asItIs()
	if c.isAlive() {
		spec.Reason = v1alpha1.StateApplicationDeleted
		remove(spec)
	}
	return spec
}

// granted is the account of somebody for whom there is a grant: made, restored, kept, or suspended with all its roles.
func (c *circumstances) granted() outcome {
	active := c.person.user.Spec.State == v1alpha1.StateActive
	if !active && !c.isAlive() && c.app.Spec.Lifecycle.OnDeactivation == v1alpha1.RemovalDelete {
		return outcome{spec: c.notMade()}
	}
	names, err := c.names()
	if err != nil && !c.isAlive() {
		return outcome{spec: c.notMade(), mappingFailed: true}
	}
	spec := &v1alpha1.ScimAccountSpec{
		ApplicationRef: v1alpha1.LocalReference{Name: c.app.Name},
		UserRef:        v1alpha1.LocalReference{Name: c.person.user.Name},
		ExternalID:     c.person.user.Spec.ExternalID,
		UserName:       names.userName, DisplayName: names.displayName, Email: names.email, Attributes: names.attributes,
		State: v1alpha1.AccountActive, Reason: v1alpha1.StateGranted,
		Roles: rolesOf(c.grants), Grants: named(c.grants),
	}
	if !active {
		spec.State, spec.Reason = v1alpha1.AccountSuspended, v1alpha1.StateDeactivated
		c.expire(spec, c.app.Spec.Lifecycle.OnDeactivation)
	}
	return outcome{spec: spec, mappingFailed: err != nil}
}

// names are what the account is called, or was until now where that is not known.
func (c *circumstances) names() (profile, error) {
	names, err := c.person.profileIn(c.app, c.grants)
	if err != nil && c.account != nil {
		before := &c.account.Spec
		names = profile{before.UserName, before.DisplayName, before.Email, before.Attributes}
	}
	return names, err
}

func (c *circumstances) userDeleted() *v1alpha1.ScimAccountSpec {
	spec := c.suspended(v1alpha1.StateUserDeleted)
	spec.Roles = nil
	c.expire(spec, c.app.Spec.Lifecycle.OnDeactivation, c.app.Spec.Lifecycle.OnLostAccess)
	return spec
}

func (c *circumstances) deactivated() *v1alpha1.ScimAccountSpec {
	spec := c.suspended(v1alpha1.StateDeactivated)
	c.expire(spec, c.app.Spec.Lifecycle.OnDeactivation, c.app.Spec.Lifecycle.OnLostAccess)
	return spec
}

func (c *circumstances) accessLost() *v1alpha1.ScimAccountSpec {
	if c.app.Spec.Lifecycle.OnLostAccess == v1alpha1.RemovalRetain {
		spec := c.asItIs()
		spec.Reason, spec.Grants, spec.DeleteAfter = v1alpha1.StateRetained, nil, nil
		return spec
	}
	spec := c.suspended(v1alpha1.StateAccessLost)
	spec.Roles = nil
	c.expire(spec, c.app.Spec.Lifecycle.OnLostAccess)
	return spec
}

// suspended is the account as it is, but suspended. It records no grants, for none matches.
func (c *circumstances) suspended(why v1alpha1.StateReason) *v1alpha1.ScimAccountSpec {
	spec := c.asItIs()
	spec.State, spec.Reason, spec.Grants = v1alpha1.AccountSuspended, why, nil
	return spec
}

// expire sets when a suspended account is deleted if one of the policies is Delete, and deletes it when the time has come. The time does not
// move once it is set. It is cut to seconds, as the API server keeps it. Even without grace an account is suspended first: whatever holds the
// deletion must not keep somebody inside.
func (c *circumstances) expire(spec *v1alpha1.ScimAccountSpec, policies ...v1alpha1.RemovalAction) {
	spec.DeleteAfter = nil
	for _, policy := range policies {
		if policy == v1alpha1.RemovalDelete {
			spec.DeleteAfter = c.deleteAfter()
		}
	}
	if spec.DeleteAfter != nil && !c.now.Before(spec.DeleteAfter.Time) && c.account.Spec.State != v1alpha1.AccountActive {
		remove(spec)
	}
}

func (c *circumstances) deleteAfter() *metav1.Time {
	if c.account != nil && c.account.Spec.DeleteAfter != nil {
		return c.account.Spec.DeleteAfter
	}
	hours := int32(graceByDefault)
	if set := c.app.Spec.Lifecycle.GraceHours; set != nil {
		hours = *set
	}
	at := metav1.NewTime(c.now.Add(time.Duration(hours) * time.Hour).Truncate(time.Second))
	return &at
}

func remove(spec *v1alpha1.ScimAccountSpec) { spec.State, spec.Roles = v1alpha1.AccountDeleted, nil }

// maxGrants is how many grants the spec of an account has room for. Of more, those count that are not named.
const maxGrants = 256

func named(grants []v1alpha1.AccountGrant) []v1alpha1.AccountGrant {
	return grants[:min(len(grants), maxGrants)]
}
