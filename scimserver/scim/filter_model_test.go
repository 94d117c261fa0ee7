// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// filterModel is a filter as a tree, evaluated in the most direct way there is.
type filterModel struct {
	op          string // and, or, not, brackets, or an attribute operator
	attr, value string
	terms       []filterModel
}

func randomFilter(random *rand.Rand, depth int, element bool) filterModel {
	kinds := []string{"leaf", "leaf", "and", "or", "not"}
	if !element {
		kinds = append(kinds, "brackets")
	}
	kind := kinds[random.IntN(len(kinds))]
	if depth == 0 {
		kind = "leaf"
	}
	sub := func() filterModel { return randomFilter(random, depth-1, element || kind == "brackets") }
	switch kind {
	case "and", "or":
		return filterModel{op: kind, terms: []filterModel{sub(), sub(), sub()}[:2+random.IntN(2)]}
	case "not", "brackets":
		return filterModel{op: kind, terms: []filterModel{sub()}}
	}
	attrs := []string{"title", "emails.value", "emails.type", "name.givenName", EnterpriseUserURN + ":department"}
	if element {
		attrs = []string{"value", "type"}
	}
	ops := []string{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"}
	return filterModel{
		op: ops[random.IntN(len(ops))], attr: attrs[random.IntN(len(attrs))],
		value: []string{"a", "b", "ab", "B", ""}[random.IntN(5)],
	}
}

// text renders the tree with as few parentheses as precedence allows.
func (m filterModel) text(parent string) string {
	switch m.op {
	case "and", "or":
		var terms []string
		for _, term := range m.terms {
			terms = append(terms, term.text(m.op))
		}
		out := strings.Join(terms, " "+m.op+" ")
		if m.op == "or" && parent == "and" {
			return "(" + out + ")"
		}
		return out
	case "not":
		return "not (" + m.terms[0].text("") + ")"
	case "brackets":
		return "emails[" + m.terms[0].text("") + "]"
	case "pr":
		return m.attr + " pr"
	}
	return fmt.Sprintf("%s %s %q", m.attr, m.op, m.value)
}

func (m filterModel) eval(r map[string]any) bool {
	switch m.op {
	case "and":
		for _, term := range m.terms {
			if !term.eval(r) {
				return false
			}
		}
		return true
	case "or":
		for _, term := range m.terms {
			if term.eval(r) {
				return true
			}
		}
		return false
	case "not":
		return !m.terms[0].eval(r)
	case "brackets":
		list, _ := r["emails"].([]any)
		for _, e := range list {
			if m.terms[0].eval(e.(map[string]any)) {
				return true
			}
		}
		return false
	}
	return m.evalLeaf(modelValues(r, m.attr))
}

func modelValues(r map[string]any, attr string) []string {
	parent, name := r, attr
	if rest, ok := strings.CutPrefix(attr, EnterpriseUserURN+":"); ok {
		parent, _ = r[EnterpriseUserURN].(map[string]any)
		name = rest
	}
	first, second, dotted := strings.Cut(name, ".")
	var out []string
	collect := func(v any) {
		if s, ok := v.(string); ok {
			out = append(out, strings.ToLower(s))
		}
	}
	if !dotted {
		collect(parent[first])
		return out
	}
	list, ok := parent[first].([]any)
	if !ok {
		list = []any{parent[first]}
	}
	for _, e := range list {
		object, _ := e.(map[string]any)
		collect(object[second])
	}
	return out
}

func (m filterModel) evalLeaf(values []string) bool {
	want := strings.ToLower(m.value)
	tests := map[string]func(v string) bool{
		"eq": func(v string) bool { return v == want }, "ne": func(v string) bool { return v != want },
		"co": func(v string) bool { return strings.Contains(v, want) },
		"sw": func(v string) bool { return strings.HasPrefix(v, want) },
		"ew": func(v string) bool { return strings.HasSuffix(v, want) },
		"gt": func(v string) bool { return v > want }, "ge": func(v string) bool { return v >= want },
		"lt": func(v string) bool { return v < want }, "le": func(v string) bool { return v <= want },
		"pr": func(v string) bool { return v != "" },
	}
	for _, v := range values {
		if tests[m.op](v) {
			return true
		}
	}
	return m.op == "ne" && len(values) == 0
}

func randomFilterUser(random *rand.Rand) Resource {
	r := Resource{"userName": "u"}
	value := func() string { return []string{"a", "A", "b", "ab", "ba", ""}[random.IntN(6)] }
	if random.IntN(2) == 0 {
		r["title"] = value()
	}
	if random.IntN(2) == 0 {
		r["name"] = map[string]any{"givenName": value()}
	}
	if random.IntN(2) == 0 {
		r[EnterpriseUserURN] = map[string]any{"department": value()}
	}
	var emails []any
	for range random.IntN(4) {
		e := map[string]any{"value": value()}
		if random.IntN(2) == 0 {
			e["type"] = value()
		}
		emails = append(emails, e)
	}
	if emails != nil {
		r["emails"] = emails
	}
	return r
}

func TestFilterAgainstModel(t *testing.T) {
	rt := UserResourceType()
	random := rand.New(rand.NewPCG(3, 4))
	matched := 0
	for range 4000 {
		model := randomFilter(random, 3, false)
		text := model.text("")
		f, err := ParseFilter(rt, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for range 5 {
			r := randomFilterUser(random)
			want := model.eval(r)
			if got := f.Match(r, Common{}); got != want {
				t.Fatalf("%s on %v: match = %v, want %v", text, r, got, want)
			}
			if want {
				matched++
			}
		}
	}
	if matched < 2000 || matched > 18000 {
		t.Errorf("%d of 20000 matched: the model tests little", matched)
	}
}

// TestHiddenValuesDoNotShow: whatever is asked, two resources that differ in a
// hidden value only answer the same (SEC-11).
func TestHiddenValuesDoNotShow(t *testing.T) {
	rt := UserResourceType()
	one, two := parse(t, rt, filterUser), parse(t, rt, filterUser)
	one["password"], two["password"] = "one", "two"
	random := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		text := strings.ReplaceAll(randomFilter(random, 3, false).text(""), "title", []string{"title", "password"}[random.IntN(2)])
		f, err := ParseFilter(rt, text)
		if strings.Contains(text, "password") != (err != nil) {
			t.Fatalf("%s: %v", text, err)
		}
		if f.Match(one, Common{}) != f.Match(two, Common{}) {
			t.Fatalf("%s tells a hidden value", text)
		}
	}
}
