// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// maxDepth is how deep a tree of slices can be: its members are told apart by the bits of a SHA-256.
const maxDepth = 256

// reader reads one namespace. What it returns belongs to the cache.
type reader struct {
	client.Reader
	namespace string
}

func in(c client.Reader, namespace string) reader { return reader{c, namespace} }

// get reads an object into o, and reports whether there is one.
func (r reader) get(ctx context.Context, name string, o client.Object) (bool, error) {
	err := r.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: name}, o, client.UnsafeDisableDeepCopy)
	return err == nil, client.IgnoreNotFound(err)
}

// user returns a ScimUser, nil if there is none.
func (r reader) user(ctx context.Context, name string) (*v1alpha1.ScimUser, error) {
	user := &v1alpha1.ScimUser{}
	if found, err := r.get(ctx, name, user); !found {
		return nil, err
	}
	return user, nil
}

// group returns a ScimGroup, nil if there is none or it is going.
func (r reader) group(ctx context.Context, name string) (*v1alpha1.ScimGroup, error) {
	group := &v1alpha1.ScimGroup{}
	if found, err := r.get(ctx, name, group); !found || !group.DeletionTimestamp.IsZero() {
		return nil, err
	}
	return group, nil
}

// find returns the slices that an index has under a name.
func (r reader) find(ctx context.Context, field, name string) ([]v1alpha1.ScimMemberSlice, error) {
	var found v1alpha1.ScimMemberSliceList
	err := r.List(ctx, &found, client.InNamespace(r.namespace), client.MatchingFields{field: name}, client.UnsafeDisableDeepCopy)
	return found.Items, err
}

// reached reports whether a slice is reached from the root of its group. The way up is short; nobody knows the way down from a
// name alone.
func (r reader) reached(ctx context.Context, name, group string) (bool, error) {
	for range maxDepth {
		if name == group {
			return true, nil
		}
		parents, err := r.find(ctx, withChild, name)
		if err != nil || len(parents) == 0 || parents[0].Spec.GroupRef.Name != group {
			return false, err
		}
		name = parents[0].Name // a name is given once, so there is one parent
	}
	return false, nil
}

// way is how somebody came to be in a group: a slice of it names them, or a group that they are in.
type way struct {
	group *v1alpha1.ScimGroup
	slice string
	// member is who the slice names, a group unless direct.
	member string
	direct bool
}

// ways are the groups that a user is in by name, each with the way there that passes the fewest groups.
func (r reader) ways(ctx context.Context, name string) (map[string]way, error) {
	user, err := r.user(ctx, name)
	if user == nil {
		return nil, err
	}
	ways := map[string]way{}
	for level, field := []string{name}, withUser; len(level) > 0; field = withGroup {
		var next []string
		for _, member := range level {
			found, err := r.step(ctx, ways, user.Spec.DirectoryRef, field, member)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		level = next
	}
	return ways, nil
}

// step adds the ways into the groups of a directory that a member is in directly, and returns the names of those that are new.
func (r reader) step(ctx context.Context, ways map[string]way, directory v1alpha1.LocalReference, field, member string) ([]string, error) {
	named, err := r.find(ctx, field, member)
	if err != nil {
		return nil, err
	}
	var found []string
	for i := range named {
		name := named[i].Spec.GroupRef.Name
		if _, known := ways[name]; known {
			continue
		}
		group, err := r.group(ctx, name)
		if err != nil {
			return nil, err
		}
		if group == nil || group.Spec.DirectoryRef != directory {
			continue
		}
		reached, err := r.reached(ctx, named[i].Name, name)
		if err != nil {
			return nil, err
		}
		if reached {
			ways[name] = way{group: group, slice: named[i].Name, member: member, direct: field == withUser}
			found = append(found, name)
		}
	}
	return found, nil
}

// members are what slices name.
type members struct{ users, groups map[string]bool }

// except returns the members that are not among others.
func (m members) except(others members) members {
	return members{users: without(m.users, others.users), groups: without(m.groups, others.groups)}
}

func without(names, others map[string]bool) map[string]bool {
	rest := map[string]bool{}
	for name := range names {
		if !others[name] {
			rest[name] = true
		}
	}
	return rest
}

// membersOf are the members in a slice and in those that it was split into, as the cache has them.
func (r reader) membersOf(ctx context.Context, slice *v1alpha1.ScimMemberSlice) (members, error) {
	m := members{users: map[string]bool{}, groups: map[string]bool{}}
	seen := map[string]bool{}
	for todo := []*v1alpha1.ScimMemberSlice{slice}; len(todo) > 0; {
		spec := &todo[0].Spec
		todo = todo[1:]
		add(m.users, spec.Users)
		add(m.groups, spec.Groups)
		for _, name := range spec.Children {
			child := &v1alpha1.ScimMemberSlice{}
			found, err := r.get(ctx, name, child)
			if err != nil {
				return m, err
			}
			if found && !seen[name] && child.Spec.GroupRef == spec.GroupRef {
				seen[name] = true
				todo = append(todo, child)
			}
		}
	}
	return m, nil
}

func add(names map[string]bool, more []string) {
	for _, name := range more {
		names[name] = true
	}
}

// usersBelow are the users in groups and in the groups in them, of those groups that count.
func (r reader) usersBelow(ctx context.Context, groups []string, counts func(string) (bool, error)) (map[string]bool, error) {
	users, seen := map[string]bool{}, map[string]bool{}
	for todo := groups; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		if ok, err := counts(name); !ok || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		m, err := r.membersOfGroup(ctx, name)
		if err != nil {
			return nil, err
		}
		for user := range m.users {
			users[user] = true
		}
		for group := range m.groups {
			todo = append(todo, group)
		}
	}
	return users, nil
}

// membersOfGroup are the direct members of a group.
func (r reader) membersOfGroup(ctx context.Context, name string) (members, error) {
	root := &v1alpha1.ScimMemberSlice{}
	found, err := r.get(ctx, name, root)
	if !found || root.Spec.GroupRef.Name != name {
		return members{}, err
	}
	return r.membersOf(ctx, root)
}
