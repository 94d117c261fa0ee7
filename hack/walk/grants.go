// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// maxGrants is how many grants there are at a time.
const maxGrants = 9

// rolesFrom is the expression of a grant that gives what the identity provider says.
const rolesFrom = `user.roles.map(r, r.value)`

func (w *walker) makeGrant(ctx context.Context) (string, []string, error) {
	if len(w.grants) >= maxGrants {
		return "", nil, nil
	}
	name, g := w.next("grant"), w.newGrant(pick(w, w.apps).name)
	w.grants[name] = g
	return fmt.Sprintf("make %s: %+v", name, *g), nil, w.Client.Create(ctx, w.grantObject(name, g))
}

func (w *walker) changeGrant(ctx context.Context) (string, []string, error) {
	name := pick(w, slices.Sorted(maps.Keys(w.grants)))
	if name == "" {
		return "", nil, nil
	}
	app := w.grants[name].app
	delete(w.grants, name) // it may be for everyone else again
	g := w.newGrant(app)
	w.grants[name] = g
	live, wanted := &v1alpha1.ScimGrant{}, w.grantObject(name, g)
	if err := w.Client.Get(ctx, client.ObjectKeyFromObject(wanted), live); err != nil {
		return "read " + name, nil, err
	}
	before := client.MergeFrom(live.DeepCopy())
	live.Spec = wanted.Spec
	return fmt.Sprintf("change %s: %+v", name, *g), nil, w.Client.Patch(ctx, live, before)
}

func (w *walker) deleteGrant(ctx context.Context) (string, []string, error) {
	name := pick(w, slices.Sorted(maps.Keys(w.grants)))
	if name == "" {
		return "", nil, nil
	}
	delete(w.grants, name)
	return "delete " + name, nil, w.Client.Delete(ctx, &v1alpha1.ScimGrant{ObjectMeta: w.meta(name)})
}

// newGrant makes one up. One grant of an application is for everyone else, at most.
func (w *walker) newGrant(app string) *grant {
	g := &grant{app: app, fromUser: w.random.IntN(3) == 0}
	for _, role := range roleNames()[:3] {
		if w.random.IntN(3) == 0 {
			g.roles = append(g.roles, role)
		}
	}
	hasLast := slices.ContainsFunc(slices.Collect(maps.Values(w.grants)), func(other *grant) bool { return other.app == app && other.isLast() })
	if !hasLast && w.random.IntN(4) == 0 {
		g.subjects = []subject{{kind: everyoneElse}}
		return g
	}
	for range 1 + w.random.IntN(2) {
		g.subjects = append(g.subjects, w.newSubject())
	}
	return g
}

func (w *walker) newSubject() subject {
	switch w.random.IntN(14) {
	case 0:
		return subject{kind: everyone}
	case 1, 2, 3:
		return subject{groupDisplayName, strings.ToUpper(pick(w, groupNames()))}
	case 4, 5, 6:
		return subject{groupExternalID, "ext-" + pick(w, groupNames())}
	case 7, 8:
		if g := pick(w, w.allGroups()); g != nil {
			return subject{groupID, g.id}
		}
	case 9, 10:
		if u := pick(w, w.live()); u != nil {
			return subject{userName, strings.ToUpper(u.userName)}
		}
	case 11:
		return subject{emailEndsWith, "@" + pick(w, domains())}
	}
	return subject{titleIs, pick(w, titles())}
}

func (w *walker) grantObject(name string, g *grant) *v1alpha1.ScimGrant {
	spec := v1alpha1.ScimGrantSpec{ApplicationRef: v1alpha1.LocalReference{Name: g.app}}
	for _, role := range g.roles {
		spec.Roles = append(spec.Roles, v1alpha1.RoleName(role))
	}
	if g.fromUser {
		spec.RolesFrom = rolesFrom
	}
	for _, s := range g.subjects {
		spec.Subjects = append(spec.Subjects, s.object())
	}
	return &v1alpha1.ScimGrant{ObjectMeta: w.meta(name), Spec: spec}
}

func (s subject) object() v1alpha1.Subject {
	switch s.kind {
	case everyone:
		return v1alpha1.Subject{Kind: v1alpha1.SubjectEveryone}
	case everyoneElse:
		return v1alpha1.Subject{Kind: v1alpha1.SubjectEveryoneElse}
	case userName:
		return v1alpha1.Subject{Kind: v1alpha1.SubjectUser, UserName: s.value}
	case titleIs:
		return condition(fmt.Sprintf("user.title == %q", s.value))
	case emailEndsWith:
		return condition(fmt.Sprintf("user.emails.exists(e, e.value.endsWith(%q))", s.value))
	}
	g := &v1alpha1.GroupSubject{}
	switch s.kind {
	case groupDisplayName:
		g.DisplayName = s.value
	case groupExternalID:
		g.ExternalID = s.value
	default:
		g.ID = s.value
	}
	return v1alpha1.Subject{Kind: v1alpha1.SubjectGroup, Group: g}
}

func condition(expression string) v1alpha1.Subject {
	return v1alpha1.Subject{Kind: v1alpha1.SubjectCondition, Condition: v1alpha1.Expression(expression)}
}
