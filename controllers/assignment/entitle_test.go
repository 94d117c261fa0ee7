// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package assignment

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

func rolesFrom(g *grant, e v1alpha1.Expression) *grant {
	g.Spec.RolesFrom = e
	return g
}

func window(g *grant, from, to int) *grant {
	g.Spec.NotBefore, g.Spec.NotAfter = at(from), at(to)
	return g
}

func also(g *grant, more ...subject) *grant {
	g.Spec.Subjects = append(g.Spec.Subjects, more...)
	return g
}

const fails = `1 / int(user.level - 3) == 1`

func TestSubjects(t *testing.T) {
	foreign := makeGroup("g9", "Admins", "")
	foreign.Spec.DirectoryRef = ref("other")
	groups := []*group{makeGroup("g1", "Ops", "e1"), makeGroup("g2", "STRASSE", "e2"), foreign}
	for name, tc := range map[string]struct {
		reason  string
		subject subject
		want    bool
		groups  []string
	}{
		"everyone":             {"all", everyone(), true, nil},
		"userName":             {"has no case", only("aNN"), true, nil},
		"full width":           {"the rule of scim-server", only("Ａｎｎ"), true, nil},
		"prefix":               {"the whole name", only("an"), false, nil},
		"no name":              {"an empty name matches nobody", only(""), false, nil},
		"group by name":        {"has no case", in(v1alpha1.GroupSubject{DisplayName: "oPS"}), true, []string{"g1"}},
		"group by folded name": {"the rule of scim-server", in(v1alpha1.GroupSubject{DisplayName: "Straße"}), true, []string{"g2"}},
		"group by externalID":  {"exactly", in(v1alpha1.GroupSubject{ExternalID: "e1"}), true, []string{"g1"}},
		"externalID, case":     {"exactly", in(v1alpha1.GroupSubject{ExternalID: "E1"}), false, nil},
		"group by id":          {"exactly", in(v1alpha1.GroupSubject{ID: "g1"}), true, []string{"g1"}},
		"id, case":             {"exactly", in(v1alpha1.GroupSubject{ID: "G1"}), false, nil},
		"not a member":         {"another group", in(v1alpha1.GroupSubject{DisplayName: "Admin"}), false, nil},
		"other directory":      {"whoever names groups elsewhere", in(v1alpha1.GroupSubject{DisplayName: "Admins"}), false, nil},
		"no group":             {"no name at all", in(v1alpha1.GroupSubject{}), false, nil},
		"group without group":  {"what the API server never stores", subject{Kind: v1alpha1.SubjectGroup}, false, nil},
		"condition":            {"true", whoever(`user.title == "chief"`), true, nil},
		"condition, false":     {"false", whoever(`user.title == "boss"`), false, nil},
		"condition, absent":    {"an attribute that is absent", whoever(`user.manager == "bob"`), false, nil},
		"condition on groups":  {"rests on groups", whoever(`groups.exists(g, g.displayName == "Ops")`), true, []string{"g1", "g2"}},
		"foreign in condition": {"groups of other directories are not seen", whoever(`groups.exists(g, g.displayName == "Admins")`), false, nil},
		"unknown kind":         {"what we do not know matches nobody", subject{Kind: "Robot", UserName: "Ann"}, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := decideNow(t, Facts{User: makeUser(), Groups: groups, Applications: one(makeApp()), Grants: one(makeGrant("g", tc.subject, "a"))})
			if got := len(d.Wanted) == 1; got != tc.want {
				t.Fatalf("%s: matches = %v, want %v", tc.reason, got, tc.want)
			}
			if tc.want {
				if diff := cmp.Diff(tc.groups, d.Wanted[0].UsedGroups, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s: groups (-want +got):\n%s", tc.reason, diff)
				}
			}
		})
	}
}

