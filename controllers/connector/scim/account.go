// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"slices"
	"strings"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// account describes a user with these roles. want says how names are spelt that the application holds for the same in another spelling, and
// which attributes are asked for beside those that every user has.
func (c *Connector) account(u user, roles []string, want connector.Account) connector.Account {
	a := connector.Account{
		Owner: u.mark(), ExternalID: u.id, UserName: u.text(attrUserName), State: u.state(), Roles: roles, Profile: profileOf(u, want.Profile),
	}
	if c.learned.folds.Load() && sameName(a.UserName, want.UserName) {
		a.UserName = want.UserName
	}
	if wanted, got := want.Profile[profileEmail], a.Profile[profileEmail]; strings.EqualFold(wanted, got) {
		a.Profile[profileEmail] = wanted
	}
	return a
}

// profileOf returns the attributes that are there under simple names, and those of want under theirs.
func profileOf(u user, want map[string]string) map[string]string {
	profile := map[string]string{}
	flatten(profile, "", u.resource)
	for key := range u.resource {
		if strings.HasPrefix(strings.ToLower(key), "urn:") {
			flatten(profile, key+":", u.object(key))
		}
	}
	for name := range want {
		if p, ok := parsePath(name); ok && name != profileEmail {
			profile[name] = p.get(u.resource)
		}
	}
	profile[profileDisplayName], profile[profileEmail] = u.text(attrDisplayName), u.email()
	return profile
}

// flatten puts the simple attributes of r, and those of its complex ones, into the profile.
func flatten(profile map[string]string, prefix string, r resource) {
	for key, value := range r {
		if prefix == "" && slices.Contains(reserved(), strings.ToLower(key)) || strings.HasPrefix(strings.ToLower(key), "urn:") {
			continue
		}
		if text := textOf(value); text != "" {
			profile[prefix+key] = text
		}
		flattenObject(profile, prefix+key+".", objectOf(value))
		if _, isList := value.([]any); !isList {
			continue
		}
		for _, entry := range r.entries(key) {
			if kind := entry.text(attrType); kind != "" {
				flattenObject(profile, prefix+key+`[type eq "`+kind+`"].`, entry)
			}
		}
	}
}

func flattenObject(profile map[string]string, prefix string, object resource) {
	for sub, value := range object {
		if text := textOf(value); text != "" {
			profile[prefix+sub] = text
		}
	}
}

// edit is a change of a user: what the operations of a PATCH are, and the user as it shall be, for a PUT.
type edit struct {
	operations []operation
	after      resource
}

func (e edit) isEmpty() bool { return len(e.operations) == 0 }

// put sets one attribute of the core to a value; nil takes it away.
func (e *edit) put(name string, value any) {
	_, had := e.after[e.after.key(name)]
	e.record(name, had, value)
	if value == nil {
		delete(e.after, e.after.key(name))
		return
	}
	e.after[e.after.key(name)] = value
}

// record adds the operation. Some applications want to be told whether they have a value already.
func (e *edit) record(path string, had bool, value any) {
	switch {
	case value == nil && had:
		e.operations = append(e.operations, operation{Op: "remove", Path: path})
	case value == nil:
	case had:
		e.operations = append(e.operations, operation{Op: "replace", Path: path, Value: value})
	default:
		e.operations = append(e.operations, operation{Op: "add", Path: path, Value: value})
	}
}

// difference returns what makes a user what is wanted, but for the groups.
func (c *Connector) difference(u user, want connector.Account) edit {
	e := edit{after: u.clone()}
	has := c.account(u, nil, want)
	if has.UserName != want.UserName {
		e.put(attrUserName, want.UserName)
	}
	if has.State != want.State {
		e.put(attrActive, want.State == connector.Active)
	}
	for _, name := range sortedKeys(want.Profile) {
		if value := want.Profile[name]; has.Profile[name] != value {
			e.attribute(name, value)
		}
	}
	if c.config.RolesAs == RolesAttribute && want.Roles != nil && !slices.Equal(c.rolesIn(u), want.Roles) {
		e.list(attrRoles, c.rolesAttribute(u, want.Roles))
	}
	return e
}

// list sets a whole multi-valued attribute.
func (e *edit) list(name string, entries []resource) {
	if len(entries) == 0 {
		e.put(name, nil)
		return
	}
	e.put(name, listOf(entries))
}

// attribute sets an attribute of the profile.
func (e *edit) attribute(name, value string) {
	p, _ := parsePath(name)
	switch {
	case name == profileEmail:
		e.list(attrEmails, emailsWith(e.after.clone().entries(attrEmails), value))
	case p.kind != "":
		container := p.container(e.after)
		_, had := container[container.key(p.attribute)]
		p.set(e.after, value)
		entries := p.container(e.after).entries(p.attribute)
		if len(entries) == 0 {
			e.record(p.top(), had, nil)
			return
		}
		e.record(p.top(), had, listOf(entries))
	default:
		had := p.get(e.after) != ""
		p.set(e.after, value)
		if value == "" {
			e.record(p.full(), had, nil)
			return
		}
		e.record(p.full(), had, value)
	}
	e.extend(p)
}

// extend names the extension of an attribute in schemas, as a body must.
func (e *edit) extend(p path) {
	if p.urn == "" || e.after.object(p.urn) == nil {
		return
	}
	schemas, _ := e.after.get(attrSchemas).([]any)
	if !slices.ContainsFunc(schemas, func(urn any) bool { return strings.EqualFold(textOf(urn), p.urn) }) {
		e.after[e.after.key(attrSchemas)] = append(schemas, p.urn)
	}
}

// emailsWith makes value the address, and leaves the others. Without a value there is none left: the next one would take its place.
func emailsWith(entries []resource, value string) []resource {
	if value == "" {
		return nil
	}
	i := mainEntry(entries)
	if i < 0 {
		return []resource{{attrValue: value, attrType: "work", attrPrimary: true}}
	}
	put(entries[i], attrValue, value)
	entries[i][entries[i].key(attrPrimary)] = true
	return entries
}

// rolesAttribute is the attribute roles with those roles of the application and no others of it.
func (c *Connector) rolesAttribute(u user, roles []string) []resource {
	entries := u.clone().entries(attrRoles)
	for _, role := range c.config.Roles {
		wanted, has := slices.Contains(roles, role.Name), slices.ContainsFunc(entries, role.isEntry)
		if has && !wanted {
			entries = slices.DeleteFunc(entries, role.isEntry)
		}
		if wanted && !has {
			entries = append(entries, resource{attrValue: role.value()})
		}
	}
	return entries
}
