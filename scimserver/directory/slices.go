// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const (
	// sliceMax is how many members a slice may have, as the kind says.
	sliceMax = 100
	// sliceFill is how full slices are made when many are made at once, so that the next member does not split one.
	sliceFill = 70
	// parallelSlices bounds the requests that one change of members has under way.
	parallelSlices = 16
)

// The types of members (RFC 7643 §8.7.1), and that of those whom the directory does not know.
const (
	typeUser    = "User"
	typeGroup   = "Group"
	typeUnknown = ""
)

// content is members by id, with their types.
type content map[string]string

// edits are what is to be done to the members of a group, or of one slice.
type edits struct {
	reset  bool // start from nobody
	add    content
	remove map[string]bool
}

func (e edits) empty() bool { return !e.reset && len(e.add) == 0 && len(e.remove) == 0 }

// on returns what becomes of c, and whether that is something else.
func (e edits) on(c content) (content, bool) {
	next := content{}
	if !e.reset {
		maps.Copy(next, c)
	}
	for id := range e.remove {
		delete(next, id)
	}
	maps.Copy(next, e.add)
	return next, !maps.Equal(c, next)
}

// split returns what concerns each of the two children of a slice at that depth.
func (e edits) split(depth int) [2]edits {
	parts := [2]edits{{reset: e.reset, add: content{}, remove: map[string]bool{}}, {reset: e.reset, add: content{}, remove: map[string]bool{}}}
	for id, kind := range e.add {
		parts[bit(id, depth)].add[id] = kind
	}
	for id := range e.remove {
		parts[bit(id, depth)].remove[id] = true
	}
	return parts
}

// bit says in which of two children, at that depth, a member is. Hashed ids spread evenly whoever chose them.
func bit(id string, depth int) int {
	sum := sha256.Sum256([]byte(id))
	return int(sum[depth/8]>>(7-depth%8)) & 1
}

func (c content) split(depth int) [2]content {
	parts := [2]content{{}, {}}
	for id, kind := range c {
		parts[bit(id, depth)][id] = kind
	}
	return parts
}

