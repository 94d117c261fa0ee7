// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// replaced is what a PUT of r makes of any user.
func replaced(r scim.Resource) func(scim.Resource) (scim.Resource, error) {
	return func(scim.Resource) (scim.Resource, error) { return r, nil }
}

// set is what a PATCH of one attribute makes of a user.
func set(attribute string, value any) func(scim.Resource) (scim.Resource, error) {
	return func(r scim.Resource) (scim.Resource, error) {
		r[attribute] = value
		return r, nil
	}
}

// from is the context of a request of that id, whose credential is named after it.
func from(t testing.TB, id string) context.Context {
	return WithOrigin(t.Context(), Origin{RequestID: id, TokenKeyID: keyOf(id)})
}

func keyOf(id string) string {
	if id == "" {
		return ""
	}
	return "key of " + id
}

func objectOf[T client.Object](t *testing.T, c client.Client, namespace, name string, o T) T {
	t.Helper()
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, o); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestPeoplesAnnotationsSurvive: whatever the identity provider does to a user, what people wrote on the object stays, above all
// that the user is suspended. And what is written says which request wrote it.
func TestPeoplesAnnotationsSurvive(t *testing.T) {
	c := admin(t, 0)
	dir := keeping(t, inNamespace(t, c))
	users := newUsers(t, c, c)
	st, err := users.Create(from(t, "post"), dir, scim.Resource{"userName": "ada", "displayName": "Ada"})
	wantStatus(t, "Create", err, http.StatusOK)
	read := func() *v1alpha1.ScimUser { return objectOf(t, c, dir.Namespace, st.ID, &v1alpha1.ScimUser{}) }
	u := read()
	if got := u.Annotations; got[v1alpha1.AnnotationRequestID] != "post" || got[v1alpha1.AnnotationChangedBy] != keyOf("post") {
		t.Errorf("created by %q", got)
	}
	u.Annotations[v1alpha1.AnnotationSuspend], u.Annotations["example.com/ticket"] = "lost laptop", "42"
	u.Labels = map[string]string{"team": "blue"}
	if err := c.Update(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	modify := func(change func(scim.Resource) (scim.Resource, error)) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := users.Modify(ctx, dir, st.ID, Precondition{}, change)
			return err
		}
	}
	for _, step := range []struct {
		verb string
		do   func(context.Context) error
	}{
		{"PUT", modify(replaced(scim.Resource{"userName": "ada", "title": "Countess"}))},
		{"PATCH", modify(set("displayName", "Ada L."))},
		{"rename", modify(set("userName", "lovelace"))},
		{"deactivation", modify(set("active", false))},
		{"PUT while inactive", modify(replaced(scim.Resource{"userName": "lovelace", "active": false}))},
		{"reactivation", modify(set("active", true))},
		{"reactivation by PUT", modify(replaced(scim.Resource{"userName": "lovelace", "active": true, "title": "x"}))},
		{"DELETE", func(ctx context.Context) error { return users.Delete(ctx, dir, st.ID, Precondition{}) }},
	} {
		wantStatus(t, step.verb, step.do(from(t, step.verb)), http.StatusOK)
		got := read()
		want := map[string]string{v1alpha1.AnnotationSuspend: "lost laptop", "example.com/ticket": "42", v1alpha1.AnnotationRequestID: step.verb, v1alpha1.AnnotationChangedBy: keyOf(step.verb)}
		delete(got.Annotations, v1alpha1.AnnotationLastModified)
		if diff := cmp.Diff(want, got.Annotations); diff != "" || got.Labels["team"] != "blue" {
			t.Errorf("%s: annotations (-want +got):\n%s", step.verb, diff)
		}
	}
	if read().Spec.DeletedAt == nil {
		t.Error("the user was not kept")
	}
}

// TestMembersAreMarked: each object that a change of members writes says which request it was, and what people wrote there stays.
func TestMembersAreMarked(t *testing.T) {
	c := admin(t, 0)
	g, dir := newGroups(t, c, c), inNamespace(t, c)
	p := people(t, c, dir, sliceMax+1)
	as := func(id string) context.Context { return from(t, id) }
	group, err := g.Create(as("post"), dir, scim.Resource{"displayName": "g", "members": membersAttribute(p[0])}, false)
	wantStatus(t, "Create", err, http.StatusOK)
	root := objectOf(t, c, dir.Namespace, group.ID, &v1alpha1.ScimMemberSlice{})
	if root.Annotations[v1alpha1.AnnotationRequestID] != "post" || root.Annotations[v1alpha1.AnnotationChangedBy] != keyOf("post") {
		t.Errorf("annotations of the first slice: %v", root.Annotations)
	}
	root.Annotations["example.com/ticket"], root.Labels = "42", map[string]string{"team": "blue"}
	if err := c.Update(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct {
		id    string
		added []string
		marks map[string]int
	}{{"patch", p[:2], map[string]int{"patch": 1}}, {"split", p, map[string]int{"split": 3}}} {
		id, added := change.id, change.added
		_, err := g.Change(as(id), dir, group.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(added...))}, false)
		wantStatus(t, id, err, http.StatusOK)
		root := objectOf(t, c, dir.Namespace, group.ID, &v1alpha1.ScimMemberSlice{})
		if root.Annotations["example.com/ticket"] != "42" || root.Labels["team"] != "blue" {
			t.Errorf("%s: metadata of people is lost: %v %v", id, root.Annotations, root.Labels)
		}
		wantMarks(t, c, dir, change.marks)
	}
	_, err = g.Change(as("last"), dir, group.ID, Precondition{}, GroupChange{Replace: true, Members: []scim.Member{{Value: p[0]}}}, false)
	wantStatus(t, "Change", err, http.StatusOK)
	wantMarks(t, c, dir, map[string]int{"split": 1, "last": 2})
	if got := objectOf(t, c, dir.Namespace, group.ID, &v1alpha1.ScimGroup{}).Annotations; got[v1alpha1.AnnotationRequestID] != "last" || got[v1alpha1.AnnotationChangedBy] != keyOf("last") {
		t.Errorf("the group was written by %q", got)
	}
}

