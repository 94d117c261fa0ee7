// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package people finds users and groups, and says who is in which group.
package people

import (
	"encoding/json"
	"strings"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// attributes are those of a ScimUser that people look for.
type attributes struct {
	DisplayName string `json:"displayName"`
	Name        struct {
		Formatted string `json:"formatted"`
	} `json:"name"`
	Emails []struct {
		Value   string `json:"value"`
		Primary bool   `json:"primary"`
	} `json:"emails"`
}

// attributesOf are empty where the identity provider sent something of another form.
func attributesOf(u *v1alpha1.ScimUser) (a attributes) {
	if u.Spec.Attributes != nil {
		_ = json.Unmarshal(u.Spec.Attributes.Raw, &a) // what does not fit is not shown
	}
	return a
}

// DisplayName is what the identity provider calls the user for people: the displayName, or else the formatted name; empty if there is none.
func DisplayName(u *v1alpha1.ScimUser) string {
	a := attributesOf(u)
	if a.DisplayName == "" {
		return a.Name.Formatted
	}
	return a.DisplayName
}

// Email is the primary address of the user, or else the first one; empty if there is none.
func Email(u *v1alpha1.ScimUser) string {
	emails := attributesOf(u).Emails
	for _, email := range emails {
		if email.Primary {
			return email.Value
		}
	}
	if len(emails) > 0 {
		return emails[0].Value
	}
	return ""
}

// State is Active, Suspended or Deleted, with "locked" where somebody suspended the user here.
func State(u *v1alpha1.ScimUser) string {
	state := string(u.Spec.State)
	if u.Spec.DeletedAt != nil {
		state = "Deleted"
	}
	if u.Annotations[v1alpha1.AnnotationSuspend] != "" {
		state += ", locked"
	}
	return state
}

// contains reports whether one of the names of the user has a part in it, whatever the case; part is in lower case.
func contains(u *v1alpha1.ScimUser, part string) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), part) }
	if has(u.Spec.UserName) || has(u.Spec.ExternalID) || has(u.Name) {
		return true
	}
	a := attributesOf(u)
	for _, email := range a.Emails {
		if has(email.Value) {
			return true
		}
	}
	return has(a.DisplayName) || has(a.Name.Formatted)
}

// called reports whether a name is the userName or an address of the user, whatever the case.
func called(u *v1alpha1.ScimUser, name string) bool {
	if strings.EqualFold(u.Spec.UserName, name) {
		return true
	}
	for _, email := range attributesOf(u).Emails {
		if strings.EqualFold(email.Value, name) {
			return true
		}
	}
	return false
}