// TestGrants checks what several grants give together, without and with a record of what was given before.
func TestGrants(t *testing.T) {
	other := makeGrant("g", everyone(), "a")
	other.Spec.ApplicationRef = ref("other")
	gone := makeGrant("g", everyone(), "a")
	going(gone)
	recorded := one(of(withRoles("b"), func(a *account) { a.Spec.Grants = []v1alpha1.AccountGrant{{Name: "g", Roles: []role{"b", "root"}}} }))
	type given map[string][]role
	for name, tc := range map[string]struct {
		reason  string
		grants  []*grant
		present []*account
		want    given
	}{
		"union":                    {"grants add up", []*grant{makeGrant("g", only("ann"), "b", "a"), makeGrant("f", everyone(), "b", "c")}, nil, given{"f": {"b", "c"}, "g": {"a", "b"}}},
		"no roles":                 {"an account without roles", one(makeGrant("g", everyone())), nil, given{"g": nil}},
		"undeclared":               {"what the application does not declare is left out", one(makeGrant("g", everyone(), "root", "a", "a")), nil, given{"g": {"a"}}},
		"rolesFrom":                {"the identity provider says it", one(rolesFrom(makeGrant("g", everyone(), "a"), `["c", "root", user.title == "chief" ? "b" : "a"]`)), nil, given{"g": {"a", "b", "c"}}},
		"rolesFrom, absent":        {"no attribute, no roles", one(rolesFrom(makeGrant("g", everyone(), "a"), `user.roles`)), nil, given{"g": {"a"}}},
		"another application's":    {"each application has its own", one(other), nil, nil},
		"being deleted":            {"as if gone", one(gone), nil, nil},
		"begins now":               {"at notBefore", one(window(makeGrant("g", everyone(), "a"), 0, 1)), nil, given{"g": {"a"}}},
		"not yet":                  {"before it", one(window(makeGrant("g", everyone(), "a"), 1, 2)), nil, nil},
		"ends now":                 {"at notAfter it is over", one(window(makeGrant("g", everyone(), "a"), -1, 0)), nil, nil},
		"else, nothing else":       {"the default role", one(makeGrant("e", everyoneElse(), "c")), nil, given{"e": {"c"}}},
		"else, another":            {"is for the others", []*grant{makeGrant("e", everyoneElse(), "c"), makeGrant("g", only("ann"), "a")}, nil, given{"g": {"a"}}},
		"else, not in effect":      {"only grants in effect count", []*grant{makeGrant("e", everyoneElse(), "c"), window(makeGrant("g", only("ann"), "a"), 1, 2)}, nil, given{"e": {"c"}}},
		"else, another else":       {"they do not exclude each other", []*grant{makeGrant("e", everyoneElse(), "c"), makeGrant("f", everyoneElse(), "b")}, nil, given{"e": {"c"}, "f": {"b"}}},
		"else and named":           {"nor when one names somebody besides", []*grant{makeGrant("e", everyoneElse(), "c"), also(makeGrant("f", everyoneElse(), "b"), only("ann"))}, nil, given{"e": {"c"}, "f": {"b"}}},
		"else, named, excluded":    {"who is named is named", []*grant{also(makeGrant("e", everyoneElse(), "c"), only("ann")), makeGrant("g", only("ann"), "a")}, nil, given{"e": {"c"}, "g": {"a"}}},
		"else, other fails":        {"a grant that fails and gave nothing is no other", []*grant{makeGrant("e", everyoneElse(), "c"), makeGrant("g", whoever(fails), "a")}, nil, given{"e": {"c"}}},
		"else, recorded fails":     {"one that gave something is", []*grant{makeGrant("e", everyoneElse(), "c"), makeGrant("g", whoever(fails), "a")}, recorded, given{"g": {"b"}}},
		"fails":                    {"nothing new", one(makeGrant("g", whoever(fails), "a")), nil, nil},
		"invalid":                  {"the same", one(makeGrant("g", whoever("user ="), "a")), nil, nil},
		"fails, recorded":          {"exactly what it gave, of what is declared", one(makeGrant("g", whoever(fails), "a")), recorded, given{"g": {"b"}}},
		"invalid, recorded":        {"the same", one(makeGrant("g", whoever("user ="), "a")), recorded, given{"g": {"b"}}},
		"roles fail":               {"nothing new", one(rolesFrom(makeGrant("g", everyone(), "a"), `string(1 / int(user.level - 3))`)), nil, nil},
		"roles fail, recorded":     {"what it gave", one(rolesFrom(makeGrant("g", everyone(), "a"), `string(1 / int(user.level - 3))`)), recorded, given{"g": {"b"}}},
		"fails, another subject":   {"one that matches is enough", one(also(makeGrant("g", whoever(fails), "a"), only("ann"))), nil, given{"g": {"a"}}},
		"another subject, fails":   {"in any order", one(also(makeGrant("g", only("ann"), "a"), whoever(fails))), nil, given{"g": {"a"}}},
		"false, then it fails":     {"false or unknown is unknown", one(also(makeGrant("g", only("bob"), "a"), whoever(fails))), recorded, given{"g": {"b"}}},
		"recorded, does not match": {"a clear no is a no", one(makeGrant("g", only("bob"), "a")), recorded, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := decideNow(t, Facts{User: makeUser(), Applications: one(makeApp()), Grants: tc.grants, Present: tc.present})
			got := given{}
			for _, w := range d.Wanted {
				for _, g := range w.Spec.Grants {
					got[g.Name] = g.Roles
				}
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestMatchOf(t *testing.T) {
	named, otherwise := makeGrant("g", only("ann"), "a", "root"), makeGrant("e", everyoneElse(), "c")
	for name, tc := range map[string]struct {
		reason string
		user   *user
		grant  *grant
		grants []*grant
		want   Match
		fails  bool
	}{
		"matched":          {"with what is declared and what is not", makeUser(), named, nil, Match{Matched: true, Roles: []role{"a"}, Undeclared: true}, false},
		"not in effect":    {"as if it were", makeUser(), window(makeGrant("g", everyone(), "a"), 1, 2), nil, Match{Matched: true, Roles: []role{"a"}}, false},
		"suspended":        {"who comes back has it", makeUser(deactivated), named, nil, Match{Matched: true, Roles: []role{"a"}, Undeclared: true}, false},
		"deleted":          {"nobody", makeUser(deletedByIdP), named, nil, Match{}, false},
		"gone":             {"nobody", nil, named, nil, Match{}, false},
		"somebody else":    {"no", makeUser(), makeGrant("g", only("bob"), "a"), nil, Match{}, false},
		"fails":            {"says so and nothing else", makeUser(), makeGrant("g", whoever(fails), "a"), nil, Match{}, true},
		"invalid":          {"the same", makeUser(), makeGrant("g", whoever("user ="), "a"), nil, Match{}, true},
		"roles fail":       {"the same", makeUser(), rolesFrom(makeGrant("g", everyone(), "a"), "user ="), nil, Match{}, true},
		"else":             {"no other", makeUser(), otherwise, one(otherwise), Match{Matched: true, Roles: []role{"c"}}, false},
		"else, another":    {"another", makeUser(), otherwise, []*grant{otherwise, named}, Match{}, false},
		"else, it expired": {"no other in effect", makeUser(), otherwise, []*grant{otherwise, window(makeGrant("g", everyone(), "a"), -2, -1)}, Match{Matched: true, Roles: []role{"c"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := MatchOf(tc.grant, makeApp(), Facts{User: tc.user, Grants: tc.grants, Now: noon()}, &expression.Cache{})
			if (got.Err != nil) != tc.fails {
				t.Errorf("%s: Err is %v", tc.reason, got.Err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(Match{}, "Err")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
