// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"maps"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// Groups keeps the groups of all directories, and their members in slices.
//
// A change of members is durable before the counter in the group's spec moves, which moves the ETag; under an If-Match the counter
// moves first, so that of two who demand the same version only one goes on.
type Groups struct {
	*Store
	users *Store
	turns turns
}

// NewGroups returns a store of groups; the arguments are those of NewUsers.
func NewGroups(live client.Client, cached client.Reader, model *Model) *Groups {
	return &Groups{Store: newStore(groupKind(), live, cached, model), users: NewUsers(live, cached, model)}
}

// GroupChange is what a PUT or a PATCH does to a group.
type GroupChange struct {
	// Change is applied to the group without its members; nil changes nothing. It may run several times.
	Change func(scim.Resource) (scim.Resource, error)
	// Replace makes Members all the members there are.
	Replace bool
	Members []scim.Member
	// Patch is what a PATCH does to the members.
	Patch scim.MemberChange
}

// Create stores a new group and then its members, all at once: of several who create the same group at the same time only one
// gets as far as the members. What is cut short in between is a group without members, and a POST again is 409. show asks for the
// members in the answer.
// Errors: 409 uniqueness for the displayName, 400 invalidValue for members that the directory does not know, 403 for those who are
// protected.
func (g *Groups) Create(ctx context.Context, dir Directory, group scim.Resource, show bool) (Stored, error) {
	rest, named, _ := dir.Settings().Group.SplitMembers(group)
	members, err := g.resolve(ctx, dir, named)
	if err == nil {
		err = g.allowsEdits(ctx, dir, "", edits{add: members})
	}
	if err != nil {
		return Stored{}, failure(err)
	}
	st, err := g.Store.Create(ctx, dir, rest)
	if err != nil {
		return Stored{}, err
	}
	if len(members) > 0 {
		if st, err = g.changeMembers(ctx, dir, st, Precondition{}, edits{add: members}); err != nil {
			return Stored{}, failure(err)
		}
	}
	if show {
		st.Members = g.source(ctx, dir, members)
	}
	return st, nil
}

// Get returns the group of that id. There may be none: 404.
func (g *Groups) Get(ctx context.Context, dir Directory, id string, show bool) (Stored, error) {
	st, err := g.Store.Get(ctx, dir, id)
	if err != nil || !show {
		return st, err
	}
	return g.withMembers(ctx, dir, st, g.tree(dir.Namespace, st.ID))
}

func (g *Groups) withMembers(ctx context.Context, dir Directory, st Stored, t *tree) (Stored, error) {
	members, err := t.members(ctx)
	if err != nil {
		return Stored{}, failure(err)
	}
	maps.DeleteFunc(members, func(id, kind string) bool { return g.left(ctx, dir.Namespace, id, kind) })
	st.Members = g.source(ctx, dir, members)
	return st, nil
}

// left reports whether a member is surely gone. Who was never known cannot go.
func (g *Groups) left(ctx context.Context, namespace, id, kind string) bool {
	return kind != typeUnknown && g.of(kind).gone(ctx, namespace, id)
}

// of returns the store of the kind of a member.
func (g *Groups) of(kind string) *Store {
	if kind == typeGroup {
		return g.Store
	}
	return g.users
}

// confirm looks again, when caches have caught up, whether somebody was added who was being deleted at the same time.
func (g *Groups) confirm(ctx context.Context, dir Directory, added content) {
	if len(added) == 0 {
		return
	}
	g.later(ctx, func(ctx context.Context) {
		for id, kind := range added {
			if g.left(ctx, dir.Namespace, id, kind) {
				g.leaveGroups(ctx, dir, id)
			}
		}
	})
}

// Change changes the group of that id and its members. Unknown members are refused before anything changes.
// Errors: those of Store.Modify, 400 invalidValue for members that the directory does not know, and 403 where those who are protected would
// come or go.
func (g *Groups) Change(ctx context.Context, dir Directory, id string, p Precondition, c GroupChange, show bool) (Stored, error) {
	group, err := g.get(ctx, dir, id)
	if err != nil {
		return Stored{}, err
	}
	e, err := g.edits(ctx, dir, id, c)
	if err == nil {
		err = g.allowsEdits(ctx, dir, id, e)
	}
	if err != nil {
		return Stored{}, failure(err)
	}
	st, err := g.changeRest(ctx, dir, group, p, c.Change)
	if err != nil {
		return Stored{}, failure(err)
	}
	if !e.empty() {
		if st, err = g.changeMembers(ctx, dir, st, p, e); err != nil {
			return Stored{}, failure(err)
		}
	}
	if show {
		return g.withMembers(ctx, dir, st, g.tree(dir.Namespace, st.ID))
	}
	return st, nil
}

// changeRest does what is to be done to a group, which was just read, without its members.
func (g *Groups) changeRest(ctx context.Context, dir Directory, group client.Object, p Precondition, change func(scim.Resource) (scim.Resource, error)) (Stored, error) {
	if change != nil {
		return g.Modify(ctx, dir, group.GetName(), p, change)
	}
	if err := p.check(group.GetGeneration()); err != nil {
		return Stored{}, err
	}
	return g.read(group)
}

