// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// List returns how many resources q matches and the page of them that it asks for: in the order that q asks for, oldest first
// without. A filter that demands an id or a name is answered from the API server, any other from the cache.
func (s *Store) List(ctx context.Context, dir Directory, q scim.ListQuery) (Page, error) {
	total, page, err := s.page(ctx, dir, q, Common)
	return Page{Total: total, Resources: page}, failure(err)
}

// page is List; common tells a filter what a resource does not say itself. Without filter and order only the page is decoded.
func (s *Store) page(ctx context.Context, dir Directory, q scim.ListQuery, common func(Stored, Directory) scim.Common) (int, []Stored, error) {
	objects, err := s.candidates(ctx, dir, q)
	if err != nil {
		return 0, nil, err
	}
	if q.Filter == nil && q.Sort == nil {
		page, err := s.readAll(ctx, dir, paged(objects, q.StartIndex, q.Count))
		return len(objects), page, err
	}
	matches, err := s.readAll(ctx, dir, objects)
	if err != nil {
		return 0, nil, err
	}
	if q.Filter != nil {
		matches = slices.DeleteFunc(matches, func(st Stored) bool { return !q.Filter.Match(st.Resource, common(st, dir)) })
	}
	if q.Sort != nil {
		sorted(matches, *q.Sort, dir)
	}
	return len(matches), paged(matches, q.StartIndex, q.Count), ctx.Err()
}

func paged[T any](all []T, startIndex, count int) []T {
	from := min(max(startIndex-1, 0), len(all))
	return all[from : from+min(max(count, 0), len(all)-from)]
}

// readAll decodes objects, until ctx ends: everybody may take long.
func (s *Store) readAll(ctx context.Context, dir Directory, objects []client.Object) ([]Stored, error) {
	all := make([]Stored, 0, len(objects))
	for _, o := range objects {
		st, err := s.stored(ctx, dir, o)
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		all = append(all, st)
	}
	return all, nil
}

// sorted orders matches, which are oldest first, by what the client asks for (RFC 7644 §3.4.2.3).
func sorted(matches []Stored, by scim.Sort, dir Directory) {
	keys := make(map[string]string, len(matches))
	for _, st := range matches {
		keys[st.ID] = by.Key(st.Resource, Common(st, dir))
	}
	slices.SortStableFunc(matches, func(a, b Stored) int { return by.CompareKeys(keys[a.ID], keys[b.ID]) })
}

// candidates are the objects that the filter must still be applied to.
func (s *Store) candidates(ctx context.Context, dir Directory, q scim.ListQuery) ([]client.Object, error) {
	if id, ok := demanded(q, attrID); ok {
		return s.byID(ctx, dir, id)
	}
	if name, ok := demanded(q, s.unique); ok {
		return s.byName(ctx, dir, name)
	}
	list := s.newList()
	err := s.cached.List(ctx, list, client.InNamespace(dir.Namespace), client.MatchingFields{indexDirectory: dir.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	objects := make([]client.Object, 0, meta.LenList(list))
	_ = meta.EachListItem(list, func(item runtime.Object) error { // fails only when the function does
		if o, ok := item.(client.Object); ok && present(o) {
			objects = append(objects, o)
		}
		return nil
	})
	slices.SortFunc(objects, byAge)
	return objects, nil
}

// demanded returns the value that the filter of q demands of an attribute: alone, or beside others that it demands too.
func demanded(q scim.ListQuery, attribute string) (string, bool) {
	if q.Filter == nil {
		return "", false
	}
	for _, part := range q.Filter.Conjunction() {
		if value, ok := part.Equality(attribute); ok {
			return value, true
		}
	}
	return "", false
}

func (s *Store) byID(ctx context.Context, dir Directory, id string) ([]client.Object, error) {
	o, err := s.get(ctx, dir, id)
	var none *scim.Error
	if errors.As(err, &none) && none.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []client.Object{o}, nil
}

// byAge is a total order that never changes for an object, so that pages do not shift.
func byAge(a, b client.Object) int {
	if c := a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time); c != 0 {
		return c
	}
	return strings.Compare(a.GetName(), b.GetName())
}

// byName finds the resource through the reservation of its name: two reads, however large the directory is.
func (s *Store) byName(ctx context.Context, dir Directory, text string) ([]client.Object, error) {
	value, err := s.canonical(text)
	if err != nil {
		return nil, nil //nolint:nilerr // nothing can have such a name
	}
	name := s.newName(dir, value, claimant{})
	if err := s.live.Get(ctx, client.ObjectKeyFromObject(name), name); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	o, err := s.find(ctx, dir.Namespace, name.Spec.Holder)
	if err != nil || o == nil || !s.holds(o, name) {
		return nil, err
	}
	return []client.Object{o}, nil
}
