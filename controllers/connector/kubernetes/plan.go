// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"cmp"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

// changes are what leads from the bindings that are to those that shall be. A binding to replace is in both.
type changes struct {
	remove []binding
	create []binding
}

// plan compares by place. live are all bindings that bear the owner's mark.
//
//	live            desired         change
//	none            there           create
//	right           there           none
//	not right       there           remove, create
//	there           none            remove
func plan(live, desired []binding) changes {
	var todo changes
	missing := map[place]binding{}
	for _, b := range desired {
		missing[b.place()] = b
	}
	for _, b := range live {
		if d, wanted := missing[b.place()]; wanted && b.same(d) {
			delete(missing, b.place())
			continue
		}
		todo.remove = append(todo.remove, b)
	}
	for _, b := range desired {
		if _, still := missing[b.place()]; still {
			todo.create = append(todo.create, b)
		}
	}
	return todo
}

// same says whether the binding does exactly what d would.
func (b binding) same(d binding) bool {
	return b.DeletionTimestamp == nil && b.ref == d.ref && slices.Equal(b.subjects, d.subjects) &&
		b.Annotations[RoleAnnotation] == d.Annotations[RoleAnnotation]
}

// after is what is live when the changes are made.
func (t changes) after(live []binding) []binding {
	removed := map[place]bool{}
	for _, b := range t.remove {
		removed[b.place()] = true
	}
	kept := slices.DeleteFunc(slices.Clone(live), func(b binding) bool { return removed[b.place()] })
	return append(kept, t.create...)
}

// desired returns the bindings that the account shall have, or Invalid.
func (c *Connector) desired(want connector.Account, live []binding) ([]binding, error) {
	switch {
	case want.State == connector.Suspended:
		return nil, nil
	case want.State != connector.Active:
		return nil, connector.Invalidf("the state is neither %s nor %s", connector.Active, connector.Suspended)
	case want.UserName == "":
		return nil, connector.Invalidf("the user name is empty")
	}
	subject := user(c.prefix + want.UserName)
	if err := checkUserName(subject.Name); err != nil {
		return nil, err
	}
	if want.Roles == nil {
		return c.asTheyAre(want.Owner, subject, live), nil
	}
	var desired []binding
	for _, name := range slices.Compact(slices.Sorted(slices.Values(want.Roles))) {
		i := slices.IndexFunc(c.roles, func(r Role) bool { return r.Name == name })
		if i < 0 {
			return nil, connector.Invalidf("role %q is not a role of the application", name)
		}
		for _, s := range c.roles[i].slots() {
			desired = append(desired, s.binding(want.Owner, subject))
		}
	}
	return desired, nil
}

// asTheyAre keeps the roles that the account has, but not for anybody else: a binding with a wrong subject is put right
// if a slot asks for it and goes otherwise.
func (c *Connector) asTheyAre(owner string, subject rbacv1.Subject, live []binding) []binding {
	slots := c.slotsByPlace(owner)
	var desired []binding
	for _, b := range live {
		s, known := slots[b.place()]
		switch {
		case known && b.fills(s):
			desired = append(desired, s.binding(owner, subject))
		case b.isFor(subject) && b.DeletionTimestamp == nil:
			desired = append(desired, b)
		}
	}
	return desired
}

func (c *Connector) slotsByPlace(owner string) map[place]slot {
	slots := map[place]slot{}
	for _, role := range c.roles {
		for _, s := range role.slots() {
			slots[s.place(owner)] = s
		}
	}
	return slots
}

// observed describes the account that live bindings make up, nil if they make up none. live must be sorted by place.
func (c *Connector) observed(want connector.Account, live []binding) *connector.Account {
	if len(live) == 0 && (want.State != connector.Active || len(want.Roles) > 0) {
		return nil
	}
	return &connector.Account{
		Owner: want.Owner, ExternalID: accountLabel(want.Owner), State: connector.Active,
		UserName: c.observedUserName(want, live), Roles: c.observedRoles(want.Owner, live),
	}
}

// observedUserName is the wanted name if all bindings are for it, and otherwise the first other one, so that a single
// binding for somebody else is out of sync.
func (c *Connector) observedUserName(want connector.Account, live []binding) string {
	for _, b := range live {
		if name, _ := b.userName(c.prefix); name != want.UserName {
			return name
		}
	}
	return want.UserName
}

func (c *Connector) observedRoles(owner string, live []binding) []string {
	roles := []string{}
	slots := c.slotsByPlace(owner)
	right := map[string]int{}
	for _, b := range live {
		s, known := slots[b.place()]
		_, oneUser := b.userName(c.prefix)
		if known && oneUser && b.fills(s) {
			right[s.role.Name]++
			continue
		}
		roles = append(roles, connector.DamagedPrefix+c.damagedRole(s, b))
	}
	for _, role := range c.roles {
		switch right[role.Name] {
		case 0:
		case len(role.slots()):
			roles = append(roles, role.Name)
		default:
			roles = append(roles, connector.DamagedPrefix+role.Name)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// damagedRole names the role that a binding is or was for. The annotation counts only if it names a configured role, as anybody who may
// edit the binding can write what they like there.
func (c *Connector) damagedRole(s slot, b binding) string {
	if s.role.Name != "" {
		return s.role.Name
	}
	annotated := b.Annotations[RoleAnnotation]
	if slices.ContainsFunc(c.roles, func(r Role) bool { return r.Name == annotated }) {
		return annotated
	}
	return connector.UnknownRole
}

func sortByPlace(bindings []binding) {
	slices.SortFunc(bindings, func(a, b binding) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}
