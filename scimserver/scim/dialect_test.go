// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"net/url"
	"slices"
	"testing"
)

// accountsAttribute is what Okta's customers declare.
func accountsAttribute() *Attribute {
	return &Attribute{
		Name: "accounts", Type: TypeComplex, MultiValued: true, Description: "The person's accounts.",
		SubAttributes: []*Attribute{
			{Name: "accountId", CaseExact: true}, {Name: "roles", MultiValued: true}, {Name: "teams", MultiValued: true}, {Name: "status"},
		},
	}
}

const badgeURN = "urn:example:2.0:Badge"

// declaredUser is a user with accounts in the core schema, and with an extension of every type.
func declaredUser(t testing.TB, d Dialect) *ResourceType {
	t.Helper()
	badge := []*Attribute{
		{Name: "serial", Required: true, CaseExact: true}, {Name: "vip", Type: TypeBoolean}, {Name: "level", Type: TypeInteger},
		{Name: "weight", Type: TypeDecimal}, {Name: "issued", Type: TypeDateTime, Mutability: Immutable}, {Name: "chip", Type: TypeBinary},
		{Name: "photo", Type: TypeReference}, {Name: "doors", MultiValued: true},
		{Name: "holder", Type: TypeComplex, SubAttributes: []*Attribute{{Name: "name"}, {Name: "floor", Type: TypeInteger}}},
		{Name: "keys", Type: TypeComplex, MultiValued: true, SubAttributes: []*Attribute{{Name: "value"}, {Name: "type"}, {Name: "primary", Type: TypeBoolean}}},
	}
	rt, err := NewUserType(d,
		Extension{Schema: &Schema{ID: UserURN, Attributes: []*Attribute{accountsAttribute()}}},
		Extension{Schema: &Schema{ID: badgeURN, Name: "Badge", Attributes: badge}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

// ruleCase is one form outside the RFCs, in a request that has nothing else outside them.
type ruleCase struct {
	client string
	// kind is how text is read: user, group, patch, groupPatch, filter, sort, attributes or search. Bodies lack schemas, and
	// patches the message around their operations, unless the form is about these.
	kind, text string
	strict     ErrorType
}

func ruleCases() map[Rule][]ruleCase {
	const m = ErrorInvalidValue
	return map[Rule][]ruleCase{
		textBoolean: {
			{"OneLogin", "user", `{"active":"true"}`, m},
			{"Entra", "patch", `{"op":"replace","path":"active","value":"False"}`, m},
			{"MS validator", "user", `{"emails":[{"value":"a","primary":"True"}]}`, m},
		},
		numberAsText:      {{"templates", "user", `{"title":12}`, m}},
		singleValueAsList: {{"OneLogin", "user", `{"emails":{"value":"a"}}`, m}, {"people", "search", `{"attributes":"userName,title"}`, m}},
		listAsSingleValue: {
			{"Entra", "patch", `{"op":"add","path":"` + EnterpriseUserURN + `:manager","value":[{"value":"m","$ref":null}]}`, m},
			{"Entra", "patch", `{"op":"replace","path":"emails[type eq \"work\"]","value":[{"value":"x"}]}`, m},
		},
		bareValue: {
			{"Okta", "user", `{"roles":["ADMIN"]}`, m},
			{"Entra", "patch", `{"op":"replace","path":"` + EnterpriseUserURN + `:manager","value":"m"}`, m},
		},
		managerID: {{"OneLogin", "user", `{"` + EnterpriseUserURN + `":{"manager":{"managerId":"m"}}}`, m}},
		emptyReference: {
			{"Entra", "patch", `{"op":"replace","path":"` + EnterpriseUserURN + `:manager","value":""}`, m},
			{"Entra", "patch", `{"op":"replace","path":"` + EnterpriseUserURN + `:manager","value":{"value":""}}`, m},
			{"Entra", "patch", `{"op":"replace","path":"` + EnterpriseUserURN + `:manager.value","value":""}`, m},
			{"Okta", "user", `{"roles":""}`, m},
		},
		jsonText: {
			{"Okta", "user", `{"accounts":"[{\"accountId\":\"a\"}]"}`, m},
			{"Okta", "user", `{"accounts":["{\"accountId\":\"a\"}"]}`, m},
			{"Okta", "user", `{"` + badgeURN + `":{"serial":"1","holder":"{\"name\":\"n\"}"}}`, m},
			{"Okta", "patch", `{"op":"replace","path":"accounts","value":["{\"accountId\":\"a\"}"]}`, m},
		},
		urlSafeBinary: {{"JWK", "user", `{"x509Certificates":[{"value":"MIIB-_8"}]}`, m}},
		unknownAttribute: {
			{"Okta", "user", `{"custom":1}`, m},
			{"Okta", "user", `{"name":{"custom":"x"}}`, m},
			{"Okta", "user", `{"` + EnterpriseUserURN + `":{"custom":null}}`, m},
			{"authentik", "patch", `{"op":"replace","value":{"custom":1}}`, m},
			{"Entra", "patch", `{"op":"add","path":"urn:ietf:params:scim:schemas:extension:Custom:2.0:User:a","value":"x"}`, ErrorInvalidPath},
			{"Okta", "patch", `{"op":"replace","path":"custom","value":1}`, ErrorInvalidPath},
			{"Okta", "patch", `{"op":"replace","path":"name.custom","value":1}`, ErrorInvalidPath},
			{"Okta", "patch", `{"op":"remove","path":"custom[type eq \"a\"].value"}`, ErrorInvalidPath},
			{"Okta", "patch", `{"op":"remove","path":"emails[type eq \"work\"].custom"}`, ErrorInvalidPath},
		},
		unknownSchema: {
			{"Entra", "group", `{"schemas":["` + GroupURN + `","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]}`, m},
		},
		missingSchemas: {
			{"JumpCloud", "user", `{"schemas":null}`, m}, {"JumpCloud", "user", `{"schemas":[]}`, m},
			{"people", "patch", `{"schemas":null,"Operations":[{"op":"remove","path":"title"}]}`, ErrorInvalidSyntax},
		},
		malformedSchemas: {
			{"people", "user", `{"schemas":"` + UserURN + `"}`, m},
			{"people", "user", `{"schemas":["` + UserURN + `","` + UserURN + `"]}`, m},
			{"people", "patch", `{"schemas":"` + patchURN + `","Operations":[{"op":"remove","path":"title"}]}`, ErrorInvalidSyntax},
		},
		unlistedSchema: {
			{"OneLogin", "user", `{"schemas":["` + UserURN + `"],"` + EnterpriseUserURN + `":{"department":"d"}}`, m},
			{"people", "user", `{"schemas":["` + EnterpriseUserURN + `"]}`, m},
		},
		opCase:          {{"Entra", "patch", `{"op":"Add","path":"title","value":"t"}`, ErrorInvalidSyntax}},
		singleOperation: {{"people", "patch", `{"schemas":["` + patchURN + `"],"Operations":{"op":"remove","path":"title"}}`, ErrorInvalidSyntax}},
		emptyPath:       {{"SDKs", "patch", `{"op":"replace","path":"","value":{"title":"t"}}`, ErrorInvalidPath}},
		schemaAsPath: {
			{"SDKs", "patch", `{"op":"add","path":` + enterprise + `,"value":{"department":"d"}}`, ErrorInvalidPath},
			{"SDKs", "attributes", EnterpriseUserURN, m},
		},
		pathlessQualifiedName: {
			{"Entra", "patch", `{"op":"replace","value":{"name.givenName":"g"}}`, m},
			{"Entra", "patch", `{"op":"replace","value":{"` + EnterpriseUserURN + `:department":"d"}}`, m},
			{"Entra", "patch", `{"op":"replace","value":{"emails[type eq \"work\"].value":"x"}}`, m},
			{"people", "patch", `{"op":"replace","value":{"` + UserURN + `":{"title":"t"}}}`, m},
		},
		readOnlyInPathlessPatch: {
			{"Okta", "groupPatch", `{"op":"replace","value":{"id":"1","displayName":"N"}}`, ErrorMutability},
			{"authentik", "patch", `{"op":"replace","value":{"userName":"u","groups":[]}}`, ErrorMutability},
		},
		removeValueList: {{"Entra", "groupPatch", `{"op":"remove","path":"members","value":[{"value":"u1"}]}`, m}},
		createOnNoMatch: {
			{"Entra", "patch", `{"op":"add","path":"phoneNumbers[type eq \"work\"].value","value":"1"}`, ErrorNoTarget},
			{"people", "groupPatch", `{"op":"add","path":"members[value eq \"u1\"]","value":{"type":"User"}}`, ErrorNoTarget},
		},
		bareExtensionAttribute: {
			{"Entra", "patch", `{"op":"remove","path":"manager"}`, ErrorInvalidPath},
			{"Entra", "filter", `department eq "d"`, ErrorInvalidFilter},
			{"people", "sort", `department`, m}, {"people", "attributes", `manager`, m},
			{"Okta", "patch", `{"op":"replace","value":{"department":"d"}}`, m},
		},
		impliedValue: {
			{"Entra", "filter", EnterpriseUserURN + `:manager eq "m"`, ErrorInvalidFilter},
			{"people", "sort", EnterpriseUserURN + `:manager`, m},
		},
		filterUnquotedValue: {
			{"authentik", "filter", `userName eq bob`, ErrorInvalidFilter}, {"Entra", "filter", `externalId eq 701984`, ErrorInvalidFilter},
			{"people", "filter", `active eq TRUE`, ErrorInvalidFilter}, {"people", "filter", `title eq NULL`, ErrorInvalidFilter},
			{"people", "filter", `meta.created gt 2026-01-01T00:00:00Z`, ErrorInvalidFilter},
		},
		filterTextBoolean: {
			{"Entra", "filter", `roles[primary eq "True"]`, ErrorInvalidFilter},
			{"Entra", "patch", `{"op":"remove","path":"roles[primary eq \"True\"]"}`, ErrorInvalidFilter},
		},
		filterValuePathSubAttribute: {{"Entra", "filter", `emails[type eq "work"].value eq "x"`, ErrorInvalidFilter}},
		singleQuotes: {
			{"GitHub's client", "patch", `{"op":"remove","path":"emails[type eq 'work']"}`, ErrorInvalidPath},
			{"people", "filter", `userName eq 'a b'`, ErrorInvalidFilter},
		},
		looseSpacing: {
			{"people", "filter", ` userName eq "x"`, ErrorInvalidFilter}, {"people", "filter", `userName eq"x"`, ErrorInvalidFilter},
			{"people", "filter", `userName  pr`, ErrorInvalidFilter}, {"people", "filter", `( title pr ) `, ErrorInvalidFilter},
			{"people", "filter", `emails [type pr]`, ErrorInvalidFilter}, {"people", "patch", `{"op":"remove","path":" title"}`, ErrorInvalidPath},
		},
	}
}

// send reads a request of a case and returns its error.
func (c ruleCase) send(t *testing.T, d Dialect) error {
	t.Helper()
	user := declaredUser(t, d)
	group, err := NewGroupType(d)
	if err != nil {
		t.Fatal(err)
	}
	switch c.kind {
	case "user":
		_, err = user.Parse(withSchemas(user, decode(t, c.text)))
	case "group":
		_, err = group.Parse(withSchemas(group, decode(t, c.text)))
	case "patch":
		_, err = applyPatch(user, parse(t, UserResourceType(), startUser), message(decode(t, c.text)))
	case "groupPatch":
		var p Patch
		if p, err = ParsePatch(group, message(decode(t, c.text))); err == nil {
			_, _, err = p.Members()
		}
	case "search":
		body := decode(t, c.text)
		body["schemas"] = []any{searchURN}
		_, err = ParseSearchRequest(user, body, 10, 10)
	default:
		_, err = ParseListQuery(user, url.Values{map[string]string{"filter": "filter", "sort": "sortBy", "attributes": "attributes"}[c.kind]: {c.text}}, 10, 10)
	}
	return err
}

// withSchemas adds the schemas that a body ought to have.
func withSchemas(rt *ResourceType, body map[string]any) map[string]any {
	if _, there := body[nameSchemas]; there {
		return body
	}
	list := []any{rt.Schema.ID}
	for _, n := range rt.extensions {
		if body[n.urn] != nil {
			list = append(list, n.urn)
		}
	}
	body[nameSchemas] = list
	return body
}

// message makes a PATCH of one operation.
func message(body map[string]any) map[string]any {
	if _, whole := body["Operations"]; whole {
		return body
	}
	return map[string]any{"schemas": []any{patchURN}, "Operations": []any{body}}
}

// TestRules: each rule is used by what a client really sends, once for each place, and refused by a strict directory.
func TestRules(t *testing.T) {
	cases := ruleCases()
	if !slices.IsSorted(Rules()) || len(Rules()) != len(cases) {
		t.Errorf("%d rules, %d with cases; sorted: %v", len(Rules()), len(cases), slices.IsSorted(Rules()))
	}
	for _, rule := range Rules() {
		if len(cases[rule]) == 0 {
			t.Errorf("%s: nobody sends it", rule)
		}
		for _, c := range cases[rule] {
			t.Run(string(rule)+"/"+c.text, func(t *testing.T) {
				var used []Rule
				if err := c.send(t, Dialect{Used: func(r Rule) { used = append(used, r) }}); err != nil {
					t.Errorf("%s sends it: %v", c.client, err)
				}
				diff(t, "rules", []Rule{rule}, used)
				if got := typeOf(t, c.send(t, Dialect{Strict: true, Used: func(r Rule) { t.Errorf("strict uses %s", r) }})); got != c.strict {
					t.Errorf("strict: %q, want %q", got, c.strict)
				}
			})
		}
	}
}

// TestStrictAccepts: what the RFCs allow stays allowed, however odd it looks.
func TestStrictAccepts(t *testing.T) {
	for name, c := range map[string]ruleCase{
		"readOnly":          {kind: "user", text: `{"id":"x","meta":{"a":1},"groups":[1],"userName":"u"}`},              // RFC 7644 §3.3
		"readOnly sub":      {kind: "user", text: `{"` + EnterpriseUserURN + `":{"manager":{"value":"m","$ref":"x"}}}`}, // the same
		"password":          {kind: "user", text: `{"password":{"x":1}}`},
		"null":              {kind: "user", text: `{"emails":null,"name":null,"` + EnterpriseUserURN + `":null}`}, // RFC 7643 §2.5
		"empty":             {kind: "user", text: `{"emails":[],"name":{}}`},
		"case of names":     {kind: "user", text: `{"USERNAME":"u","schemas":["` + UserURN + `"]}`}, // RFC 7643 §2.1
		"extension listed":  {kind: "user", text: `{"schemas":["` + EnterpriseUserURN + `","` + UserURN + `"]}`},
		"objects":           {kind: "user", text: `{"accounts":` + twoAccounts + `}`},
		"one value to add":  {kind: "patch", text: `{"op":"add","path":"emails","value":{"value":"x"}}`}, // RFC 7644 §3.5.2.1
		"null path":         {kind: "patch", text: `{"op":"replace","path":null,"value":{"title":"t"}}`},
		"empty value":       {kind: "patch", text: `{"op":"replace","path":"title","value":""}`},
		"extension object":  {kind: "patch", text: `{"op":"replace","value":{` + enterprise + `:{"department":"d"}}}`},
		"password by patch": {kind: "patch", text: `{"op":"replace","value":{"password":"x"}}`},
		"display of member": {kind: "groupPatch", text: `{"op":"add","path":"members","value":[{"value":"u","display":"U","$ref":"x"}]}`}, // §3.5.2.1, its example
		"keywords":          {kind: "filter", text: `title EQ "x" AND not(active eq true) OR NOT (emails co "x")`},
		"null in a filter":  {kind: "filter", text: `title ne null`},
		"implied value":     {kind: "filter", text: `emails sw "x" and emails[type eq "work" and not (value pr)]`},
		"search":            {kind: "search", text: `{"attributes":["userName"],"filter":"userName pr"}`},
		"unknown name":      {kind: "attributes", text: `userName,shoeSize`},
	} {
		if err := c.send(t, Dialect{Strict: true, Used: func(r Rule) { t.Errorf("%s: uses %s", name, r) }}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCreateOnNoMatchIsCountedByApply: only the resource knows whether something was created.
func TestCreateOnNoMatchIsCountedByApply(t *testing.T) {
	used := 0
	rt := declaredUser(t, Dialect{Used: func(Rule) { used++ }})
	p, err := ParsePatch(rt, message(map[string]any{"op": "add", "path": `emails[type eq "work"].value`, "value": "x"}))
	if err != nil || used != 0 {
		t.Fatalf("used %d at parse: %v", used, err)
	}
	for i, r := range []Resource{{}, {}, {"emails": []any{map[string]any{"type": "work"}}}} {
		if _, err := p.Apply(rt, r); err != nil || used != min(i+1, 2) {
			t.Errorf("Apply %d: used %d, %v", i, used, err)
		}
	}
}
