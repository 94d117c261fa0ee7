// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package membership says who is in which group, from the cache of a controller.
//
// The members of a group are in ScimMemberSlices, a tree whose root has the name of the group. Only what is reached from there
// counts: other slices are being made, or are what a crash left behind. A group that is going counts no more, for its members as
// for the groups that it is in, and neither does one of another directory.
package membership

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// The indexes of ScimMemberSlices. They are ours alone, not selectable fields.
const (
	// withUser finds the slices that name a ScimUser.
	withUser = "membership.users"
	// withGroup finds the slices that name a ScimGroup as a member.
	withGroup = "membership.groups"
	// withChild finds the slice that was split into that one and another.
	withChild = "membership.children"
)

// Register adds the indexes that everything here needs to a cache. It is called once, before the cache starts.
func Register(ctx context.Context, indexer client.FieldIndexer) error {
	return errors.Join(
		indexer.IndexField(ctx, &v1alpha1.ScimMemberSlice{}, withUser, of(func(s *v1alpha1.ScimMemberSliceSpec) []string { return s.Users })),
		indexer.IndexField(ctx, &v1alpha1.ScimMemberSlice{}, withGroup, of(func(s *v1alpha1.ScimMemberSliceSpec) []string { return s.Groups })),
		indexer.IndexField(ctx, &v1alpha1.ScimMemberSlice{}, withChild, of(func(s *v1alpha1.ScimMemberSliceSpec) []string { return s.Children })),
	)
}

// of makes an index function; the cache calls it with slices only.
func of(values func(*v1alpha1.ScimMemberSliceSpec) []string) client.IndexerFunc {
	return func(o client.Object) []string { return values(&o.(*v1alpha1.ScimMemberSlice).Spec) } // see above
}

// GroupsOf returns the ScimGroups that a ScimUser is in, directly or through groups in groups, sorted by name. All are of the
// directory of the user and none is being deleted. Who is not in the cache is in no group. The groups are those of the cache, not
// copies: nobody may change them.
func GroupsOf(ctx context.Context, c client.Reader, namespace, user string) ([]*v1alpha1.ScimGroup, error) {
	ways, err := in(c, namespace).ways(ctx, user)
	if err != nil {
		return nil, err
	}
	groups := make([]*v1alpha1.ScimGroup, 0, len(ways))
	for _, w := range ways {
		groups = append(groups, w.group)
	}
	slices.SortFunc(groups, func(a, b *v1alpha1.ScimGroup) int { return strings.Compare(a.Name, b.Name) })
	return groups, nil
}

// UsersBelow returns the names of the ScimUsers who are in a ScimGroup, directly or through groups in it, sorted: those of whom
// GroupsOf says that they are in it.
func UsersBelow(ctx context.Context, c client.Reader, namespace, group string) ([]string, error) {
	r := in(c, namespace)
	top, err := r.group(ctx, group)
	if top == nil {
		return nil, err
	}
	counts := func(name string) (bool, error) {
		g, err := r.group(ctx, name)
		return g != nil && g.Spec.DirectoryRef == top.Spec.DirectoryRef, err
	}
	below, err := r.usersBelow(ctx, []string{group}, counts)
	if err != nil {
		return nil, err
	}
	users := make([]string, 0, len(below))
	for _, name := range slices.Sorted(maps.Keys(below)) {
		user, err := r.user(ctx, name)
		if err != nil {
			return nil, err
		}
		if user != nil && user.Spec.DirectoryRef == top.Spec.DirectoryRef {
			users = append(users, name)
		}
	}
	return users, nil
}
