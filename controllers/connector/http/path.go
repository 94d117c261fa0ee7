// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package http

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// errSegment is why a value cannot be in a path. It does not quote the value.
var errSegment = errors.New("a value that is empty, is dots alone, or has slashes, percent-encoded or control characters cannot be part of a path")

// splitPath splits "/users/{a}/x" into what stands between the braces and what stands around them: literals has one more than expressions.
func splitPath(template string) (literals, expressions []string, err error) {
	if !strings.HasPrefix(template, "/") {
		return nil, nil, errors.New("a path begins with a slash")
	}
	for rest := template; ; {
		literal, after, found := strings.Cut(rest, "{")
		if err := checkLiteral(literal); err != nil {
			return nil, nil, err
		}
		if literals = append(literals, literal); !found {
			return literals, expressions, nil
		}
		expression, behind, closed := strings.Cut(after, "}")
		if !closed || strings.Contains(expression, "{") {
			return nil, nil, errors.New("a { of the path has no }, or another { before it")
		}
		expressions, rest = append(expressions, expression), behind
	}
}

// checkLiteral takes what is fit for a path as it is, escapes included.
func checkLiteral(literal string) error {
	if strings.ContainsFunc(literal, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`}?#\`, r) }) {
		return errors.New(`a path has no spaces, }, ?, # and \; a query has a field of its own`)
	}
	if _, err := url.PathUnescape(literal); err != nil {
		return errors.New("the path has a % that is no escape")
	}
	return nil
}

// escapeSegment makes a value a segment of a path, or a part of one, that no server and no proxy takes for more than that. Escaping would do
// for servers that decode once; this one does not rely on it.
func escapeSegment(value string) (string, error) {
	if value == "" || value == "." || value == ".." || !utf8.ValidString(value) || hasEscape(value) ||
		strings.ContainsFunc(value, func(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }) {
		return "", errSegment
	}
	return url.PathEscape(value), nil
}

// hasEscape finds %2F and the like, which whoever decodes twice takes for what they stand for.
func hasEscape(value string) bool {
	for i := range len(value) - 2 {
		if value[i] == '%' && isHex(value[i+1]) && isHex(value[i+2]) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
