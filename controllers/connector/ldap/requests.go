// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	ldapv3 "github.com/go-ldap/ldap/v3"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

const (
	// assertionControl is RFC 4528: a change is made only if the entry is as we think.
	assertionControl = "1.3.6.1.1.12"
	// maxMatches bounds what a look for one account may find.
	maxMatches = 1000
)

// request has f use a session, within the time that a request may take. A failure of the network on a session that had been used before
// may be an old story, so f is repeated once, on another session: a change that was made already is answered as one that cannot be made
// any more, and those who make changes look again then.
func (c *Connector) request(ctx context.Context, what string, f func(*session) error) error {
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	reused, err := c.pool.with(limited, f)
	if reused && isBroken(err) && limited.Err() == nil {
		_, err = c.pool.with(limited, f)
	}
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = limited.Err()
	}
	var known *connector.Error
	if errors.As(err, &known) || isPassing(err) {
		return err
	}
	return explain(ctx, what, err)
}

// passing marks the answers that call for another look.
func passing(err error) error {
	switch code, _ := answerOf(err); code {
	case ldapv3.LDAPResultAssertionFailed, ldapv3.LDAPResultNoSuchObject, ldapv3.LDAPResultNoSuchAttribute:
		return fmt.Errorf("%w: %w", errStale, err)
	case ldapv3.LDAPResultEntryAlreadyExists:
		return fmt.Errorf("%w: %w", errTaken, err)
	}
	return err
}

// isPassing reports whether another look may help, as nobody has said yet what the error means.
func isPassing(err error) bool {
	var known *connector.Error
	return !errors.As(err, &known) && (errors.Is(err, errStale) || errors.Is(err, errTaken))
}

// find returns the entries below base, and base itself, that the filter is for.
func (c *Connector) find(ctx context.Context, what string, base dn, filter string, attributes []string) ([]*ldapv3.Entry, error) {
	search := ldapv3.NewSearchRequest(base.text, ldapv3.ScopeWholeSubtree, ldapv3.NeverDerefAliases, maxMatches, c.seconds(), false, filter, attributes, nil)
	return c.search(ctx, what, search)
}

// get returns one entry, nil if there is none or it is hidden from us.
func (c *Connector) get(ctx context.Context, what string, at dn, attributes ...string) (*ldapv3.Entry, error) {
	search := ldapv3.NewSearchRequest(at.text, ldapv3.ScopeBaseObject, ldapv3.NeverDerefAliases, 1, c.seconds(), false, "(objectClass=*)", attributes, nil)
	found, err := c.search(ctx, what, search)
	if isAnswer(err, ldapv3.LDAPResultNoSuchObject) {
		return nil, nil
	}
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (c *Connector) search(ctx context.Context, what string, search *ldapv3.SearchRequest) (entries []*ldapv3.Entry, err error) {
	err = c.request(ctx, what, func(s *session) error {
		result, err := s.Search(search)
		if s.wire.isOver() {
			return errTooLarge
		}
		if err == nil {
			entries = result.Entries
		}
		return err
	})
	return entries, err
}

func (c *Connector) seconds() int { return max(1, int(c.Timeout.Seconds())) }

// change makes a change whose entry must bear the owner's mark, or the assertion if that is given.
func (c *Connector) change(ctx context.Context, what, assertion string, f func(*session, []ldapv3.Control) error) error {
	controls, err := c.asserting(ctx, assertion)
	if err != nil {
		return err
	}
	return c.request(ctx, what, func(s *session) error { return passing(f(s, controls)) })
}

// asserting returns the controls that make a change depend on a filter. A server that has none gets none: there the look just before
// must do, which is why plans made from a hint are not for it.
func (c *Connector) asserting(ctx context.Context, filter string) ([]ldapv3.Control, error) {
	facts, err := c.facts(ctx)
	if err != nil || !facts.asserts || filter == "" {
		return nil, err
	}
	packet, err := ldapv3.CompileFilter(filter)
	if err != nil {
		return nil, connector.Invalidf("the entry cannot be described by a filter").Because(err)
	}
	return []ldapv3.Control{&ldapv3.ControlString{ControlType: assertionControl, Criticality: true, ControlValue: string(packet.Bytes())}}, nil
}

// server is what the directory says of itself.
type server struct {
	mu    sync.Mutex
	known *facts
}

// facts are read once.
type facts struct {
	asserts bool
	// roots are the fewest places below which everything is that we look for.
	roots []dn
}

func (c *Connector) facts(ctx context.Context) (facts, error) {
	c.server.mu.Lock()
	known := c.server.known
	c.server.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	root, err := c.get(ctx, "read what the directory can do", dn{}, "supportedControl", "namingContexts")
	if err != nil {
		return facts{}, err
	}
	learned := facts{roots: rootsOf(c.places(), nil)}
	if root != nil {
		learned.asserts = slices.Contains(root.GetEqualFoldAttributeValues("supportedControl"), assertionControl)
		learned.roots = rootsOf(c.places(), root.GetEqualFoldAttributeValues("namingContexts"))
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.known = &learned
	return learned, nil
}

// places are all names that accounts and groups are at or below.
func (c *Connector) places() []dn {
	all := []dn{c.base}
	if c.suspended.key != "" {
		all = append(all, c.suspended)
	}
	for _, r := range c.roles {
		all = append(all, r.group)
	}
	return all
}

// rootsOf joins the places of each naming context under what they have in common, so that one search finds them all. A place outside
// of all contexts is a root of its own.
func rootsOf(places []dn, contexts []string) []dn {
	var roots []dn
	for _, context := range contexts {
		within, ok := parseDN(context)
		if !ok || within.key == "" {
			continue
		}
		var root *dn
		places = slices.DeleteFunc(slices.Clone(places), func(place dn) bool {
			if !place.within(within) {
				return false
			}
			if root == nil {
				root = &place
			} else {
				shared := root.common(place)
				root = &shared
			}
			return true
		})
		if root != nil {
			roots = append(roots, *root)
		}
	}
	for i, place := range places {
		nested := func(other dn) bool { return place.within(other) && (!place.is(other)) }
		if !slices.ContainsFunc(places, nested) && !slices.ContainsFunc(places[:i], place.is) {
			roots = append(roots, place)
		}
	}
	return roots
}
