// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"context"
	"errors"
	"slices"

	"github.com/scim-operator/scim-operator/controllers/connector"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// groupIDs returns the ids of the groups that are roles, by the names of the roles. A role whose group is not there is not in it.
func (c *Connector) groupIDs(ctx context.Context) (map[string]string, error) {
	if c.config.RolesAs != Groups {
		return nil, nil
	}
	return c.groups.get(ctx, func(ctx context.Context) (map[string]string, error) {
		ids := map[string]string{}
		for _, role := range c.config.Roles {
			id, err := c.groupID(ctx, role)
			if err != nil {
				return nil, err
			}
			if id != "" {
				ids[role.Name] = id
			}
		}
		return ids, nil
	})
}

func (c *Connector) groupID(ctx context.Context, role Role) (string, error) {
	if role.GroupID != "" {
		return role.GroupID, nil
	}
	found, err := c.groupsNamed(ctx, role.group())
	switch {
	case err != nil || len(found) == 0:
		return "", err
	case len(found) > 1:
		return "", connector.Invalidf("role %q: the application has %d groups of that name; give the id of one", role.Name, len(found))
	}
	return found[0], nil
}

// groupsNamed returns the ids of the groups of a name. One of exactly that name is preferred to those that differ in case.
func (c *Connector) groupsNamed(ctx context.Context, name string) ([]string, error) {
	filter, err := equals(attrDisplayName, name)
	if err != nil {
		return nil, err
	}
	q := query{what: "find the groups of the roles", path: groupsPath, filter: filter, excluded: attrMembers}
	if known, err := c.discover(ctx); err != nil || known.filter.isNo() {
		q.filter = ""
	}
	exact, folded, err := c.siftGroups(ctx, q, name)
	if q.filter != "" && (errors.Is(err, errNoFilter) || err == nil && len(exact)+len(folded) == 0) {
		// That a group is missing is believed only if it is not in the list of all.
		q.filter = ""
		exact, folded, err = c.siftGroups(ctx, q, name)
	}
	if len(exact) > 0 {
		return exact, err
	}
	return folded, err
}

func (c *Connector) siftGroups(ctx context.Context, q query, name string) (exact, folded []string, err error) {
	canonical, _ := scim.CanonicalDisplayName(name)
	for r, err := range c.walk(ctx, q) {
		if err != nil {
			return nil, nil, err
		}
		displayName := r.text(attrDisplayName)
		key, _ := scim.CanonicalDisplayName(displayName)
		switch {
		case displayName == name:
			exact = append(exact, r.text(attrID))
		case key != "" && key == canonical:
			folded = append(folded, r.text(attrID))
		}
	}
	return exact, folded, nil
}

// wanted checks roles that an active account shall have.
func (c *Connector) wanted(ctx context.Context, roles []string) error {
	for _, name := range roles {
		if _, known := c.role(name); !known {
			return connector.Invalidf("role %q is not one of the application", name)
		}
	}
	ids, err := c.groupIDs(ctx)
	if err != nil || c.config.RolesAs != Groups {
		return err
	}
	for _, name := range roles {
		if ids[name] == "" {
			c.groups.forget() // somebody may make it now
			return connector.Invalidf("role %q: the application has no group of that name", name)
		}
	}
	return nil
}

// rolesOf returns the roles that the user has, sorted.
func (c *Connector) rolesOf(ctx context.Context, u user) ([]string, error) {
	if c.config.RolesAs == RolesAttribute {
		return c.rolesIn(u), nil
	}
	ids, err := c.groupIDs(ctx)
	if err != nil {
		return nil, err
	}
	if c.learned.showsGroups.isYes() {
		return c.rolesByGroups(ctx, ids, u)
	}
	return c.rolesByMembers(ctx, ids, u)
}

func (c *Connector) rolesIn(u user) []string {
	roles := []string{}
	for _, role := range c.config.Roles {
		if slices.ContainsFunc(u.entries(attrRoles), role.isEntry) {
			roles = append(roles, role.Name)
		}
	}
	slices.Sort(roles)
	return roles
}

func (r Role) isEntry(e resource) bool { return e.text(attrValue) == r.value() }

// rolesByGroups believes the attribute groups of the user.
func (c *Connector) rolesByGroups(ctx context.Context, ids map[string]string, u user) ([]string, error) {
	if u.listed && u.get(attrGroups) == nil {
		alone, err := c.fetchUser(ctx, u.id)
		if err != nil || alone == nil {
			return []string{}, err
		}
		u = *alone
	}
	return rolesWhere(ids, u.isIn), nil
}

// isIn reports whether the user says that it is a member of the group, not by way of another one.
func (u user) isIn(group string) bool {
	return slices.ContainsFunc(u.entries(attrGroups), func(e resource) bool {
		return e.text(attrValue) == group && e.text(attrType) != "indirect"
	})
}

func rolesWhere(ids map[string]string, has func(group string) bool) []string {
	roles := []string{}
	for role, group := range ids {
		if has(group) {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	return roles
}

// rolesByMembers reads the groups. It costs what the groups are large, so it learns on the way whether it is needed.
func (c *Connector) rolesByMembers(ctx context.Context, ids map[string]string, u user) ([]string, error) {
	members, err := c.members(ctx, ids)
	if err != nil {
		return nil, err
	}
	roles := rolesWhere(ids, func(group string) bool { return members[group][u.id] })
	if len(roles) > 0 && !u.listed {
		c.learned.showsGroups.set(slices.Equal(roles, rolesWhere(ids, u.isIn)))
	}
	return roles, nil
}

// members returns who is in the groups of the roles.
func (c *Connector) members(ctx context.Context, ids map[string]string) (map[string]map[string]bool, error) {
	all := map[string]map[string]bool{}
	for _, group := range ids {
		r, _, err := c.fetch(ctx, "read the members of a group", groupsPath, group)
		if err != nil {
			return nil, err
		}
		if r == nil {
			c.groups.forget()
		}
		all[group] = map[string]bool{}
		for _, entry := range r.entries(attrMembers) {
			all[group][entry.text(attrValue)] = true
		}
	}
	return all, nil
}
