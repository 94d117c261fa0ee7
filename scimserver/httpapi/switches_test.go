// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/scimserver/directory"
	"github.com/scim-operator/scim-operator/scimserver/scim"
)

// TestDecide is the whole table of decide, for every combination of the switches.
func TestDecide(t *testing.T) {
	for mask := range 16 {
		p := &directory.Profile{Users: mask&1 == 0, Groups: mask&2 == 0, Deletes: mask&4 == 0, Imports: mask&8 == 0}
		for k, on := range map[kind]bool{userKind: p.Users, groupKind: p.Groups} {
			for v, want := range map[verb]string{
				reads:   either(on, "yes", "404"),
				lists:   either(on && p.Imports, "yes", "empty"),
				creates: either(on, "yes", "501"),
				changes: either(on, "yes", "501"),
				deletes: either(on && p.Deletes, "yes", "501"),
			} {
				if got := decided(p, operation{kind: k, verb: v}); got != want {
					t.Errorf("switches %04b, kind %d, verb %d: %s, want %s", mask, k, v, got, want)
				}
			}
			if got, want := decided(p, operation{kind: k, verb: lists, known: true}), either(on, "yes", "empty"); got != want {
				t.Errorf("switches %04b, kind %d, a known one: %s, want %s", mask, k, got, want)
			}
		}
		if got := decided(p, operation{}); got != "yes" {
			t.Errorf("switches %04b, no operation: %s", mask, got)
		}
	}
}

func either(which bool, yes, no string) string {
	if which {
		return yes
	}
	return no
}

func decided(p *directory.Profile, o operation) string {
	empty, err := decide(p, o)
	var known *scim.Error
	switch {
	case errors.As(err, &known):
		return map[int]string{404: "404", 501: "501"}[known.Status]
	case empty:
		return "empty"
	}
	return "yes"
}

func TestDemandsKnown(t *testing.T) {
	for filter, want := range map[string]struct{ users, groups bool }{
		`id eq "x"`:                                          {true, true},
		`ID Eq "x"`:                                          {true, true},
		`externalId eq "x"`:                                  {true, true},
		`userName eq "x"`:                                    {users: true},
		`emails eq "x"`:                                      {users: true},
		`emails.value eq "x"`:                                {users: true},
		`emails[value eq "x"]`:                               {users: true},
		`emails[type eq "work"].value eq "x"`:                {users: true},
		`emails[type eq "work" and value eq "x"]`:            {users: true},
		`emails[type eq "work" or value eq "x"]`:             {},
		`emails[type eq "work"]`:                             {},
		`displayName eq "x"`:                                 {groups: true},
		`members eq "x"`:                                     {groups: true},
		`members[value eq "x"]`:                              {groups: true},
		`id eq "x" and members eq "y"`:                       {groups: true},
		`id eq "x" and manager eq "y"`:                       {users: true},
		`active eq true and (meta.created pr and id eq "x")`: {users: true},
		`id eq "x" or id pr`:                                 {},
		`not (id eq "x")`:                                    {},
		`id ne "x"`:                                          {},
		`userName sw "x"`:                                    {},
		`id pr`:                                              {},
		`active eq true`:                                     {},
		`urn:ietf:params:scim:schemas:core:2.0:User:id eq "x"`: {users: true},
	} {
		for k, want := range map[kind]bool{userKind: want.users, groupKind: want.groups} {
			f, err := scim.ParseFilter(k.typeIn(directory.Directory{}.Settings()), filter)
			if err != nil {
				continue // of the other kind
			}
			if got := demandsKnown(&f, k); got != want {
				t.Errorf("%s of kind %d: %t", filter, k, got)
			}
		}
	}
	if demandsKnown(nil, userKind) {
		t.Error("no filter demands nobody")
	}
}

