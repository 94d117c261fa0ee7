// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// noted is what a store did for one request.
type noted struct {
	id             string
	attributes     []string
	added, removed int
}

// watched does something and returns what the store noted of it.
func watched(t *testing.T, do func(context.Context) error) (noted, error) {
	t.Helper()
	c := &Changes{}
	err := do(WithChanges(t.Context(), c))
	var n noted
	n.id, n.attributes, n.added, n.removed = c.Noted()
	return n, err
}

func wantNoted(t *testing.T, what string, got, want noted, err error) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(noted{}), cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}

// TestChangesAreWhatWasDone: what is noted is what differs, neither what was asked for nor what was refused.
func TestChangesAreWhatWasDone(t *testing.T) {
	c := admin(t, 0)
	dir := inNamespace(t, c)
	users, groups := newUsers(t, c, c), newGroups(t, c, c)
	var user, group Stored
	got, err := watched(t, func(ctx context.Context) (err error) {
		user, err = users.Create(ctx, dir, scim.Resource{"userName": "ada", "name": map[string]any{"givenName": "Ada"}})
		return err
	})
	wantNoted(t, "POST", got, noted{id: user.ID, attributes: []string{"active", "name.givenName", "userName"}}, err)
	modify := func(change func(scim.Resource) (scim.Resource, error)) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := users.Modify(ctx, dir, user.ID, Precondition{}, change)
			return err
		}
	}
	got, err = watched(t, modify(set("active", false)))
	wantNoted(t, "PATCH", got, noted{id: user.ID, attributes: []string{"active"}}, err)
	got, err = watched(t, modify(set("active", false)))
	wantNoted(t, "PATCH again", got, noted{}, err)
	got, err = watched(t, modify(func(r scim.Resource) (scim.Resource, error) {
		delete(r, "active")
		r["title"] = "Countess"
		return r, nil
	}))
	wantNoted(t, "without active, which stays", got, noted{id: user.ID, attributes: []string{"title"}}, err)
	got, err = watched(t, modify(set("userName", "lovelace")))
	wantNoted(t, "rename", got, noted{id: user.ID, attributes: []string{"userName"}}, err)

	p := append(people(t, c, dir, sliceMax), user.ID)
	got, err = watched(t, func(ctx context.Context) (err error) {
		group, err = groups.Create(ctx, dir, scim.Resource{"displayName": "g", "members": membersAttribute(p[:3]...)}, false)
		return err
	})
	wantNoted(t, "POST of a group", got, noted{id: group.ID, attributes: []string{"displayName"}, added: 3}, err)
	change := func(c GroupChange) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := groups.Change(ctx, dir, group.ID, Precondition{}, c, false)
			return err
		}
	}
	got, err = watched(t, change(GroupChange{Patch: patchOf(t, add(p...))}))
	wantNoted(t, "slices that split", got, noted{added: len(p) - 3}, err)
	got, err = watched(t, change(GroupChange{Patch: patchOf(t, add(p...))}))
	wantNoted(t, "the same again", got, noted{}, err)
	got, err = watched(t, change(GroupChange{Change: set("displayName", "h"), Replace: true, Members: []scim.Member{{Value: p[0]}, {Value: user.ID}}}))
	wantNoted(t, "PUT", got, noted{id: group.ID, attributes: []string{"displayName"}, removed: len(p) - 2}, err)

	got, err = watched(t, func(ctx context.Context) error { return users.Delete(ctx, dir, user.ID, Precondition{}) })
	wantNoted(t, "DELETE is not a change of the groups", got, noted{}, err)
	got, err = watched(t, func(ctx context.Context) error { return groups.Delete(ctx, dir, group.ID, Precondition{}) })
	wantNoted(t, "DELETE of a group", got, noted{}, err)
}

// TestChangesThatMayBeDone: what the API server did not answer may be done and is noted; what it refused is not.
func TestChangesThatMayBeDone(t *testing.T) {
	c := admin(t, 0)
	dir := inNamespace(t, c)
	made, err := newUsers(t, c, c).Create(t.Context(), dir, named("ada"))
	wantStatus(t, "Create", err, http.StatusOK)
	silent := errors.New("no answer")
	users := newUsers(t, interceptor.NewClient(c, interceptor.Funcs{
		Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error { return silent },
	}), c)
	patch := func(change func(scim.Resource) (scim.Resource, error)) (noted, error) {
		return watched(t, func(ctx context.Context) error {
			_, err := users.Modify(ctx, dir, made.ID, Precondition{}, change)
			return err
		})
	}
	got, err := patch(set("title", "Countess"))
	wantStatus(t, "PATCH", err, http.StatusServiceUnavailable)
	wantNoted(t, "PATCH", got, noted{id: made.ID, attributes: []string{"title"}}, nil)
	users = newUsers(t, c, c)
	got, err = patch(set("title", string(make([]byte, maxAttributes))))
	wantStatus(t, "PATCH that is too large", err, http.StatusBadRequest)
	wantNoted(t, "PATCH that is too large", got, noted{}, nil)
	_, err = newUsers(t, c, c).Create(t.Context(), dir, named("bob"))
	wantStatus(t, "Create", err, http.StatusOK)
	got, err = patch(set("userName", "bob"))
	wantStatus(t, "a name that is taken", err, http.StatusConflict)
	wantNoted(t, "a name that is taken", got, noted{}, nil)
}

// BenchmarkNote is what the record of a change costs the store, beside the change.
func BenchmarkNote(b *testing.B) {
	s := newStore(userKind(), nil, nil, nil)
	o := s.newObject()
	before := scim.Resource{
		"userName": "ada@example.com", "displayName": "Ada", "externalId": "00ujl29u0le5T6Aj10h7", "locale": "en-US", "active": true,
		"name":                 map[string]any{"givenName": "Ada", "familyName": "King", "formatted": "Ada King"},
		"emails":               []any{map[string]any{"value": "ada@example.com", "type": "work", "primary": true}},
		scim.EnterpriseUserURN: map[string]any{"department": "Engines", "manager": map[string]any{"value": "1"}},
	}
	after := maps.Clone(before)
	after["userName"] = "lovelace@example.com"
	b.ReportAllocs()
	for b.Loop() {
		c := &Changes{}
		s.note(WithChanges(context.Background(), c), Directory{}, o, before, after)
		if _, attributes, _, _ := c.Noted(); len(attributes) != 1 {
			b.Fatal(attributes)
		}
	}
}
