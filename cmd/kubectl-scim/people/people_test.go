// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package people

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func user(name, userName string, change ...func(*v1alpha1.ScimUser)) *v1alpha1.ScimUser {
	u := &v1alpha1.ScimUser{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.ScimUserSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, UserName: userName, State: v1alpha1.StateActive},
	}
	for _, c := range change {
		c(u)
	}
	return u
}

func with(attributes string) func(*v1alpha1.ScimUser) {
	return func(u *v1alpha1.ScimUser) { u.Spec.Attributes = &runtime.RawExtension{Raw: []byte(attributes)} }
}

func deleted(u *v1alpha1.ScimUser) {
	u.Spec.State, u.Spec.DeletedAt = v1alpha1.StateSuspended, &metav1.Time{}
}

func group(name, displayName string) *v1alpha1.ScimGroup {
	return &v1alpha1.ScimGroup{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.ScimGroupSpec{DirectoryRef: v1alpha1.LocalReference{Name: "acme"}, DisplayName: displayName},
	}
}

func slice(name, group string, change func(*v1alpha1.ScimMemberSliceSpec)) *v1alpha1.ScimMemberSlice {
	s := &v1alpha1.ScimMemberSlice{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.ScimMemberSliceSpec{GroupRef: v1alpha1.LocalReference{Name: group}}}
	change(&s.Spec)
	return s
}

func users(names ...string) func(*v1alpha1.ScimMemberSliceSpec) {
	return func(s *v1alpha1.ScimMemberSliceSpec) { s.Users = names }
}

func groups(names ...string) func(*v1alpha1.ScimMemberSliceSpec) {
	return func(s *v1alpha1.ScimMemberSliceSpec) { s.Groups = names }
}

func children(names ...string) func(*v1alpha1.ScimMemberSliceSpec) {
	return func(s *v1alpha1.ScimMemberSliceSpec) { s.Children = names }
}

