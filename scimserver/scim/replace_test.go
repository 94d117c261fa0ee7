// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import "testing"

func TestReplace(t *testing.T) {
	type object = map[string]any
	rt := UserResourceType()
	for name, tc := range map[string]struct {
		current Resource
		put     string
		want    Resource
		reason  string
	}{
		"omitted is removed": {
			Resource{"userName": "a", "title": "t", "name": object{"givenName": "g", "familyName": "f"}},
			`{"userName":"a","name":{"givenName":"h"}}`,
			Resource{"userName": "a", "name": object{"givenName": "h"}}, "RFC 7644 §3.5.1",
		},
		"active omitted, was true":  {Resource{"userName": "a", "active": true}, `{"userName":"a"}`, Resource{"userName": "a", "active": true}, "SEC-14"},
		"active omitted, was false": {Resource{"userName": "a", "active": false}, `{"userName":"a"}`, Resource{"userName": "a", "active": false}, "SEC-14: enables nobody either"},
		"active null":               {Resource{"userName": "a", "active": true}, `{"userName":"a","active":null}`, Resource{"userName": "a", "active": true}, "null is absent"},
		"active False":              {Resource{"userName": "a", "active": true}, `{"userName":"a","active":"False"}`, Resource{"userName": "a", "active": false}, "Entra"},
		"active never set":          {Resource{"userName": "a"}, `{"userName":"a"}`, Resource{"userName": "a"}, "absent stays absent"},
		"extension omitted":         {Resource{"userName": "a", EnterpriseUserURN: object{"department": "d"}}, `{"userName":"a"}`, Resource{"userName": "a"}, "§3.5.1"},
		"readOnly stays": {
			Resource{"userName": "a", "groups": []any{object{"value": "g"}}}, `{"userName":"a","groups":[]}`,
			Resource{"userName": "a", "groups": []any{object{"value": "g"}}}, "readOnly is ignored",
		},
		"readOnly sub goes with its value": {
			Resource{"userName": "a", EnterpriseUserURN: object{"manager": object{"value": "m", "displayName": "M"}}},
			`{"userName":"a","` + EnterpriseUserURN + `":{"manager":{"value":"n"}}}`,
			Resource{"userName": "a", EnterpriseUserURN: object{"manager": object{"value": "n"}}}, "displayName was of the manager before",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := clone(tc.current)
			next := parse(t, rt, tc.put)
			sent := clone(next)
			got, err := rt.Replace(tc.current, next)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, tc.reason, tc.want, got)
			diff(t, "current is not changed", before, tc.current)
			diff(t, "next is not changed", sent, next)
		})
	}
}

func TestEqual(t *testing.T) {
	type object = map[string]any
	for name, tc := range map[string]struct {
		a, b Resource
		want bool
	}{
		"same":             {Resource{"a": object{"b": []any{"c"}}}, Resource{"a": object{"b": []any{"c"}}}, true},
		"empty and absent": {Resource{"a": []any{}, "b": object{}, "c": nil, "d": object{"e": []any{}}}, Resource{}, true},
		"empty string":     {Resource{"a": ""}, Resource{}, false},
		"false":            {Resource{"a": false}, Resource{}, false},
		"numbers":          {Resource{"a": int64(5)}, Resource{"a": 5.0}, true},
		"number and text":  {Resource{"a": int64(5)}, Resource{"a": "5"}, false},
		"order":            {Resource{"a": []any{"x", "y"}}, Resource{"a": []any{"y", "x"}}, false},
		"length":           {Resource{"a": []any{"x"}}, Resource{"a": []any{"x", "y"}}, false},
		"types":            {Resource{"a": []any{"x"}}, Resource{"a": "x"}, false},
		"objects":          {Resource{"a": object{"x": "1"}}, Resource{"a": object{"x": "1", "y": "2"}}, false},
		"foreign types":    {Resource{"a": []string{"x"}}, Resource{"a": []string{"x"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Equal(tc.a, tc.b); got != tc.want {
				t.Errorf("Equal = %v, want %v", got, tc.want)
			}
			if got := Equal(tc.b, tc.a); got != tc.want {
				t.Errorf("Equal the other way = %v, want %v", got, tc.want)
			}
		})
	}
}
