// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package membership

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestGroupsOf(t *testing.T) {
	for reason, tc := range map[string]struct {
		objects []client.Object
		want    []string
	}{
		"nobody asked for":                  {[]client.Object{user("u"), group("G")}, []string{}},
		"in the one slice of a group":       {[]client.Object{user("u"), group("G"), leaf("G", "G", "u", "v")}, []string{"G"}},
		"not there":                         {[]client.Object{group("G"), leaf("G", "G", "u")}, []string{}},
		"in two groups":                     {[]client.Object{user("u"), group("G2"), leaf("G2", "G2", "u"), group("G1"), leaf("G1", "G1", "u")}, []string{"G1", "G2"}},
		"in a slice of a slice":             {[]client.Object{user("u"), group("G"), inner("G", "G", "a", "b"), inner("a", "G", "c", "d"), leaf("d", "G", "u")}, []string{"G"}},
		"in a slice that nothing points at": {[]client.Object{user("u"), group("G"), leaf("G", "G", "v"), leaf("a", "G", "u")}, []string{}},
		"in a part that nothing points at":  {[]client.Object{user("u"), group("G"), leaf("G", "G", "v"), inner("a", "G", "c", "d"), leaf("c", "G", "u")}, []string{}},
		"in a slice under another group":    {[]client.Object{user("u"), group("G"), group("H"), inner("H", "H", "a", "b"), leaf("a", "G", "u")}, []string{}},
		"in a circle of slices":             {[]client.Object{user("u"), group("G"), inner("a", "G", "b", "c"), inner("b", "G", "a", "c"), leaf("c", "G", "u")}, []string{}},
		"in a group without an object":      {[]client.Object{user("u"), leaf("G", "G", "u")}, []string{}},
		"in a group that is going":          {[]client.Object{user("u"), going(group("G")), leaf("G", "G", "u")}, []string{}},
		"in a group of another directory":   {[]client.Object{user("u"), elsewhere(group("G")), leaf("G", "G", "u")}, []string{}},
		"through a group":                   {[]client.Object{user("u"), group("G1"), leaf("G1", "G1", "u"), group("G2"), leaf("G2", "G2", "G1")}, []string{"G1", "G2"}},
		"through a group that is going":     {[]client.Object{user("u"), going(group("G1")), leaf("G1", "G1", "u"), group("G2"), leaf("G2", "G2", "G1")}, []string{}},
		"through one of another directory":  {[]client.Object{user("u"), elsewhere(group("G1")), leaf("G1", "G1", "u"), group("G2"), leaf("G2", "G2", "G1")}, []string{}},
		"groups in each other":              {[]client.Object{user("u"), group("G1"), leaf("G1", "G1", "u", "G2"), group("G2"), leaf("G2", "G2", "G1")}, []string{"G1", "G2"}},
		"a group in itself":                 {[]client.Object{user("u"), group("G"), leaf("G", "G", "u", "G")}, []string{"G"}},
		"a group with the name of the user": {[]client.Object{user("Gu"), user("u"), group("Gu"), group("G"), leaf("G", "G", "Gu"), leaf("Gu", "Gu", "u")}, []string{"G", "Gu"}},
		"a cache amid a split knows them twice": {
			[]client.Object{user("u"), group("G"), leaf("G", "G", "u", "v"), leaf("a", "G", "u"), leaf("b", "G", "v")}, []string{"G"},
		},
	} {
		t.Run(reason, func(t *testing.T) {
			s := newStore(t, tc.objects...)
			got, err := GroupsOf(t.Context(), s, namespace, "u")
			if diff := cmp.Diff(tc.want, namesOf(got)); diff != "" || err != nil {
				t.Errorf("groups (-want +got):\n%s%v", diff, err)
			}
			wantBelow(t, s, tc.want, "u")
		})
	}
}

// wantBelow wants UsersBelow to say of each group whether the user is in it as GroupsOf does.
func wantBelow(t *testing.T, s *store, groups []string, user string) {
	t.Helper()
	for _, object := range s.objects {
		users, err := UsersBelow(t.Context(), s, namespace, object.GetName())
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(users, user) != slices.Contains(groups, object.GetName()) {
			t.Errorf("%v are below %s, but the user is in %v", users, object.GetName(), groups)
		}
	}
}

func TestFailedReadsAreErrors(t *testing.T) {
	s := newStore(t, user("u"), group("G"), leaf("G", "G", "u"))
	s.broken = errors.New("no cache")
	if _, err := GroupsOf(t.Context(), s, namespace, "u"); !errors.Is(err, s.broken) {
		t.Errorf("GroupsOf: %v", err)
	}
	if _, err := UsersBelow(t.Context(), s, namespace, "G"); !errors.Is(err, s.broken) {
		t.Errorf("UsersBelow: %v", err)
	}
	good := newStore(t, user("u"), group("G"), leaf("G", "G", "u"))
	if _, err := Confirm(t.Context(), s, good, namespace, "u", []string{"G"}); !errors.Is(err, s.broken) {
		t.Errorf("Confirm: %v", err)
	}
}

