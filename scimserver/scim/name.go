// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

// fold lower-cases the ASCII letters of s and nothing else. Attribute names and
// URNs are ASCII (RFC 7643 §2.1); under Unicode folding U+017F or U+212A would
// spell "schemas" or "locKed" a second way.
func fold(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			return foldFrom(s, i)
		}
	}
	return s
}

func foldFrom(s string, i int) string {
	out := []byte(s)
	for ; i < len(out); i++ {
		out[i] = lower(out[i])
	}
	return string(out)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// sameName compares two attribute names or URNs, ignoring ASCII case.
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