func (c content) ids(kind string) []string {
	var ids []string
	for id, k := range c {
		if k == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func contentOf(slice *v1alpha1.ScimMemberSlice) content {
	c := content{}
	if slice == nil {
		return c
	}
	for _, id := range slice.Spec.Users {
		c[id] = typeUser
	}
	for _, id := range slice.Spec.Groups {
		c[id] = typeGroup
	}
	for _, id := range slice.Spec.Unknown {
		c[id] = typeUnknown
	}
	return c
}

// tree is the members of one group: a binary tree of slices over the hashes of the members, of which the leaves hold members. The
// root has the name of the group. A slice that is full is split: its children are written first, under names that nobody else
// chooses, and one write of the slice itself puts them in its place. So whoever loses the race for that write has changed nothing,
// and leaves, as a crash does, at most slices that nothing points at. Children are for ever, so a cached slice that has some is current.
type tree struct {
	live   client.Client
	cached client.Reader
	retry  func(context.Context, func() (bool, error)) error
	group  client.ObjectKey
	limit  chan struct{}
	// listed are slices as a list of them all showed them; it saves a read of each when all are to be looked at.
	listed map[string]*v1alpha1.ScimMemberSlice
	// added and removed are how many members the edits of this tree have, or may have, put in and taken out.
	added, removed int
	// mu guards listed, added and removed: the parts of an edit run at once.
	mu sync.RWMutex
}

func (s *Store) tree(namespace, group string) *tree {
	return &tree{
		live: s.live, cached: s.cached, retry: s.retry, group: client.ObjectKey{Namespace: namespace, Name: group},
		limit: make(chan struct{}, parallelSlices),
	}
}

// edit does e to the members: one write for each slice that changes. It returns the highest revision of the slices that were to be
// changed, as they are afterwards, whether or not they had to be: what the group's counter has to reach.
func (t *tree) edit(ctx context.Context, e edits) (revision int64, err error) {
	if e.reset {
		if err := t.list(ctx); err != nil {
			return 0, err
		}
	}
	return t.editAt(ctx, t.group.Name, 0, e)
}

func (t *tree) editAt(ctx context.Context, name string, depth int, e edits) (revision int64, err error) {
	if e.empty() {
		return 0, nil
	}
	err = t.retry(ctx, func() (bool, error) {
		slice, err := t.node(ctx, name)
		if err != nil {
			return false, err
		}
		if slice != nil && len(slice.Spec.Children) == 2 {
			revision, err = t.editChildren(ctx, slice.Spec.Children, depth, e)
			revision = max(revision, revisionOf(slice))
			return true, err
		}
		revision, err = t.editLeaf(ctx, slice, name, depth, e)
		if lostRace(err) {
			t.forget(name)
			return false, nil
		}
		return true, err
	})
	return revision, err
}

// revisionOf is when the slice was last written, 0 for none.
func revisionOf(slice *v1alpha1.ScimMemberSlice) int64 {
	if slice == nil {
		return 0
	}
	return revision(slice)
}

func lostRace(err error) bool { return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) }

func (t *tree) editChildren(ctx context.Context, children []string, depth int, e edits) (int64, error) {
	var revisions [2]int64
	group, ctx := errgroup.WithContext(ctx)
	for i, part := range e.split(depth) {
		group.Go(func() (err error) {
			revisions[i], err = t.editAt(ctx, children[i], depth+1, part)
			return err
		})
	}
	err := group.Wait()
	return max(revisions[0], revisions[1]), err
}

// editLeaf does e to a slice that holds members, or to the root that is not there yet (nil).
func (t *tree) editLeaf(ctx context.Context, slice *v1alpha1.ScimMemberSlice, name string, depth int, e edits) (int64, error) {
	was := contentOf(slice)
	next, changed := e.on(was)
	if !changed {
		return revisionOf(slice), nil
	}
	wanted := t.newSlice(name, next)
	if len(next) > sliceMax {
		children, err := t.build(ctx, depth, next)
		if err != nil {
			return 0, err
		}
		wanted = t.newSlice(name, nil)
		wanted.Spec.Children = children[:]
	}
	err := t.put(ctx, slice, wanted)
	if mayBeDone(err) {
		t.tally(was, next)
	}
	if lostRace(err) {
		t.discardLost(ctx, name, wanted.Spec.Children)
	}
	return revisionOf(wanted), err
}

// tally counts what one write does to the members.
func (t *tree) tally(was, next content) {
	both := 0
	for id := range was {
		if _, stays := next[id]; stays {
			both++
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.added += len(next) - both
	t.removed += len(was) - both
}

// discardLost deletes children that lost the race for their place, unless it was our own write, sent twice, that they lost to.
// After a conflict nothing can put them in place any more. After any other error something may, so that is left to the janitor.
func (t *tree) discardLost(ctx context.Context, name string, children []string) {
	slice := &v1alpha1.ScimMemberSlice{}
	err := t.call(func() error {
		return t.live.Get(ctx, client.ObjectKey{Namespace: t.group.Namespace, Name: name}, slice)
	})
	if err != nil || slices.Equal(slice.Spec.Children, children) {
		return
	}
	for _, child := range children {
		t.discard(ctx, child)
	}
}

// discard deletes a subtree that nothing points at. What it does not get to, the janitor does.
func (t *tree) discard(ctx context.Context, name string) {
	slice := &v1alpha1.ScimMemberSlice{}
	err := t.call(func() error {
		return t.live.Get(ctx, client.ObjectKey{Namespace: t.group.Namespace, Name: name}, slice)
	})
	if err != nil {
		return
	}
	for _, child := range slice.Spec.Children {
		t.discard(ctx, child)
	}
	_ = t.call(func() error { return t.live.Delete(ctx, slice) }) // see above
}

// build writes two subtrees with c between them, for a slice at that depth, and returns their names.
func (t *tree) build(ctx context.Context, depth int, c content) (names [2]string, err error) {
	group, ctx := errgroup.WithContext(ctx)
	for i, part := range c.split(depth) {
		group.Go(func() error {
			slice := t.newSlice(t.group.Name+"-"+uuid.NewString()[:13], part)
			if len(part) > sliceFill {
				children, err := t.build(ctx, depth+1, part)
				if err != nil {
					return err
				}
				slice = t.newSlice(slice.Name, nil)
				slice.Spec.Children = children[:]
			}
			names[i] = slice.Name
			mark(ctx, slice)
			return t.call(func() error { return t.live.Create(ctx, slice) })
		})
	}
	return names, group.Wait()
}

func (t *tree) newSlice(name string, c content) *v1alpha1.ScimMemberSlice {
	return &v1alpha1.ScimMemberSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.group.Namespace, Name: name},
		Spec: v1alpha1.ScimMemberSliceSpec{
			GroupRef: v1alpha1.LocalReference{Name: t.group.Name}, Users: c.ids(typeUser), Groups: c.ids(typeGroup), Unknown: c.ids(typeUnknown),
		},
	}
}

// put writes wanted in place of what was read, nil if there was nothing. Whatever metadata people gave the slice stays.
func (t *tree) put(ctx context.Context, was, wanted *v1alpha1.ScimMemberSlice) error {
	if was != nil {
		was.ObjectMeta.DeepCopyInto(&wanted.ObjectMeta)
		wanted.ManagedFields = nil // the API server has them
	}
	mark(ctx, wanted)
	return t.call(func() error {
		if was == nil {
			return t.live.Create(ctx, wanted)
		}
		return t.live.Update(ctx, wanted)
	})
}

// call runs f when there is room for one more request.
func (t *tree) call(f func() error) error {
	t.limit <- struct{}{}
	defer func() { <-t.limit }()
	return f()
}

// node reads a slice, nil if there is none: from the cache if it has children there, from a list of all if there was one, and
// from the API server otherwise.
func (t *tree) node(ctx context.Context, name string) (*v1alpha1.ScimMemberSlice, error) {
	if slice, ok := t.known(name); ok {
		return slice, nil
	}
	key, slice := client.ObjectKey{Namespace: t.group.Namespace, Name: name}, &v1alpha1.ScimMemberSlice{}
	if err := t.cached.Get(ctx, key, slice); err == nil && len(slice.Spec.Children) == 2 {
		return slice, nil
	}
	fresh := &v1alpha1.ScimMemberSlice{}
	if err := t.call(func() error { return t.live.Get(ctx, key, fresh) }); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return fresh, nil
}

// known is a slice as the list of all showed it, if there was a list and the slice is not stale.
func (t *tree) known(name string) (*v1alpha1.ScimMemberSlice, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	slice, ok := t.listed[name]
	return slice, ok
}

// forget has a slice read again that somebody else wrote since the list.
func (t *tree) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.listed, name)
}

