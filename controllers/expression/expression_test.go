// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

const annAttributes = `{
  "displayName": "Ann Example", "title": "Engineer", "level": 3, "ratio": 0.5, "vip": true, "nick": "", "nothing": null,
  "name": {"givenName": "Ann", "familyName": "Example"},
  "emails": [{"value": "home@example.org", "type": "home"}, {"value": "ann@example.com", "type": "work", "primary": true}],
  "entitlements": [{"value": "deployer"}, {"value": "approver"}],
  "roles": "viewer",
  "accounts": [{"accountId": "crm", "status": "active", "roles": ["admin", "sales"], "teams": ["emea", "apac"]},
               {"accountId": "crm", "status": "closed", "roles": ["owner"]}, {"accountId": "wiki", "status": "active", "roles": ["editor"]}],
  "text": "[{\"accountId\":\"crm\",\"status\":\"active\",\"roles\":[\"admin\",\"sales\"]}]",
  "texts": ["{\"accountId\":\"crm\",\"status\":\"active\",\"roles\":[\"admin\"]}", "{\"accountId\":\"crm\",\"status\":\"active\",\"roles\":[\"sales\"]}"],
  "objects": [{"type": "crm", "value": "{\"accountId\":\"crm\",\"status\":\"active\",\"roles\":[\"admin\",\"sales\"]}"}],
  "` + enterprise + `": {"department": "Sales", "manager": {"value": "m-1"}},
  "#forms": {"accounts": "text"}
}`

func ann() Person {
	user := &v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Name: "u-1"}, Spec: v1alpha1.ScimUserSpec{
		UserName: "Ann@Example.com", ExternalID: "e-1", State: v1alpha1.StateActive, Attributes: &runtime.RawExtension{Raw: []byte(annAttributes)},
	}}
	p := PersonOf(user, []*v1alpha1.ScimGroup{
		{ObjectMeta: metav1.ObjectMeta{Name: "g-2"}, Spec: v1alpha1.ScimGroupSpec{DisplayName: "Admins", ExternalID: "ge-2"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "g-1"}, Spec: v1alpha1.ScimGroupSpec{DisplayName: "app-crm-users"}},
	})
	p.Grants = []string{"crm-default", "crm-admins"}
	return p
}

