// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// The cache indexes of ScimMemberSlices.
const (
	// indexGroup finds the slices of a group. It is a selectable field too.
	indexGroup = "spec.groupRef.name"
	// indexMember finds the slices that a user or group is in.
	indexMember = "members"
)

// derive adds to a user what follows from the groups: the attribute groups, which is nobody's to write (RFC 7643 §4.1.2). It is
// as current as the cache.
func (s *Store) derive(ctx context.Context, dir Directory, st *Stored) {
	if s.resource.ID != typeUser {
		return
	}
	if groups := s.groupsOf(ctx, dir, st.ID); len(groups) > 0 {
		st.Resource["groups"] = groups
	}
}

// groupsOf lists the groups that a user is in, directly or through other groups, each once and with the shortest way there.
func (s *Store) groupsOf(ctx context.Context, dir Directory, id string) []any {
	var groups []any
	seen := map[string]bool{}
	for level, kind := []string{id}, "direct"; len(level) > 0; kind = "indirect" {
		var next []string
		for _, member := range level {
			for _, group := range s.directGroups(ctx, dir.Namespace, member) {
				if seen[group] {
					continue
				}
				seen[group] = true
				name := s.displayOf(ctx, groupKind(), dir.Namespace, group)
				if name == "" {
					continue // gone, but for its slices
				}
				next = append(next, group)
				groups = append(groups, map[string]any{"value": group, "type": kind, "$ref": dir.BaseURL + "/Groups/" + group, "display": name})
			}
		}
		level = next
	}
	slices.SortFunc(groups, func(a, b any) int { return strings.Compare(valueOfEntry(a), valueOfEntry(b)) })
	return groups
}

func valueOfEntry(entry any) string {
	value, _ := entry.(map[string]any)["value"].(string)
	return value
}

// directGroups are the groups that a slice in use says id is in, as the cache has it.
func (s *Store) directGroups(ctx context.Context, namespace, id string) []string {
	var list v1alpha1.ScimMemberSliceList
	err := s.cached.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{indexMember: id}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil
	}
	var groups []string
	for i := range list.Items {
		group := list.Items[i].Spec.GroupRef.Name
		t := s.cachedTree(namespace, group)
		if member, err := t.has(ctx, id); err == nil && member && !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	return groups
}

// lookAgain is when a membership is looked at again that raced with the deletion of the member: by then every cache has seen both.
const lookAgain = 2 * time.Second

// later calls f when caches have caught up, for the request of ctx. What a crash prevents, the janitor does.
func (s *Store) later(ctx context.Context, f func(ctx context.Context)) {
	ctx = outlive(ctx)
	time.AfterFunc(lookAgain, func() {
		ctx, cancel := context.WithTimeout(ctx, 10*lookAgain)
		defer cancel()
		f(ctx)
	})
}

// part ends every membership of a resource that is gone: those that the cache shows, and later those that were under way.
// Nobody is shown who is gone, whatever a slice says.
func (s *Store) part(ctx context.Context, dir Directory, id string) {
	s.leaveGroups(ctx, dir, id)
	s.later(ctx, func(ctx context.Context) { s.leaveGroups(ctx, dir, id) })
}

// leaveGroups ends the memberships of a resource that the cache shows.
func (s *Store) leaveGroups(ctx context.Context, dir Directory, id string) {
	groups := NewGroups(s.live, s.cached, s.model)
	groups.clock, groups.log = s.clock, s.log
	for _, group := range s.directGroups(ctx, dir.Namespace, id) {
		revision, err := s.tree(dir.Namespace, group).edit(ctx, edits{remove: map[string]bool{id: true}})
		if err == nil {
			_, err = groups.bump(ctx, dir, group, Precondition{}, revision)
		}
		if err != nil {
			s.log.WarnContext(ctx, "Left a membership behind", "group", group, "member", id)
		}
	}
}

// cachedTree is the members of a group as the cache has them. It is not to be edited.
func (s *Store) cachedTree(namespace, group string) *tree {
	t := s.tree(namespace, group)
	t.live = cachedOnly{t.live, s.cached}
	return t
}

func membersOf(o client.Object) []string {
	slice := o.(*v1alpha1.ScimMemberSlice) // indexed by that very type
	return slices.Concat(slice.Spec.Users, slice.Spec.Groups, slice.Spec.Unknown)
}
