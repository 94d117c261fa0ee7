// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// List returns how many resources q matches and the page of them that it asks for: in the order that q asks for, oldest first
// without, and what is equal in that oldest first and then by id. It answers from the Model, 503 until that is synced. Who is not
// there by the id or the name that a filter demands is looked for on the API server. With q.Cursor or q.After the page begins behind
// q.After (nil is the beginning), and q.StartIndex does not count. A walk meets everybody who is there from its beginning to its end
// and of whom the sort key stays what it is.
func (s *Store) List(ctx context.Context, dir Directory, q scim.ListQuery) (Page, error) {
	page, err := s.page(ctx, dir, q, Common)
	return page, failure(err)
}

// commonOf tells a filter what a resource does not say itself.
type commonOf func(Stored, Directory) scim.Common

// page is List. Only what is on the page is decoded if there is neither filter nor order.
func (s *Store) page(ctx context.Context, dir Directory, q scim.ListQuery, common commonOf) (Page, error) {
	w := newWindow(q)
	if q.Filter == nil && q.Sort == nil {
		if !s.model.Synced() {
			return Page{}, errNotSynced()
		}
		w.fill(s.roll(dir))
	} else if err := s.matches(ctx, dir, q, common, w.add); err != nil {
		return Page{}, err
	}
	w.close()
	page := Page{Total: w.total, Resources: make([]Stored, 0, len(w.page)), Next: w.next()}
	for _, m := range w.page {
		st, err := s.stored(ctx, dir, m.object)
		if err != nil {
			return Page{}, err
		}
		page.Resources = append(page.Resources, st)
	}
	return page, ctx.Err()
}

func (s *Store) roll(dir Directory) *roll {
	return s.model.shelf(s.kind).roll(client.ObjectKey{Namespace: dir.Namespace, Name: dir.Name})
}

func errNotSynced() error { return busy("this server is still reading who there is") }

// matches passes what q matches to add, oldest first.
func (s *Store) matches(ctx context.Context, dir Directory, q scim.ListQuery, common commonOf, add func(match)) error {
	candidates, err := s.candidates(ctx, dir, q.Filter)
	if err != nil {
		return err
	}
	part := s.partOf(q)
	for o := range candidates {
		st, err := s.readPart(ctx, dir, o, part)
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		known := common(st, dir)
		if q.Filter != nil && !q.Filter.Match(st.Resource, known) {
			continue
		}
		m := match{object: o}
		if q.Sort != nil {
			m.key = q.Sort.Key(st.Resource, known)
		}
		add(m)
	}
	return ctx.Err()
}

// part is what of a resource a query looks at, beside what is at hand.
type part struct{ attributes, groups bool }

// partOf spares a query over everybody what it does not look at: most of its time goes into decoding attributes.
func (s *Store) partOf(q scim.ListQuery) (p part) {
	var names []string
	if q.Filter != nil {
		names = q.Filter.Reads()
	}
	if q.Sort != nil {
		names = append(names, q.Sort.Reads())
	}
	for _, name := range names {
		switch name {
		case attrID, attrMeta, attrMembers:
		case attrGroups:
			p.groups = true
		default:
			p.attributes = p.attributes || !slices.Contains(s.fields, name)
		}
	}
	return p
}

// The attributes that are made and not stored.
const (
	attrMeta    = "meta"
	attrMembers = "members"
	attrGroups  = "groups"
)

func (s *Store) readPart(ctx context.Context, dir Directory, o client.Object, p part) (Stored, error) {
	st := s.complete(o, scim.Resource{})
	if p.attributes {
		var err error
		if st, err = s.read(o); err != nil {
			return Stored{}, err
		}
	}
	if p.groups {
		s.derive(ctx, dir, &st)
	}
	return st, nil
}

// candidates are the objects that the filter must still be applied to, oldest first; it is nil for everybody.
func (s *Store) candidates(ctx context.Context, dir Directory, f *scim.Filter) (iter.Seq[client.Object], error) {
	if f == nil {
		f = &scim.Filter{}
	}
	if id, ok := f.Demands(attrID); ok {
		return s.byID(ctx, dir, id)
	}
	if name, ok := f.Demands(s.unique); ok {
		return s.byName(ctx, dir, name)
	}
	if !s.model.Synced() {
		return nil, errNotSynced()
	}
	if found, ok := s.indexed(ctx, dir, *f); ok {
		return slices.Values(found), nil
	}
	return s.roll(dir).each(ctx), nil
}

// indexed looks up who has what f demands, if there is an index for any of it.
func (s *Store) indexed(ctx context.Context, dir Directory, f scim.Filter) (objects []client.Object, ok bool) {
	if id, ok := f.Demands(attrExternalID); ok {
		objects, _ = s.roll(dir).find(attrExternalID, id)
		return objects, true
	}
	if s.resource.ID == typeUser {
		email, ok := f.Demands(attrEmail)
		if ok {
			objects, _ = s.roll(dir).find(attrEmail, folded(email))
		}
		return objects, ok
	}
	member, ok := f.Demands(attrMembers + ".value")
	if !ok {
		return nil, false
	}
	for _, group := range s.directGroups(ctx, dir.Namespace, member) {
		if o, _ := s.roll(dir).get(group); o != nil {
			objects = append(objects, o)
		}
	}
	slices.SortFunc(objects, byAge)
	return objects, true
}

// byID is the resource of that id: one that the model surely has, or the one that the API server has.
func (s *Store) byID(ctx context.Context, dir Directory, id string) (iter.Seq[client.Object], error) {
	if o, heard := s.roll(dir).get(id); o != nil && heard && s.model.Synced() {
		return one(o), nil
	}
	o, err := s.get(ctx, dir, id)
	var none *scim.Error
	if errors.As(err, &none) && none.Status == http.StatusNotFound {
		return one(nil), nil
	}
	return one(o), err
}

// one is o, nobody if it is nil.
func one(o client.Object) iter.Seq[client.Object] {
	return func(yield func(client.Object) bool) {
		if o != nil {
			yield(o)
		}
	}
}

// byName is the resource of that name: one that the model surely has, or the one that the reservation of the name leads to, with two
// reads of the API server, however large the directory is.
func (s *Store) byName(ctx context.Context, dir Directory, text string) (iter.Seq[client.Object], error) {
	name, err := s.canonical(text)
	if err != nil {
		return one(nil), nil //nolint:nilerr // nothing can have such a name
	}
	if found, heard := s.roll(dir).find(s.unique, name); len(found) > 0 && heard && s.model.Synced() {
		return slices.Values(found), nil
	}
	o, err := s.holder(ctx, dir, name)
	return one(o), err
}

// holder finds who has a name, nil for nobody.
func (s *Store) holder(ctx context.Context, dir Directory, value string) (client.Object, error) {
	name := s.newName(dir, value, claimant{})
	if err := s.live.Get(ctx, client.ObjectKeyFromObject(name), name); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	o, err := s.find(ctx, dir.Namespace, name.Spec.Holder)
	if err != nil || o == nil || !s.holds(o, name) {
		return nil, err
	}
	return o, nil
}