// switched are the settings of the walk below. Each changes the answer of some routes, and of no other.
func switched() map[string]func(*v1alpha1.ScimDirectorySpec) {
	off := v1alpha1.SwitchDisabled
	return map[string]func(*v1alpha1.ScimDirectorySpec){
		"none":    func(*v1alpha1.ScimDirectorySpec) {},
		"users":   func(s *v1alpha1.ScimDirectorySpec) { s.Operations.Users = off },
		"groups":  func(s *v1alpha1.ScimDirectorySpec) { s.Operations.Groups = off },
		"deletes": func(s *v1alpha1.ScimDirectorySpec) { s.Operations.Deletes = off },
		"imports": func(s *v1alpha1.ScimDirectorySpec) { s.Operations.Imports = off },
		"suspended": func(s *v1alpha1.ScimDirectorySpec) {
			s.Suspended = true
			s.Operations.Users = off
		},
	}
}

// change are the requests of the walk: one for everything that a directory can be asked, and what is the answer while all is on.
// Each has what the others make of it, by the name of the setting: a status, or the total of a list.
var everyOperation = map[string]struct {
	request request
	want    map[string]int
	total   map[string]int // -1: no list
}{
	"ListUsers":    {request{method: "GET", target: basePath + "/Users?startIndex=1&count=2"}, map[string]int{"none": 200}, map[string]int{"none": 1, "users": 0, "imports": 0}},
	"KnownUser":    {request{method: "GET", target: basePath + "/Users?filter=" + url.QueryEscape(`userName eq "bob@example.com"`)}, map[string]int{"none": 200}, map[string]int{"none": 1, "users": 0}},
	"WalkUsers":    {request{method: "GET", target: basePath + "/Users?cursor&count=2"}, map[string]int{"none": 200}, map[string]int{"none": 1, "users": 0, "imports": 0}},
	"SearchUsers":  {request{method: "POST", target: basePath + "/Users/.search", body: `{}`}, map[string]int{"none": 200}, map[string]int{"none": 1, "users": 0, "imports": 0}},
	"ListGroups":   {request{method: "GET", target: basePath + "/Groups?startIndex=1&count=100"}, map[string]int{"none": 200}, map[string]int{"none": 1, "groups": 0, "imports": 0}},
	"KnownGroup":   {request{method: "GET", target: basePath + "/Groups?excludedAttributes=members&filter=" + url.QueryEscape(`displayName eq "Old"`)}, map[string]int{"none": 200}, map[string]int{"none": 1, "groups": 0}},
	"SearchGroups": {request{method: "POST", target: basePath + "/Groups/.search", body: `{"cursor":""}`}, map[string]int{"none": 200}, map[string]int{"none": 1, "groups": 0, "imports": 0}},
	"SearchAll":    {request{method: "POST", target: basePath + "/.search", body: `{}`}, map[string]int{"none": 200}, map[string]int{"none": 2, "users": 1, "groups": 1, "imports": 0}},
	"SearchSorted": {request{method: "POST", target: basePath + "/.search", body: `{"sortBy":"displayName"}`}, map[string]int{"none": 200}, map[string]int{"none": 2, "users": 1, "groups": 1, "imports": 0}},
	"SearchCursor": {request{method: "POST", target: basePath + "/.search", body: `{"cursor":""}`}, map[string]int{"none": 200}, map[string]int{"none": 2, "users": 1, "groups": 1, "imports": 0}},
	"SearchKnown":  {request{method: "POST", target: basePath + "/.search", body: `{"filter":"id eq \"` + knownID + `\""}`}, map[string]int{"none": 200}, map[string]int{"none": 1, "users": 0}},
	"GetUser":      {request{method: "GET", target: one}, map[string]int{"none": 200, "users": 404}, nil},
	"HeadUser":     {request{method: "HEAD", target: one}, map[string]int{"none": 200, "users": 404}, nil},
	"CreateUser":   {request{method: "POST", target: basePath + "/Users", body: minimal}, map[string]int{"none": 201, "users": 501}, nil},
	"ReplaceUser":  {request{method: "PUT", target: one, body: minimal}, map[string]int{"none": 200, "users": 501}, nil},
	"PatchUser":    {request{method: "PATCH", target: one, body: `{"Operations":[{"op":"replace","path":"active","value":false}]}`}, map[string]int{"none": 200, "users": 501}, nil},
	"DeleteUser":   {request{method: "DELETE", target: one}, map[string]int{"none": 204, "users": 501, "deletes": 501}, nil},
	"GetGroup":     {request{method: "GET", target: oneGroup}, map[string]int{"none": 200, "groups": 404}, nil},
	"CreateGroup":  {request{method: "POST", target: basePath + "/Groups", body: someGroup}, map[string]int{"none": 201, "groups": 501}, nil},
	"ReplaceGroup": {request{method: "PUT", target: oneGroup, body: someGroup}, map[string]int{"none": 200, "groups": 501}, nil},
	"PatchGroup":   {request{method: "PATCH", target: oneGroup, body: addMember}, map[string]int{"none": 204, "groups": 501}, nil},
	"DeleteGroup":  {request{method: "DELETE", target: oneGroup}, map[string]int{"none": 204, "groups": 501, "deletes": 501}, nil},
	"Config":       {request{method: "GET", target: basePath + "/ServiceProviderConfig"}, map[string]int{"none": 200}, nil},
	"Types":        {request{method: "GET", target: basePath + "/ResourceTypes"}, map[string]int{"none": 200}, map[string]int{"none": 2, "users": 1, "groups": 1}},
	"Schemas":      {request{method: "GET", target: basePath + "/Schemas"}, map[string]int{"none": 200}, map[string]int{"none": 3, "users": 1, "groups": 2}},
	"UserType":     {request{method: "GET", target: basePath + "/ResourceTypes/User"}, map[string]int{"none": 200, "users": 404}, nil},
	"GroupType":    {request{method: "GET", target: basePath + "/ResourceTypes/Group"}, map[string]int{"none": 200, "groups": 404}, nil},
	"GroupSchema":  {request{method: "GET", target: basePath + "/Schemas/" + scim.GroupURN}, map[string]int{"none": 200, "groups": 404}, nil},
	"Unknown":      {request{method: "GET", target: basePath + "/Unknown"}, map[string]int{"none": 404}, nil},
	"Me":           {request{method: "GET", target: basePath + "/Me"}, map[string]int{"none": 501}, nil},
	"Options":      {request{method: "OPTIONS", target: one}, map[string]int{"none": 204}, nil},
	"WrongMethod":  {request{method: "PUT", target: basePath + "/Users"}, map[string]int{"none": 405}, nil},
	"BadFilter":    {request{method: "GET", target: basePath + "/Users?filter=x"}, map[string]int{"none": 400}, nil},
	"TooLong":      {request{method: "POST", target: basePath + "/Users", body: strings.Repeat(" ", 1<<20+1)}, map[string]int{"none": 413}, nil},
}

