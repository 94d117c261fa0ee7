// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression/language"
)

func TestCompileErrors(t *testing.T) {
	kinds := map[string]func(v1alpha1.Expression) error{
		"condition": func(e v1alpha1.Expression) error { _, err := new(Cache).Condition(e); return err },
		"roles":     func(e v1alpha1.Expression) error { _, err := new(Cache).Roles(e); return err },
		"text":      func(e v1alpha1.Expression) error { _, err := new(Cache).Text(e); return err },
		"value":     func(e v1alpha1.Expression) error { _, err := new(Cache).Value(e); return err },
		"invariant": func(e v1alpha1.Expression) error { _, err := new(Cache).Invariant(e); return err },
	}
	for name, tc := range map[string]struct{ kind, e, want string }{
		"syntax":                        {"condition", "user.active &&", "1:15: Syntax error: mismatched input '<EOF>' expecting"},
		"the second line":               {"condition", "user.active &&\n  usr.active", "2:3: undeclared reference to 'usr'"},
		"a condition that is a text":    {"condition", `"yes"`, "the result is string, it must be bool"},
		"a condition that is a list":    {"condition", `groups`, "the result is list(map(string, string)), it must be bool"},
		"roles that are a number":       {"roles", `3`, "the result is int, it must be string or list(string)"},
		"roles in roles":                {"roles", `[["a"]]`, "the result is list(list(string)), it must be string or list(string)"},
		"a text that is a list":         {"text", `grants`, "the result is list(string), it must be string"},
		"a value that is a map":         {"value", `user`, "the result is map(string, dyn), it must be string, int, double, bool or a list of these"},
		"an invariant about a person":   {"invariant", `user.active`, "1:1: undeclared reference to 'user'"},
		"a member that no account has":  {"invariant", `"a" in account.role`, "undeclared reference to 'account'"},
		"comparing what never is equal": {"invariant", `active["admin"] == "2"`, "found no matching overload for '_==_'"},
		"a pattern that is data":        {"condition", `user.a.matches(user.b)`, "1:15: the pattern of matches must be written as a text"},
		"a pattern that is no pattern":  {"condition", `user.a.matches("(")`, "missing closing )"},
		"a pattern that is long":        {"condition", `user.a.matches("` + strings.Repeat("a", 257) + `")`, "the pattern of matches is longer than 256 bytes"},
		"matches without a pattern":     {"condition", `matches()`, "found no matching overload for 'matches'"},
		"a function with I/O":           {"condition", `timestamp(user.a).getHours("../etc") == 1`, "undeclared reference to 'getHours'"},
		"a function that multiplies":    {"text", `"%s".format([user])`, "undeclared reference to 'format'"},
		"a name for a value":            {"condition", `user.?a.optMap(a, [a, a]) == optional.none()`, "undeclared reference to 'optMap'"},
		"too long":                      {"condition", strings.Repeat("true||", 700) + "true", "the expression is longer than 4096 characters"},
		"too deep":                      {"condition", strings.Repeat("(", 300) + "true" + strings.Repeat(")", 300), "recursion"},
		"too deep without parentheses":  {"condition", strings.Repeat("1+", 150) + "1 == 2", "max recursion depth exceeded"},
		"a map of maps that doubles":    {"value", "[1]" + strings.Repeat(".map(a,{a:a})", 45) + ".size()", "the keys of a map must be written as texts or numbers"},
		"overflow":                      {"condition", `int(1e300) == 1`, "integer overflow"},
		"many errors":                   {"condition", `a && b && c && d && e`, "and 2 more"},
		"control characters":            {"condition", "\x1b[31m\x00", "1:1: "},
		"empty":                         {"condition", "", "mismatched input"},
		"division of constants by zero": {"condition", "has(user)", "invalid argument to has() macro"},
	} {
		t.Run(name, func(t *testing.T) {
			err := kinds[tc.kind](v1alpha1.Expression(tc.e))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %s", err, tc.want)
			}
			checkMessage(t, err.Error())
		})
	}
}

func checkMessage(t *testing.T, text string) {
	t.Helper()
	if len(text) > language.MaxProblem || text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Errorf("not a message of one line: %q", text)
	}
}

var update = flag.Bool("update", false, "write testdata/functions.golden")

