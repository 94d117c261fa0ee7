// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/cmd/kubectl-scim/cli"
)

// Membership knows who is in which group, of those whose slices it was made from.
type Membership struct {
	groups map[string]*v1alpha1.ScimGroup
	// in has the groups that name a user or group.
	in map[string][]string
}

// Members are those of one group, by the names of their objects and sorted.
type Members struct {
	Users, Groups []string
	// Unknown are no user or group of the directory; they have no effect.
	Unknown []string
}

// Way is how somebody comes to be in a group.
type Way struct {
	Group *v1alpha1.ScimGroup
	// Through are the groups that lie between, the one first that names the user; none if Group does itself.
	Through []*v1alpha1.ScimGroup
}

// String is the way for people: "Engineers, through Backend and Platform".
func (w Way) String() string {
	if len(w.Through) == 0 {
		return w.Group.Spec.DisplayName
	}
	names := make([]string, len(w.Through))
	for i, group := range w.Through {
		names[i] = group.Spec.DisplayName
	}
	return w.Group.Spec.DisplayName + ", through " + strings.Join(names, " and ")
}

// ReadMembership reads all groups of a namespace and their members.
func ReadMembership(ctx context.Context, c *cli.Client) (*Membership, error) {
	groups, err := cli.All[*v1alpha1.ScimGroup](ctx, c, &v1alpha1.ScimGroupList{})
	if err != nil || len(groups) == 0 {
		return NewMembership(nil, nil), err
	}
	all, err := cli.All[*v1alpha1.ScimMemberSlice](ctx, c, &v1alpha1.ScimMemberSliceList{})
	return NewMembership(groups, all), err
}

// NewMembership is made of all groups of a namespace and all slices.
func NewMembership(groups []*v1alpha1.ScimGroup, all []*v1alpha1.ScimMemberSlice) *Membership {
	m := &Membership{groups: map[string]*v1alpha1.ScimGroup{}, in: map[string][]string{}}
	ofGroup := map[string][]*v1alpha1.ScimMemberSlice{}
	for _, slice := range all {
		ofGroup[slice.Spec.GroupRef.Name] = append(ofGroup[slice.Spec.GroupRef.Name], slice)
	}
	for _, group := range groups {
		m.groups[group.Name] = group
		members := MembersOf(group.Name, ofGroup[group.Name])
		for _, member := range slices.Concat(members.Users, members.Groups) {
			m.in[member] = append(m.in[member], group.Name)
		}
	}
	return m
}

// MembersOf are the members of the group of that name, by its slices: those in the slices that are reached from the first one, which has
// the name of the group. While a slice is split, there are others that nobody is to look at yet.
func MembersOf(group string, all []*v1alpha1.ScimMemberSlice) (m Members) {
	byName := map[string]*v1alpha1.ScimMemberSlice{}
	for _, slice := range all {
		byName[slice.Name] = slice
	}
	for todo := []string{group}; len(todo) > 0; todo = todo[1:] {
		slice := byName[todo[0]]
		if slice == nil || slice.Spec.GroupRef.Name != group {
			continue
		}
		delete(byName, todo[0])
		m.Users = append(m.Users, slice.Spec.Users...)
		m.Groups = append(m.Groups, slice.Spec.Groups...)
		m.Unknown = append(m.Unknown, slice.Spec.Unknown...)
		todo = append(todo, slice.Spec.Children...)
	}
	slices.Sort(m.Users)
	slices.Sort(m.Groups)
	slices.Sort(m.Unknown)
	return m
}

// Of are the ways into all groups that a user is in, directly or through other groups of the same directory, each by the shortest; sorted by
// the displayName of the group.
func (m *Membership) Of(user *v1alpha1.ScimUser) []Way {
	ways := map[string]Way{}
	type step struct {
		member  string
		through []*v1alpha1.ScimGroup
	}
	for todo := []step{{member: user.Name}}; len(todo) > 0; todo = todo[1:] {
		for _, name := range m.in[todo[0].member] {
			group := m.groups[name]
			if _, known := ways[name]; known || group.Spec.DirectoryRef != user.Spec.DirectoryRef || !group.DeletionTimestamp.IsZero() {
				continue
			}
			ways[name] = Way{Group: group, Through: todo[0].through}
			todo = append(todo, step{name, append(slices.Clone(todo[0].through), group)})
		}
	}
	sorted := make([]Way, 0, len(ways))
	for _, way := range ways {
		sorted = append(sorted, way)
	}
	slices.SortFunc(sorted, func(a, b Way) int {
		return cmp.Or(cmp.Compare(a.Group.Spec.DisplayName, b.Group.Spec.DisplayName), cmp.Compare(a.Group.Name, b.Group.Name))
	})
	return sorted
}

// Groups are all that there are, sorted by name.
func (m *Membership) Groups() []*v1alpha1.ScimGroup {
	all := make([]*v1alpha1.ScimGroup, 0, len(m.groups))
	for _, group := range m.groups {
		all = append(all, group)
	}
	slices.SortFunc(all, func(a, b *v1alpha1.ScimGroup) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// few are so many objects that each is asked for, which the client does without a pause: more are read by one list of all that there are.
const few = 150

// Named reads the objects of a kind with these names; those that are not there are left out. What it costs does not grow with the number
// of names.
func Named[T client.Object](ctx context.Context, c *cli.Client, kind client.ObjectList, fresh func() T, names []string) (found map[string]T, err error) {
	found = map[string]T{}
	if len(names) > few {
		wanted := map[string]bool{}
		for _, name := range names {
			wanted[name] = true
		}
		err = cli.Each(ctx, c, kind, func(o T) bool {
			if wanted[o.GetName()] {
				found[o.GetName()] = o
			}
			return len(found) < len(wanted)
		})
		return found, err
	}
	for _, name := range names {
		o := fresh()
		there, err := c.Find(ctx, name, o)
		if err != nil {
			return nil, err
		}
		if there {
			found[name] = o
		}
	}
	return found, nil
}
