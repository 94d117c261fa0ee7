// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Decode reads one JSON object and nothing after it. It is stricter than
// encoding/json, because two readers that disagree about a body are a way
// around access rules: names that differ only in ASCII case count as the same
// and are refused at every level, as are invalid UTF-8, lone surrogates, NUL
// and other control characters (tab, line feed and carriage return are allowed
// in values, where postal addresses use them), containers nested deeper than
// [Limits].Depth and numbers outside float64. Every refusal is a 400
// invalidSyntax that repeats nothing of the body.
//
// Numbers are [json.Number], so that an identifier sent as a number reaches a
// string attribute digit for digit.
func Decode(body []byte) (map[string]any, error) {
	v, err := decodeValue(body)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, badRequest(ErrorInvalidSyntax, "body must be a JSON object")
	}
	return object, nil
}

// decodeValue reads one JSON value of any kind, as Decode does.
func decodeValue(body []byte) (any, error) {
	if err := checkEncoding(body); err != nil {
		return nil, err
	}
	d := decoder{json.NewDecoder(bytes.NewReader(body))}
	d.tokens.UseNumber()
	return d.value(0)
}

// checkEncoding refuses what encoding/json would repair in silence, and all
// that is not one well-formed JSON text.
func checkEncoding(body []byte) error {
	if !utf8.Valid(body) {
		return badRequest(ErrorInvalidSyntax, "body is not valid UTF-8")
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return malformed(err)
	}
	if hasLoneSurrogate(body) {
		return badRequest(ErrorInvalidSyntax, "body has a lone surrogate escape")
	}
	return nil
}

func malformed(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return badRequest(ErrorInvalidSyntax, "body is not one JSON object (byte %d)", syntax.Offset)
	}
	return badRequest(ErrorInvalidSyntax, "body is not one JSON object")
}

// hasLoneSurrogate reports whether a \u escape of well-formed JSON is half of
// a pair. Outside strings JSON has no backslash, so no further context is
// needed.
func hasLoneSurrogate(text []byte) bool {
	for i := bytes.IndexByte(text, '\\'); i >= 0 && i < len(text); {
		unit, size := escape(text[i:])
		switch {
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			low, lowSize := escape(text[i+size:])
			if low < 0xDC00 || low > 0xDFFF {
				return true
			}
			size += lowSize
		}
		next := bytes.IndexByte(text[i+size:], '\\')
		if next < 0 {
			return false
		}
		i += size + next
	}
	return false
}

// escape returns the UTF-16 unit of the \uXXXX at the start of text, or -1, and
// how many bytes the escape takes.
func escape(text []byte) (unit int64, size int) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1, min(2, len(text))
	}
	unit, err := strconv.ParseInt(string(text[2:6]), 16, 32)
	if err != nil {
		return -1, 2
	}
	return unit, 6
}

type decoder struct{ tokens *json.Decoder }

func (d decoder) value(depth int) (any, error) {
	token, err := d.tokens.Token()
	if err != nil {
		return nil, malformed(err)
	}
	switch t := token.(type) {
	case json.Delim:
		return d.container(t, depth+1)
	case string:
		return t, checkControls(t, "\t\n\r")
	case json.Number:
		if _, err := t.Float64(); err != nil {
			return nil, badRequest(ErrorInvalidSyntax, "body has a number out of range")
		}
		return t, nil
	}
	return token, nil
}

func (d decoder) container(open json.Delim, depth int) (any, error) {
	if limit := DefaultLimits().Depth; depth > limit {
		return nil, badRequest(ErrorInvalidSyntax, "body is nested deeper than %d", limit)
	}
	if open == '{' {
		return d.object(depth)
	}
	return d.array(depth)
}

func (d decoder) object(depth int) (any, error) {
	object, seen := map[string]any{}, map[string]bool{}
	for d.tokens.More() {
		token, err := d.tokens.Token()
		if err != nil {
			return nil, malformed(err)
		}
		key, _ := token.(string)
		if err := checkControls(key, ""); err != nil {
			return nil, err
		}
		if seen[fold(key)] {
			return nil, duplicateName()
		}
		seen[fold(key)] = true
		if object[key], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	return object, d.end()
}

func (d decoder) array(depth int) (any, error) {
	array := []any{}
	for d.tokens.More() {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	return array, d.end()
}

// end consumes the closing bracket, which is there: the text is well-formed.
func (d decoder) end() error {
	if _, err := d.tokens.Token(); err != nil {
		return malformed(err)
	}
	return nil
}

// checkControls refuses C0 and C1 control characters other than those in allowed.
func checkControls(s, allowed string) error {
	for _, r := range s {
		if isControl(r) && !strings.ContainsRune(allowed, r) {
			return badRequest(ErrorInvalidSyntax, "body has a control character in a string")
		}
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7F && r <= 0x9F }

func duplicateName() error {
	return badRequest(ErrorInvalidSyntax, "body has two members whose names differ at most in case")
}

// foldKeys returns the members of m under their folded names. Decode has
// refused duplicates already; a map built by a program may still have them.
func foldKeys(m map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(m))
	for key, v := range m {
		out[fold(key)] = v
	}
	if len(out) != len(m) {
		return nil, duplicateName()
	}
	return out, nil
}
