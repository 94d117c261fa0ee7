// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestSafe(t *testing.T) {
	for name, c := range map[string]struct{ reason, in, want string }{
		"Plain":     {"most names", "ada@acme.test", "ada@acme.test"},
		"Letters":   {"names of the world stay as they are", "Łukasz 山田 José é", "Łukasz 山田 José é"},
		"Emoji":     {"symbols are seen as what they are", "ok ✓", "ok ✓"},
		"Escape":    {"ANSI sequences would rewrite the screen", "\x1b[2Jx", `\x1b[2Jx`},
		"C1":        {"some terminals take U+009B for ESC [", "\u009b2J", `\xc2\x9b2J`},
		"Lines":     {"a second line would look like one of ours", "a\nb\rc\td", `a\x0ab\x0dc\x09d`},
		"Delete":    {"it takes characters back", "a\x7fb", `a\x7fb`},
		"Direction": {"it writes backwards", "admin\u202etset.emca", `admin\u202etset.emca`},
		"Invisible": {"two names that look the same", "ad\u200ba\ufeff", `ad\u200ba\ufeff`},
		"NoBreak":   {"a space that is none", "a\u00a0b", `a\u00a0b`},
		"Broken":    {"bytes that are no text", "a\xffb", `a\xffb`},
		"Tags":      {"invisible characters beyond the first plane", "a\U000e0041b", `a\ue0041b`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Safe(c.in); got != c.want {
				t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestSafeJSON(t *testing.T) {
	for name, in := range map[string]string{
		"Plain": "ada", "C1": "a\u009bb", "Direction": "a\u202eb", "Tags": "a\U000e0041b", "Letters": "山田 ✓", "Delete": "a\x7fb", "Lines": "a\nb\tc\x1b",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.MarshalIndent(map[string]string{"name": in}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			safe := SafeJSON(text)
			if i := strings.IndexFunc(string(safe), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%q still holds what a terminal must not see", safe)
			}
			var back map[string]string
			if err := json.Unmarshal(safe, &back); err != nil || back["name"] != in {
				t.Errorf("got %q, %v after %s; want %q", back["name"], err, safe, in)
			}
		})
	}
}

func FuzzSafe(f *testing.F) {
	f.Add("ada\x1b[0m\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		safe := Safe(s)
		if strings.IndexFunc(safe, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("Safe(%q) is %q", s, safe)
		}
		if Safe(safe) != safe {
			t.Errorf("Safe(%q) is not safe itself", s)
		}
	})
}

func sample() *Table {
	t := New("User", "Last Used", "+E-mail")
	t.Add("bob", "", "bob@acme.test")
	t.Add("Ada\x1b[0m", "3m ago", "=1+1")
	t.Add("carol", "1h ago", "-x")
	return t
}

func TestWrite(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		write  func(*Table, *strings.Builder) error
		want   string
	}{
		"Narrow": {"wide columns are left out, and what is empty is seen", func(s *Table, b *strings.Builder) error { return s.Write(b, Options{}) },
			"USER         LAST USED\nbob          -\nAda\\x1b[0m   3m ago\ncarol        1h ago\n"},
		"Wide": {"all of it", func(s *Table, b *strings.Builder) error { return s.Write(b, Options{Wide: true, NoHeaders: true}) },
			"bob          -        bob@acme.test\nAda\\x1b[0m   3m ago   =1+1\ncarol        1h ago   -x\n"},
		"CSV": {"a spreadsheet must not calculate what somebody is called", func(s *Table, b *strings.Builder) error { return s.WriteCSV(b, Options{}) },
			"user,last_used,e-mail\nbob,,bob@acme.test\nAda\\x1b[0m,3m ago,'=1+1\ncarol,1h ago,'-x\n"},
		"Empty": {"no header above nothing", func(_ *Table, b *strings.Builder) error { return New("User").Write(b, Options{}) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := c.write(sample(), &b); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, b.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestSort(t *testing.T) {
	s := sample()
	if err := s.Sort("last used"); err != nil {
		t.Fatal(err)
	}
	if err := s.Sort("USER"); err != nil || s.Rows[0][0] != "Ada\x1b[0m" || s.Rows[1][0] != "bob" {
		t.Errorf("got %v, %v; want them by name in any case", s.Rows, err)
	}
	if err := s.Sort("lastused"); err != nil || s.Rows[0][0] != "bob" {
		t.Errorf("got %v, %v; want them by the second column", s.Rows, err)
	}
	if err := s.Sort("shoe size"); err == nil || !strings.Contains(err.Error(), "last_used") {
		t.Errorf("got %v, want an error that names the columns", err)
	}
}