func TestPersonOf(t *testing.T) {
	p := ann()
	if _, ok := p.User["#forms"]; ok {
		t.Error("the forms of scim-server are shown")
	}
	if got := p.User["level"]; got != int64(3) {
		t.Errorf("level is %T", got)
	}
	want := []map[string]any{{"id": "g-1", "displayName": "app-crm-users"}, {"id": "g-2", "displayName": "Admins", "externalId": "ge-2"}}
	if diff := cmp.Diff(want, p.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	deleted := metav1.NewTime(time.Unix(1, 0))
	for name, tc := range map[string]struct {
		spec v1alpha1.ScimUserSpec
		want map[string]any
	}{
		"nothing but a name": {
			v1alpha1.ScimUserSpec{UserName: "bo", State: v1alpha1.StateActive},
			map[string]any{"id": "u", "userName": "bo", "active": true},
		},
		"suspended; attributes cannot pretend to be what they are not": {
			v1alpha1.ScimUserSpec{UserName: "bo", State: v1alpha1.StateSuspended, Attributes: &runtime.RawExtension{Raw: []byte(
				`{"id":"x","userName":"root","active":true,"externalId":"x"}`)}},
			map[string]any{"id": "u", "userName": "bo", "active": false},
		},
		"deleted, whatever the state says": {
			v1alpha1.ScimUserSpec{UserName: "bo", State: v1alpha1.StateActive, DeletedAt: &deleted},
			map[string]any{"id": "u", "userName": "bo", "active": false},
		},
		"attributes that cannot be decoded": {
			v1alpha1.ScimUserSpec{UserName: "bo", State: v1alpha1.StateActive, Attributes: &runtime.RawExtension{Raw: []byte(`{"a":`)}},
			map[string]any{"id": "u", "userName": "bo", "active": true},
		},
		"attributes that are null": {
			v1alpha1.ScimUserSpec{UserName: "bo", State: v1alpha1.StateActive, Attributes: &runtime.RawExtension{Raw: []byte(`null`)}},
			map[string]any{"id": "u", "userName": "bo", "active": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := PersonOf(&v1alpha1.ScimUser{ObjectMeta: metav1.ObjectMeta{Name: "u"}, Spec: tc.spec}, nil)
			if diff := cmp.Diff(tc.want, got.User); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func problemIn(err error) Problem {
	var e *EvalError
	if errors.As(err, &e) {
		return e.Problem
	}
	if err != nil {
		return Problem("not an EvalError: " + err.Error())
	}
	return ""
}

func TestCondition(t *testing.T) {
	var cache Cache
	for e, want := range map[v1alpha1.Expression]any{
		`groups.exists(g, g.displayName == "Admins")`:                          true,
		`groups.exists(g, g.displayName == "admins")`:                          false,
		`groups.exists(g, g.displayName.lowerAscii() == "admins")`:             true,
		`groups.exists(g, g.externalId == "ge-2")`:                             true, // the first group has none: absorbed by the second
		`groups.exists(g, g.externalId == "ge-3")`:                             false,
		`groups.all(g, g.externalId != "x")`:                                   false, // absent
		`groups.exists_one(g, g.displayName.startsWith("app-"))`:               true,
		`size(groups) == 2 && size(grants) == 2`:                               true,
		`user["` + enterprise + `"].department == "Sales"`:                     true,
		`user["` + enterprise + `"].division == "Sales"`:                       false,
		`user["` + enterprise + `"].manager.value in ["m-1", "m-2"]`:           true,
		`user["urn:none"].department == "Sales"`:                               false,
		`user.emails.exists(m, m.primary && m.value.endsWith("@example.com"))`: true,
		`user.emails.exists(m, m.?primary.orValue(false) && m.type == "home")`: false,
		`user.emails[0].type == "home"`:                                        true,
		`user.emails[7].type == "home"`:                                        false,
		`user.level == 3`:                                                      true,
		`user.level >= 2.5`:                                                    true,
		`user.ratio < 1`:                                                       true,
		`user.active`:                                                          true,
		`user.vip`:                                                             true,
		`user.nothing`:                                                         false,
		`user.nothing == null`:                                                 true,
		`user.nosuch`:                                                          false,
		`!user.nosuch`:                                                         false,
		`user.nosuch != "x"`:                                                   false,
		`user.nosuch == "x" || user.active`:                                    true,
		`user.active || user.nosuch == "x"`:                                    true,
		`user.nosuch == "x" && user.active`:                                    false,
		`has(user.nosuch)`:                                                     false,
		`has(user.title) && user.title == "Engineer"`:                          true,
		`user.?nosuch.orValue("none") == "none"`:                               true,
		`user.?name.?familyName.orValue("") == "Example"`:                      true,
		`user.?vip`:                            true,
		`user.?nosuch`:                         false,
		`user.title.familyName == "x"`:         false, // a text has no members
		`user.userName.matches("^[A-Za-z]+@")`: true,
		`"crm-admins" in grants`:               true,
		`sets.intersects(user.entitlements.map(e, e.value), ["approver"])`:             true,
		`sets.contains(user.entitlements.map(e, e.value), ["approver", "x"])`:          false,
		`sets.equivalent(user.entitlements.map(e, e.value), ["approver", "deployer"])`: true,
		`json(user.text)[0].accountId == "crm"`:                                        true,
		`optional.none().value()`:                                                      false,
		`user.title`:                                                                   ProblemResult,
		`user.title && true`:                                                           ProblemOverload,
		`user.title < 3`:                                                               ProblemOverload,
		`1 / (user.level - 3) == 1`:                                                    ProblemDivision,
		`user.level % (user.level - 3) == 1`:                                           ProblemDivision,
		`int(user.title) == 1`:                                                         ProblemConversion,
		`double(user.title) == 1.0`:                                                    ProblemConversion,
		`timestamp(user.title) == timestamp(user.title)`:                               ProblemConversion,
		`duration(user.title) == duration(user.title)`:                                 ProblemConversion,
		`json(user.title) == 1`:                                                        ProblemConversion,
		`user.title.substring(500) == ""`:                                              ProblemOther,
		`[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, a+b+c+d+e > 0)))))`: ProblemCost,
	} {
		t.Run(string(e), func(t *testing.T) {
			c, err := cache.Condition(e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Holds(ann())
			if problem, ok := want.(Problem); ok {
				if problemIn(err) != problem {
					t.Errorf("got %v, want %s", err, problem)
				}
			} else if got != want || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	var cache Cache
	crm := func(accounts string) v1alpha1.Expression {
		return v1alpha1.Expression(accounts + `.filter(a, a.accountId == "crm" && a.status == "active").map(a, a.roles).flatten()`)
	}
	for name, tc := range map[string]struct {
		e    v1alpha1.Expression
		want any
	}{
		"accounts as a list of objects":       {crm("user.accounts"), []string{"admin", "sales"}},
		"the same through json":               {crm("json(user.accounts)"), []string{"admin", "sales"}},
		"accounts as JSON text":               {crm("json(user.text)"), []string{"admin", "sales"}},
		"accounts as a list of JSON texts":    {crm("json(user.texts)"), []string{"admin", "sales"}},
		"accounts as values of JSON text":     {crm("json(user.objects.map(o, o.value))"), []string{"admin", "sales"}},
		"no accounts":                         {crm("json(user.none)"), []string(nil)},
		"a string":                            {`user.roles`, []string{"viewer"}},
		"values":                              {`user.entitlements.map(e, e.value)`, []string{"approver", "deployer"}},
		"twice":                               {`["b", "a", "b"]`, []string{"a", "b"}},
		"from groups":                         {`groups.filter(g, g.displayName.startsWith("app-crm-")).map(g, g.displayName.substring(8))`, []string{"users"}},
		"ternary":                             {`user.level > 2 ? ["senior"] : []`, []string{"senior"}},
		"no such thing can be declared":       {`["", "ok", "-x", "x-", "a b", "ä", "a.b:c/d-e_f"]`, []string{"a.b:c/d-e_f", "ok"}},
		"optional":                            {`user.?nosuch`, []string(nil)},
		"optional that is there":              {`user.?roles`, []string{"viewer"}},
		"null":                                {`user.nothing`, []string(nil)},
		"null in a list":                      {`[user.nothing, user.roles]`, []string{"viewer"}},
		"empty":                               {`[]`, []string(nil)},
		"lists in a list":                     {`user.accounts.map(a, a.roles)`, ProblemResult},
		"a number":                            {`user.level`, ProblemResult},
		"numbers":                             {`[user.level]`, ProblemResult},
		"a map":                               {`user.name`, ProblemResult},
		"more roles than an account can have": {v1alpha1.Expression(`json("[` + commaNumbers(257) + `]").map(n, "r" + string(n))`), ProblemSize},
		"as many as an account can have, and names that are none": {v1alpha1.Expression(`(json("[` + commaNumbers(256) + `]").map(n, "r" + string(n)) + ["-"]).filter(r, r == "-")`), []string(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := cache.Roles(tc.e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Names(ann())
			if problem, ok := tc.want.(Problem); ok {
				if problemIn(err) != problem {
					t.Errorf("got %v, want %s", err, problem)
				}
			} else if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func commaNumbers(n int) string {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	raw, _ := json.Marshal(numbers)
	return string(raw[1 : len(raw)-1])
}

func TestTextAndValue(t *testing.T) {
	var cache Cache
	const absent = ProblemAbsent
	for e, want := range map[v1alpha1.Expression]struct{ text, value any }{
		`user.userName.lowerAscii()`:                                {"ann@example.com", "ann@example.com"},
		`user.userName.split("@")[0]`:                               {"Ann", "Ann"},
		`user.emails.filter(m, m.?primary.orValue(false))[0].value`: {"ann@example.com", "ann@example.com"},
		`user.name.givenName + " " + user.name.familyName`:          {"Ann Example", "Ann Example"},
		`user.nosuch`:  {absent, ""},
		`user.?nosuch`: {absent, ""},
		`user.nothing`: {absent, ""},
		`user.nick`:    {"", ""},
		`user.level`:   {ProblemResult, "3"},
		`user.ratio`:   {ProblemResult, "0.5"},
		`user.vip`:     {ProblemResult, "true"},
		`user.name`:    {ProblemResult, ProblemResult},
		`user.accounts.filter(a, has(a.teams)).map(a, a.teams).flatten()`:     {nil, "emea,apac"},
		`[user.level, user.vip, user.title, user.nothing]`:                    {nil, "3,true,Engineer"},
		`groups.map(g, g.displayName).join(";")`:                              {"app-crm-users;Admins", "app-crm-users;Admins"},
		`user.userName.replace("@", "_")`:                                     {"Ann_Example.com", "Ann_Example.com"},
		`size(user.emails)`:                                                   {nil, "2"},
		`uint(user.level)`:                                                    {nil, "3"},
		v1alpha1.Expression(`"` + string(make1024()) + `"`):                   {string(make1024()), string(make1024())},
		v1alpha1.Expression(`"` + string(make1024()) + `" + "x"`):             {ProblemSize, string(make1024()) + "x"},
		v1alpha1.Expression(`[1,2,3,4].map(i, "` + string(make1024()) + `")`): {nil, ProblemSize},
	} {
		t.Run(string(e), func(t *testing.T) {
			check := func(kind string, want any, got string, err error) {
				t.Helper()
				if problem, ok := want.(Problem); ok {
					if problemIn(err) != problem {
						t.Errorf("%s: got %v, want %s", kind, err, problem)
					}
				} else if got != want || err != nil {
					t.Errorf("%s: got %q, %v, want %q", kind, got, err, want)
				}
			}
			text, err := cache.Text(e)
			if (err != nil) != (want.text == nil) {
				t.Fatalf("text: %v", err)
			}
			if err == nil {
				got, err := text.String(ann())
				check("text", want.text, got, err)
			}
			value, err := cache.Value(e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := value.String(ann())
			check("value", want.value, got, err)
		})
	}
}

func make1024() []rune {
	text := make([]rune, maxText)
	for i := range text {
		text[i] = 'ä'
	}
	return text
}

func TestInvariant(t *testing.T) {
	var cache Cache
	account := Account{UserName: "ann", State: "Active", Roles: []string{"deployer", "viewer"}, Grants: []string{"g"}}
	for e, want := range map[v1alpha1.Expression]any{
		`active["admin"] >= 2`:               true,
		`active.admin >= 2`:                  true,
		`active["admin"] > 2`:                false,
		`active["nobody"] == 0`:              true,
		`active.nobody == 0`:                 true,
		`"nobody" in active`:                 false,
		`active.all(role, active[role] > 0)`: true,
		`!("deployer" in account.roles && "approver" in account.roles)`: true,
		`!account.roles.exists(r, r == "viewer")`:                       false,
		`account.state == "Active" && account.userName == "ann"`:        true,
		`"g" in account.grants`:                                         true,
		`size(account.roles) <= 2`:                                      true,
		`account.roles[5] == "x"`:                                       ProblemAbsent,
		`1 / active["nobody"] == 1`:                                     ProblemDivision,
	} {
		t.Run(string(e), func(t *testing.T) {
			i, err := cache.Invariant(e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := i.Holds(account, map[string]int64{"admin": 2, "viewer": 7})
			if problem, ok := want.(Problem); ok {
				if problemIn(err) != problem {
					t.Errorf("got %v, want %s", err, problem)
				}
			} else if got != want || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}
