// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"strings"
	"testing"
)

const enterprise = `"` + EnterpriseUserURN + `"`

// startUser is what the PATCH tables begin with.
const startUser = `{"userName":"a","active":true,"title":"t","name":{"givenName":"g","familyName":"f"},
	"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}],
	"roles":[{"value":"R1"},{"value":"R2"}],
	` + enterprise + `:{"department":"d","manager":{"value":"m"}}}`

// TestPatch has one row for each rule of RFC 7644 §3.5.2 and each tolerance.
// want overrides members of startUser; null removes them.
func TestPatch(t *testing.T) {
	for name, tc := range map[string]struct{ ops, want, reason string }{
		// §3.5.2.1 add
		"add simple":              {`{"op":"add","path":"nickName","value":"n"}`, `{"nickName":"n"}`, "§3.5.2.1"},
		"add over simple":         {`{"op":"add","path":"title","value":"u"}`, `{"title":"u"}`, "single-valued: replaced"},
		"add complex merges":      {`{"op":"add","path":"name","value":{"middleName":"m"}}`, `{"name":{"givenName":"g","familyName":"f","middleName":"m"}}`, "§3.5.2.1"},
		"add sub":                 {`{"op":"add","path":"name.middleName","value":"m"}`, `{"name":{"givenName":"g","familyName":"f","middleName":"m"}}`, "§3.5.2.1"},
		"add value":               {`{"op":"add","path":"roles","value":[{"value":"R3"}]}`, `{"roles":[{"value":"R1"},{"value":"R2"},{"value":"R3"}]}`, "appended"},
		"add one value":           {`{"op":"add","path":"roles","value":{"value":"R3"}}`, `{"roles":[{"value":"R1"},{"value":"R2"},{"value":"R3"}]}`, "one is a list of one"},
		"add equal value":         {`{"op":"add","path":"roles","value":[{"value":"R2"},{"value":"R1"}]}`, `{}`, "success without change"},
		"add equal with type":     {`{"op":"add","path":"emails","value":[{"value":"w@x","type":"work"}]}`, `{}`, "value and type identify"},
		"add other type":          {`{"op":"add","path":"emails","value":[{"value":"w@x","type":"other"}]}`, `{"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"},{"value":"w@x","type":"other"}]}`, "another value"},
		"add updates known value": {`{"op":"add","path":"emails","value":[{"value":"h@x","type":"home","display":"H"}]}`, `{"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home","display":"H"}]}`, "(type, value) must not repeat"},
		"add primary":             {`{"op":"add","path":"emails","value":[{"value":"n@x","primary":true}]}`, `{"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home"},{"value":"n@x","primary":true}]}`, "§3.5.2: the others are set to false"},
		"add null":                {`{"op":"add","path":"roles","value":null}`, `{}`, "nothing to add"},
		"add to filter":           {`{"op":"add","path":"emails[type eq \"home\"]","value":{"display":"H"}}`, `{"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home","display":"H"}]}`, "merged into what is selected"},
		"add primary by filter":   {`{"op":"add","path":"emails[type eq \"home\"].primary","value":"True"}`, `{"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}]}`, "one primary"},
		"add without path":        {`{"op":"add","value":{"roles":[{"value":"R3"}],"title":"u"}}`, `{"title":"u","roles":[{"value":"R1"},{"value":"R2"},{"value":"R3"}]}`, "§3.5.2.1"},
		"add extension":           {`{"op":"add","path":` + enterprise + `,"value":{"division":"v"}}`, `{` + enterprise + `:{"department":"d","division":"v","manager":{"value":"m"}}}`, "a URN as path"},
		// §3.5.2.2 remove
		"remove simple":            {`{"op":"remove","path":"title"}`, `{"title":null}`, "§3.5.2.2"},
		"remove absent":            {`{"op":"remove","path":"nickName"}`, `{}`, "success without change"},
		"remove complex":           {`{"op":"remove","path":"name"}`, `{"name":null}`, "§3.5.2.2"},
		"remove sub":               {`{"op":"remove","path":"name.givenName"}`, `{"name":{"familyName":"f"}}`, "§3.5.2.2"},
		"remove last sub":          {`{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.familyName"}`, `{"name":null}`, "an empty value is none"},
		"remove all values":        {`{"op":"remove","path":"emails"}`, `{"emails":null}`, "§3.5.2.2"},
		"remove selected":          {`{"op":"remove","path":"emails[type eq \"home\"]"}`, `{"emails":[{"value":"w@x","type":"work","primary":true}]}`, "§3.5.2.2"},
		"remove none selected":     {`{"op":"remove","path":"emails[type eq \"other\"]"}`, `{}`, "an absent member"},
		"remove selected sub":      {`{"op":"remove","path":"emails[type eq \"work\"].primary"}`, `{"emails":[{"value":"w@x","type":"work"},{"value":"h@x","type":"home"}]}`, "§3.5.2.2"},
		"remove selected value":    {`{"op":"remove","path":"emails[type eq \"work\"].value"}`, `{"emails":[{"value":"h@x","type":"home"}]}`, "without value nothing is left"},
		"remove sub of all":        {`{"op":"remove","path":"emails.type"}`, `{"emails":[{"value":"w@x","primary":true},{"value":"h@x"}]}`, "no filter: all values"},
		"remove listed":            {`{"op":"Remove","path":"roles","value":[{"value":"R1"}]}`, `{"roles":[{"value":"R2"}]}`, "SEC-27: only these"},
		"remove listed object":     {`{"op":"Remove","path":"roles","value":{"value":"R1"}}`, `{"roles":[{"value":"R2"}]}`, "SEC-27"},
		"remove listed text":       {`{"op":"Remove","path":"roles","value":"R1"}`, `{"roles":[{"value":"R2"}]}`, "SEC-27"},
		"remove listed unknown":    {`{"op":"Remove","path":"roles","value":[{"value":"R9"}]}`, `{}`, "SEC-27"},
		"remove listed nothing":    {`{"op":"Remove","path":"roles","value":[]}`, `{}`, "SEC-27: an empty list lists nothing"},
		"remove listed garbage":    {`{"op":"Remove","path":"roles","value":[{"x":1},null,{}]}`, `{}`, "SEC-27: nothing listed that we know"},
		"remove listed all":        {`{"op":"Remove","path":"roles","value":["R2","R1"]}`, `{"roles":null}`, "the last value goes"},
		"remove listed other type": {`{"op":"Remove","path":"emails","value":[{"value":"w@x","type":"home"}]}`, `{}`, "type distinguishes"},
		"remove listed by type":    {`{"op":"Remove","path":"emails","value":[{"type":"home"}]}`, `{"emails":[{"value":"w@x","type":"work","primary":true}]}`, "all that is mentioned"},
		"remove null value":        {`{"op":"remove","path":"roles","value":null}`, `{"roles":null}`, "null is no value"},
		"remove extension":         {`{"op":"remove","path":` + enterprise + `}`, `{` + enterprise + `:null}`, "a URN as path"},
		"remove last of extension": {`{"op":"remove","path":"manager"},{"op":"remove","path":"department"}`, `{` + enterprise + `:null}`, "an empty extension is none"},
		// §3.5.2.3 replace
		"replace simple":         {`{"op":"replace","path":"title","value":"u"}`, `{"title":"u"}`, "§3.5.2.3"},
		"replace absent":         {`{"op":"replace","path":"nickName","value":"n"}`, `{"nickName":"n"}`, "behaves as add"},
		"replace complex merges": {`{"op":"replace","path":"name","value":{"givenName":"h"}}`, `{"name":{"givenName":"h","familyName":"f"}}`, "unmentioned stay"},
		"replace sub with null":  {`{"op":"replace","path":"name","value":{"givenName":null}}`, `{"name":{"familyName":"f"}}`, "null is unassigned"},
		"replace with nothing":   {`{"op":"replace","path":"name","value":{}}`, `{}`, "nothing is mentioned"},
		"replace unknown sub":    {`{"op":"replace","path":"name","value":{"x":"y"}}`, `{}`, "nothing that we know is mentioned"},
		"replace with null":      {`{"op":"replace","path":"title","value":null}`, `{"title":null}`, "null is unassigned"},
		"replace values":         {`{"op":"replace","path":"roles","value":[{"value":"R3"}]}`, `{"roles":[{"value":"R3"}]}`, "the whole list"},
		"replace with empty":     {`{"op":"replace","path":"roles","value":[]}`, `{"roles":null}`, "no values"},
		"replace selected": {
			`{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"n@x"}}`,
			`{"emails":[{"value":"n@x","type":"work"},{"value":"h@x","type":"home"}]}`, "the record is replaced, what selected it stays",
		},
		"replace selected list":     {`{"op":"replace","path":"emails[type eq \"home\"]","value":[{"value":"n@x"}]}`, `{"emails":[{"value":"w@x","type":"work","primary":true},{"value":"n@x","type":"home"}]}`, "a list of one"},
		"replace selected sub":      {`{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"}`, `{"emails":[{"value":"n@x","type":"work","primary":true},{"value":"h@x","type":"home"}]}`, "§3.5.2.3"},
		"replace every selected":    {`{"op":"replace","path":"roles[value sw \"R\"].display","value":"D"}`, `{"roles":[{"value":"R1","display":"D"},{"value":"R2","display":"D"}]}`, "all that match"},
		"replace sub of all":        {`{"op":"replace","path":"emails.type","value":"other"}`, `{"emails":[{"value":"w@x","type":"other","primary":true},{"value":"h@x","type":"other"}]}`, "no filter: all values"},
		"replace creates":           {`{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}`, `{"phoneNumbers":[{"value":"1","type":"mobile"}]}`, "Entra; the RFC says noTarget"},
		"replace creates by two":    {`{"op":"Add","path":"phoneNumbers[type eq \"mobile\" and primary eq \"True\"].value","value":1}`, `{"phoneNumbers":[{"value":"1","type":"mobile","primary":true}]}`, "all equalities hold"},
		"add creates element":       {`{"op":"add","path":"addresses[type eq \"work\"]","value":{"locality":"L"}}`, `{"addresses":[{"type":"work","locality":"L"}]}`, "Entra"},
		"add creates without":       {`{"op":"add","path":"phoneNumbers.value","value":"1"}`, `{"phoneNumbers":[{"value":"1"}]}`, "nothing there yet"},
		"replace null creates not":  {`{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":null}`, `{}`, "nothing to create"},
		"replace primary":           {`{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"h@x","primary":true}}`, `{"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}]}`, "one primary"},
		"replace without path":      {`{"op":"replace","value":{"name":{"givenName":"h"},"roles":["R3"]}}`, `{"name":{"givenName":"h","familyName":"f"},"roles":[{"value":"R3"}]}`, "by attribute"},
		"replace extension is null": {`{"op":"replace","value":{` + enterprise + `:null}}`, `{` + enterprise + `:null}`, "null is unassigned"},
		// names
		"names":           {`{"OP":"RePlAcE","Path":"NAME.GIVENNAME","Value":"h"}`, `{"name":{"givenName":"h","familyName":"f"}}`, "case of everything"},
		"core urn":        {`{"op":"replace","path":"` + UserURN + `:name.givenName","value":"h"}`, `{"name":{"givenName":"h","familyName":"f"}}`, "§3.10"},
		"core urn member": {`{"op":"replace","value":{"` + UserURN + `":{"title":"u"}}}`, `{"title":"u"}`, "qualified by object"},
		"extension path":  {`{"op":"replace","path":"` + strings.ToUpper(EnterpriseUserURN) + `:Department","value":"e"}`, `{` + enterprise + `:{"department":"e","manager":{"value":"m"}}}`, "URNs ignore case"},
		"flat keys":       {`{"op":"replace","value":{"name.givenName":"h","` + EnterpriseUserURN + `:department":"e","emails[type eq \"home\"].value":"n@x"}}`, `{"name":{"givenName":"h","familyName":"f"},"emails":[{"value":"w@x","type":"work","primary":true},{"value":"n@x","type":"home"}],` + enterprise + `:{"department":"e","manager":{"value":"m"}}}`, "Entra's flag mode"},
		"empty path":      {`{"op":"replace","path":"","value":{"title":"u"}}`, `{"title":"u"}`, "as no path"},
		"null path":       {`{"op":"replace","path":null,"value":{"title":"u"}}`, `{"title":"u"}`, "as no path"},
		// ignored
		"unknown without path":  {`{"op":"replace","value":{"x":1,"urn:x:y":{"a":1},"name":{"x":1},"urn:x:y:z":1}}`, `{}`, "as in a POST"},
		"readOnly without path": {`{"op":"replace","value":{"id":"x","meta":{},"schemas":["x"],"groups":[1],"title":"u"}}`, `{"title":"u"}`, "Okta and authentik send all they know"},
		"readOnly sub":          {`{"op":"replace","path":"manager","value":{"displayName":"M"}}`, `{}`, "changes nothing"},
		"password":              {`{"op":"replace","value":{"password":"s"}},{"op":"add","path":"password","value":{"x":1}},{"op":"remove","path":"password"}`, `{}`, "accepted and discarded"},
		"unknown path":          {`{"op":"replace","path":"metadata","value":"x"}`, `{}`, "SEC-08: no schema has it"},
		"unknown sub":           {`{"op":"replace","path":"name.x","value":"x"}`, `{}`, "SEC-08: no schema has it"},
		"unknown urn":           {`{"op":"replace","path":"urn:x:y:z","value":"x"}`, `{}`, "SEC-08: no schema has it"},
		"unknown in extension":  {`{"op":"replace","path":"` + EnterpriseUserURN + `:x.y","value":"x"}`, `{}`, "SEC-08: no schema has it"},
		"unknown sub after":     {`{"op":"remove","path":"emails[type eq \"work\"].x"}`, `{}`, "nothing that we know"},
		"unknown with filter":   {`{"op":"add","path":"x[a eq 1 and not (b pr)].c","value":"x"}`, `{}`, "no schema has it"},
		// sequence
		"sequence":         {`{"op":"add","path":"roles","value":["R3"]},{"op":"remove","path":"roles","value":["R3"]}`, `{}`, "SEC-27: in order"},
		"sequence other":   {`{"op":"remove","path":"roles","value":["R1"]},{"op":"add","path":"roles","value":["R1"]}`, `{"roles":[{"value":"R2"},{"value":"R1"}]}`, "SEC-27: in order"},
		"same attribute":   {`{"op":"replace","path":"title","value":"u"},{"op":"replace","path":"title","value":"v"}`, `{"title":"v"}`, "the last wins"},
		"one operation":    {`{"op":"replace","path":"active","value":"False"}`, `{"active":false}`, "Entra"},
		"manager text":     {`{"op":"replace","path":"` + EnterpriseUserURN + `:manager","value":"n"}`, `{` + enterprise + `:{"department":"d","manager":{"value":"n"}}}`, "Entra"},
		"manager list":     {`{"op":"Add","path":"manager","value":[{"$ref":null,"value":"n"}]}`, `{` + enterprise + `:{"department":"d","manager":{"value":"n"}}}`, "Entra"},
		"manager empty":    {`{"op":"Replace","path":"manager","value":""}`, `{` + enterprise + `:{"department":"d"}}`, "Entra clears so"},
		"manager add \"\"": {`{"op":"Add","path":"manager","value":{"value":""}}`, `{` + enterprise + `:{"department":"d"}}`, "Entra clears so"},
		"manager.value":    {`{"op":"Replace","path":"manager.value","value":""}`, `{` + enterprise + `:{"department":"d"}}`, "Entra clears so"},
		"manager nested":   {`{"op":"replace","value":{` + enterprise + `:{"manager":{"value":""}}}}`, `{` + enterprise + `:{"department":"d"}}`, "Entra clears so"},
	} {
		t.Run(name, func(t *testing.T) {
			rt := UserResourceType()
			start := parse(t, rt, startUser)
			before := clone(start)
			got, err := applyPatch(rt, start, decode(t, `{"schemas":["`+patchURN+`"],"Operations":[`+tc.ops+`]}`))
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			want := clone(start)
			for key, v := range decode(t, tc.want) {
				want[key] = v
				if v == nil {
					delete(want, key)
				}
			}
			diff(t, tc.reason, want, got)
			diff(t, "input is not changed", before, start)
		})
	}
}