func TestMembersOf(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		slices []*v1alpha1.ScimMemberSlice
		want   Members
	}{
		"None": {"a group that never had members", nil, Members{}},
		"One":  {"sorted", []*v1alpha1.ScimMemberSlice{slice("g", "g", users("b", "a"))}, Members{Users: []string{"a", "b"}}},
		"Split": {"the tree is followed", []*v1alpha1.ScimMemberSlice{
			slice("g", "g", children("g-0", "g-1")), slice("g-0", "g", users("c")), slice("g-1", "g", children("g-2", "g-3")),
			slice("g-2", "g", groups("x")), slice("g-3", "g", users("a")),
		}, Members{Users: []string{"a", "c"}, Groups: []string{"x"}}},
		"BeingSplit": {"slices that nothing leads to do not count yet", []*v1alpha1.ScimMemberSlice{
			slice("g", "g", users("a", "b")), slice("g-0", "g", users("a")), slice("g-1", "g", users("b")),
		}, Members{Users: []string{"a", "b"}}},
		"Foreign": {"a child of another group", []*v1alpha1.ScimMemberSlice{slice("g", "g", children("h", "g-1")), slice("h", "h", users("z"))}, Members{}},
		"Ring":    {"nobody loops for ever", []*v1alpha1.ScimMemberSlice{slice("g", "g", children("g", "g-1")), slice("g-1", "g", children("g", "g"))}, Members{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, MembersOf("g", c.slices)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestMembershipOf(t *testing.T) {
	other := group("o", "Other")
	other.Spec.DirectoryRef.Name = "other"
	all := []*v1alpha1.ScimGroup{group("e", "Engineers"), group("b", "Backend"), group("p", "Platform"), group("r", "Ring"), other}
	m := NewMembership(all, []*v1alpha1.ScimMemberSlice{
		slice("e", "e", groups("p", "r")), slice("p", "p", groups("b")), slice("b", "b", users("ada")),
		slice("r", "r", func(s *v1alpha1.ScimMemberSliceSpec) { s.Users, s.Groups = []string{"grace"}, []string{"e"} }), slice("o", "o", users("ada")),
	})
	for name, want := range map[string][]string{
		"ada":    {"Backend", "Engineers, through Backend and Platform", "Platform, through Backend", "Ring, through Backend and Platform and Engineers"},
		"grace":  {"Engineers, through Ring", "Ring"},
		"nobody": nil,
	} {
		var got []string
		for _, way := range m.Of(user(name, name)) {
			got = append(got, way.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("groups of %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestContains(t *testing.T) {
	ada := user("5f0c0f0e", "Ada@acme.test", with(`{"displayName": "Countess Lovelace", "emails": [{"value": "al@home.test"}]}`), func(u *v1alpha1.ScimUser) { u.Spec.ExternalID = "00uXYZ" })
	for part, want := range map[string]bool{"ada@": true, "lovelace": true, "home.test": true, "00uxyz": true, "5f0c": true, "grace": false, "": true} {
		if got := contains(ada, part); got != want {
			t.Errorf("%q: got %t, want %t", part, got, want)
		}
	}
	if strange := user("x", "x", with(`{"emails": "not a list"}`)); contains(strange, "list") || DisplayName(strange) != "" || Email(strange) != "" {
		t.Error("attributes of a strange form are shown")
	}
}

func TestWords(t *testing.T) {
	formatted := user("a", "a", with(`{"name": {"formatted": "A B"}, "emails": [{"value": "first"}, {"value": "second", "primary": true}]}`))
	locked := user("b", "b", deleted, func(u *v1alpha1.ScimUser) { u.Annotations = map[string]string{v1alpha1.AnnotationSuspend: "why"} })
	got := []string{DisplayName(formatted), Email(formatted), State(formatted), State(locked), accounts(&v1alpha1.AccountCounts{Desired: 3, Ready: 1, Held: 2})}
	if diff := cmp.Diff([]string{"A B", "second", "Active", "Deleted, locked", "1/3, 2 held"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheOne(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		found  []*v1alpha1.ScimUser
		want   string // the name, or a part of the error
	}{
		"One":     {"", []*v1alpha1.ScimUser{user("1", "ada")}, "1"},
		"Nobody":  {"it says where to look", nil, "kubectl scim users"},
		"Several": {"nobody is taken, and each can be named", []*v1alpha1.ScimUser{user("1", "ada"), user("2", "ada")}, "[2  ada in the directory acme, Active]"},
		"Deleted": {"who is there goes before who was", []*v1alpha1.ScimUser{user("1", "ada", deleted), user("2", "ada")}, "2"},
		"Only":    {"who was is found too", []*v1alpha1.ScimUser{user("1", "ada", deleted)}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := theOne("ada", "acme", c.found)
			if err == nil && got.Name != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, %v; want %q", c.reason, got, err, c.want)
			}
		})
	}
}

func TestMembersTable(t *testing.T) {
	r := roster{
		members: Members{Users: []string{"1", "2"}, Groups: []string{"g", "h"}, Unknown: []string{"who@else"}},
		users:   map[string]*v1alpha1.ScimUser{"1": user("1", "ada")}, groups: map[string]*v1alpha1.ScimGroup{"g": group("g", "Backend")},
	}
	want := [][]string{
		{"", "Group", "gone", "", "h"}, {"Backend", "Group", "", "", "g"}, {"who@else", "unknown", "no effect", "", ""}, {"", "User", "gone", "", "2"}, {"ada", "User", "Active", "", "1"},
	}
	if diff := cmp.Diff(want, membersTable(r).Rows); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := len(r.objects()); n != 2 {
		t.Errorf("got %d objects, want those 2 that are there", n)
	}
}

// BenchmarkMembership makes the membership of 50,000 users in 2,000 groups.
func BenchmarkMembership(b *testing.B) {
	var all []*v1alpha1.ScimGroup
	var slices []*v1alpha1.ScimMemberSlice
	for g := range 2000 {
		name := fmt.Sprintf("g%d", g)
		all = append(all, group(name, name))
		var names []string
		for u := range 100 {
			names = append(names, fmt.Sprintf("u%d", (g*25+u)%50000))
		}
		slices = append(slices, slice(name, name, users(names...)))
	}
	for b.Loop() {
		m := NewMembership(all, slices)
		if len(m.Of(user("u100", "u100"))) != 4 {
			b.Fatal("not in four groups")
		}
	}
}
