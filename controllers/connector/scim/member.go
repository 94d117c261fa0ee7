// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/controllers/connector/outbound"
)

// How a member is removed from a group, from the form that costs least and cannot go wrong to the one that always works. What an application
// refuses or takes no notice of is not tried again.
const (
	removeByFilter  int32 = iota // remove members[value eq "id"], as RFC 7644 has it
	removeByValue                // remove members with a list of values, as Entra ID sends it
	removeByReplace              // replace all members
)

// ignoredOften is how often a removal may be taken no notice of before another form is tried.
const ignoredOften = 3

// chunk is how many members are added at a time.
const chunk = 100

// memberships returns the ids of the groups that an account shall join and leave.
func (c *Connector) memberships(ctx context.Context, u user, want connector.Account) (join, leave []string, err error) {
	if c.config.RolesAs != Groups || want.Roles == nil {
		return nil, nil, nil
	}
	has, err := c.rolesOf(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	ids, err := c.groupIDs(ctx)
	if err != nil {
		return nil, nil, err
	}
	for role, group := range ids {
		switch wanted, member := slices.Contains(want.Roles, role), slices.Contains(has, role); {
		case wanted && !member:
			join = append(join, group)
		case !wanted && member:
			leave = append(leave, group)
		}
	}
	slices.Sort(join)
	slices.Sort(leave)
	return join, leave, nil
}

// join makes the user a member of the groups. All are attempted.
func (c *Connector) join(ctx context.Context, id string, groups []string) error {
	return c.enter(ctx, groups, membership{id: id, join: true})
}

// leave takes the user out of the groups. All are attempted.
func (c *Connector) leave(ctx context.Context, id string, groups []string) error {
	return c.enter(ctx, groups, membership{id: id})
}

func (c *Connector) enter(ctx context.Context, groups []string, m membership) error {
	var errs []error
	for _, group := range groups {
		errs = append(errs, c.batches.submit(ctx, group, m, func(ctx context.Context, batch []membership) []error {
			return c.changeMembers(ctx, group, batch)
		}))
	}
	return c.lost(errors.Join(errs...))
}

// changeMembers makes several changes of one group. If they fail together, each is tried by itself: one who is gone by now must not keep
// others out.
func (c *Connector) changeMembers(ctx context.Context, group string, batch []membership) []error {
	leaving, joining := c.removeMembers(ctx, group, idsOf(batch, false)), error(nil)
	if leaving == nil {
		joining = c.addMembers(ctx, group, idsOf(batch, true))
	}
	errs := make([]error, len(batch))
	for i, m := range batch {
		errs[i] = or(leaving, joining)
		if !m.join {
			errs[i] = leaving
		}
		if len(batch) > 1 && errs[i] != nil && ctx.Err() == nil && connector.KindOf(errs[i]) != connector.KindUnavailable {
			errs[i] = c.changeMembers(ctx, group, batch[i:i+1])[0]
		}
	}
	return errs
}

func idsOf(batch []membership, join bool) []string {
	var ids []string
	for _, m := range batch {
		if m.join == join && !slices.Contains(ids, m.id) {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// lost forgets which group is which when one of them is gone.
func (c *Connector) lost(err error) error {
	if errors.Is(err, errStale) {
		c.groups.forget()
	}
	return err
}

func (c *Connector) addMembers(ctx context.Context, group string, ids []string) error {
	const what = "add a member to a group"
	for part := range slices.Chunk(ids, chunk) {
		answer, err := c.patch(ctx, what, groupsPath, group, "", operation{Op: "add", Path: attrMembers, Value: valuesOf(part)})
		if errors.Is(err, errNoPatch) {
			return c.rewriteMembers(ctx, what, group, func(members map[string]bool) {
				for _, id := range ids {
					members[id] = true
				}
			})
		}
		if err := outcome(what, answer, err); err != nil {
			return err
		}
	}
	return nil
}

func valuesOf(ids []string) []any {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = map[string]any{attrValue: id}
	}
	return values
}

func (c *Connector) removeMembers(ctx context.Context, group string, ids []string) error {
	const what = "remove a member from a group"
	if len(ids) == 0 {
		return nil
	}
	for _, form := range []struct {
		removal int32
		remove  func(ctx context.Context, what, group string, ids []string) (known bool, err error)
	}{{removeByFilter, c.removeByFilter}, {removeByValue, c.removeByValue}} {
		if c.learned.removal.Load() != form.removal {
			continue
		}
		known, err := form.remove(ctx, what, group, ids)
		if errors.Is(err, errNoPatch) {
			break
		}
		if known || err != nil {
			return err
		}
		c.learned.removal.CompareAndSwap(form.removal, form.removal+1)
	}
	return c.rewriteMembers(ctx, what, group, func(members map[string]bool) { leaveOut(members, ids) })
}

func leaveOut(members map[string]bool, ids []string) {
	for _, id := range ids {
		delete(members, id)
	}
}

// removeByFilter removes members in the way of RFC 7644, and reports whether the application knows it.
func (c *Connector) removeByFilter(ctx context.Context, what, group string, ids []string) (known bool, err error) {
	var operations []operation
	for _, id := range ids {
		filter, err := equals(attrValue, id)
		if err != nil {
			return false, err
		}
		operations = append(operations, operation{Op: "remove", Path: attrMembers + "[" + filter + "]"})
	}
	answer, err := c.patch(ctx, what, groupsPath, group, "", operations...)
	if err == nil && isRefused(answer) {
		return false, nil
	}
	return true, outcome(what, answer, err)
}

// isRefused tells a form of request that the application does not know.
func isRefused(answer outbound.Response) bool {
	return answer.Status == http.StatusBadRequest || answer.Status == http.StatusUnprocessableEntity || answer.Status == http.StatusNotImplemented
}

// removeByValue removes members in the way of Entra ID, and reports whether the application knows it. To RFC 7644 it removes everybody, so it is
// looked whether it did, and everybody else is put back.
func (c *Connector) removeByValue(ctx context.Context, what, group string, ids []string) (known bool, err error) {
	before, _, err := c.readMembers(ctx, what, group)
	if err != nil {
		return false, err
	}
	answer, err := c.patch(ctx, what, groupsPath, group, "", operation{Op: "remove", Path: attrMembers, Value: valuesOf(ids)})
	if err == nil && isRefused(answer) {
		return false, nil
	}
	if err := outcome(what, answer, err); err != nil {
		return false, err
	}
	after, _, err := c.readMembers(ctx, what, group)
	if err != nil {
		return false, err
	}
	leaveOut(before, ids)
	if len(after) > 0 || len(before) == 0 {
		return !slices.ContainsFunc(ids, func(id string) bool { return after[id] }), nil
	}
	c.learned.removal.Store(removeByReplace)
	return true, c.addMembers(ctx, group, slices.Sorted(maps.Keys(before)))
}

// readMembers reads who is in a group.
func (c *Connector) readMembers(ctx context.Context, what, group string) (map[string]bool, user, error) {
	r, version, err := c.fetch(ctx, what, groupsPath, group)
	if err == nil && r == nil {
		err = errStale
	}
	members := map[string]bool{}
	for _, entry := range r.entries(attrMembers) {
		members[entry.text(attrValue)] = true
	}
	return members, user{resource: r, id: group, version: version}, err
}

// rewriteMembers writes all members of a group anew. Without ETags, what somebody else changes at the same moment is lost: it is the last resort.
func (c *Connector) rewriteMembers(ctx context.Context, what, group string, change func(members map[string]bool)) error {
	for range maxTries {
		members, g, err := c.readMembers(ctx, what, group)
		if err != nil {
			return err
		}
		change(members)
		after := g.clone()
		after[after.key(attrMembers)] = valuesOf(slices.Sorted(maps.Keys(members)))
		answer, err := c.patch(ctx, what, groupsPath, group, g.version,
			operation{Op: "replace", Path: attrMembers, Value: after[after.key(attrMembers)]})
		if errors.Is(err, errNoPatch) {
			answer, err = c.replace(ctx, what, groupsPath, group, g.version, after)
		}
		if err := outcome(what, answer, err); !errors.Is(err, errStale) {
			return err
		}
	}
	return connector.Unavailablef(soon, "%s: the group is being changed by somebody else all the time", what)
}

// settledRoles returns the roles of a user whose groups were just changed, and the user as it is then. What the user itself shows may follow
// a moment later, so it is waited for.
func (c *Connector) settledRoles(ctx context.Context, u *user, want []string) (roles []string, err error) {
	_, err = settled(ctx, func() (bool, error) {
		after, err := c.fetchUser(ctx, u.id)
		if err != nil || after == nil {
			return false, or(err, errStale)
		}
		*u = *after
		roles, err = c.rolesOf(ctx, *u)
		return slices.Equal(roles, slices.Compact(slices.Sorted(slices.Values(want)))), err
	})
	if extra := slices.ContainsFunc(roles, func(role string) bool { return !slices.Contains(want, role) }); err == nil && extra {
		// It was taken no notice of. That may be a mishap; if it goes on, the next try is by other means.
		if c.learned.ignored.Add(1) >= ignoredOften {
			c.learned.removal.CompareAndSwap(removeByFilter, removeByValue)
		}
	}
	return roles, err
}