// wantMarks wants that many slices to be written by each request.
func wantMarks(t *testing.T, c client.Client, dir Directory, want map[string]int) {
	t.Helper()
	var all v1alpha1.ScimMemberSliceList
	if err := c.List(t.Context(), &all, client.InNamespace(dir.Namespace)); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, slice := range all.Items {
		id := slice.Annotations[v1alpha1.AnnotationRequestID]
		got[id]++
		if key := slice.Annotations[v1alpha1.AnnotationChangedBy]; key != keyOf(id) {
			t.Errorf("slice %s of request %q is by %q", slice.Name, id, key)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("slices by request (-want +got):\n%s", diff)
	}
}

// TestNothingIsWrittenForTheMark: what changes nothing leaves nothing behind, not even who asked for it, and a change is as many
// writes with an id as without.
func TestNothingIsWrittenForTheMark(t *testing.T) {
	c := admin(t, 0)
	dir := inNamespace(t, c)
	var writes []string
	noted := interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			writes = append(writes, "create")
			return c.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			writes = append(writes, "update")
			return c.Update(ctx, o, opts...)
		},
	})
	users, groups := newUsers(t, noted, c), newGroups(t, noted, c)
	user, err := users.Create(t.Context(), dir, scim.Resource{"userName": "ada"})
	wantStatus(t, "Create", err, http.StatusOK)
	group, err := groups.Create(t.Context(), dir, scim.Resource{"displayName": "g", "members": membersAttribute(user.ID)}, false)
	wantStatus(t, "Create", err, http.StatusOK)
	for i, request := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := users.Modify(ctx, dir, user.ID, Precondition{}, set("userName", "ada"))
			return err
		},
		func(ctx context.Context) error {
			_, err := groups.Change(ctx, dir, group.ID, Precondition{}, GroupChange{Patch: patchOf(t, add(user.ID))}, false)
			return err
		},
		func(ctx context.Context) error {
			_, err := groups.Change(ctx, dir, group.ID, Precondition{}, GroupChange{Replace: true, Members: []scim.Member{{Value: user.ID}}}, false)
			return err
		},
		func(ctx context.Context) error {
			_, err := groups.Change(ctx, dir, group.ID, Precondition{}, GroupChange{Change: set("displayName", "g")}, false)
			return err
		},
	} {
		writes = nil
		if err := request(from(t, "again")); err != nil || len(writes) > 0 {
			t.Errorf("request %d that changes nothing: %v, %v", i, writes, err)
		}
	}
	for _, id := range []string{"", "marked"} {
		writes = nil
		_, err := users.Modify(from(t, id), dir, user.ID, Precondition{}, set("displayName", "by "+id))
		wantStatus(t, "Modify", err, http.StatusOK)
		if diff := cmp.Diff([]string{"update"}, writes); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	}
}

// TestTheMarkIsNotShown: neither a read nor a version knows of it, and what no request does leaves it as it was.
func TestTheMarkIsNotShown(t *testing.T) {
	c := admin(t, 0)
	users, dir := newUsers(t, c, c), inNamespace(t, c)
	const id = "0e2a7b9e-canary"
	made, err := users.Create(from(t, id), dir, scim.Resource{"userName": "ada"})
	wantStatus(t, "Create", err, http.StatusOK)
	o := objectOf(t, c, dir.Namespace, made.ID, &v1alpha1.ScimUser{})
	mark(t.Context(), o)
	if o.Annotations[v1alpha1.AnnotationRequestID] != id || o.Annotations[v1alpha1.AnnotationChangedBy] != keyOf(id) {
		t.Error("the mark is lost without a request")
	}
	mark(from(t, "another"), o)
	o.Annotations[v1alpha1.AnnotationSuspend] = "canary reason"
	if err := c.Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the model knows the last write", func() bool {
		page, err := users.List(t.Context(), dir, filter(t, users, `userName eq "ada"`))
		return err == nil && page.Total == 1
	})
	page, err := users.List(t.Context(), dir, filter(t, users, `userName eq "ada"`))
	wantStatus(t, "List", err, http.StatusOK)
	got, err := users.Get(t.Context(), dir, made.ID)
	wantStatus(t, "Get", err, http.StatusOK)
	for _, st := range append(page.Resources, got) {
		shown, err := json.Marshal(st)
		if err != nil || strings.Contains(string(shown), "canary") {
			t.Errorf("%s %v", shown, err)
		}
		if st.Version() != made.Version() || !st.LastModified.Equal(made.LastModified) {
			t.Errorf("the version moved from %s to %s", made.Version(), st.Version())
		}
	}
}

// TestOutlive: work after a request goes on when the request is over, and is still that of the request.
func TestOutlive(t *testing.T) {
	ctx, cancel := context.WithTimeout(WithChanges(from(t, "mine"), &Changes{}), time.Hour)
	cancel()
	after, o := outlive(ctx), &v1alpha1.ScimUser{}
	mark(after, o)
	if after.Err() != nil || o.Annotations[v1alpha1.AnnotationRequestID] != "mine" || o.Annotations[v1alpha1.AnnotationChangedBy] != keyOf("mine") || ChangesOf(after) != nil {
		t.Errorf("%v, annotations %v", after.Err(), o.Annotations)
	}
}
