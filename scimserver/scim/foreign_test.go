// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"errors"
	"testing"
)

// What hack/foreign taught: inputs about which the SCIM software of the npm registry and this package differ, or do not agree
// among themselves. What is wanted is what the RFCs say, or where a client sends it, what the client means.

// TestForeignFilters has filters of one user.
func TestForeignFilters(t *testing.T) {
	rt := UserResourceType()
	user := parse(t, rt, `{"userName":"Ab","active":true,"title":"x","name":{"givenName":"g"},
		"emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x"}]}`)
	for name, tc := range map[string]struct {
		filter, reason string
		want           bool
	}{
		"not in brackets":        {`emails[not (type eq "work")]`, "§3.4.2.2: an element without a type is not of the type work; scim2-parse-filter sees none", true},
		"not around not":         {`not (emails[not (type pr)])`, "there is an element without a type", false},
		"not of a missing value": {`not (nickName eq "a")`, "a missing value equals nothing; scimmy and others say false or fail", true},
		"ne of a missing value":  {`nickName ne "a"`, "idp-behaviour §3 no. 21: treated as a match", true},
		"missing parent":         {`addresses.locality eq "a" or userName eq "ab"`, "no TypeError as in scimmy", true},
		"missing list":           {`phoneNumbers[type eq "work"]`, "no value is no match", false},
		"case of values":         {`userName eq "AB" and name.givenName eq "G"`, "RFC 7643 §2.2: caseExact is false; three of three compare exactly", true},
		"case of names":          {`USERNAME EQ "ab" AND Name.GivenName SW "G"`, "RFC 7643 §2.1", true},
		"escapes":                {`userName eq "\u0041b"`, "§3.4.2.2: values are JSON; scim2-parse-filter and scimmy compare the escape", true},
		"URN":                    {`urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "g"`, "§3.10; scim-query-filter-parser refuses it", true},
		"bare list":              {`emails ew "@X"`, "Figure 2: the value is meant; scim2-parse-filter says false", true},
		"not without a blank":    {`not(userName eq "b")`, "the ABNF has a blank, the prose has not; scim-query-filter-parser refuses it", true},
		"blanks":                 {`  userName   eq  "ab"  `, "scim-query-filter-parser refuses them", true},
		"precedence":             {`userName eq "ab" or title eq "y" and active eq false`, "and binds more than or", true},
		"precedence of not":      {`not (userName eq "ab") or title eq "x"`, "not binds most", true},
		"one element":            {`emails[type eq "work" and value eq "b@x"]`, "both of one element", false},
		"any element":            {`emails.type eq "work" and emails.value eq "b@x"`, "each of any element", true},
		"boolean text":           {`emails[primary eq "True"].value eq "a@x"`, "Entra; only scimmy knows it too", true},
	} {
		t.Run(name, func(t *testing.T) {
			filter, err := ParseFilter(rt, tc.filter)
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if got := filter.Match(user, Common{}); got != tc.want {
				t.Errorf("%s: %s is %t", tc.reason, tc.filter, got)
			}
		})
	}
}

// TestForeignNoFilters has what at least one other implementation takes for a filter.
func TestForeignNoFilters(t *testing.T) {
	for name, filter := range map[string]string{
		"scimmy: nothing":                 `()`,
		"scimmy: no condition":            `emails[]`,
		"scimmy: half":                    `userName eq "a" or`,
		"scimmy: no value":                `userName eq`,
		"scimmy: no attribute":            `eq "a"`,
		"scimmy: twice":                   `userName pr pr`,
		"scimmy: an operator of its own":  `userName np`,
		"scim2-parse-filter: not alone":   `not userName eq "b"`,
		"two: brackets in brackets":       `emails[emails[type eq "work"]]`,
		"all: order of booleans":          `active gt true`,
		"all: an attribute that is not":   `unknown eq "a"`,
		"all: a whole complex value":      `name eq "g"`,
		"all: a secret":                   `password eq "x"`,
		"an operator that C has":          `userName == "a"`,
		"a conjunction that C has":        `userName eq "a" && active eq true`,
		"a bracket that does not close":   `emails[type eq "work"`,
		"a parenthesis that does not":     `((userName eq "a")`,
		"a quote that does not":           `userName eq "a`,
		"something behind the filter":     `userName eq "a";drop`,
		"an operator of other languages":  `userName in ["a"]`,
		"a boolean that is a number":      `active eq 1`,
		"one parenthesis more at the end": `userName eq "a" )`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseFilter(UserResourceType(), filter)
			if e := (*Error)(nil); !errors.As(err, &e) || e.Type != ErrorInvalidFilter {
				t.Errorf("%s: got %v, want invalidFilter", filter, err)
			}
		})
	}
}