func TestSwitches(t *testing.T) {
	for setting, change := range switched() {
		for name, tc := range everyOperation {
			t.Run(setting+name, func(t *testing.T) {
				a := newAPI(t).settle(change)
				w := a.call(t, tc.request)
				want := orElse(tc.want, setting)
				if setting == "suspended" {
					want = http.StatusServiceUnavailable
				}
				if w.Code != want {
					t.Fatalf("%d, want %d: %s", w.Code, want, w.Body)
				}
				text := w.Body.String()
				switch {
				case want >= 400 && tc.request.method != http.MethodHead:
					checkError(t, w, want)
				case tc.total != nil:
					if got := decodeFound(t, w); got.TotalResults != orElse(tc.total, setting) || got.Resources == nil {
						t.Errorf("totalResults %d, want %d: %s", got.TotalResults, orElse(tc.total, setting), text)
					}
				}
				if want == 501 && setting != "none" && name != "Me" && !strings.Contains(text, "spec.operations."+setting) {
					t.Errorf("the detail does not name the switch: %s", text)
				}
				if off := want >= 500 || want == 404; off && a.store.calls > 0 {
					t.Errorf("%d store calls for what is off", a.store.calls)
				}
			})
		}
	}
}

func orElse(values map[string]int, name string) int {
	if v, ok := values[name]; ok {
		return v
	}
	return values["none"]
}

