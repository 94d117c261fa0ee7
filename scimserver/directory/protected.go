// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// What an identity provider may not do to a user whom people protect is decided in this file and nowhere else. Every store asks before
// it writes anything of a request: allows before it changes a resource, allowsEnd before it deletes one, allowsEdits before it changes
// members. What changes nothing is always allowed, since Okta repeats whole resources.
//
// Whether a user is protected is read from the object that is about to be written, so a change and the annotation cannot miss each
// other. For members it is the cache that knows who is protected: to read all of them would make one member more cost what there are.

// indexProtected finds in a cache the users of a directory who are protected.
const indexProtected = "protected"

func protectedIn(o client.Object) []string {
	user := o.(*v1alpha1.ScimUser) // indexed by that very type
	if !isProtected(user) {
		return nil
	}
	return []string{user.Spec.DirectoryRef.Name}
}

// isProtected holds whatever the annotation says: somebody may have written no reason, or "false".
func isProtected(o client.Object) bool {
	_, isUser := o.(*v1alpha1.ScimUser)
	_, said := o.GetAnnotations()[v1alpha1.AnnotationProtected]
	return isUser && said
}

// allows says whether o, which was just read, may become next. A group keeps what grants know it by while somebody protected is in
// it: by another name it would give other roles.
func (s *Store) allows(ctx context.Context, dir Directory, o client.Object, before, next scim.Resource) error {
	if isProtected(o) {
		return errProtected(typeUser, o.GetName())
	}
	if s.resource.ID == typeGroup && (before[s.unique] != next[s.unique] || before[attrExternalID] != next[attrExternalID]) {
		return s.allowsGroup(ctx, dir, o.GetName())
	}
	return nil
}

// allowsEnd says whether o, which was just read, may be deleted.
func (s *Store) allowsEnd(ctx context.Context, dir Directory, o client.Object) error {
	if isProtected(o) {
		return errProtected(typeUser, o.GetName())
	}
	if s.resource.ID == typeGroup {
		return s.allowsGroup(ctx, dir, o.GetName())
	}
	return nil
}

// allowsGroup says whether a group may end or be renamed: not if somebody protected is in it, directly or through other groups.
func (s *Store) allowsGroup(ctx context.Context, dir Directory, id string) error {
	users, err := s.protectedUsers(ctx, dir)
	if err != nil || len(users) == 0 {
		return err
	}
	shielded := s.andTheirGroups(ctx, dir, users)
	members, err := s.tree(dir.Namespace, id).members(ctx)
	for member := range members {
		if kind, is := shielded[member]; is {
			return errProtected(kind, member)
		}
	}
	return err
}

// allowsEdits says whether e may be done to the members of a group, of which there are none yet if it has no id.
func (g *Groups) allowsEdits(ctx context.Context, dir Directory, id string, e edits) error {
	if e.empty() {
		return nil
	}
	shielded, err := g.protectedUsers(ctx, dir)
	if err != nil || len(shielded) == 0 {
		return err
	}
	if g.concernsGroups(ctx, dir, e) {
		shielded = g.andTheirGroups(ctx, dir, shielded)
	}
	t := g.tree(dir.Namespace, id)
	for member, kind := range shielded {
		_, added := e.add[member]
		if !e.reset && !added && !e.remove[member] {
			continue
		}
		is := false
		if id != "" {
			if is, err = t.has(ctx, member); err != nil {
				return err
			}
		}
		if is != added {
			return errProtected(kind, member)
		}
	}
	return nil
}

// concernsGroups says whether e does something to members that are groups. In doubt it does.
func (g *Groups) concernsGroups(ctx context.Context, dir Directory, e edits) bool {
	if e.reset {
		return true
	}
	for _, kind := range e.add {
		if kind == typeGroup {
			return true
		}
	}
	for id := range e.remove {
		if g.cached.Get(ctx, client.ObjectKey{Namespace: dir.Namespace, Name: id}, &v1alpha1.ScimUser{}) != nil {
			return true
		}
	}
	return false
}

// protectedUsers are the users of dir who are protected.
func (s *Store) protectedUsers(ctx context.Context, dir Directory) (content, error) {
	var users v1alpha1.ScimUserList
	err := s.cached.List(ctx, &users, client.InNamespace(dir.Namespace), client.MatchingFields{indexProtected: dir.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("find who is protected: %w", err)
	}
	found := content{}
	for i := range users.Items {
		if present(&users.Items[i]) {
			found[users.Items[i].Name] = typeUser
		}
	}
	return found, nil
}

// andTheirGroups are users and the groups that they are in, directly or through other groups.
func (s *Store) andTheirGroups(ctx context.Context, dir Directory, users content) content {
	found := maps.Clone(users)
	for id := range users {
		for _, group := range s.groupsOf(ctx, dir, id) {
			found[valueOfEntry(group)] = typeGroup
		}
	}
	return found
}

// errProtected refuses what concerns a protected user, or a group that one is in. The reason is for people in the cluster.
func errProtected(kind, id string) error {
	const what = "annotation " + v1alpha1.AnnotationProtected + " of a ScimUser, which people in the cluster set and remove"
	if kind == typeGroup {
		return scim.Errorf(http.StatusForbidden, "", "the group %s has a member who is protected: %s", id, what)
	}
	return scim.Errorf(http.StatusForbidden, "", "the user %s is protected: %s", id, what)
}