// TestFunctions shows every function and macro that an expression can call (OPS-01). Before one is added here, know that it does no I/O,
// knows no time, and cannot make much out of little.
func TestFunctions(t *testing.T) {
	env, err := new(languages).ofPerson()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, function := range env.Functions() {
		for _, o := range function.OverloadDecls() {
			got = append(got, fmt.Sprintf("function %s: %s", name, o.ID()))
		}
	}
	for _, m := range env.Macros() {
		got = append(got, "macro "+m.MacroKey())
	}
	slices.Sort(got)
	text := strings.Join(got, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/functions.golden", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/functions.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	account, err := new(languages).ofAccount()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(env.Functions())), slices.Sorted(maps.Keys(account.Functions()))); diff != "" {
		t.Errorf("invariants have others (-person +account):\n%s", diff)
	}
}

func TestCache(t *testing.T) {
	var cache Cache
	one, err := cache.Condition("user.active")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := cache.Condition("user.active"); again != one {
		t.Error("compiled twice")
	}
	if _, err := cache.Text("user.active"); err != nil {
		t.Errorf("the same expression for another purpose: %v", err)
	}
	_, first := cache.Condition("1")
	if _, second := cache.Condition("1"); first == nil || !errors.Is(second, first) {
		t.Errorf("the error is not remembered: %v, %v", first, second)
	}
	for i := range cacheSize {
		cache.entry(cacheKey{forText, v1alpha1.Expression(fmt.Sprint(i))})
	}
	if got := cache.programs.Len(); got != cacheSize {
		t.Errorf("%d entries", got)
	}
	if again, _ := cache.Condition("user.active"); again == one {
		t.Error("nothing was thrown away")
	}
}

func TestCacheFromMany(t *testing.T) {
	var cache Cache
	var all sync.WaitGroup
	seen := make([]*Condition, 8)
	for i := range seen {
		all.Go(func() {
			c, err := cache.Condition(`groups.exists(g, g.displayName == "Admins")`)
			if err != nil {
				t.Error(err)
				return
			}
			for range 50 {
				if ok, err := c.Holds(ann()); !ok || err != nil {
					t.Errorf("got %v, %v", ok, err)
				}
			}
			seen[i] = c
			if _, err := cache.Invariant(v1alpha1.Expression(fmt.Sprintf(`active["r%d"] == 0`, i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if seen = slices.Compact(seen); len(seen) != 1 {
		t.Errorf("compiled %d times", len(seen))
	}
}

// TestErrorsQuoteNothing puts a secret wherever data can be and looks for it in every error.
func TestErrorsQuoteNothing(t *testing.T) {
	const secret = "s3cr3t"
	p := Person{
		User:   map[string]any{"a": secret, "l": []any{secret}, "m": map[string]any{secret: secret}},
		Groups: []map[string]any{{"id": secret}}, Grants: []string{secret},
	}
	var cache Cache
	for _, e := range []v1alpha1.Expression{
		`int(user.a)`, `double(user.a)`, `bool(user.a)`, `string(timestamp(user.a))`, `string(duration(user.a))`, `json(user.a)`, `user.m[user.l]`, `user[user.a]`,
		`user.a.b`, `groups[0][user.a]`, `user.a + 1`, `user.l.join() + user.l`, `-user.a`, `user.m.map(k, user[k])`, `{"a": 1, "a": 2}[user.a]`,
		`user.l[user.a]`, `size(user.a) / 0`, `user.a.charAt(100)`, `[[user.a]].flatten(-1)`, `user.l[9]`, `bytes(user.a) == b"x" ? dyn(1) : dyn(user.m)`,
	} {
		v, err := cache.Value(e)
		if err != nil {
			t.Errorf("%s: %v", e, err)
			continue
		}
		_, err = v.String(p)
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", e, err)
		}
		if err != nil && problemIn(err) == "" {
			t.Errorf("%s: %T", e, err)
		}
	}
}

// TestCompiles are expressions as people write them that must not be refused for their shape.
func TestCompiles(t *testing.T) {
	for name, e := range map[string]string{
		"many alternatives": `user.title == "a"` + strings.Repeat(` || user.title == "a"`, 180),
		"many parts":        `(user.title` + strings.Repeat(` + "-" + user.title`, 20) + `) == ""`,
		"many members":      `user.title in ["a"` + strings.Repeat(`, "a"`, 700) + `]`,
		"nested":            `groups.exists(g, grants.exists(h, user.emails.exists(m, m.value == g.id && (m.value == h || (m.value == "" && (g.id == h))))))`,
		"a table":           `{"Sales": "crm", "IT": "wiki"}[user.department] == "crm"`,
		"chained ternaries": strings.Repeat(`user.title == "a" ? true : `, 20) + `false`,
	} {
		if _, err := new(Cache).Condition(v1alpha1.Expression(e)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