// TestForeignPatches has operations on one user whose results differ between us, scim-patch and scimmy.
func TestForeignPatches(t *testing.T) {
	rt := UserResourceType()
	const work, home = `{"value":"a@x","type":"work","primary":true,"display":"A"}`, `{"value":"b@x","type":"home"}`
	for name, tc := range map[string]struct{ operation, want, reason string }{
		"replaces a selected value": {
			`{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"n@x"}}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[{"value":"n@x","type":"work"},` + home + `]}`,
			"§3.5.2.3: the matching values are replaced, not merged as scim-patch does; what they were selected by stays",
		},
		"adds to a selected value": {
			`{"op":"add","path":"emails[type eq \"work\"]","value":{"display":"N"}}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[{"value":"a@x","type":"work","primary":true,"display":"N"},` + home + `]}`,
			"§3.5.2.1: a complex value takes the sub-attributes over",
		},
		"replaces a complex value": {
			`{"op":"replace","path":"name","value":{"familyName":"n"}}`,
			`{"name":{"givenName":"g","familyName":"n"},"emails":[` + work + `,` + home + `]}`,
			"§3.5.2.3: sub-attributes that are not mentioned stay; scimmy drops them",
		},
		"replaces a complex value without a path": {
			`{"op":"replace","value":{"name":{"familyName":"n"}}}`,
			`{"name":{"givenName":"g","familyName":"n"},"emails":[` + work + `,` + home + `]}`,
			"the same; scim-patch drops them here and not with a path",
		},
		"replaces a list without a path": {
			`{"op":"replace","value":{"emails":[{"value":"n@x"}]}}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[{"value":"n@x"}]}`,
			"§3.5.2.3: as with a path; scimmy appends",
		},
		"adds what is there": {
			`{"op":"add","path":"emails","value":[{"value":"b@x","type":"home"},{"value":"b@x"}]}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[` + work + `,` + home + `]}`,
			"§3.5.2.1: a value that is there, told apart by its type or not, changes nothing",
		},
		"moves primary": {
			`{"op":"add","path":"emails[type eq \"home\"].primary","value":true}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[{"value":"a@x","type":"work","display":"A","primary":false},{"value":"b@x","type":"home","primary":true}]}`,
			"§3.5.2: the others lose it; scim-patch and scimmy leave two",
		},
		"creates what a path selects": {
			`{"op":"replace","path":"emails[type eq \"other\"].value","value":"n@x"}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[` + work + `,` + home + `,{"value":"n@x","type":"other"}]}`,
			"Entra needs it; scim-patch does it too, scimmy says noTarget as the RFC does",
		},
		"empties a selected value": {
			`{"op":"remove","path":"emails[type eq \"home\"].value"}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[` + work + `]}`,
			"a type without an address is nobody's address; the others keep {type}",
		},
		"removes what is not there": {
			`{"op":"remove","path":"phoneNumbers[type eq \"work\"]"}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[` + work + `,` + home + `]}`,
			"§3.5.2.2 has no error for it; scim-patch says invalidPath, scimmy noTarget",
		},
		"an extension without a path": {
			`{"op":"add","value":{"` + EnterpriseUserURN + `":{"department":"d"}}}`,
			`{"name":{"givenName":"g","familyName":"f"},"emails":[` + work + `,` + home + `],"` + EnterpriseUserURN + `":{"department":"d"}}`,
			"§3.10: dots of the URN are no separators; scim-patch makes User an attribute of urn:…:2.0",
		},
	} {
		t.Run(name, func(t *testing.T) {
			current := parse(t, rt, `{"name":{"givenName":"g","familyName":"f"},"emails":[`+work+`,`+home+`]}`)
			patch, err := ParsePatch(rt, decode(t, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+tc.operation+`]}`))
			if err != nil {
				t.Fatal(err)
			}
			got, err := patch.Apply(rt, current)
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			diff(t, tc.reason, parse(t, rt, tc.want), got)
		})
	}
}

// TestForeignSecondPrimary: one operation may not make two values primary (RFC 7643 §2.4); the others do it.
func TestForeignSecondPrimary(t *testing.T) {
	rt := UserResourceType()
	patch, err := ParsePatch(rt, decode(t, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[
		{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}]}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = patch.Apply(rt, parse(t, rt, `{"emails":[{"value":"a@x","type":"home"},{"value":"b@x","type":"home"}]}`))
	if e := (*Error)(nil); !errors.As(err, &e) || e.Type != ErrorInvalidValue {
		t.Errorf("got %v, want invalidValue", err)
	}
}