func TestPatchRefuses(t *testing.T) {
	op := func(s string) string { return `{"schemas":["` + patchURN + `"],"Operations":[` + s + `]}` }
	many := func(n int) string {
		return op(strings.TrimSuffix(strings.Repeat(`{"op":"remove","path":"title"},`, n), ","))
	}
	for name, tc := range map[string]struct {
		body   string
		want   ErrorType
		reason string
	}{
		"no operations":        {`{}`, ErrorInvalidSyntax, "§3.5.2"},
		"empty operations":     {op(""), ErrorInvalidSyntax, "§3.5.2"},
		"operations text":      {`{"Operations":"x"}`, ErrorInvalidSyntax, "§3.5.2"},
		"other schema":         {`{"schemas":["urn:x"],"Operations":[{"op":"remove","path":"title"}]}`, ErrorInvalidSyntax, "not a PATCH"},
		"operation text":       {op(`"remove"`), ErrorInvalidSyntax, "§3.5.2"},
		"no op":                {op(`{"path":"title"}`), ErrorInvalidSyntax, "§3.5.2"},
		"unknown op":           {op(`{"op":"move","path":"title"}`), ErrorInvalidSyntax, "RFC 6902 is not this"},
		"path number":          {op(`{"op":"remove","path":1}`), ErrorInvalidPath, "§3.5.2"},
		"101 operations":       {many(101), ErrorInvalidValue, "limit + 1"},
		"remove without path":  {op(`{"op":"remove"}`), ErrorNoTarget, "§3.5.2.2"},
		"remove pathless":      {op(`{"op":"remove","value":{"title":"x"}}`), ErrorNoTarget, "§3.5.2.2"},
		"add without value":    {op(`{"op":"add","path":"title"}`), ErrorInvalidValue, "§3.5.2.1"},
		"replace no value":     {op(`{"op":"replace","path":"title"}`), ErrorInvalidValue, "§3.5.2.3"},
		"pathless text":        {op(`{"op":"replace","value":"x"}`), ErrorInvalidValue, "§3.5.2.3"},
		"pathless none":        {op(`{"op":"replace"}`), ErrorInvalidValue, "§3.5.2.3"},
		"prototype":            {op(`{"op":"replace","path":"__proto__.admin","value":"x"}`), ErrorInvalidPath, "SEC-08"},
		"core schema":          {op(`{"op":"replace","path":"` + UserURN + `","value":{"title":"x"}}`), ErrorInvalidPath, "no attribute"},
		"unknown bad filter":   {op(`{"op":"remove","path":"x[a eq]"}`), ErrorInvalidFilter, "syntax is checked without a schema"},
		"unknown bad end":      {op(`{"op":"remove","path":"x[a pr].b.c"}`), ErrorInvalidPath, "syntax is checked without a schema"},
		"unknown three levels": {op(`{"op":"remove","path":"x.y.z"}`), ErrorInvalidPath, "§2.3.8"},
		"reserved":             {op(`{"op":"add","path":"#forms","value":{"accounts":"text"}}`), ErrorInvalidPath, "not a name"},
		"three levels":         {op(`{"op":"replace","path":"name.givenName.x","value":"x"}`), ErrorInvalidPath, "SEC-08"},
		"index":                {op(`{"op":"remove","path":"emails[0]"}`), ErrorInvalidFilter, "there are no indexes"},
		"filter on single":     {op(`{"op":"remove","path":"name[givenName eq \"g\"]"}`), ErrorInvalidPath, "not multi-valued"},
		"filter on sub":        {op(`{"op":"remove","path":"emails.value[type eq \"x\"]"}`), ErrorInvalidPath, "grammar"},
		"open bracket":         {op(`{"op":"remove","path":"emails[type eq \"x\""}`), ErrorInvalidPath, "grammar"},
		"after sub":            {op(`{"op":"remove","path":"emails[type eq \"x\"].value x"}`), ErrorInvalidPath, "grammar"},
		"no dot after":         {op(`{"op":"remove","path":"emails[type eq \"x\"]value"}`), ErrorInvalidPath, "grammar"},
		"nested brackets":      {op(`{"op":"remove","path":"emails[type[value eq 1] eq \"x\"]"}`), ErrorInvalidFilter, "grammar"},
		"bad filter":           {op(`{"op":"remove","path":"emails[type xx \"x\"]"}`), ErrorInvalidFilter, "§3.12 Table 9"},
		"bad filter in member": {op(`{"op":"add","value":{"emails[type xx \"x\"].value":"x"}}`), ErrorInvalidFilter, "not an unknown name"},
		"readOnly":             {op(`{"op":"replace","path":"id","value":"x"}`), ErrorMutability, "§3.5.2"},
		"readOnly meta":        {op(`{"op":"replace","path":"meta.version","value":"x"}`), ErrorMutability, "§3.5.2"},
		"readOnly groups":      {op(`{"op":"add","path":"groups","value":[{"value":"admin"}]}`), ErrorMutability, "§4.1.2"},
		"readOnly filter":      {op(`{"op":"remove","path":"groups[value eq \"x\"]"}`), ErrorMutability, "§4.1.2"},
		"readOnly schemas":     {op(`{"op":"add","path":"schemas","value":["urn:x"]}`), ErrorMutability, "computed"},
		"readOnly sub":         {op(`{"op":"add","path":"manager.displayName","value":"x"}`), ErrorMutability, "§4.3"},
		"remove required":      {op(`{"op":"remove","path":"userName"}`), ErrorMutability, "§3.5.2.2"},
		"replace required":     {op(`{"op":"replace","path":"userName","value":null}`), ErrorInvalidValue, "unassigning is not replacing"},
		"pathless required":    {op(`{"op":"replace","value":{"userName":null}}`), ErrorInvalidValue, "unassigning is not replacing"},
		"type":                 {op(`{"op":"replace","path":"active","value":"secret"}`), ErrorInvalidValue, "§3.12"},
		"type in element":      {op(`{"op":"replace","path":"emails[type eq \"work\"].value","value":{"a":1}}`), ErrorInvalidValue, "§3.12"},
		"type without path":    {op(`{"op":"replace","value":{"name":{"givenName":[1]}}}`), ErrorInvalidValue, "§3.12"},
		"extension text":       {op(`{"op":"replace","path":` + enterprise + `,"value":"x"}`), ErrorInvalidValue, "an object"},
		"two primaries":        {op(`{"op":"add","path":"emails","value":[{"value":"1","primary":true},{"value":"2","primary":true}]}`), ErrorInvalidValue, "§2.4"},
		"two made primary":     {op(`{"op":"replace","path":"emails.primary","value":true}`), ErrorInvalidValue, "§2.4"},
		"filter describes no":  {op(`{"op":"replace","path":"phoneNumbers[type ne \"x\"].value","value":"1"}`), ErrorNoTarget, "§3.5.2.3"},
		"filter of or":         {op(`{"op":"add","path":"phoneNumbers[type eq \"x\" or type eq \"y\"].value","value":"1"}`), ErrorNoTarget, "which of them?"},
		"filter of both":       {op(`{"op":"add","path":"phoneNumbers[type eq \"x\" and type eq \"y\"].value","value":"1"}`), ErrorNoTarget, "no value is both"},
		"filter on the value":  {op(`{"op":"replace","path":"phoneNumbers[value eq \"1\"].value","value":"2"}`), ErrorNoTarget, "the old value is not there"},
		"over 100 values":      {op(`{"op":"replace","path":"ims","value":[` + strings.TrimSuffix(strings.Repeat(`"v",`, 101), ",") + `]}`), ErrorInvalidValue, "limit + 1"},
		"path of 1 MB":         {op(`{"op":"remove","path":"` + strings.Repeat("a", 1<<20) + `"}`), ErrorInvalidPath, "SEC-20"},
		"path too deep":        {op(`{"op":"remove","path":"emails[` + strings.Repeat("(", 1000) + `"}`), ErrorInvalidPath, "SEC-20"},
		"path of many parts":   {op(`{"op":"remove","path":"emails[type pr` + strings.Repeat(" and type pr", 90) + `]"}`), ErrorInvalidPath, "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			rt := UserResourceType()
			start := parse(t, rt, startUser)
			before := clone(start)
			got, err := applyPatch(rt, start, decode(t, tc.body))
			if typ := typeOf(t, err); typ != tc.want {
				t.Fatalf("%s: got %q (%v, %v), want %q", tc.reason, typ, err, got, tc.want)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "__proto__") {
				t.Errorf("error repeats input: %v", err)
			}
			diff(t, "input is not changed", before, start)
		})
	}
	if _, err := applyPatch(UserResourceType(), parse(t, UserResourceType(), startUser), decode(t, many(100))); err != nil {
		t.Errorf("100 operations: %v", err)
	}
}

