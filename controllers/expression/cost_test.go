// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// big is a person as large as the API lets one be.
func big() Person {
	numbers := make([]any, 40_000)
	for i := range numbers {
		numbers[i] = int64(i % 7)
	}
	p := Person{User: map[string]any{"text": strings.Repeat("ab", 60_000), "numbers": numbers, "some": numbers[:500], "one": "x"}}
	for i := range 2000 {
		p.Groups = append(p.Groups, map[string]any{"id": fmt.Sprint(i), "displayName": fmt.Sprint("group-", i)})
	}
	return p
}

// TestCost evaluates what would take for ever, or all memory, if it were not stopped. That it ends is the test.
func TestCost(t *testing.T) {
	doubled := func(begin, step string) v1alpha1.Expression {
		return v1alpha1.Expression(begin + strings.Repeat(step, 24))
	}
	var cache Cache
	p := big()
	for name, e := range map[string]v1alpha1.Expression{
		"a text that doubles itself":           doubled(`[user.one]`, `.map(a, a+a)`),
		"a list that doubles itself":           doubled(`[[1]]`, `.map(a, a+a)`) + `[0].size()`,
		"a list of dyn that doubles itself":    doubled(`[user.numbers]`, `.map(a, a+a)`),
		"a list that holds itself twice":       doubled(`[[1]]`, `.map(a, [a,a])`) + `.map(a, a == a)[0]`,
		"a map that holds itself twice":        doubled(`[{1:1}]`, `.map(a, {1:a,2:a})`) + `.map(a, a == a)[0]`,
		"an optional value that holds itself":  doubled(`[[1]]`, `.map(a, [optional.of(a),optional.of(a)])`) + `.map(a, a == a)[0]`,
		"flattening what holds itself twice":   doubled(`[[1]]`, `.map(a, [a,a])`) + `.flatten(1000)`,
		"replacing every place by a long text": `user.text.replace("", user.text)`,
		"joining by a long text":               `user.some.map(n, "x").join(user.text)`,
		"sets of many":                         `sets.contains(user.numbers, user.numbers) ? "a" : "b"`,
		"comparing much, often":                `groups.all(g, user.numbers == user.numbers)`,
		"looking for what is not there":        `groups.all(g, !(99 in user.numbers))`,
		"everybody with everybody":             `groups.all(a, groups.all(b, groups.all(c, a.id != "" && b.id != "" && c.id != "")))`,
		"a pattern on a long text":             `groups.exists(g, user.text.matches("(a|b|ab)*c$"))`,
		"splitting a long text":                `groups.map(g, user.text.split("")).size()`,
		"searching in a long text":             `groups.all(g, user.text.indexOf("c") < 0)`,
		"many long texts":                      `groups.map(g, user.text + g.id).join("")`,
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			v, err := cache.Value(e)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = v.String(p); problemIn(err) != ProblemCost {
				t.Errorf("got %v, want %s", err, ProblemCost)
			}
			t.Log(time.Since(begin))
		})
	}
	for name, e := range map[string]v1alpha1.Expression{
		"a condition on the last of 2000 groups": `groups.exists(g, g.displayName == "group-1999")`,
		"roles from 2000 groups":                 `groups.filter(g, g.displayName.startsWith("group-19")).map(g, g.displayName).join(",") != ""`,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := cache.Condition(e)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := c.Holds(p); !ok || err != nil {
				t.Errorf("got %v, %v", ok, err)
			}
		})
	}
}

// FuzzExpression compiles and evaluates anything: it must not panic, not hang, and say nothing but what it may.
func FuzzExpression(f *testing.F) {
	for _, e := range []string{
		`groups.exists(g, g.displayName == "Admins")`, `user["` + enterprise + `"].department`, `user.?a.orValue([1])`, `json(user.text)[0].roles`,
		`user.accounts.filter(a, a.accountId == "crm").map(a, a.roles).flatten()`, `{"a": user.level}["a"] + 1`, `b"a" + bytes(user.title)`,
		`[1, 2u, 3.0, "x", true, null, type(1)].map(x, string(x))`, `timestamp("2026-01-01T00:00:00Z") - duration("1h")`, `active["a"] > 1 && "x" in account.roles`,
		`user.title.replace("", user.title).split("e").join("-")`, `sets.equivalent([1], [1.0])`, `[[1]].map(a, [a,a])`, `1 / 0 > 1 || user.nosuch`, "`",
	} {
		f.Add(e)
	}
	var l languages
	p := ann()
	f.Fuzz(func(t *testing.T, e string) {
		check := func(err error) {
			if err != nil {
				checkMessage(t, err.Error())
			}
		}
		evaluated := func(err error) {
			if err != nil && strings.HasPrefix(string(problemIn(err)), "not an") {
				t.Errorf("%q: %v", e, err)
			}
		}
		if v, err := l.value(v1alpha1.Expression(e)); err == nil {
			_, err = v.String(p)
			evaluated(err)
		} else {
			check(err)
		}
		if c, err := l.condition(v1alpha1.Expression(e)); err == nil {
			_, err = c.Holds(p)
			evaluated(err)
		}
		if r, err := l.roles(v1alpha1.Expression(e)); err == nil {
			names, err := r.Names(p)
			evaluated(err)
			for _, name := range names {
				if !isRoleName(name) {
					t.Errorf("%q: role %q", e, name)
				}
			}
		}
		if i, err := l.invariant(v1alpha1.Expression(e)); err == nil {
			_, err = i.Holds(Account{UserName: "ann", Roles: []string{"a"}}, map[string]int64{"a": 1})
			evaluated(err)
		} else {
			check(err)
		}
	})
}

func BenchmarkHolds(b *testing.B) {
	var cache Cache
	p := ann()
	for i := range 18 {
		p.Groups = append(p.Groups, map[string]any{"id": fmt.Sprint("g", i), "displayName": fmt.Sprint("group ", i)})
	}
	for name, e := range map[string]v1alpha1.Expression{
		"department": `user["` + enterprise + `"].department == "Sales"`,
		"absent":     `user.nosuch == "Sales"`,
		"20 groups":  `groups.exists(g, g.displayName == "group 17")`,
	} {
		c, err := cache.Condition(e)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Holds(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNames(b *testing.B) {
	r, err := new(Cache).Roles(`json(user.text).filter(a, a.accountId == "crm" && a.status == "active").map(a, a.roles).flatten()`)
	if err != nil {
		b.Fatal(err)
	}
	p := ann()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Names(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPersonOf(b *testing.B) {
	user := &v1alpha1.ScimUser{}
	user.Spec.Attributes = rawAnn()
	b.ReportAllocs()
	for b.Loop() {
		PersonOf(user, nil)
	}
}

func BenchmarkCompile(b *testing.B) {
	var l languages
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.condition(`groups.exists(g, g.displayName == "Admins") && user.active`); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLanguage(b *testing.B) {
	for b.Loop() {
		if _, err := new(languages).ofPerson(); err != nil {
			b.Fatal(err)
		}
	}
}
