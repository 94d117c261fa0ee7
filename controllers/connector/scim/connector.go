// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// maxTries bounds how often Apply begins anew because somebody else was faster.
const maxTries = 4

// Observe implements connector.Connector. Somebody else's account of the same name is returned as such, so that a dry run can tell; but for one
// that bears a mark not made here, which adoption by that mark must not take for a conflict.
func (c *Connector) Observe(ctx context.Context, want connector.Account) (*connector.Account, error) {
	at, err := c.locate(ctx, want, want.ExternalID)
	u := or(at.ours, at.stranger)
	switch {
	case err != nil:
		return nil, err
	case u == nil || at.ours == nil && !isOwner(u.mark()):
		return nil, connector.ErrNotFound
	}
	observed, err := c.observed(ctx, *u, want)
	if err != nil {
		return nil, err
	}
	return &observed, nil
}

// observed describes a user. Which groups somebody is in who shall not be active does not matter, and may take long to find out.
func (c *Connector) observed(ctx context.Context, u user, want connector.Account) (connector.Account, error) {
	if want.State == connector.Suspended && u.mark() == want.Owner {
		return c.account(u, nil, want), nil
	}
	roles, err := c.rolesOf(ctx, u)
	return c.account(u, roles, want), err
}

// Apply implements connector.Connector. It decides by what is there and takes from observed only where to look.
func (c *Connector) Apply(ctx context.Context, observed *connector.Account, want connector.Account) (connector.Account, error) {
	id := want.ExternalID
	if observed != nil && observed.Owner == want.Owner && observed.ExternalID != "" {
		id = observed.ExternalID
	}
	for range maxTries {
		applied, err := c.apply(ctx, id, want)
		if !errors.Is(err, errStale) {
			return applied, err
		}
	}
	return connector.Account{}, connector.Unavailablef(soon, "the account is being changed by somebody else all the time")
}

func (c *Connector) apply(ctx context.Context, id string, want connector.Account) (connector.Account, error) {
	if want.State == connector.Suspended {
		return c.suspend(ctx, id, want)
	}
	if err := c.check(ctx, want); err != nil {
		return connector.Account{}, err
	}
	at, err := c.locate(ctx, want, id)
	switch {
	case err != nil:
		return connector.Account{}, err
	case at.stranger != nil:
		return connector.Account{}, nameTaken(at.stranger)
	case at.ours == nil:
		if at.ours, err = c.create(ctx, want); err != nil {
			return connector.Account{}, err
		}
	}
	return c.update(ctx, *at.ours, want)
}

// check refuses what cannot be, before anything is written.
func (c *Connector) check(ctx context.Context, want connector.Account) error {
	if err := checkName(want.UserName); err != nil {
		return err
	}
	for name, value := range want.Profile {
		switch {
		case !keeps(name):
			return connector.Invalidf("attribute %q is none that SCIM has a place for", name)
		case !utf8.ValidString(value):
			return connector.Invalidf("attribute %q is not valid UTF-8, which JSON cannot hold", name)
		}
	}
	return c.wanted(ctx, want.Roles)
}

// suspend takes the access away, and nothing else: the groups stay, as they do when an identity provider deactivates somebody.
func (c *Connector) suspend(ctx context.Context, id string, want connector.Account) (connector.Account, error) {
	const what = "deactivate the account"
	gone := connector.Account{Owner: want.Owner, UserName: want.UserName, State: connector.Suspended, Roles: []string{}}
	at, err := c.locate(ctx, want, id)
	u := at.ours
	switch {
	case err != nil || u == nil:
		return gone, err
	case u.state() == connector.Suspended:
		return c.account(*u, nil, want), nil
	case c.config.Suspension == Delete:
		return gone, c.remove(ctx, *u)
	}
	e := edit{after: u.clone()}
	e.put(attrActive, false)
	after, err := c.write(ctx, what, *u, e)
	if err != nil {
		return connector.Account{}, err
	}
	if after.state() != connector.Suspended {
		return connector.Account{}, connector.Unavailablef(wrongWait, "%s: the application says that it did, and the account is still active; it may need suspension Delete", what)
	}
	return c.account(after, nil, want), nil
}

