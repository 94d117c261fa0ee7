// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

const knownGroup = "5c0a1a7e-6d0e-4a57-9c55-5a5a3a8a6e02"

// memberSet is a scim.MemberSource.
type memberSet []string

func (m memberSet) HasMember(value string) bool { return slices.Contains(m, value) }

func (m memberSet) Members() []any {
	out := []any{}
	for _, id := range m {
		out = append(out, map[string]any{"value": id, "type": "User", "$ref": baseURL + "/Users/" + id, "display": "canary-name"})
	}
	return out
}

// groupStore keeps groups in memory, as store keeps users, and remembers what it was asked to show.
type groupStore struct {
	*store
	groups  map[string]directory.Stored
	members map[string]memberSet
	shown   []bool
}

// newGroupStore counts its calls in s.
func newGroupStore(s *store) *groupStore {
	created := time.Unix(1700000000, 0).UTC()
	return &groupStore{
		store: s,
		groups: map[string]directory.Stored{knownGroup: {
			ID: knownGroup, Endpoint: "/Groups", Generation: 7, Created: created, LastModified: created,
			Resource: scim.Resource{"displayName": "Old", "externalId": "e0"},
		}},
		members: map[string]memberSet{knownGroup: {knownID}},
	}
}

// put makes these the members of the group of that id, and returns it as show says.
func (s *groupStore) put(st directory.Stored, members memberSet, show bool) directory.Stored {
	s.groups[st.ID], s.members[st.ID] = st, members
	return s.with(st, show)
}

func (s *groupStore) with(st directory.Stored, show bool) directory.Stored {
	s.shown = append(s.shown, show)
	if show {
		st.Members = s.members[st.ID]
	}
	return st
}

func (s *groupStore) Create(ctx context.Context, dir directory.Directory, group scim.Resource, show bool) (directory.Stored, error) {
	if err := s.enter(ctx); err != nil {
		return directory.Stored{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rest, members, _ := dir.Settings().Group.SplitMembers(group)
	return s.put(directory.Stored{ID: "new", Endpoint: "/Groups", Generation: 1, Resource: rest}, idsOf(members), show), nil
}

func (s *groupStore) Get(ctx context.Context, _ directory.Directory, id string, show bool) (directory.Stored, error) {
	if err := s.enter(ctx); err != nil {
		return directory.Stored{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.groups[id]
	if !ok {
		return st, scim.Errorf(http.StatusNotFound, "", "no such group")
	}
	return s.with(st, show), nil
}

func (s *groupStore) Change(ctx context.Context, dir directory.Directory, id string, p directory.Precondition, c directory.GroupChange, show bool) (directory.Stored, error) {
	st, err := s.Get(ctx, dir, id, false)
	if err != nil {
		return st, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preconditions = append(s.preconditions, p)
	if c.Change != nil {
		if st.Resource, err = c.Change(maps.Clone(st.Resource)); err != nil {
			return st, err
		}
	}
	st.Generation++
	return s.put(st, changed(s.members[id], c), show), nil
}

// changed are the members after c.
func changed(members memberSet, c directory.GroupChange) memberSet {
	if c.Replace {
		return idsOf(c.Members)
	}
	delta := c.Patch.Delta(nil)
	kept := slices.DeleteFunc(slices.Clone(members), func(id string) bool { return delta.Reset || slices.Contains(delta.Remove, id) })
	for _, id := range idsOf(delta.Add) {
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

func idsOf(members []scim.Member) (ids memberSet) {
	for _, m := range members {
		ids = append(ids, m.Value)
	}
	return ids
}

func (s *groupStore) Delete(ctx context.Context, dir directory.Directory, id string, p directory.Precondition) error {
	_, err := s.Get(ctx, dir, id, false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preconditions = append(s.preconditions, p)
	return err
}

func (s *groupStore) List(ctx context.Context, dir directory.Directory, q scim.ListQuery) (directory.Page, error) {
	if err := s.enter(ctx); err != nil {
		return directory.Page{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []directory.Stored
	for _, st := range s.groups {
		st.Members = s.members[st.ID]
		all = append(all, st)
	}
	return listed(dir, q, all), nil
}
