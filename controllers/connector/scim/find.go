// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// matches says whether a user is one that was looked for. It is the word that counts: an application may take no notice of a filter.
type matches func(user) bool

func byMark(owner string) matches { return func(u user) bool { return u.mark() == owner } }

func byName(userName string) matches {
	return func(u user) bool { return sameName(u.text(attrUserName), userName) }
}

func byEmail(email string) matches {
	return func(u user) bool {
		for _, entry := range u.entries(attrEmails) {
			if strings.EqualFold(entry.text(attrValue), email) {
				return true
			}
		}
		return false
	}
}

// sameName compares two user names as SCIM does (RFC 7644 section 7.8).
func sameName(a, b string) bool {
	canonicalA, errA := scim.CanonicalUserName(a)
	canonicalB, errB := scim.CanonicalUserName(b)
	if errA != nil || errB != nil {
		return a == b
	}
	return canonicalA == canonicalB
}

// mixedUpOften is how many answers in a row to filters may be others alone, until it is clear that the application takes no notice of filters.
const mixedUpOften = 3

// search returns the users that match, by a filter if the application knows one, and out of all of them otherwise. So it does where the
// answer to a filter is others alone: either something mixed up two answers, or no notice is taken of filters.
func (c *Connector) search(ctx context.Context, what, attribute, value string, match matches) ([]user, error) {
	filter, err := equals(attribute, value)
	if err != nil {
		return nil, err
	}
	known, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	everybody := query{what: what, path: usersPath, cursor: true}
	if known.filter.isNo() || c.learned.mixedUp.Load() >= mixedUpOften || attribute == attrExternalID && c.learned.findsMark.isNo() {
		return c.sift(ctx, everybody, match)
	}
	seen := 0
	found, err := c.sift(ctx, query{what: what, path: usersPath, filter: filter}, func(u user) bool {
		seen++
		return match(u)
	})
	switch {
	case errors.Is(err, errNoFilter):
		if attribute == attrExternalID {
			c.learned.findsMark.set(false)
		}
	case err == nil && seen > 0 && len(found) == 0:
		c.learned.mixedUp.Add(1)
	default:
		if len(found) > 0 && len(found) == seen {
			c.learned.mixedUp.Store(0)
		}
		return found, err
	}
	return c.sift(ctx, everybody, match)
}

func (c *Connector) sift(ctx context.Context, q query, match matches) ([]user, error) {
	var found []user
	for r, err := range c.walk(ctx, q) {
		if err != nil {
			return nil, err
		}
		if u := (user{resource: r, id: r.text(attrID), listed: true}); match(u) {
			found = append(found, u)
		}
	}
	return found, nil
}

// byOwner returns the user that bears the mark, nil if there is none.
func (c *Connector) byOwner(ctx context.Context, owner string) (*user, error) {
	const what = "find the account by its externalId"
	found, err := c.search(ctx, what, attrExternalID, owner, byMark(owner))
	if err == nil && len(found) == 0 {
		if err = c.tryMarks(ctx); err == nil && c.learned.findsMark.isNo() {
			found, err = c.search(ctx, what, attrExternalID, owner, byMark(owner))
		}
	}
	switch {
	case err != nil || len(found) == 0:
		return nil, err
	case len(found) > 1:
		return nil, connector.Conflictf("%d accounts in the application bear the same mark of ours as externalId: remove it from all but one", len(found))
	}
	return c.whole(ctx, found[0])
}

// whole returns a user out of a list as it is by itself, where that can make a difference: lists may leave out versions and groups.
func (c *Connector) whole(ctx context.Context, u user) (*user, error) {
	known, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	if known.patch.isNo() || c.learned.noPatch.Load() {
		return c.fetchUser(ctx, u.id)
	}
	if known.etag {
		if u.version = u.object(attrMeta).text("version"); u.version == "" {
			return c.fetchUser(ctx, u.id)
		}
	}
	return &u, nil
}

// tryMarks makes sure that who is not found by externalId is not there. Some applications know no filter on it and answer with an empty list;
// believed, that would make every account a second time. The first user with an externalId shows which sort it is.
func (c *Connector) tryMarks(ctx context.Context) error {
	known, err := c.discover(ctx)
	if err != nil || c.learned.findsMark.Load() != 0 || known.filter.isNo() {
		return err
	}
	sample := ""
	for r, err := range c.walk(ctx, query{what: "read some accounts", path: usersPath}) {
		if err != nil {
			return err
		}
		if sample = r.text(attrExternalID); sample != "" {
			break
		}
	}
	if sample == "" {
		return nil // then nobody bears our mark either
	}
	found, err := c.search(ctx, "find an account by its externalId", attrExternalID, sample, byMark(sample))
	if err == nil {
		c.learned.findsMark.set(len(found) > 0)
	}
	return err
}

// place is where an account is or would be.
type place struct {
	// ours bears the mark, nil if there is none. stranger has the user name and does not, nil if there is none or one is ours.
	ours, stranger *user
}

// locate returns what is at the place of an account. id is where it was, if that is known: what is there now counts only if it bears the mark.
// That there is none is believed only if it is not found by its name either.
func (c *Connector) locate(ctx context.Context, want connector.Account, id string) (place, error) {
	if want.Owner == "" {
		return place{}, connector.Invalidf("the account has no owner")
	}
	if id != "" {
		u, err := c.fetchUser(ctx, id)
		if err != nil || u != nil && u.mark() == want.Owner {
			return place{ours: u}, err
		}
	}
	ours, err := c.byOwner(ctx, want.Owner)
	if err != nil || ours != nil || checkName(want.UserName) != nil {
		return place{ours: ours}, err
	}
	named, err := c.search(ctx, "find the account by its user name", attrUserName, want.UserName, byName(want.UserName))
	if err != nil || len(named) == 0 {
		return place{}, err
	}
	if i := slices.IndexFunc(named, byMark(want.Owner)); i >= 0 {
		ours, err := c.whole(ctx, named[i])
		return place{ours: ours}, err
	}
	return place{stranger: &named[0]}, nil
}

// stranger returns a user of that name that does not bear the owner's mark, nil if there is none.
func (c *Connector) stranger(ctx context.Context, want connector.Account) (*user, error) {
	found, err := c.search(ctx, "find the account by its user name", attrUserName, want.UserName, byName(want.UserName))
	if i := slices.IndexFunc(found, func(u user) bool { return u.mark() != want.Owner }); i >= 0 {
		return &found[i], err
	}
	return nil, err
}

// checkName refuses what two people could not tell apart or what cannot be sent (package scim says what).
func checkName(userName string) error {
	if _, err := scim.CanonicalUserName(userName); err != nil {
		return connector.Invalidf("the user name cannot be one of SCIM: it is empty or too long, has space at an end, or characters that cannot be seen").Because(err)
	}
	return nil
}
