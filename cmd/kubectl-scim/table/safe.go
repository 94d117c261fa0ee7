// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe is s as a terminal may show it. What an identity provider calls somebody can hold control characters that move the cursor or
// rewrite what is on the screen, and characters without width or with another direction that make one name look like another. All of
// these appear as \x1b or \u202e; everything else stays.
func Safe(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1, r < ' ', r >= 0x7f && r < 0xa0:
			for _, c := range []byte(s[:size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
		case unsafe(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

// unsafe reports whether a character is not to be seen as what it is: everything but letters, marks, numbers, punctuation, symbols and
// the ASCII space.
func unsafe(r rune) bool { return !unicode.IsPrint(r) }

// SafeJSON is JSON that a terminal may show: what Safe escapes is escaped as JSON has it, so that it means the same. encoding/json leaves
// some of it as it is.
func SafeJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n' || r < 0x7f || !unsafe(r) || r == utf8.RuneError:
			out = append(out, text[:size]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}