// write makes the change and returns the user as it is now stored.
func (c *Connector) write(ctx context.Context, what string, u user, e edit) (user, error) {
	answer, err := c.patch(ctx, what, usersPath, u.id, u.version, e.operations...)
	if errors.Is(err, errNoPatch) {
		if u.listed { // a list may leave something out, which a PUT would take away: see whole
			return u, errStale
		}
		answer, err = c.replace(ctx, what, usersPath, u.id, u.version, e.after)
	}
	if err := outcome(what, answer, err); err != nil {
		return u, err
	}
	if len(answer.Body) == 0 {
		after, err := c.fetchUser(ctx, u.id)
		if err != nil || after == nil {
			return u, or(err, errStale)
		}
		return *after, nil
	}
	r, version, err := c.read(ctx, what, answer, u.id)
	return user{resource: r, id: u.id, version: version}, err
}

// update makes the user what is wanted: first what it must not be, then the attributes, then what it may be.
func (c *Connector) update(ctx context.Context, u user, want connector.Account) (connector.Account, error) {
	join, leave, err := c.memberships(ctx, u, want)
	if err != nil {
		return connector.Account{}, err
	}
	if err := c.leave(ctx, u.id, leave); err != nil {
		return connector.Account{}, err
	}
	if e := c.difference(u, want); !e.isEmpty() {
		if u, err = c.change(ctx, u, e, want); err != nil {
			return connector.Account{}, err
		}
	}
	if err := c.join(ctx, u.id, join); err != nil {
		return connector.Account{}, err
	}
	if len(join)+len(leave) == 0 {
		roles := want.Roles // they were just read, if they are groups
		if roles == nil || c.config.RolesAs == RolesAttribute {
			roles, err = c.rolesOf(ctx, u)
		}
		return c.confirmed(c.account(u, roles, want), want, err)
	}
	roles, err := c.settledRoles(ctx, &u, want.Roles)
	return c.confirmed(c.account(u, roles, want), want, err)
}

// change writes attributes. Another account may have the name by now, which not every application minds.
func (c *Connector) change(ctx context.Context, u user, e edit, want connector.Account) (user, error) {
	const what = "change the account"
	if !sameName(u.text(attrUserName), want.UserName) {
		if other, err := c.stranger(ctx, want); err != nil || other != nil {
			return u, errors.Join(err, nameTaken(other))
		}
	}
	after, err := c.write(ctx, what, u, e)
	if err == nil && !c.difference(after, want).isEmpty() {
		after, err = c.changeAgain(ctx, what, u.id, want)
	}
	if connector.KindOf(err) == connector.KindConflict {
		return u, connector.Conflictf("%s: another account has its user name, or something else that must be its own", what).Because(err)
	}
	return after, err
}

// changeAgain is for an answer that shows something else than what was sent. It may be an older one, so that what is there is read and, if it
// has to be, written once more. What is not kept then never will be.
func (c *Connector) changeAgain(ctx context.Context, what, id string, want connector.Account) (user, error) {
	u, err := c.fetchUser(ctx, id)
	if err != nil || u == nil {
		return user{}, or(err, errStale)
	}
	e := c.difference(*u, want)
	if e.isEmpty() {
		return *u, nil
	}
	after, err := c.write(ctx, what, *u, e)
	if err == nil {
		c.noteSpelling(after, want)
	}
	return after, err
}

// nameTaken is nil if nobody has the name.
func nameTaken(other *user) error {
	if other == nil {
		return nil
	}
	return connector.Conflictf("another account in the application has the user name and does not bear our mark")
}

// noteSpelling learns whether the application has a spelling of its own for names. Believed of what is not ours to write, drift would go unseen.
func (c *Connector) noteSpelling(stored user, want connector.Account) {
	if name := stored.text(attrUserName); name != want.UserName && sameName(name, want.UserName) {
		c.learned.folds.Store(true)
	}
}

// confirmed returns what is stored, and an error if that is not what was wanted and written.
func (c *Connector) confirmed(stored, want connector.Account, err error) (connector.Account, error) {
	if err != nil || connector.InSync(&stored, want) {
		return stored, err
	}
	for _, name := range sortedKeys(want.Profile) {
		if stored.Profile[name] != want.Profile[name] {
			return stored, connector.Invalidf("the application does not keep the attribute %q as it was sent: take it out of spec.account, or map it to what is kept", name)
		}
	}
	switch {
	case stored.UserName != want.UserName:
		return stored, connector.Invalidf("the application makes another user name of the one that was sent: map spec.account.userName to what it keeps")
	case stored.State != want.State:
		return stored, connector.Unavailablef(wrongWait, "the application says that it activated the account, and it is not active")
	}
	return stored, connector.Unavailablef(wrongWait, "the application says that it changed the roles, and does not show them: its groups must show their members, or users their groups")
}