// list reads all slices of the group from the API server.
func (t *tree) list(ctx context.Context) error {
	var all v1alpha1.ScimMemberSliceList
	if err := t.live.List(ctx, &all, client.InNamespace(t.group.Namespace), client.MatchingFields{indexGroup: t.group.Name}); err != nil {
		return err
	}
	t.listed = byName(all.Items)
	return nil
}

func byName(items []v1alpha1.ScimMemberSlice) map[string]*v1alpha1.ScimMemberSlice {
	named := make(map[string]*v1alpha1.ScimMemberSlice, len(items))
	for i := range items {
		named[items[i].Name] = &items[i]
	}
	return named
}

// members are all members: one read where they are in one slice, else a list of the slices.
func (t *tree) members(ctx context.Context) (content, error) {
	root, err := t.node(ctx, t.group.Name)
	if err != nil || root == nil || len(root.Spec.Children) == 0 {
		return contentOf(root), err
	}
	if err := t.list(ctx); err != nil {
		return nil, err
	}
	all := content{}
	gather(t.listed, t.group.Name, func(slice *v1alpha1.ScimMemberSlice) { maps.Copy(all, contentOf(slice)) })
	return all, nil
}

// gather calls visit with every slice that is reached from name.
func gather(all map[string]*v1alpha1.ScimMemberSlice, name string, visit func(*v1alpha1.ScimMemberSlice)) {
	slice, ok := all[name]
	if !ok {
		return
	}
	visit(slice)
	for _, child := range slice.Spec.Children {
		gather(all, child, visit)
	}
}

// has reports whether id is a member, reading only the slices on the way to it.
func (t *tree) has(ctx context.Context, id string) (bool, error) {
	name := t.group.Name
	for depth := 0; ; depth++ {
		slice, err := t.node(ctx, name)
		if err != nil || slice == nil {
			return false, err
		}
		if len(slice.Spec.Children) != 2 {
			_, member := contentOf(slice)[id]
			return member, nil
		}
		name = slice.Spec.Children[bit(id, depth)]
	}
}

// remove deletes all slices of a group that is gone.
func (t *tree) remove(ctx context.Context) error {
	if err := t.list(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, slice := range t.listed {
		group.Go(func() error {
			return t.call(func() error { return client.IgnoreNotFound(t.live.Delete(ctx, slice)) })
		})
	}
	return group.Wait()
}

// errUnknownMembers names the ids that nobody has. What is no id of ours may be anything, an e-mail address say, and stays unsaid.
func errUnknownMembers(named []string) error {
	ids := slices.DeleteFunc(slices.Clone(named), func(id string) bool { return !isID(id) })
	slices.Sort(ids)
	ids = ids[:min(len(ids), 5)]
	return scim.Errorf(http.StatusBadRequest, scim.ErrorInvalidValue, "%d members that this directory does not know, among them the ids %q", len(named), ids)
}