func TestPatchIsAtomic(t *testing.T) {
	rt := UserResourceType()
	start := parse(t, rt, startUser)
	before := clone(start)
	got, err := applyPatch(rt, start, decode(t, `{"Operations":[{"op":"replace","path":"name","value":{"givenName":"h"}},
		{"op":"add","path":"roles","value":["R3"]},{"op":"remove","path":"userName"}]}`))
	if typeOf(t, err) != ErrorMutability || got != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	if !strings.Contains(err.Error(), "operation 3: ") {
		t.Errorf("error does not say which operation: %v", err)
	}
	diff(t, "RFC 7644 §3.5.2: the original is restored", before, start)
}

func TestPatchElementLimit(t *testing.T) {
	rt := UserResourceType()
	r := Resource{"userName": "a"}
	for i := range 101 {
		next, err := applyPatch(rt, r, patchOf("add", "ims", []any{fmt.Sprint(i)}))
		if (err != nil) != (i == 100) {
			t.Fatalf("value %d: %v", i+1, err)
		}
		if err == nil {
			r = next
		}
	}
}

func TestPatchSchemas(t *testing.T) {
	for _, schemas := range []string{`"x":1`, `"schemas":null`, `"schemas":[]`, `"SCHEMAS":["` + strings.ToUpper(patchURN) + `"]`, `"schemas":"` + patchURN + `"`} {
		body := `{` + schemas + `,"operations":{"op":"replace","path":"title","value":"u"}}`
		if _, err := ParsePatch(UserResourceType(), decode(t, body)); err != nil {
			t.Errorf("%s: %v", schemas, err)
		}
	}
}

