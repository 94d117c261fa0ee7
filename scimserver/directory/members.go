// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// loaded are members that were read, in the form of RFC 7643 §4.2, sorted by id.
type loaded struct {
	ctx     context.Context // lives as long as the answer that it is rendered into
	groups  *Groups
	dir     Directory
	members content
}

// HasMember implements scim.MemberSource.
func (l *loaded) HasMember(value string) bool {
	_, member := l.members[value]
	return member
}

// Members implements scim.MemberSource.
func (l *loaded) Members() []any {
	all := make([]any, 0, len(l.members))
	for _, id := range slices.Sorted(maps.Keys(l.members)) {
		all = append(all, l.member(id))
	}
	return all
}

// member is one member. Of who is not known nothing is known but the id.
func (l *loaded) member(id string) map[string]any {
	member := memberOf(id, l.members[id])
	kind, endpoint := l.groups.users.kind, "/Users/"
	switch l.members[id] {
	case typeUnknown:
		return member
	case typeGroup:
		kind, endpoint = l.groups.kind, "/Groups/"
	}
	member["$ref"] = l.dir.BaseURL + endpoint + id
	if name := l.groups.displayOf(l.ctx, kind, l.dir.Namespace, id); name != "" {
		member["display"] = name
	}
	return member
}

func memberOf(id, kind string) map[string]any {
	if kind == typeUnknown {
		return map[string]any{"value": id}
	}
	return map[string]any{"value": id, "type": kind}
}

// displayOf is the name of a resource as the cache has it.
func (s *Store) displayOf(ctx context.Context, k kind, namespace, id string) string {
	o := k.newObject()
	if err := s.cached.Get(ctx, client.ObjectKey{Namespace: namespace, Name: id}, o); err != nil {
		return ""
	}
	return *k.head(o).name
}

// lookup answers a filter for members that were not read. It keeps the first error, for whoever applied the filter to look at.
type lookup struct {
	ctx  context.Context // lives as long as the filter that asks
	tree *tree
	err  *error
}

// HasMember implements scim.MemberSource.
func (l *lookup) HasMember(value string) bool {
	member, err := l.tree.has(l.ctx, value)
	l.keep(err)
	return member
}

func (l *lookup) keep(err error) {
	if *l.err == nil {
		*l.err = err
	}
}

// Members implements scim.MemberSource, for filters that compare more than the ids.
func (l *lookup) Members() []any {
	members, err := l.tree.members(l.ctx)
	l.keep(err)
	all := make([]any, 0, len(members))
	for _, id := range slices.Sorted(maps.Keys(members)) {
		all = append(all, memberOf(id, members[id]))
	}
	return all
}
