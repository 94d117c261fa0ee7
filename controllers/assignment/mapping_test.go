// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

func TestMapping(t *testing.T) {
	type names struct {
		userName, displayName, email string
		attributes                   map[string]string
	}
	long := `{"displayName":"` + strings.Repeat("x", maxName+1) + `"}`
	for name, tc := range map[string]struct {
		reason  string
		user    *user
		mapping v1alpha1.AccountMapping
		want    *names // nil: no account
	}{
		"defaults":         {"the primary address", makeUser(), v1alpha1.AccountMapping{}, &names{"Ann", "Ann A.", "ann@work", nil}},
		"formatted":        {"the formatted name", makeUser(attributes(`{"name":{"formatted":"Ann Alba"}}`)), v1alpha1.AccountMapping{}, &names{"Ann", "Ann Alba", "", nil}},
		"first address":    {"where none is primary", makeUser(attributes(`{"displayName":"","emails":[{"type":"work"},{"value":"b@b"},{"value":"c@c","primary":false}]}`)), v1alpha1.AccountMapping{}, &names{"Ann", "", "b@b", nil}},
		"strange forms":    {"are as good as absent", makeUser(attributes(`{"displayName":7,"name":"Ann","emails":["a@a",{"value":1,"primary":true}]}`)), v1alpha1.AccountMapping{}, &names{"Ann", "", "", nil}},
		"nothing":          {"no attributes at all", makeUser(func(u *user) { u.Spec.Attributes = nil }), v1alpha1.AccountMapping{}, &names{"Ann", "", "", nil}},
		"expressions":      {"user, groups and grants", makeUser(), v1alpha1.AccountMapping{UserName: `user.userName.lowerAscii()`, DisplayName: `user.title + " " + user.displayName`, Email: `user.emails[0].value`, Attributes: []v1alpha1.AttributeMapping{{Name: "teams", Value: `groups.map(g, g.displayName)`}, {Name: "by", Value: `grants`}, {Name: "absent", Value: `user.nickName`}}}, &names{"ann", "chief Ann A.", "ann@home", map[string]string{"by": "f,g", "teams": "Dev,Ops"}}},
		"userName, empty":  {"somebody must have a name", makeUser(), v1alpha1.AccountMapping{UserName: `""`}, nil},
		"userName, absent": {"a text must be there", makeUser(), v1alpha1.AccountMapping{UserName: `user.nickName`}, nil},
		"userName, long":   {"no longer than the API allows", makeUser(), v1alpha1.AccountMapping{UserName: v1alpha1.Expression(`"` + strings.Repeat("x", maxUserName+1) + `"`)}, nil},
		"default, long":    {"the same", makeUser(attributes(long)), v1alpha1.AccountMapping{}, nil},
		"invalid":          {"as if it failed", makeUser(), v1alpha1.AccountMapping{DisplayName: `user =`}, nil},
		"email fails":      {"all or nothing", makeUser(), v1alpha1.AccountMapping{Email: `string(1 / int(user.level - 3))`}, nil},
		"attribute fails":  {"all or nothing", makeUser(), v1alpha1.AccountMapping{Attributes: []v1alpha1.AttributeMapping{{Name: "x", Value: `1 / int(user.level - 3)`}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := decideNow(t, Facts{
				User: tc.user, Applications: one(makeApp(mapping(tc.mapping))), Grants: []*grant{makeGrant("g", everyone(), "a"), makeGrant("f", everyone())},
				Groups: []*group{makeGroup("2", "Ops", ""), makeGroup("1", "Dev", "")},
			})
			var got *names
			for _, w := range d.Wanted {
				got = &names{w.Spec.UserName, w.Spec.DisplayName, w.Spec.Email, map[string]string{}}
				for _, a := range w.Spec.Attributes {
					got.attributes[a.Name] = a.Value
				}
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(names{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if failed := len(d.MappingFailed) == 1; failed != (tc.want == nil) {
				t.Errorf("%s: MappingFailed is %v", tc.reason, d.MappingFailed)
			}
		})
	}
}

// TestMappingFailed checks that an account keeps its names when the mapping fails, and that access is taken away all the same.
func TestMappingFailed(t *testing.T) {
	old := func(a *account) {
		a.Spec.UserName, a.Spec.DisplayName, a.Spec.Email = "old", "Old", "old@old"
		a.Spec.Attributes = []v1alpha1.AccountAttribute{{Name: "x", Value: "y"}}
	}
	app := makeApp(mapping(v1alpha1.AccountMapping{UserName: `user =`}))
	for name, tc := range map[string]struct {
		user    *user
		grants  []*grant
		present *account
		want    *account
		failed  bool
	}{
		"fewer roles": {makeUser(), one(makeGrant("g", everyone(), "a")), of(old, withRoles("a", "b")), of(old), true},
		"suspended":   {makeUser(deactivated), one(makeGrant("g", everyone(), "a")), of(old), of(old, is(suspended, v1alpha1.StateDeactivated)), true},
		"lost":        {makeUser(), nil, of(old), of(old, is(suspended, v1alpha1.StateAccessLost), withRoles(), noGrants), false},
		"locked":      {makeUser(lockedBy), one(makeGrant("g", everyone(), "a")), of(old), of(old, is(suspended, v1alpha1.StateLocked)), true},
		"deleted":     {nil, nil, of(old), of(old, is(suspended, v1alpha1.StateUserDeleted), withRoles(), noGrants), false},
		"not remade":  {makeUser(), one(makeGrant("g", everyone(), "a")), of(old, is(deleted, v1alpha1.StateAccessLost)), of(old, is(deleted, v1alpha1.StateAccessLost)), true},
	} {
		t.Run(name, func(t *testing.T) {
			d := decideNow(t, Facts{User: tc.user, Applications: one(app), Grants: tc.grants, Present: one(tc.present)})
			if diff := cmp.Diff(decided(&tc.want.Spec), d.Wanted[0].Spec); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (len(d.MappingFailed) == 1) != tc.failed {
				t.Errorf("MappingFailed is %v", d.MappingFailed)
			}
		})
	}
}
