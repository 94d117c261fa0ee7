// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package walk

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// small is a world of one user in the group inner, which is in the group outer, and two applications.
func small() (*world, *user) {
	ada := &user{id: "ada", userName: "Ada", externalID: "x", email: "a@eng.test", title: "engineer", roles: []string{"viewer", "owner"}, active: true}
	roles := map[string][]string{"viewer": {"n1"}, "operator": {"n1", "n2"}}
	w := &world{
		apps:  []app{{name: "keeps", roles: roles}, {name: "deletes", deletes: true, roles: roles}},
		users: map[string]*user{}, grants: map[string]*grant{}, persons: map[string]*person{},
		groups: map[string]*group{
			"inner": {id: "inner", displayName: "Inner", externalID: "in", members: map[string]bool{"ada": true, "outer": true}},
			"outer": {id: "outer", displayName: "Outer", externalID: "out", members: map[string]bool{"inner": true}},
			"other": {id: "other", displayName: "Other", externalID: "oth", members: map[string]bool{}},
		},
	}
	w.born(ada)
	return w, ada
}

func TestEntitled(t *testing.T) {
	for name, c := range map[string]struct {
		reason  string
		grants  []*grant
		want    []string
		granted bool
	}{
		"None":        {"nothing gives nothing", nil, nil, false},
		"OtherApp":    {"a grant is of one application", []*grant{{app: "deletes", subjects: []subject{{everyone, ""}}, roles: []string{"viewer"}}}, nil, false},
		"Union":       {"grants add up", []*grant{{app: "keeps", subjects: []subject{{everyone, ""}}, roles: []string{"viewer"}}, {app: "keeps", subjects: []subject{{userName, "ADA"}}, roles: []string{"operator"}}}, []string{"operator", "viewer"}, true},
		"NoRoles":     {"an account without roles", []*grant{{app: "keeps", subjects: []subject{{everyone, ""}}}}, nil, true},
		"Nested":      {"membership of groups in groups counts, in circles too", []*grant{{app: "keeps", subjects: []subject{{groupDisplayName, "OUTER"}}, roles: []string{"viewer"}}}, []string{"viewer"}, true},
		"ExternalID":  {"exactly", []*grant{{app: "keeps", subjects: []subject{{groupExternalID, "IN"}, {groupExternalID, "oth"}}, roles: []string{"viewer"}}}, nil, false},
		"ID":          {"by id", []*grant{{app: "keeps", subjects: []subject{{groupID, "other"}, {groupID, "inner"}}, roles: []string{"viewer"}}}, []string{"viewer"}, true},
		"Else":        {"nobody else asks", []*grant{{app: "keeps", subjects: []subject{{everyoneElse, ""}}, roles: []string{"viewer"}}, {app: "keeps", subjects: []subject{{titleIs, "cook"}}}}, []string{"viewer"}, true},
		"NotElse":     {"somebody else does", []*grant{{app: "keeps", subjects: []subject{{everyoneElse, ""}}, roles: []string{"viewer"}}, {app: "keeps", subjects: []subject{{titleIs, "engineer"}}}}, nil, true},
		"FromUser":    {"what the application does not declare is left out", []*grant{{app: "keeps", subjects: []subject{{emailEndsWith, "@eng.test"}}, roles: []string{"operator"}, fromUser: true}}, []string{"operator", "viewer"}, true},
		"NobodysUser": {"not this one", []*grant{{app: "keeps", subjects: []subject{{userName, "bob"}}, fromUser: true}}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, ada := small()
			for i, g := range c.grants {
				w.grants[string(rune('a'+i))] = g
			}
			got, granted := w.entitled(ada, w.apps[0])
			if !slices.Equal(got, c.want) || granted != c.granted {
				t.Errorf("%s: got %v, %t, want %v, %t", c.reason, got, granted, c.want, c.granted)
			}
		})
	}
}

// TestAccounts follows one person through the states.
func TestAccounts(t *testing.T) {
	w, ada := small()
	w.grants["all"] = &grant{app: "keeps", subjects: []subject{{titleIs, "engineer"}}, roles: []string{"viewer"}}
	w.grants["too"] = &grant{app: "deletes", subjects: []subject{{titleIs, "engineer"}}, roles: []string{"operator"}}
	steps := []struct {
		what           string
		do             func()
		keeps, deletes []string
	}{
		{"granted", func() {}, []string{"Active/Granted roles [viewer] of ada"}, []string{"Active/Granted roles [operator] of ada"}},
		{"lost, and nobody looked", func() { ada.title = "cook" }, []string{"no account", "Suspended/AccessLost roles [] of ada"}, []string{"no account"}},
		{"deactivated too", func() { ada.active = false }, []string{"no account", "Suspended/Deactivated roles [*] of ada"}, []string{"no account"}},
		{"granted, not active", func() { ada.title = "engineer" }, []string{"Suspended/Deactivated roles [*] of ada"}, []string{"no account"}},
		{"locked, and somebody looked", func() {
			p := w.persons["x"]
			ada.lock, p.has["keeps"], p.has["deletes"], p.locks["keeps"] = lockSet, present, absent, true
		}, []string{"Suspended/Locked roles [*] of ada"}, []string{"no account", "Suspended/Locked roles [*] of ada"}},
		{"deleted", func() { ada.deleted = true }, []string{"Suspended/Locked roles [*] of ada"}, []string{"no account", "Suspended/Locked roles [*] of ada"}},
	}
	for _, s := range steps {
		s.do()
		w.observe()
		for i, want := range [][]string{s.keeps, s.deletes} {
			var got []string
			for _, a := range w.accounts(w.persons["x"], w.apps[i]) {
				got = append(got, a.String())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", s.what, w.apps[i].name, diff)
			}
		}
	}
	again := &user{id: "eda", externalID: "x", title: "engineer", active: true}
	w.born(again)
	if !again.locked() {
		t.Error("who comes back is not locked")
	}
	again.lock = lockEmpty
	if again.locked() {
		t.Error("the empty annotation does not unlock")
	}
	if got := w.accounts(w.persons["x"], w.apps[0]); len(got) != 1 || got[0].user != "eda" {
		t.Errorf("got %v, want the account of the new life", got)
	}
}

func TestBindings(t *testing.T) {
	w, ada := small()
	w.grants["all"] = &grant{app: "keeps", subjects: []subject{{everyone, ""}}, roles: []string{"viewer", "operator"}}
	w.grants["too"] = &grant{app: "deletes", subjects: []subject{{everyone, ""}}, roles: []string{"viewer"}}
	want := map[binding]int{{"n1", "viewer", "Ada"}: 2, {"n1", "operator", "Ada"}: 1, {"n2", "operator", "Ada"}: 1}
	if diff := cmp.Diff(want, w.bindings()); diff != "" {
		t.Error(diff)
	}
	for what, end := range map[string]func(){"locked": func() { ada.lock = lockSet }, "not active": func() { ada.active, ada.lock = false, lockAbsent }, "deleted": func() { ada.deleted = true }} {
		end()
		if got := w.bindings(); len(got) > 0 {
			t.Errorf("%s: bound %v", what, got)
		}
	}
}
