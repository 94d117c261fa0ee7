// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/scim-operator/scim-operator/controllers/connector"
)

func TestCheckUserName(t *testing.T) {
	for name, want := range map[string]string{
		"jane@example.com":            "",
		`O'Brien "Bob" \ ; -- $1 %s`:  "",
		" x ":                         "",
		"王小明👩‍🚀":                      "",
		"../../a%2fb":                 "",
		strings.Repeat("x", 63):       "",
		strings.Repeat("x", 64):       "longer than 63 bytes",
		strings.Repeat("ü", 32):       "longer than 63 bytes",
		"":                            "empty",
		"a\x00b":                      "control characters",
		"a\nb":                        "control characters",
		"\xff":                        "not UTF-8",
		"pg_read_all_data":            `"pg_"`,
		"PG_x":                        `"pg_"`,
		"public":                      "reserved",
		"None":                        "reserved",
		"current_user":                "reserved",
		"SESSION_USER":                "reserved",
		"current_users":               "",
		"scim-operator.dev/owner=a/b": "",
	} {
		err := checkUserName(name)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || connector.KindOf(err) != connector.KindInvalid) {
			t.Errorf("%q: got %v, want %q", name, err, want)
		}
	}
}

func TestOwnerOf(t *testing.T) {
	for comment, want := range map[string]string{
		"":                            "",
		"scim-operator.dev/owner=a/b": "a/b",
		"of the finance team scim-operator.dev/owner=a/b":             "a/b",
		"of the finance team\nscim-operator.dev/owner=a/b":            "",
		"xscim-operator.dev/owner=a/b":                                "",
		"scim-operator.dev/owner=a/b ":                                "",
		"scim-operator.dev/owner=a/b until May":                       "",
		"scim-operator.dev/owner=":                                    "",
		"scim-operator.dev/owner=" + strings.Repeat("x", maxOwner+1):  "",
		"scim-operator.dev/owner=a/b scim-operator.dev/owner=c/d":     "c/d",
		"of the finance team scim-operator.dev/owner=a/b\u00a0c":      "",
		"scim-operator.dev/owner=" + mark("a/b")[len(MarkPrefix):]:    "a/b",
		"SCIM-OPERATOR.DEV/owner=a/b":                                 "",
		"scim-operator.dev/owner=a/b, and scim-operator.dev/other=cd": "",
	} {
		if got := ownerOf(comment); got != want {
			t.Errorf("%q: got %q, want %q", comment, got, want)
		}
	}
}

// TestServerReadsWhatWeQuote asks the server what it makes of quoted texts.
func TestServerReadsWhatWeQuote(t *testing.T) {
	for _, text := range []string{
		"", "'", "''", `\`, `\'`, `'\'`, `\\'; drop table x; --`, "E'x'", "$$x$$", "$1", "a\"b", "ünïcödé 👩‍🚀", "x'y\\z", "U&'\\0041'", "/* */ --", "%s %I",
	} {
		readBack(t, text)
	}
}

func readBack(t testing.TB, text string) {
	t.Helper()
	for _, conforming := range []string{"on", "off"} {
		conn, err := server(t).Admin().Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var gotLiteral, gotName string
		_, err = conn.Exec(t.Context(), "set standard_conforming_strings to "+conforming)
		if err == nil {
			err = conn.QueryRow(t.Context(), "select"+" "+literal(text)).Scan(&gotLiteral)
		}
		if err == nil && text != "" && len(text) <= maxName {
			rows, queried := conn.Query(t.Context(), "select 1 as "+identifier(text))
			if err = queried; err == nil {
				gotName = rows.FieldDescriptions()[0].Name
				rows.Close()
				err = rows.Err()
			}
			if gotName != text {
				t.Errorf("%q is read as the name %q", text, gotName)
			}
		}
		if err != nil || gotLiteral != text {
			t.Errorf("%q is read as %q with standard_conforming_strings %s: %v", text, gotLiteral, conforming, err)
		}
		_, _ = conn.Exec(t.Context(), "reset standard_conforming_strings")
		conn.Release()
	}
}

// FuzzQuoting takes quoted texts apart as the lexer of the server does.
func FuzzQuoting(f *testing.F) {
	for _, seed := range []string{"", "'", `\`, `\'`, `"`, `""`, "a", `'";\`, "👩‍🚀"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Skip("never quoted")
		}
		if got, err := unquote(literal(text)); err != nil || got != text {
			t.Errorf("literal %q of %q is read as %q, %v", literal(text), text, got, err)
		}
		quoted := identifier(text)
		inner := quoted[1 : len(quoted)-1]
		if strings.Contains(strings.ReplaceAll(inner, `""`, ""), `"`) || strings.ReplaceAll(inner, `""`, `"`) != text {
			t.Errorf("identifier %s of %q", quoted, text)
		}
	})
}

// unquote reads one literal, and complains of whatever stands behind it.
func unquote(quoted string) (string, error) {
	escapes := strings.HasPrefix(quoted, " E'")
	body, isLiteral := strings.CutPrefix(strings.TrimPrefix(quoted, " E"), "'")
	if !isLiteral {
		return "", fmt.Errorf("no literal: %s", quoted)
	}
	var text strings.Builder
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '\\' && !escapes:
			return "", fmt.Errorf("a backslash means what a setting says: %s", quoted)
		case body[i] == '\\' && i+1 < len(body):
			i++
			text.WriteByte(body[i])
		case body[i] == '\'' && i+1 < len(body) && body[i+1] == '\'':
			i++
			text.WriteByte('\'')
		case body[i] == '\'':
			if i != len(body)-1 {
				return "", fmt.Errorf("ends early: %s", quoted)
			}
			return text.String(), nil
		default:
			text.WriteByte(body[i])
		}
	}
	return "", fmt.Errorf("does not end: %s", quoted)
}
