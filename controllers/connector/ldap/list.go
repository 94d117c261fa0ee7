// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// List implements connector.Lister. It reads all groups first, then all entries that have a login name, page by page, and yields when it
// has them all: a page is good only on the connection that it came from, which nobody shall hold on to.
func (c *Connector) List(ctx context.Context) iter.Seq2[connector.Account, error] {
	return func(yield func(connector.Account, error) bool) {
		roles, err := c.everyRole(ctx)
		var all []*ldapv3.Entry
		if err == nil {
			all, err = c.everyEntry(ctx)
		}
		if err != nil {
			yield(connector.Account{}, err)
			return
		}
		for _, raw := range all {
			e, ok := c.entryOf(raw)
			if !ok || !c.keeps(e.at) {
				continue
			}
			if !yield(c.account(&e, roles.of(c, &e), connector.Account{}), nil) {
				return
			}
		}
	}
}

// memberships are the roles by member.
type memberships map[string][]string

func (m memberships) of(c *Connector, e *entry) []string {
	roles := []string{}
	for _, member := range c.asMember(e, e.at) {
		roles = append(roles, m[c.memberKey(member)]...)
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// memberKey is the same for all spellings of a member.
func (c *Connector) memberKey(member string) string {
	if at, ok := parseDN(member); ok && c.MemberAttribute != MemberUID {
		return at.key
	}
	return member
}

func (c *Connector) everyRole(ctx context.Context) (memberships, error) {
	all := memberships{}
	for _, r := range c.roles {
		members, err := c.members(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, member := range members {
			key := c.memberKey(member)
			all[key] = append(all[key], r.name)
		}
	}
	return all, nil
}

// members are all of a group. Active Directory gives a large group out in ranges.
func (c *Connector) members(ctx context.Context, r role) ([]string, error) {
	var all []string
	asked := string(c.MemberAttribute)
	for {
		group, err := c.get(ctx, "read the group of a role", r.group, asked)
		if err != nil || group == nil {
			return all, err
		}
		values, next := rangeOf(group, string(c.MemberAttribute))
		all = append(all, values...)
		if next == "" {
			return all, nil
		}
		asked = next
	}
}

// rangeOf returns the values of an attribute, and what to ask for next if they are a range of more ("member;range=0-1499"): "" if they are
// the last.
func rangeOf(group *ldapv3.Entry, attribute string) (values []string, next string) {
	for _, a := range group.Attributes {
		name, options, _ := strings.Cut(a.Name, ";")
		if !strings.EqualFold(name, attribute) {
			continue
		}
		values = append(values, a.Values...)
		_, end, isRange := strings.Cut(strings.ToLower(options), "range=")
		_, end, _ = strings.Cut(end, "-")
		last, err := strconv.Atoi(end)
		if isRange && err == nil && len(a.Values) > 0 {
			next = attribute + ";range=" + strconv.Itoa(last+1) + "-*"
		}
	}
	return values, next
}

// everyEntry reads the accounts' entries wherever they may be.
func (c *Connector) everyEntry(ctx context.Context) ([]*ldapv3.Entry, error) {
	all, err := c.pages(ctx, c.base)
	if err != nil || c.suspended.key == "" {
		return all, err
	}
	suspended, err := c.pages(ctx, c.suspended)
	return append(all, suspended...), err
}

// pages reads one page after the other on one session (RFC 2696). Each has the time that a request has.
func (c *Connector) pages(ctx context.Context, base dn) (all []*ldapv3.Entry, err error) {
	const what = "list accounts"
	paging := ldapv3.NewControlPaging(uint32(min(max(c.PageSize, 1), maxPage)))
	search := ldapv3.NewSearchRequest(base.text, ldapv3.ScopeWholeSubtree, ldapv3.NeverDerefAliases, 0, c.seconds(), false,
		"("+c.UserNameAttribute+"=*)", c.attributes(), []ldapv3.Control{paging})
	_, err = c.pool.with(ctx, func(s *session) error {
		for {
			result, err := c.page(ctx, s, search)
			if err != nil {
				return err
			}
			all = append(all, result.Entries...)
			answer, paged := ldapv3.FindControl(result.Controls, ldapv3.ControlTypePaging).(*ldapv3.ControlPaging)
			if !paged || len(answer.Cookie) == 0 {
				return nil
			}
			paging.SetCookie(answer.Cookie)
		}
	})
	return all, explain(ctx, what, err)
}

// maxPage bounds a page, as Active Directory's MaxPageSize does.
const maxPage = 1000

func (c *Connector) page(ctx context.Context, s *session, search *ldapv3.SearchRequest) (*ldapv3.SearchResult, error) {
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	defer context.AfterFunc(limited, s.cut)()
	s.wire.refill()
	result, err := s.Search(search)
	switch {
	case s.wire.isOver():
		return nil, errTooLarge
	case err != nil && limited.Err() != nil:
		return nil, limited.Err()
	}
	return result, err
}
