// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// token is a piece of a filter or a PATCH path. The zero token is none.
type token struct {
	kind tokenKind
	text string // of a word as written, of a string decoded
}

// tokenKind is wordToken, stringToken or the bracket itself.
type tokenKind byte

const (
	endToken    tokenKind = 0
	wordToken   tokenKind = 'w'
	stringToken tokenKind = '"'
)

// lexer splits a filter into tokens. It enforces every limit before a parser
// recurses over the result, since a stack overflow cannot be recovered from.
type lexer struct {
	input  string
	pos    int
	depth  int
	typ    ErrorType
	tokens []token
	spaces int  // since the last token
	loose  bool // the grammar has another number of spaces somewhere
	single bool // a string is in single quotes
}

// lex splits s, of at most limit bytes; its errors have the given type and do not
// repeat s.
func (d Dialect) lex(s string, typ ErrorType, limit int) ([]token, error) {
	l := lexer{input: s, typ: typ}
	switch {
	case len(s) > limit:
		return nil, badRequest(typ, "expression is longer than %d bytes", limit)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, isControl):
		return nil, badRequest(typ, "expression has a control character or is not valid UTF-8")
	}
	for l.pos < len(s) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	if l.depth != 0 {
		return nil, l.unbalanced()
	}
	if (l.loose || l.spaces > 0) && !d.takes(looseSpacing) {
		return nil, badRequest(typ, "expression has more or fewer spaces than it should")
	}
	if l.single && !d.takes(singleQuotes) {
		return nil, badRequest(typ, "expression has a string that is not in double quotes")
	}
	return l.tokens, nil
}

func (l *lexer) next() error {
	switch c := l.input[l.pos]; c {
	case ' ':
		l.pos++
		l.spaces++
		return nil
	case '(', '[':
		return l.bracket(c, 1)
	case ')', ']':
		return l.bracket(c, -1)
	case '"':
		return l.quoted()
	case '\'':
		return l.singleQuoted()
	}
	size := strings.IndexAny(l.input[l.pos:], " ()[]\"")
	if size < 0 {
		size = len(l.input) - l.pos
	}
	l.pos += size
	return l.emit(token{wordToken, l.input[l.pos-size : l.pos]})
}

func (l *lexer) bracket(c byte, step int) error {
	l.pos++
	l.depth += step
	if l.depth < 0 {
		return l.unbalanced()
	}
	if limit := DefaultLimits().FilterDepth; l.depth > limit {
		return badRequest(l.typ, "expression is nested deeper than %d", limit)
	}
	return l.emit(token{tokenKind(c), ""})
}

// quoted reads a JSON string (RFC 7644 §3.4.2.2).
func (l *lexer) quoted() error {
	end := l.pos + 1
	for ; end < len(l.input) && l.input[end] != '"'; end++ {
		if l.input[end] == '\\' {
			end++
		}
	}
	if end >= len(l.input) {
		return badRequest(l.typ, "expression has a string without an end")
	}
	literal := []byte(l.input[l.pos : end+1])
	l.pos = end + 1
	var s string
	if json.Unmarshal(literal, &s) != nil || hasLoneSurrogate(literal) || checkControls(s, "\t\n\r") != nil {
		return badRequest(l.typ, "expression has a malformed string")
	}
	return l.emit(token{stringToken, s})
}

// singleQuoted reads what stands between single quotes. Nothing in it is escaped: a backslash means different things to different
// clients, so it is refused.
func (l *lexer) singleQuoted() error {
	text, rest, ended := strings.Cut(l.input[l.pos+1:], "'")
	if !ended || strings.ContainsRune(text, '\\') {
		return badRequest(l.typ, "expression has a malformed string")
	}
	l.pos, l.single = len(l.input)-len(rest), true
	return l.emit(token{stringToken, text})
}

func (l *lexer) emit(t token) error {
	if limit := DefaultLimits().FilterTokens; len(l.tokens) == limit {
		return badRequest(l.typ, "expression has more than %d parts", limit)
	}
	before := token{}
	if n := len(l.tokens); n > 0 {
		before = l.tokens[n-1]
	}
	l.loose = l.loose || !spaced(before, t, l.spaces)
	l.spaces, l.tokens = 0, append(l.tokens, t)
	return nil
}

func (l *lexer) unbalanced() error {
	return badRequest(l.typ, "expression has unbalanced brackets")
}
