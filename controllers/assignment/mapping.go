// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// What is an account called? As spec.account of its application says, in expressions over user, groups and grants, and by default after the user.
//
// It is all or nothing: when one expression fails, the account keeps every name that it has, since names that do not belong together are worse
// than old ones; and no account is made.

// The lengths that the fields of a ScimAccount have, in characters.
const (
	maxUserName  = 256
	maxName      = 1024 // displayName and email
	maxAttribute = 4096
)

var (
	errNoUserName = errors.New("the userName is empty")
	errTooLong    = errors.New("a value is too long")
)

// profile is what an account is called.
type profile struct {
	userName, displayName, email string
	attributes                   []v1alpha1.AccountAttribute // sorted by name, none empty
}

// profileIn maps the person to an account in app, for whom grants give something there.
func (p *person) profileIn(app *v1alpha1.ScimApplication, grants []v1alpha1.AccountGrant) (profile, error) {
	mapping, view := &app.Spec.Account, p.granted(grants)
	userName, err := p.text(mapping.UserName, view, func() string { return p.user.Spec.UserName }, maxUserName)
	if err == nil && userName == "" {
		err = errNoUserName
	}
	displayName, errD := p.text(mapping.DisplayName, view, func() string { return displayNameOf(view.User) }, maxName)
	email, errE := p.text(mapping.Email, view, func() string { return emailOf(view.User) }, maxName)
	attributes, errA := p.attributes(mapping.Attributes, view)
	return profile{userName, displayName, email, attributes}, errors.Join(err, errD, errE, errA)
}

// mappedGroups are the groups that the names of an account in app can come from.
func (p *person) mappedGroups(app *v1alpha1.ScimApplication) []string {
	if !mapsGroups(app) {
		return nil
	}
	return p.groupNames()
}

// text is the value of an expression, or the default where there is none.
func (p *person) text(e v1alpha1.Expression, view expression.Person, byDefault func() string, limit int) (string, error) {
	if e == "" {
		return bounded(byDefault(), limit)
	}
	program, err := p.programs.Text(e)
	if err != nil {
		return "", err
	}
	value, err := program.String(view)
	if err != nil {
		return "", err
	}
	return bounded(value, limit)
}

func bounded(value string, limit int) (string, error) {
	if utf8.RuneCountInString(value) > limit {
		return "", errTooLong
	}
	return value, nil
}

func (p *person) attributes(mappings []v1alpha1.AttributeMapping, view expression.Person) (attributes []v1alpha1.AccountAttribute, err error) {
	for i := range mappings {
		value, errV := p.value(mappings[i].Value, view)
		if err = errors.Join(err, errV); value != "" {
			attributes = append(attributes, v1alpha1.AccountAttribute{Name: mappings[i].Name, Value: value})
		}
	}
	slices.SortFunc(attributes, func(a, b v1alpha1.AccountAttribute) int { return strings.Compare(a.Name, b.Name) })
	return attributes, err
}

func (p *person) value(e v1alpha1.Expression, view expression.Person) (string, error) {
	program, err := p.programs.Value(e)
	if err != nil {
		return "", err
	}
	value, err := program.String(view)
	if err != nil {
		return "", err
	}
	return bounded(value, maxAttribute)
}

// displayNameOf is the displayName of a user, or else the formatted name, or else nothing.
func displayNameOf(user map[string]any) string {
	if name, ok := user["displayName"].(string); ok && name != "" {
		return name
	}
	parts, _ := user["name"].(map[string]any)
	formatted, _ := parts["formatted"].(string)
	return formatted
}

// emailOf is the primary address of a user, or else the first one, or else nothing.
func emailOf(user map[string]any) string {
	emails, _ := user["emails"].([]any)
	first := ""
	for _, e := range emails {
		email, _ := e.(map[string]any)
		address, _ := email["value"].(string)
		if primary, _ := email["primary"].(bool); primary && address != "" {
			return address
		}
		if first == "" {
			first = address
		}
	}
	return first
}
