// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// fortress is a directory with a protected user, who is in a group that is in another.
type fortress struct {
	client       client.Client
	dir          Directory
	users        *Store
	groups       *Groups
	king, pawn   Stored
	inner, outer Stored
	aside, empty Stored
}

const whyProtected = "canary: break glass"

func protect(t *testing.T, c client.Client, namespace, id string, protected bool) {
	t.Helper()
	u := objectOf(t, c, namespace, id, &v1alpha1.ScimUser{})
	if u.Annotations == nil {
		u.Annotations = map[string]string{}
	}
	u.Annotations[v1alpha1.AnnotationProtected] = whyProtected
	if !protected {
		delete(u.Annotations, v1alpha1.AnnotationProtected)
	}
	if err := c.Update(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

func newFortress(t *testing.T) *fortress {
	t.Helper()
	c := admin(t, 0)
	dir := inNamespace(t, c)
	f := &fortress{client: c, dir: dir, users: newUsers(t, c, c), groups: newGroups(t, c, c)}
	f.king = f.user(t, scim.Resource{"userName": "king", "title": "King", "active": true})
	f.pawn = f.user(t, named("pawn"))
	f.inner = f.group(t, "inner", f.king.ID, f.pawn.ID)
	f.outer = f.group(t, "outer", f.inner.ID)
	f.aside = f.group(t, "aside", f.pawn.ID)
	f.empty = f.group(t, "empty")
	protect(t, c, dir.Namespace, f.king.ID, true)
	return f
}

func (f *fortress) user(t *testing.T, r scim.Resource) Stored {
	t.Helper()
	st, err := f.users.Create(t.Context(), f.dir, r)
	wantStatus(t, "Create", err, http.StatusOK)
	return st
}

func (f *fortress) group(t *testing.T, name string, members ...string) Stored {
	t.Helper()
	r := scim.Resource{"displayName": name}
	if len(members) > 0 {
		r["members"] = membersAttribute(members...)
	}
	st, err := f.groups.Create(t.Context(), f.dir, r, false)
	wantStatus(t, "Create", err, http.StatusOK)
	return st
}

// state is every object of the directory, by kind and name.
func (f *fortress) state(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for kind, list := range map[string]client.ObjectList{
		"user": &v1alpha1.ScimUserList{}, "group": &v1alpha1.ScimGroupList{}, "slice": &v1alpha1.ScimMemberSliceList{}, "name": &v1alpha1.ScimNameList{},
	} {
		if err := f.client.List(t.Context(), list, client.InNamespace(f.dir.Namespace)); err != nil {
			t.Fatal(err)
		}
		for _, o := range itemsOf(list) {
			found[kind+"/"+o.GetName()] = o.GetResourceVersion()
		}
	}
	return found
}

func itemsOf(list client.ObjectList) (all []client.Object) {
	switch l := list.(type) {
	case *v1alpha1.ScimUserList:
		for i := range l.Items {
			all = append(all, &l.Items[i])
		}
	case *v1alpha1.ScimGroupList:
		for i := range l.Items {
			all = append(all, &l.Items[i])
		}
	case *v1alpha1.ScimMemberSliceList:
		for i := range l.Items {
			all = append(all, &l.Items[i])
		}
	case *v1alpha1.ScimNameList:
		for i := range l.Items {
			all = append(all, &l.Items[i])
		}
	}
	return all
}

func (f *fortress) modify(id string, change func(scim.Resource) (scim.Resource, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := f.users.Modify(ctx, f.dir, id, Precondition{}, change)
		return err
	}
}

func (f *fortress) change(group Stored, c GroupChange) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := f.groups.Change(ctx, f.dir, group.ID, Precondition{}, c, false)
		return err
	}
}

func (f *fortress) deleteGroup(group Stored) func(context.Context) error {
	return func(ctx context.Context) error { return f.groups.Delete(ctx, f.dir, group.ID, Precondition{}) }
}

func (f *fortress) create(members ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := f.groups.Create(ctx, f.dir, scim.Resource{"displayName": "new", "members": membersAttribute(members...)}, false)
		return err
	}
}

func members(ids ...string) (all []scim.Member) {
	for _, id := range ids {
		all = append(all, scim.Member{Value: id})
	}
	return all
}

