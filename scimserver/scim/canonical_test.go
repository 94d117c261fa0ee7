// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestCanonicalUserNameCollisions is the written verdict on pairs of names: the
// same user (a second POST is 409), or two users.
func TestCanonicalUserNameCollisions(t *testing.T) {
	for name, tc := range map[string]struct {
		a, b   string
		same   bool
		reason string
	}{
		"case":                  {"Alice@Example.com", "alice@example.COM", true, "RFC 7643 §4.1.1"},
		"fullwidth":             {"ａｌｉｃｅ", "alice", true, "NFKC: looks the same in most fonts"},
		"nfc and nfd":           {"jos\u00e9", "jose\u0301", true, "canonically equivalent"},
		"sharp s":               {"strauß", "STRAUSS", true, "full folding: ß upper-cases to SS"},
		"capital sharp s":       {"STRAUẞ", "strauss", true, "full folding"},
		"long s":                {"ſam", "sam", true, "ſ folds to s"},
		"kelvin":                {"\u212aarl", "karl", true, "KELVIN SIGN is K"},
		"ligature":              {"ﬁn", "FIN", true, "NFKC"},
		"greek sigma":           {"ΟΔΟΣ", "οδος", true, "final sigma folds to sigma"},
		"superscript":           {"x²", "x2", true, "NFKC"},
		"no-break space":        {"a\u00a0b", "a b", true, "NFKC"},
		"iota subscript":        {"ᾳ", "αι", true, "full folding"},
		"iota order":            {"α\u0345\u0301", "α\u0301\u0345", true, "canonically equivalent, but only before folding"},
		"turkish dotless i":     {"ılker", "ilker", false, "folding is independent of language"},
		"turkish dotted I":      {"İlker", "ilker", false, "İ folds to i and a dot above"},
		"turkish dotted I, nfd": {"İlker", "I\u0307LKER", true, "canonically equivalent"},
		"cyrillic a":            {"аlice", "alice", false, "another letter; confusables are not in scope"},
		"accent":                {"jose", "josé", false, "another letter"},
		"plus address":          {"a+b@x", "a@x", false, "mail rules are not ours"},
		"dot":                   {"a.b@x", "ab@x", false, "mail rules are not ours"},
		"ae":                    {"æ", "ae", false, "another letter"},
	} {
		t.Run(name, func(t *testing.T) {
			keyA, keyB := canonical(t, tc.a), canonical(t, tc.b)
			if (keyA == keyB) != tc.same {
				t.Errorf("%s: same = %v, want %v (%q, %q)", tc.reason, keyA == keyB, tc.same, keyA, keyB)
			}
			f, err := ParseFilter(UserResourceType(), `userName eq "`+tc.b+`"`)
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Match(Resource{"userName": tc.a}, Common{}); got != tc.same {
				t.Errorf("filter and uniqueness disagree: match = %v, want %v", got, tc.same)
			}
		})
	}
}

// TestCanonicalUserNameBytes pins keys: they are in the names of stored objects,
// so another process, or another release, must compute the same bytes.
func TestCanonicalUserNameBytes(t *testing.T) {
	for in, want := range map[string]string{
		"Alice":         "alice",
		"STRAUẞ":        "strauss",
		"İ":             "i\u0307",
		"ﬃ":             "ffi",
		"Ａ\u0301":       "á",
		"ΐ":             "\u0390",
		"\u1e9b\u0323":  "\u1e69",
		"한국":            "한국",
		"\u03b1\u0345x": "αιx",
	} {
		if got := canonical(t, in); got != want {
			t.Errorf("canonical(%q) = %q, want %q", in, got, want)
		}
	}
}

func canonical(t *testing.T, s string) string {
	t.Helper()
	key, err := CanonicalUserName(s)
	if err != nil {
		t.Fatalf("CanonicalUserName(%q): %v", s, err)
	}
	return key
}

func TestCanonicalUserNameRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"empty": "", "space": " ", "leading": " a", "trailing": "a ", "tab": "a\t", "ideographic space": "a\u3000",
		"nul": "a\x00b", "newline": "a\nb", "c1": "a\u0085b", "zero width space": "a\u200bb", "joiner": "a\u200db",
		"bom": "a\ufeffb", "soft hyphen": "a\u00adb", "bidi": "a\u202eb", "word joiner": "a\u2060b",
		"variation selector": "a\ufe0fb", "grapheme joiner": "a\u034fb", "hangul filler": "a\u3164b",
		"tag": "a\U000e0041b", "private use": "a\ue000b", "noncharacter": "a\uffffb", "line separator": "a\u2028b",
		"invalid utf-8": "a\xffb", "257 bytes": strings.Repeat("a", 257), "258 bytes of 129": strings.Repeat("é", 129),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := CanonicalUserName(in); typeOf(t, err) != ErrorInvalidValue {
				t.Errorf("CanonicalUserName(%q) = %v, want invalidValue", in, err)
			}
		})
	}
	canonical(t, strings.Repeat("é", 128))
}

// TestFoldIsStable: a key is its own key, and equalText agrees with it.
func TestFoldIsStable(t *testing.T) {
	alphabet := []rune("aAßẞſİıΣςéÉe\u0301Ａﬁ²ᾳΐ\u0345\u0323\u1e9bЖжǅ한\u1112\u1161\u11ab😀 @.")
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var b strings.Builder
		for range random.IntN(8) {
			b.WriteRune(alphabet[random.IntN(len(alphabet))])
		}
		s := b.String()
		key := foldText(s)
		if again := foldText(key); again != key {
			t.Fatalf("foldText(%q) = %q, then %q", s, key, again)
		}
		if !equalText(s, key) || !strings.EqualFold(s, foldCase(s)) || foldCase(foldCase(s)) != foldCase(s) {
			t.Fatalf("folding of %q disagrees with itself", s)
		}
		if upper := strings.ToUpper(s); (foldCase(upper) == foldCase(s)) != strings.EqualFold(upper, s) {
			t.Fatalf("foldCase and EqualFold disagree on %q", s)
		}
	}
}
