// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDecodeRefuses(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for name, tc := range map[string]struct{ body, reason string }{
		"empty":               {"", "a body is required"},
		"array":               {`[]`, "RFC 7644 §3.3: one resource is an object"},
		"null":                {`null`, "not an object"},
		"string":              {`"x"`, "not an object"},
		"truncated":           {`{"a":`, "not JSON"},
		"trailing object":     {`{} {}`, "two readers would see different bodies"},
		"trailing word":       {`{}x`, "trailing data"},
		"comment":             {`{/**/}`, "not JSON"},
		"bom":                 {"\ufeff{}", "RFC 8259 §8.1"},
		"duplicate":           {`{"userName":"a","userName":"b"}`, "last or first: readers differ"},
		"duplicate case":      {`{"userName":"a","USERNAME":"b"}`, "names ignore case"},
		"duplicate escaped":   {`{"userName":"a","user\u004eame":"b"}`, "escapes are decoded first"},
		"duplicate deep":      {`{"a":[{"b":{"c":1,"C":2}}]}`, "every level"},
		"invalid utf-8":       {"{\"a\":\"\xff\"}", "would become U+FFFD"},
		"invalid utf-8 key":   {"{\"\xc3\x28\":1}", "would become U+FFFD"},
		"overlong utf-8":      {"{\"a\":\"\xc0\x80\"}", "a second spelling of NUL"},
		"lone high surrogate": {`{"a":"\ud800"}`, "would become U+FFFD"},
		"lone low surrogate":  {`{"a":"x\udc00"}`, "would become U+FFFD"},
		"high high low":       {`{"a":"\ud800\ud800\udc00"}`, "the first is alone"},
		"high then text":      {`{"a":"\ud800\\udc00"}`, "the backslash is escaped"},
		"nul":                 {`{"a":"\u0000"}`, "C string readers stop"},
		"escape character":    {`{"a":"\u001b[31m"}`, "terminal injection"},
		"backspace":           {`{"a":"\b"}`, "C0"},
		"delete":              {"{\"a\":\"\x7f\"}", "DEL"},
		"c1":                  {`{"a":"\u0085"}`, "C1"},
		"control in key":      {`{"a\n":1}`, "no attribute name has one"},
		"raw newline":         {"{\"a\":\"\n\"}", "not JSON"},
		"huge number":         {`{"a":1e400}`, "outside float64"},
		"depth 33":            {nested(33), "limit + 1"},
		"depth of arrays":     {`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + "}", "limit + 1"},
		"depth 1e6":           {strings.Repeat(`{"a":`, 1e6), "must not recurse"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode([]byte(tc.body))
			if got := typeOf(t, err); got != ErrorInvalidSyntax {
				t.Fatalf("%s: got %q, want invalidSyntax", tc.reason, got)
			}
			for _, secret := range []string{"USERNAME", "31m", "1e400"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("error repeats input: %v", err)
				}
			}
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	for name, tc := range map[string]struct {
		body, reason string
		want         map[string]any
	}{
		"empty object":   {`{}`, "an object", map[string]any{}},
		"spaces around":  {" \r\n{}\t", "RFC 8259 white space", map[string]any{}},
		"line breaks":    {`{"a":"x\r\n\ty"}`, "formatted addresses", map[string]any{"a": "x\r\n\ty"}},
		"surrogate pair": {`{"a":"\ud83d\ude00"}`, "one character", map[string]any{"a": "😀"}},
		"escaped escape": {`{"a":"\\ud800"}`, "a backslash and letters", map[string]any{"a": `\ud800`}},
		"replacement":    {"{\"a\":\"\ufffd\"}", "sent as such", map[string]any{"a": "\ufffd"}},
		"digits kept":    {`{"a":12345678901234567890, "b":1.10}`, "json.Number", map[string]any{"a": json.Number("12345678901234567890"), "b": json.Number("1.10")}},
		"long s":         {`{"schemas":1,"ſchemas":2}`, "Unicode folding is not name folding", map[string]any{"schemas": json.Number("1"), "ſchemas": json.Number("2")}},
		"same in others": {`{"a":{"x":1},"b":[{"x":true},{"X":null}]}`, "different objects", map[string]any{"a": map[string]any{"x": json.Number("1")}, "b": []any{map[string]any{"x": true}, map[string]any{"X": nil}}}},
	} {
		t.Run(name, func(t *testing.T) {
			diff(t, tc.reason, tc.want, decode(t, tc.body))
		})
	}
	decode(t, strings.Repeat(`{"a":`, 32)+"1"+strings.Repeat("}", 32))
}