// create makes the account and returns it, also if it turns out to be there already. An answer that leaves open whether it was made is no
// answer: the mark tells.
func (c *Connector) create(ctx context.Context, want connector.Account) (*user, error) {
	const what = "create the account"
	answer, err := c.send(ctx, call{what: what, method: http.MethodPost, path: usersPath, body: c.newUser(want)})
	if err != nil {
		return c.ambiguous(ctx, want, err)
	}
	switch err := answer.Err(what); {
	case answer.Status == http.StatusConflict:
		return c.ambiguous(ctx, want, connector.Conflictf("%s: another account has its user name, or something else that must be its own", what).Because(err))
	case connector.KindOf(err) == connector.KindUnavailable:
		return c.ambiguous(ctx, want, err)
	case err != nil:
		return nil, err
	}
	r, version, err := c.read(ctx, what, answer, "")
	made := user{resource: r, id: r.text(attrID), version: version}
	if err != nil || made.mark() != want.Owner {
		return c.ambiguous(ctx, want, errors.Join(err, noMark(err)))
	}
	c.noteSpelling(made, want)
	return &made, c.learnMarks(ctx, want.Owner)
}

// noMark explains an account that was made and does not bear the mark that it was made with. What bears none is never touched again.
func noMark(err error) error {
	if err == nil {
		return connector.Unavailablef(wrongWait, "create the account: the application does not keep the externalId, without which it cannot be told whose an account is")
	}
	return nil
}

// ambiguous returns the account if it was made in spite of err.
func (c *Connector) ambiguous(ctx context.Context, want connector.Account, err error) (*user, error) {
	if ctx.Err() != nil {
		return nil, err
	}
	u, findErr := c.byOwner(ctx, want.Owner)
	switch {
	case u != nil:
		return u, nil
	case findErr != nil:
		return nil, errors.Join(err, findErr)
	}
	return nil, err
}

// learnMarks looks for the first account that is made by its mark, unless it is known that this works.
func (c *Connector) learnMarks(ctx context.Context, owner string) error {
	known, err := c.discover(ctx)
	if err != nil || known.filter.isNo() || c.learned.findsMark.Load() != 0 {
		return err
	}
	found, err := settled(ctx, func() (bool, error) {
		found, err := c.search(ctx, "find the account by its externalId", attrExternalID, owner, byMark(owner))
		return len(found) > 0, err
	})
	if err == nil {
		c.learned.findsMark.set(found)
	}
	return err
}

// newUser is the body of a new user.
func (c *Connector) newUser(want connector.Account) resource {
	e := edit{after: resource{
		attrSchemas: []any{scim.UserURN}, attrExternalID: want.Owner, attrUserName: want.UserName, attrActive: true,
	}}
	for _, name := range sortedKeys(want.Profile) {
		if value := want.Profile[name]; value != "" {
			e.attribute(name, value)
		}
	}
	if c.config.RolesAs == RolesAttribute && len(want.Roles) > 0 {
		e.list(attrRoles, c.rolesAttribute(user{}, want.Roles))
	}
	return e.after
}

// Delete implements connector.Connector.
func (c *Connector) Delete(ctx context.Context, observed connector.Account) error {
	for range maxTries {
		at, err := c.locate(ctx, observed, observed.ExternalID)
		if err != nil || at.ours == nil {
			return err
		}
		if err := c.remove(ctx, *at.ours); !errors.Is(err, errStale) {
			return err
		}
	}
	return connector.Unavailablef(soon, "the account is being changed by somebody else all the time")
}

// remove deletes a user that was just seen to bear our mark.
func (c *Connector) remove(ctx context.Context, u user) error {
	const what = "delete the account"
	path, err := itemPath(usersPath, u.id)
	if err != nil {
		return err
	}
	answer, err := c.send(ctx, call{what: what, method: http.MethodDelete, path: path, version: u.version})
	switch {
	case err == nil && (answer.Status == http.StatusNotFound || answer.Status == http.StatusGone):
		return nil
	case err != nil || answer.Status == http.StatusNoContent:
		return err
	}
	if err := outcome(what, answer, nil); err != nil {
		return err
	}
	// RFC 7644 section 3.6 knows 204 alone. Anything else may come from something before the application.
	if left, err := c.fetchUser(ctx, u.id); err != nil || left == nil {
		return err
	}
	return connector.Unavailablef(soon, "%s: the application says that it did, and the account is still there", what)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// isOwner tells a mark that was made by this connector from others: it is "<namespace>/<name>", or there is none.
func isOwner(mark string) bool { return mark == "" || slices.Contains([]byte(mark), '/') }