func TestConfirm(t *testing.T) {
	cached := []client.Object{
		user("u"), group("G1"), inner("G1", "G1", "a", "b"), leaf("a", "G1", "u"), leaf("b", "G1", "v"),
		group("G2"), leaf("G2", "G2", "G1"), group("G3"), leaf("G3", "G3", "G2", "u"), group("G4"), leaf("G4", "G4", "G2"),
	}
	all := []string{"G4", "G3", "G2", "G1"}
	for reason, tc := range map[string]struct {
		change func(live *store)
		asked  []string
		want   []string
		gets   int
	}{
		"nothing asked":                  {func(*store) {}, nil, nil, 0},
		"nothing changed":                {func(*store) {}, all, nil, 8},
		"one asked":                      {func(*store) {}, []string{"G3"}, nil, 2},
		"one asked through two":          {func(*store) {}, []string{"G4"}, nil, 6},
		"never known":                    {func(*store) {}, []string{"G9"}, []string{"G9"}, 0},
		"left":                           {func(s *store) { s.put(leaf("a", "G1", "w")) }, all, []string{"G4", "G2", "G1"}, 7},
		"the slice was split":            {func(s *store) { s.put(inner("a", "G1", "c", "d")); s.put(leaf("c", "G1", "u")) }, []string{"G1"}, []string{"G1"}, 1},
		"the slice is gone":              {func(s *store) { s.drop(leaf("a", "G1")) }, []string{"G1"}, []string{"G1"}, 1},
		"the group is gone":              {func(s *store) { s.drop(group("G1")) }, []string{"G1", "G2", "G3"}, []string{"G1", "G2"}, 6},
		"the group is going":             {func(s *store) { s.put(going(group("G1"))) }, []string{"G1"}, []string{"G1"}, 2},
		"the group left the group":       {func(s *store) { s.drop(leaf("G2", "G2")) }, all, []string{"G4", "G2"}, 7},
		"the slice is of another group":  {func(s *store) { s.put(leaf("a", "G9", "u")) }, []string{"G1"}, []string{"G1"}, 1},
		"the user has a group's name":    {func(s *store) { s.put(withGroups("a", "G1", "u")) }, []string{"G1"}, []string{"G1"}, 1},
		"the group is called otherwise":  {func(s *store) { s.put(called(group("G3"), "other", "")) }, []string{"G3"}, []string{"G3"}, 2},
		"the group is known otherwise":   {func(s *store) { s.put(called(group("G3"), "", "other")) }, []string{"G3"}, []string{"G3"}, 2},
		"the group is in another tenant": {func(s *store) { s.put(elsewhere(group("G3"))) }, []string{"G3"}, []string{"G3"}, 2},
	} {
		t.Run(reason, func(t *testing.T) {
			c, live := newStore(t, cached...), newStore(t, cached...)
			tc.change(live)
			got, err := Confirm(t.Context(), live, c, namespace, "u", tc.asked)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("gone (-want +got):\n%s%v", diff, err)
			}
			if live.gets != tc.gets {
				t.Errorf("%d reads of the API server, want %d", live.gets, tc.gets)
			}
		})
	}
}

func called(o client.Object, displayName, externalID string) client.Object {
	g := o.(*v1alpha1.ScimGroup)
	g.Spec.DisplayName, g.Spec.ExternalID = displayName, externalID
	return g
}

func withGroups(name, group string, groups ...string) client.Object {
	s := leaf(name, group)
	s.Spec.Groups = groups
	return s
}

// TestNoCopies: the groups of a cache are not copied, nor is anything in them.
func TestNoCopies(t *testing.T) {
	var asked []client.GetOptions
	s := newStore(t, user("u"), group("G"), leaf("G", "G", "u"))
	if _, err := GroupsOf(t.Context(), spy{s, &asked}, namespace, "u"); err != nil {
		t.Fatal(err)
	}
	for _, o := range asked {
		if o.UnsafeDisableDeepCopy == nil || !*o.UnsafeDisableDeepCopy {
			t.Error("an object was copied")
		}
	}
	if len(asked) == 0 {
		t.Error("nothing was read")
	}
}

// spy remembers how objects were asked for.
type spy struct {
	*store
	asked *[]client.GetOptions
}

func (s spy) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	var o client.GetOptions
	o.ApplyOptions(opts)
	*s.asked = append(*s.asked, o)
	return s.store.Get(ctx, key, into, opts...)
}
