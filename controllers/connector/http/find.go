// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"context"
	"errors"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

// depth says how far an account is looked for.
type depth int

const (
	// near asks by externalID and userName only: what comes after an Observe.
	near depth = iota
	// far asks by the mark too, where neither finds an account of ours.
	far
)

// search looks for the account that is ours. Without one it returns somebody else's that has the name, or nil. Neither is complete.
//
// A name that cannot be in a request is no obstacle to finding an account by other means, so it is an error only if there are none.
func (c *core) search(ctx context.Context, want connector.Account, how depth) (*found, error) {
	if c.find.externalID != nil && want.ExternalID != "" {
		ours, _, err := c.lookUp(ctx, c.find.externalID, want)
		if err != nil || ours != nil {
			return ours, err
		}
	}
	ours, other, err := c.lookUp(ctx, c.find.userName, want)
	if err != nil && (how == near || !errors.Is(err, errUnwritable)) || ours != nil {
		return ours, err
	}
	if how == far && c.find.mark != nil {
		ours, _, err := c.lookUp(ctx, c.find.mark, want)
		if err != nil || ours != nil {
			return ours, err
		}
	}
	return other, nil
}

// lookUp makes one lookup. Of what it yields, ours is the account that is ours, and other one of somebody else's that has the name.
func (c *core) lookUp(ctx context.Context, l *lookup, want connector.Account) (ours, other *found, err error) {
	err = c.each(ctx, l, c.scope(want), func(item any) (bool, error) {
		f, err := c.identify(l.what, want, item)
		if err == nil {
			err = c.wantAsked(l, want, f)
		}
		switch {
		case err != nil:
			return false, err
		case c.isOurs(f, want) && ours != nil && ours.ExternalID != f.ExternalID:
			return false, connector.Conflictf("more than one account bears the mark of this one")
		case c.isOurs(f, want):
			ours = f
		case strings.EqualFold(f.UserName, want.UserName):
			other = f
		}
		return true, nil
	})
	return ours, other, err
}

// wantAsked holds an answer that is one account to being the one that was asked for: another one would say that ours is not there. Of a list
// that is for the expression of its items.
func (c *core) wantAsked(l *lookup, want connector.Account, f *found) error {
	switch {
	case l.items != nil:
		return nil
	case l == c.find.externalID && f.ExternalID != want.ExternalID:
		return unexpected(l.what, c.mapping.externalID.field, language.Failed(language.ProblemResult))
	case l == c.find.userName && !strings.EqualFold(f.UserName, want.UserName):
		return unexpected(l.what, c.mapping.userName.field, language.Failed(language.ProblemResult))
	}
	return nil
}

// isOurs says whether an account is the one that is wanted. Without a mark, one that we just created without hearing of it is.
func (c *core) isOurs(f *found, want connector.Account) bool {
	if f.Owner == "" && c.mapping.owner == nil && f.UserName == want.UserName && c.attempts.open(c.requests.create.field, want.Owner) {
		f.Owner = want.Owner
	}
	return want.Owner != "" && f.Owner == want.Owner
}
