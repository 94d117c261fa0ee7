// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// Observe implements [connector.Connector].
func (c *core) Observe(ctx context.Context, want connector.Account) (*connector.Account, error) {
	f, err := c.search(ctx, want, far)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, connector.ErrNotFound
	}
	if want.ExternalID != "" && want.ExternalID == f.ExternalID { // so it is remembered where it lasts longer than here
		c.attempts.ended(c.requests.create.field, want.Owner, attempt{}, true)
	}
	if err := c.fill(ctx, want, f); err != nil {
		return nil, err
	}
	return &f.Account, nil
}

// fill completes what is wanted active. Of an account that shall be suspended only that counts, and of somebody else's nothing.
func (c *core) fill(ctx context.Context, want connector.Account, f *found) error {
	if want.State == connector.Suspended || f.Owner != want.Owner {
		return nil
	}
	return c.complete(ctx, want, f)
}

// Apply implements [connector.Connector]. It decides by what it reads itself: observed only tells where to look.
func (c *core) Apply(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
	unlock, err := c.locks.lock(ctx, want.Owner)
	if err != nil {
		return connector.Account{}, err
	}
	defer unlock()
	if observed != nil && observed.Owner == want.Owner && observed.ExternalID != "" {
		want.ExternalID = observed.ExternalID
	}
	if want.State == connector.Suspended {
		return c.suspend(ctx, want)
	}
	if unknown := slices.ContainsFunc(want.Roles, func(role string) bool { return !c.declares(role) }); unknown {
		return connector.Account{}, connector.Invalidf("a role is wanted that the application does not declare")
	}
	return c.converge(ctx, want)
}

// suspend takes the access away, and nothing else.
func (c *core) suspend(ctx context.Context, want connector.Account) (connector.Account, error) {
	f, err := c.search(ctx, want, far)
	switch {
	case err != nil:
		return connector.Account{}, err
	case f == nil:
		return connector.Account{Owner: want.Owner, UserName: want.UserName, State: connector.Suspended, Roles: []string{}}, nil
	case f.Owner != want.Owner:
		return connector.Account{}, errForeign()
	case f.State == connector.Suspended:
		return f.Account, nil
	}
	if _, err := c.change(ctx, c.requests.suspend, want, f, Role{}); err != nil {
		return connector.Account{}, err
	}
	f.State = connector.Suspended
	return f.Account, nil
}

func errForeign() error {
	return connector.Conflictf("an account of that login name is there and is not ours; it can be adopted where adoption is configured")
}

// Delete implements [connector.Connector].
func (c *core) Delete(ctx context.Context, observed connector.Account) error {
	unlock, err := c.locks.lock(ctx, observed.Owner)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := c.search(ctx, observed, far)
	if err != nil || f == nil || f.Owner != observed.Owner {
		return err
	}
	_, err = c.change(ctx, c.requests.remove, observed, f, Role{})
	return err
}

// Probe implements [connector.Prober].
func (c *core) Probe(ctx context.Context) error {
	s := c.scope(connector.Account{})
	request, err := c.requests.probe.render(&s)
	if err != nil {
		return err
	}
	response, err := c.client.Do(ctx, request)
	if err != nil {
		return err
	}
	is, err := c.requests.probe.judge(&s, response)
	if err == nil && is == notFound {
		return connector.Invalidf("%s: not found (%d); see the url and the path of Probe", c.requests.probe.what, response.Status)
	}
	return err
}

// change makes a request about an account; f is nil for one that is to be created. Whether it was still there is the verdict.
func (c *core) change(ctx context.Context, r *request, want connector.Account, f *found, role Role) (verdict, error) {
	s := c.scope(want)
	s.role = role
	if f != nil {
		s.account, s.observed, s.details = settled(s.account, want, f), f.raw, f.details
	}
	action := strings.TrimSpace(r.field + " " + role.Name)
	try := c.attempts.get(action, want.Owner)
	s.random = try.random
	request, err := r.render(&s)
	if err != nil {
		return succeeded, err
	}
	if sent := fingerprint(request); sent != try.sent && try.sent != [len(sent)]byte{} {
		try = newAttempt()
		s.random = try.random
		if request, err = r.render(&s); err != nil {
			return succeeded, err
		}
	}
	try.sent = fingerprint(request)
	if c.keyHeader != "" {
		request.Header.Set(c.keyHeader, try.key)
	}
	response, err := c.client.Do(ctx, request)
	if err != nil {
		c.attempts.ended(action, want.Owner, try, false)
		return succeeded, err
	}
	is, err := r.judge(&s, response)
	c.attempts.ended(action, want.Owner, try, !c.remembers(r, err))
	return is, err
}

// remembers says whether an answered creation is remembered until its externalID is: without a mark nothing else tells that the account is ours.
func (c *core) remembers(r *request, err error) bool {
	return r == c.requests.create && c.mapping.owner == nil && (err == nil || connector.KindOf(err) == connector.KindUnavailable)
}

// settled fills in what is not wanted differently: roles that are not managed and attributes that are not named stay as they are, also where
// a request replaces all of an account.
func settled(account, want connector.Account, f *found) connector.Account {
	account.ExternalID = f.ExternalID
	if want.Roles == nil {
		account.Roles = slices.DeleteFunc(slices.Clone(f.Roles), isDamaged)
	}
	profile := maps.Clone(f.Profile)
	if profile == nil {
		profile = map[string]string{}
	}
	maps.Copy(profile, want.Profile)
	account.Profile = profile
	return account
}

func isDamaged(role string) bool { return strings.HasPrefix(role, connector.DamagedPrefix) }