// TestProtectedIsProtectedOnEveryPath (SEC-10): whichever way leads to a protected user or to the memberships, the answer is 403 without
// the reason, and nothing at all is written.
func TestProtectedIsProtectedOnEveryPath(t *testing.T) {
	f := newFortress(t)
	king, pawn := f.king.ID, f.pawn.ID
	kept := f.dir
	kept.Profile = keeping(t, f.dir).Profile
	before := f.state(t)
	for path, do := range map[string]func(context.Context) error{
		"PATCH":                           f.modify(king, set("title", "Jester")),
		"PATCH of nothing but a new one":  f.modify(king, set("nickName", "x")),
		"deactivation":                    f.modify(king, set("active", false)),
		"rename":                          f.modify(king, set("userName", "jester")),
		"rename to another case":          f.modify(king, set("userName", "King")),
		"PUT":                             f.modify(king, replaced(scim.Resource{"userName": "king", "active": true})),
		"DELETE":                          func(ctx context.Context) error { return f.users.Delete(ctx, f.dir, king, Precondition{}) },
		"DELETE where the deleted stay":   func(ctx context.Context) error { return f.users.Delete(ctx, kept, king, Precondition{}) },
		"POST of a group":                 f.create(king),
		"POST of a group among others":    f.create(pawn, king),
		"POST of a group with the group":  f.create(f.inner.ID),
		"POST of a group with the outer":  f.create(f.outer.ID),
		"PATCH add":                       f.change(f.empty, GroupChange{Patch: patchOf(t, add(king))}),
		"PATCH add among others":          f.change(f.aside, GroupChange{Patch: patchOf(t, add(pawn, king))}),
		"PATCH add the group":             f.change(f.empty, GroupChange{Patch: patchOf(t, add(f.inner.ID))}),
		"PATCH add the outer group":       f.change(f.empty, GroupChange{Patch: patchOf(t, add(f.outer.ID))}),
		"PATCH remove":                    f.change(f.inner, GroupChange{Patch: patchOf(t, remove(king))}),
		"PATCH remove among others":       f.change(f.inner, GroupChange{Patch: patchOf(t, remove(pawn, king))}),
		"PATCH remove the group":          f.change(f.outer, GroupChange{Patch: patchOf(t, remove(f.inner.ID))}),
		"PATCH with a change of the rest": f.change(f.inner, GroupChange{Change: set("title", "x"), Patch: patchOf(t, remove(king))}),
		"PUT without":                     f.change(f.inner, GroupChange{Replace: true, Members: members(pawn)}),
		"PUT of nobody":                   f.change(f.inner, GroupChange{Replace: true}),
		"PUT with":                        f.change(f.empty, GroupChange{Replace: true, Members: members(king, pawn)}),
		"PUT without the group":           f.change(f.outer, GroupChange{Replace: true, Members: members(pawn)}),
		"DELETE of the group":             f.deleteGroup(f.inner),
		"DELETE of the outer group":       f.deleteGroup(f.outer),
		"rename of the group":             f.change(f.inner, GroupChange{Change: set("displayName", "admins")}),
		"rename of the outer group":       f.change(f.outer, GroupChange{Change: set("displayName", "admins")}),
		"externalId of the group":         f.change(f.inner, GroupChange{Change: set("externalId", "admins")}),
	} {
		err := do(from(t, path))
		wantStatus(t, path, err, http.StatusForbidden)
		var told *scim.Error
		if errors.As(err, &told) && (!strings.Contains(told.Detail, "protected") || strings.Contains(told.Detail, "canary") || strings.Contains(told.Detail, "king")) {
			t.Errorf("%s: told %q", path, told.Detail)
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Fatalf("%s: something was written (-before +after):\n%s", path, diff)
		}
	}
}

