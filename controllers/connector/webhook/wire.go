// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// account is an account as the application tells of it. Every field but owner is there; the pointers tell which are not.
type account struct {
	ID       *string            `json:"id"`
	Owner    string             `json:"owner"`
	UserName *string            `json:"userName"`
	State    connector.State    `json:"state"`
	Roles    *[]string          `json:"roles"`
	Profile  *map[string]string `json:"profile"`
}

// wanted is what an account shall be.
type wanted struct {
	State    connector.State   `json:"state"`
	UserName string            `json:"userName,omitempty"`
	Roles    []string          `json:"roles,omitzero"`
	Profile  map[string]string `json:"profile,omitempty"`
}

// ask is the body for that account. Suspending says nothing but that.
func ask(want connector.Account) wanted {
	if want.State == connector.Suspended {
		return wanted{State: want.State}
	}
	return wanted{State: want.State, UserName: want.UserName, Roles: want.Roles, Profile: want.Profile}
}

// page is one of a list. It names the cursor that it was asked for by, so that another page is not taken for it: a list that lacks one looks whole.
// Next is there on the last one, too, and empty.
type page struct {
	Cursor   *string    `json:"cursor"`
	Accounts *[]account `json:"accounts"`
	Next     *string    `json:"next"`
}

// follows reports whether it is the page at the cursor. A list that says neither that it goes on nor that it is over, or goes on where it was, is not
// complete.
func (p page) follows(cursor string) bool {
	if p.Cursor == nil || *p.Cursor != cursor || p.Accounts == nil || p.Next == nil {
		return false
	}
	return *p.Next == "" || *p.Next != cursor && len(*p.Accounts) > 0
}

// capabilities are what an application says that it can.
type capabilities struct {
	Version    int         `json:"version"`
	Roles      []string    `json:"roles"`
	Attributes []string    `json:"attributes"`
	Operations []Operation `json:"operations"`
}

// look is what is looked for, and what the answer repeats of it.
type look struct {
	Key   connector.Key `json:"key"`
	Value string        `json:"value"`
}

// found are the accounts that have what was looked for. That it names what it is about tells "nobody" from an answer to somebody else's question.
type found struct {
	look
	Accounts *[]account `json:"accounts"`
}

// revocation says what became of what the account of that owner had opened.
type revocation struct {
	Owner    string                    `json:"owner"`
	Sessions connector.RevocationState `json:"sessions"`
	Tokens   connector.RevocationState `json:"tokens"`
}

// read returns the account that was told of, or false if it is not a whole one.
func (c *Connector) read(a account) (connector.Account, bool) {
	if a.ID == nil || *a.ID == "" || a.UserName == nil || a.Roles == nil || a.Profile == nil || a.State != connector.Active && a.State != connector.Suspended {
		return connector.Account{}, false
	}
	profile := map[string]string{}
	for name, value := range *a.Profile {
		if c.Keeps(name) {
			profile[name] = value
		}
	}
	return connector.Account{
		Owner: a.Owner, ExternalID: *a.ID, UserName: *a.UserName, State: a.State, Roles: c.known(*a.Roles), Profile: profile,
	}, true
}

// known are the roles by their names here. One that is not configured is not wanted by anybody.
func (c *Connector) known(roles []string) []string {
	named := make([]string, 0, len(roles))
	for _, role := range roles {
		if !slices.Contains(c.roles, role) {
			role = connector.DamagedPrefix + connector.UnknownRole
		}
		named = append(named, role)
	}
	slices.Sort(named)
	return slices.Compact(named)
}

// readAll reads several accounts, or none.
func (c *Connector) readAll(told []account) ([]connector.Account, bool) {
	all := make([]connector.Account, 0, len(told))
	for _, a := range told {
		read, ok := c.read(a)
		if !ok {
			return nil, false
		}
		all = append(all, read)
	}
	return all, true
}

// accountPath is where the application keeps the account that bears the mark.
func accountPath(owner string) (string, error) {
	namespace, name, found := strings.Cut(owner, "/")
	first, err := outbound.Segment(namespace)
	second, nameErr := outbound.Segment(name)
	if !found || err != nil || nameErr != nil || strings.Contains(name, "/") {
		return "", connector.Invalidf("the account has no owner that could be part of an address")
	}
	return "/accounts/" + first + "/" + second, nil
}

// representable returns Invalid if a value would become another one on the way: JSON is UTF-8.
func representable(want connector.Account) error {
	if want.UserName == "" || !utf8.ValidString(want.UserName) {
		return connector.Invalidf("the userName is empty or not UTF-8")
	}
	for _, value := range want.Profile {
		if !utf8.ValidString(value) {
			return connector.Invalidf("an attribute is not UTF-8")
		}
	}
	return nil
}