func (g *Groups) changeMembers(ctx context.Context, dir Directory, st Stored, p Precondition, e edits) (Stored, error) {
	defer g.confirm(ctx, dir, e.add)
	t := g.tree(dir.Namespace, st.ID)
	if p.demanded {
		if _, err := g.bump(ctx, dir, st.ID, only(st.Generation), always); err != nil {
			return Stored{}, err
		}
	}
	revision, err := t.edit(ctx, e)
	ChangesOf(ctx).Members(t.added, t.removed)
	if err != nil {
		return Stored{}, err
	}
	return g.reach(ctx, dir, st.ID, revision)
}

// edits turns c into what is to be done to the members.
func (g *Groups) edits(ctx context.Context, dir Directory, id string, c GroupChange) (edits, error) {
	if c.Replace {
		members, err := g.resolve(ctx, dir, c.Members)
		return edits{reset: true, add: members}, err
	}
	var current []scim.Member
	if c.Patch.NeedsCurrent() {
		members, err := g.tree(dir.Namespace, id).members(ctx)
		if err != nil {
			return edits{}, err
		}
		for _, member := range slices.Sorted(maps.Keys(members)) {
			current = append(current, scim.Member{Value: member, Type: members[member]})
		}
	}
	delta := c.Patch.Delta(current)
	add, err := g.resolve(ctx, dir, delta.Add)
	e := edits{reset: delta.Reset, add: add, remove: map[string]bool{}}
	for _, member := range delta.Remove {
		e.remove[member] = true
	}
	return e, err
}

// resolve finds what the named members are, and refuses those whom dir does not know, if it does not keep them. The cache may say
// that one is there; that one is not is asked of the API server.
func (g *Groups) resolve(ctx context.Context, dir Directory, named []scim.Member) (content, error) {
	members := content{}
	var unknown []string
	for _, member := range named {
		kind, err := g.typeOf(ctx, dir, member.Value)
		switch {
		case err != nil:
			return nil, err
		case kind == typeUnknown && (!dir.Settings().KeepMembers || len(member.Value) > unknownMax):
			unknown = append(unknown, member.Value)
		default:
			members[member.Value] = kind
		}
	}
	if len(unknown) > 0 {
		return nil, errUnknownMembers(unknown)
	}
	return members, nil
}

// unknownMax bounds the id of a member whom the directory does not know, as the kind does.
const unknownMax = 256

// typeOf says whether id is a user or a group of dir, typeUnknown if it is neither.
func (g *Groups) typeOf(ctx context.Context, dir Directory, id string) (string, error) {
	if !isID(id) {
		return typeUnknown, nil
	}
	for _, from := range []client.Reader{g.cached, g.live} {
		for name, k := range map[string]kind{typeUser: g.users.kind, typeGroup: g.kind} {
			o := k.newObject()
			err := from.Get(ctx, client.ObjectKey{Namespace: dir.Namespace, Name: id}, o)
			if err == nil && k.head(o).directory.Name == dir.Name && present(o) {
				return name, nil
			}
			if client.IgnoreNotFound(err) != nil {
				return typeUnknown, err
			}
		}
	}
	return typeUnknown, nil
}

// Delete removes the group of that id, its members' membership and its own in other groups. Its members stay what they are.
func (g *Groups) Delete(ctx context.Context, dir Directory, id string, p Precondition) error {
	if err := g.Store.Delete(ctx, dir, id, p); err != nil {
		return err
	}
	if err := g.tree(dir.Namespace, id).remove(ctx); err != nil {
		g.log.WarnContext(ctx, "Left member slices of a deleted group behind", "group", id)
	}
	return nil
}

// List returns how many groups q matches and the page of them that it asks for, as Store.List does, with their members if the
// projection shows them.
func (g *Groups) List(ctx context.Context, dir Directory, q scim.ListQuery) (Page, error) {
	var failed error
	page, err := g.page(ctx, dir, q, func(st Stored, dir Directory) scim.Common {
		common := Common(st, dir)
		common.Members = &lookup{ctx: ctx, tree: g.treeFor(dir.Namespace, st.ID, q), err: &failed}
		return common
	})
	if err = errors.Join(err, failed); err != nil {
		return Page{}, failure(err)
	}
	if q.Projection.Shows(dir.Settings().Group, attrMembers) {
		for i, st := range page.Resources {
			if page.Resources[i], err = g.withMembers(ctx, dir, st, g.cachedTree(dir.Namespace, st.ID)); err != nil {
				return Page{}, err
			}
		}
	}
	return page, nil
}

// treeFor returns the members to filter by: of one group that the filter names, as the API server has them; of all groups, as the
// cache has them.
func (g *Groups) treeFor(namespace, id string, q scim.ListQuery) *tree {
	if q.Filter != nil {
		if _, one := q.Filter.Demands(attrID); one {
			return g.tree(namespace, id)
		}
	}
	return g.cachedTree(namespace, id)
}

// cachedOnly reads from a cache. It is not written through.
type cachedOnly struct {
	client.Client
	cached client.Reader
}

// Get implements client.Client.
func (c cachedOnly) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	return c.cached.Get(ctx, key, o, opts...)
}

// List implements client.Client.
func (c cachedOnly) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	return c.cached.List(ctx, list, opts...)
}

// source renders members with what is derived of them.
func (g *Groups) source(ctx context.Context, dir Directory, members content) scim.MemberSource {
	return &loaded{ctx: ctx, groups: g, dir: dir, members: members}
}
