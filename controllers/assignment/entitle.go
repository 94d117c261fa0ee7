// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/application"
)

// entitlement is an account that a user shall have.
type entitlement struct {
	application string
	userName    string
	state       v1alpha1.State
	roles       []v1alpha1.RoleName // sorted, without duplicates; empty means an account without roles
}

// entitle decides which accounts user shall have, sorted by application. It is the only place where access comes from:
//
//	the user                     is deleted         no account
//	an application               is deleted         no account in it
//	no grant matches             whatever else      no account
//	a grant matches              user suspended     an account, suspended, with the roles of all grants that match
//	a grant matches              user active        an account, active, with the roles of all grants that match
//
// Roles that the application does not declare are left out: the grant says so in its status, and what was given under such a name
// before is taken away.
//
// Nothing that SCIM says gives anything by itself: only userName and active are looked at, and userName only where a grant
// names it. user may be nil.
func entitle(user *v1alpha1.ScimUser, applications []v1alpha1.ScimApplication, grants []v1alpha1.ScimGrant) []entitlement {
	if user == nil || !user.DeletionTimestamp.IsZero() {
		return nil
	}
	var wanted []entitlement
	for i := range applications {
		app := &applications[i]
		if app.Spec.DirectoryRef != user.Spec.DirectoryRef || !app.DeletionTimestamp.IsZero() {
			continue
		}
		if roles, granted := granted(user, app, grants); granted {
			wanted = append(wanted, entitlement{application: app.Name, userName: user.Spec.UserName, state: user.Spec.State, roles: roles})
		}
	}
	slices.SortFunc(wanted, func(a, b entitlement) int { return strings.Compare(a.application, b.application) })
	return wanted
}

// granted returns the union of the roles of all grants of an application that match user, and whether any does.
func granted(user *v1alpha1.ScimUser, app *v1alpha1.ScimApplication, grants []v1alpha1.ScimGrant) (roles []v1alpha1.RoleName, any bool) {
	for i := range grants {
		grant := &grants[i]
		if grant.Spec.ApplicationRef.Name != app.Name || !grant.DeletionTimestamp.IsZero() || !Matches(grant, user) {
			continue
		}
		any = true
		for _, role := range grant.Spec.Roles {
			if application.Offers(app, role) {
				roles = append(roles, role)
			}
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles), any
}

// Matches reports whether a subject of grant is user.
func Matches(grant *v1alpha1.ScimGrant, user *v1alpha1.ScimUser) bool {
	return slices.ContainsFunc(grant.Spec.Subjects, func(s v1alpha1.Subject) bool {
		switch s.Kind {
		case v1alpha1.SubjectEveryone:
			return true
		case v1alpha1.SubjectUser:
			return s.UserName != "" && strings.EqualFold(s.UserName, user.Spec.UserName)
		default:
			return false
		}
	})
}