func TestSuspendedTellsKnownClientsOnly(t *testing.T) {
	a := newAPI(t).settle(func(s *v1alpha1.ScimDirectorySpec) { s.Suspended = true })
	w := a.call(t, request{method: "GET", target: one})
	if got := w.Header().Get("Retry-After"); got != "60" || !strings.Contains(w.Body.String(), "suspended") {
		t.Errorf("Retry-After %q: %s", got, w.Body)
	}
	if strings.Contains(a.logs.String(), `"level":"ERROR"`) {
		t.Errorf("logged as a failure of ours: %s", a.logs)
	}
	for _, token := range []string{"", a.other, newToken(t, 9).Reveal()} {
		if w := a.serve(request{method: "GET", target: one}.with(t, token)); w.Code != http.StatusUnauthorized {
			t.Errorf("a stranger gets %d", w.Code)
		}
	}
	if w := a.serve(request{method: "GET", target: "/scim/v2/team-a/other/Users"}.with(t, a.other)); w.Code != http.StatusOK {
		t.Errorf("another directory gets %d", w.Code)
	}
}

func TestAllowIsTrue(t *testing.T) {
	for name, tc := range map[string]struct{ setting, method, target, want string }{
		"Deletes":      {"deletes", "OPTIONS", one, "GET, HEAD, PATCH, PUT, OPTIONS"},
		"DeletesGroup": {"deletes", "POST", oneGroup, "GET, HEAD, PATCH, PUT, OPTIONS"},
		"Groups":       {"groups", "OPTIONS", oneGroup, "GET, HEAD, OPTIONS"},
		"GroupList":    {"groups", "PUT", basePath + "/Groups", "GET, HEAD, OPTIONS"},
		"GroupSearch":  {"groups", "OPTIONS", basePath + "/Groups/.search", "POST, OPTIONS"},
		"OtherKind":    {"groups", "OPTIONS", one, "DELETE, GET, HEAD, PATCH, PUT, OPTIONS"},
		"Imports":      {"imports", "OPTIONS", basePath + "/Users", "GET, HEAD, POST, OPTIONS"},
	} {
		a := newAPI(t).settle(switched()[tc.setting])
		if got := a.call(t, request{method: tc.method, target: tc.target}).Header().Get("Allow"); got != tc.want {
			t.Errorf("%s: Allow %q, want %q", name, got, tc.want)
		}
	}
}

// TestGroupsOffHidesGroups: nobody can ask what a group is.
func TestGroupsOffHidesGroups(t *testing.T) {
	for setting, want := range map[string]bool{"none": true, "groups": false} {
		a := newAPI(t).settle(switched()[setting])
		st := a.store.users[knownID]
		st.Resource["groups"] = []any{map[string]any{"value": knownGroup}}
		for _, q := range []request{
			{method: "GET", target: one}, {method: "GET", target: one + "?attributes=groups"}, {method: "GET", target: basePath + "/Users"},
			{method: "POST", target: basePath + "/.search", body: `{}`}, {method: "PATCH", target: one, body: `{"Operations":[{"op":"replace","path":"active","value":false}]}`},
		} {
			if w := a.call(t, q); w.Code != 200 || strings.Contains(w.Body.String(), knownGroup+`"}]`) != want {
				t.Errorf("%s: %s %s: %d %s", setting, q.method, q.target, w.Code, w.Body)
			}
		}
	}
}