// TestProtectedMayBeRepeated: what changes nothing about a protected user is no change, and everybody else is free.
func TestProtectedMayBeRepeated(t *testing.T) {
	f := newFortress(t)
	king, pawn := f.king.ID, f.pawn.ID
	for _, step := range []struct {
		path string
		do   func(context.Context) error
	}{
		{"PUT of what is there", f.modify(king, replaced(scim.Resource{"userName": "king", "title": "King", "active": true}))},
		{"PATCH of what is there", f.modify(king, set("active", true))},
		{"add a member again", f.change(f.inner, GroupChange{Patch: patchOf(t, add(king))})},
		{"remove who is no member", f.change(f.empty, GroupChange{Patch: patchOf(t, remove(king))})},
		{"PUT of the same members", f.change(f.inner, GroupChange{Replace: true, Members: members(pawn, king), Change: set("displayName", "inner")})},
		{"PUT of the same group", f.change(f.outer, GroupChange{Replace: true, Members: members(f.inner.ID)})},
		{"remove another member", f.change(f.inner, GroupChange{Patch: patchOf(t, remove(pawn))})},
		{"other attributes of the group", f.change(f.inner, GroupChange{Change: set("title", "x")})},
		{"PATCH of another", f.modify(pawn, set("title", "Queen"))},
		{"DELETE of another group", f.deleteGroup(f.aside)},
		{"DELETE of another", func(ctx context.Context) error { return f.users.Delete(ctx, f.dir, pawn, Precondition{}) }},
	} {
		wantStatus(t, step.path, step.do(t.Context()), http.StatusOK)
	}
	u := objectOf(t, f.client, f.dir.Namespace, king, &v1alpha1.ScimUser{})
	if u.Generation != 1 || u.Annotations[v1alpha1.AnnotationProtected] != whyProtected {
		t.Errorf("the user was written: %+v", u.ObjectMeta)
	}
	protect(t, f.client, f.dir.Namespace, king, false)
	wantStatus(t, "a change when the annotation is gone", f.modify(king, set("title", "Jester"))(t.Context()), http.StatusOK)
	wantStatus(t, "a member then", f.change(f.empty, GroupChange{Patch: patchOf(t, add(king))})(t.Context()), http.StatusOK)
	wantStatus(t, "a group then", f.deleteGroup(f.inner)(t.Context()), http.StatusOK)
}

// TestProtectedInTheMeantime: an annotation that is set while a change is under way is not missed: the change loses its optimistic lock,
// reads again, and is refused.
func TestProtectedInTheMeantime(t *testing.T) {
	f := newFortress(t)
	once := false
	err := f.modify(f.pawn.ID, func(r scim.Resource) (scim.Resource, error) {
		if !once {
			once = true
			protect(t, f.client, f.dir.Namespace, f.pawn.ID, true)
		}
		r["title"] = "Queen"
		return r, nil
	})(t.Context())
	wantStatus(t, "Modify", err, http.StatusForbidden)
	if u := objectOf(t, f.client, f.dir.Namespace, f.pawn.ID, &v1alpha1.ScimUser{}); u.Generation != 1 {
		t.Errorf("generation %d", u.Generation)
	}
}

// TestProtectedWhateverTheValue: no reason, and what looks like a no, protect too; on a group the annotation means nothing.
func TestProtectedWhateverTheValue(t *testing.T) {
	for _, reason := range []string{"", "false", "x"} {
		u := &v1alpha1.ScimUser{}
		setAnnotation(u, v1alpha1.AnnotationProtected, reason)
		u.Spec.DirectoryRef.Name = "acme"
		if !isProtected(u) || len(protectedIn(u)) != 1 {
			t.Errorf("%q does not protect", reason)
		}
	}
	group := &v1alpha1.ScimGroup{}
	setAnnotation(group, v1alpha1.AnnotationProtected, "x")
	if isProtected(group) || isProtected(&v1alpha1.ScimUser{}) {
		t.Error("something else is protected")
	}
}

// TestJanitorLeavesTheProtected: who is protected after the identity provider deleted them is kept past the retention.
func TestJanitorLeavesTheProtected(t *testing.T) {
	c := admin(t, 0)
	dir := keeping(t, inNamespace(t, c))
	users := newUsers(t, c, c)
	var ids []string
	for _, name := range []string{"ada", "bob"} {
		st, err := users.Create(t.Context(), dir, named(name))
		wantStatus(t, "Create", err, http.StatusOK)
		wantStatus(t, "Delete", users.Delete(t.Context(), dir, st.ID, Precondition{}), http.StatusOK)
		ids = append(ids, st.ID)
	}
	protect(t, c, dir.Namespace, ids[0], true)
	object := &v1alpha1.ScimDirectory{ObjectMeta: metav1.ObjectMeta{Namespace: dir.Namespace, Name: dir.Name}}
	if err := c.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	j := NewJanitor(c, uncached{c}, modelOf(t, 0), []string{dir.Namespace})
	j.clock = clocktesting.NewFakePassiveClock(time.Now().Add(1000 * 24 * time.Hour))
	j.endRetention(t.Context())
	found, err := users.find(t.Context(), dir.Namespace, ids[0])
	if err != nil || found == nil {
		t.Errorf("the protected user: %v %v", found, err)
	}
	if gone, err := users.find(t.Context(), dir.Namespace, ids[1]); err != nil || gone != nil {
		t.Errorf("the other user: %v %v", gone, err)
	}
}
