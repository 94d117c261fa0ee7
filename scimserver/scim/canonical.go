// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// CanonicalUserName returns the key under which a userName is unique: its
// compatibility decomposition-and-composition (NFKC) with full, language
// independent case folding (Unicode 3.13, D147), as RFC 7644 §7.8 asks. Two
// names are the same user exactly when their keys are equal bytes, which is
// also what `userName eq` in a filter means.
//
// It refuses, with 400 invalidValue, what two people could not tell apart or
// what breaks in a log: an empty name, more than [Limits].UserNameBytes bytes
// of UTF-8 (counted as sent, not as normalised), space at either end, invalid
// UTF-8, and control, format, zero-width and private-use characters. The
// stored userName stays as it was sent.
func CanonicalUserName(s string) (string, error) {
	limit := DefaultLimits().UserNameBytes
	switch {
	case s == "":
		return "", badRequest(ErrorInvalidValue, "userName is empty")
	case len(s) > limit:
		return "", badRequest(ErrorInvalidValue, "userName is longer than %d bytes", limit)
	case !utf8.ValidString(s):
		return "", badRequest(ErrorInvalidValue, "userName is not valid UTF-8")
	case strings.TrimSpace(s) != s:
		return "", badRequest(ErrorInvalidValue, "userName begins or ends with space")
	case strings.ContainsFunc(s, isInvisible):
		return "", badRequest(ErrorInvalidValue, "userName has a control or invisible character")
	}
	return foldText(s), nil
}

// CanonicalDisplayName returns the key under which the displayName of a group is
// unique, by the rules of [CanonicalUserName], which is also what `displayName eq`
// means in a filter on groups. It refuses, with 400 invalidValue, a name of nothing
// but space, more than [Limits].DisplayNameBytes bytes of UTF-8 before or after
// normalisation, and invalid UTF-8. It refuses nothing else: people name groups,
// with emoji and with spaces left over, and nobody is let in by such a name.
func CanonicalDisplayName(s string) (string, error) {
	limit := DefaultLimits().DisplayNameBytes
	switch {
	case strings.TrimSpace(s) == "":
		return "", badRequest(ErrorInvalidValue, "displayName is empty")
	case len(s) > limit:
		return "", badRequest(ErrorInvalidValue, "displayName is longer than %d bytes", limit)
	case !utf8.ValidString(s):
		return "", badRequest(ErrorInvalidValue, "displayName is not valid UTF-8")
	}
	key := foldText(s)
	if len(key) > limit {
		return "", badRequest(ErrorInvalidValue, "displayName is longer than %d bytes when it is normalised", limit)
	}
	return key, nil
}

// isInvisible holds for characters that show as nothing or change the order of
// what shows: none of them can tell two people apart.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Variation_Selector,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Noncharacter_Code_Point)
}

// foldText is compatibility caseless matching, Unicode 3.13 D147: two strings
// that are equal but for case and compatibility forms fold to the same bytes.
func foldText(s string) string {
	if isASCII(s) {
		return fold(s)
	}
	once := norm.NFKC.String(cases.Fold().String(norm.NFD.String(s)))
	return norm.NFKC.String(cases.Fold().String(once))
}

// equalText reports whether s folds to folded, without allocating for ASCII.
func equalText(s, folded string) bool {
	if isASCII(s) {
		return sameName(s, folded)
	}
	return foldText(s) == folded
}

// foldCase folds case rune by rune, so that two strings have the same result
// exactly when strings.EqualFold holds. It costs a tenth of foldText.
func foldCase(s string) string {
	if isASCII(s) {
		return fold(s)
	}
	return strings.Map(foldRune, s)
}

// foldRune returns the least rune that r is equal to but for case, and of ASCII
// letters the small one, as fold does.
func foldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if 'A' <= least && least <= 'Z' {
		return least + 'a' - 'A'
	}
	return least
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