func TestPatchRemovesExtensions(t *testing.T) {
	extension := func(urn string, required bool, a *Attribute) Extension {
		return Extension{Schema: &Schema{ID: urn, Attributes: []*Attribute{a, {Name: "other"}}}, Required: required}
	}
	rt, err := NewResourceType(ResourceType{
		Name: "X", Schema: &Schema{ID: "urn:x:core"},
		Extensions: []Extension{
			extension("urn:x:must", true, &Attribute{Name: "a"}),
			extension("urn:x:needs", false, &Attribute{Name: "b", Required: true}),
			extension("urn:x:fixed", false, &Attribute{Name: "c", Mutability: Immutable}),
			extension("urn:x:may", false, &Attribute{Name: "d"}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	full := Resource{}
	for _, urn := range []string{"must", "needs", "fixed", "may"} {
		full["urn:x:"+urn] = map[string]any{map[string]string{"must": "a", "needs": "b", "fixed": "c", "may": "d"}[urn]: "1"}
	}
	for urn, want := range map[string]ErrorType{
		"urn:x:must": ErrorMutability, "urn:x:needs": ErrorMutability, "urn:x:fixed": ErrorMutability, "urn:x:may": "",
	} {
		got, err := applyPatch(rt, full, patchOf("remove", urn, nil))
		if typ := typeOf(t, err); typ != want {
			t.Errorf("remove %s: got %v, want %q", urn, err, want)
		}
		if _, there := got[urn]; err == nil && there {
			t.Errorf("remove %s: it is still there", urn)
		}
	}
	for _, urn := range []string{"urn:x:needs", "urn:x:fixed"} {
		if _, err := applyPatch(rt, Resource{}, patchOf("remove", urn, nil)); err != nil {
			t.Errorf("remove %s where there is none: %v", urn, err)
		}
	}
}
