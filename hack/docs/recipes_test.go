// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
	"github.com/scim-operator/scim-operator/controllers/expression"
)

// languageUser and languageAccount follow the fence of what the expressions after it see; languageRecipe is the beginning of what
// follows the fence of an expression: "cel condition" and so on. Its last line is a comment with the result.
const (
	languageUser    = "json user"
	languageAccount = "json account"
	languageRecipe  = "cel "
)

// seen is what an expression sees.
type seen struct {
	User    map[string]any
	Groups  []map[string]any
	Grants  []string
	Account expression.Account
	Active  map[string]int64
}

// recipeKinds compile an expression of each kind and evaluate it.
func recipeKinds() map[string]func(v1alpha1.Expression, seen) (any, error) {
	person := func(s seen) expression.Person {
		return expression.Person{User: s.User, Groups: s.Groups, Grants: s.Grants}
	}
	return map[string]func(v1alpha1.Expression, seen) (any, error){
		"condition": func(e v1alpha1.Expression, s seen) (any, error) {
			program, err := new(expression.Cache).Condition(e)
			if err != nil {
				return nil, err
			}
			return program.Holds(person(s))
		},
		"roles": func(e v1alpha1.Expression, s seen) (any, error) {
			program, err := new(expression.Cache).Roles(e)
			if err != nil {
				return nil, err
			}
			return program.Names(person(s))
		},
		"text": func(e v1alpha1.Expression, s seen) (any, error) {
			program, err := new(expression.Cache).Text(e)
			if err != nil {
				return nil, err
			}
			return program.String(person(s))
		},
		"value": func(e v1alpha1.Expression, s seen) (any, error) {
			program, err := new(expression.Cache).Value(e)
			if err != nil {
				return nil, err
			}
			return program.String(person(s))
		},
		"invariant": func(e v1alpha1.Expression, s seen) (any, error) {
			program, err := new(expression.Cache).Invariant(e)
			if err != nil {
				return nil, err
			}
			return program.Holds(s.Account, s.Active)
		},
	}
}

// TestRecipes evaluates every recipe for everybody who is shown since the last recipe, or else for those before.
func TestRecipes(t *testing.T) {
	kinds, done := recipeKinds(), map[string]bool{}
	for _, p := range pages(t) {
		var everybody []seen
		fresh := true
		for _, b := range p.blocks {
			switch kind, isRecipe := strings.CutPrefix(b.language, languageRecipe); {
			case b.language == languageUser || b.language == languageAccount:
				if fresh {
					everybody, fresh = nil, false
				}
				everybody = append(everybody, decodeSeen(t, p, b))
			case isRecipe && kinds[kind] == nil:
				t.Errorf("%s:%d: there is no kind of recipe %q", p.path, b.line, kind)
			case isRecipe:
				fresh, done[kind] = true, true
				checkRecipe(t, p, b, kinds[kind], everybody)
			}
		}
	}
	if len(done) != len(kinds) {
		t.Errorf("found recipes of %v only", done)
	}
}

func decodeSeen(t *testing.T, p page, b block) (s seen) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.text), &s); err != nil {
		t.Fatalf("%s:%d: %v", p.path, b.line, err)
	}
	wholeNumbers(s.User)
	return s
}

// wholeNumbers makes ints of whole numbers, as the controller does when it decodes attributes.
func wholeNumbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			value[name] = wholeNumbers(member)
		}
	case []any:
		for i := range value {
			value[i] = wholeNumbers(value[i])
		}
	case float64:
		if value == float64(int64(value)) {
			return int64(value)
		}
	}
	return value
}

func checkRecipe(t *testing.T, p page, b block, evaluate func(v1alpha1.Expression, seen) (any, error), everybody []seen) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(b.text), "\n")
	said, found := strings.CutPrefix(lines[len(lines)-1], "// ")
	var want any
	if err := json.Unmarshal([]byte(said), &want); !found || err != nil || len(everybody) == 0 {
		t.Errorf("%s:%d: the recipe says no result, or for nobody: %v", p.path, b.line, err)
		return
	}
	for _, somebody := range everybody {
		got, err := evaluate(v1alpha1.Expression(b.text), somebody)
		if err != nil {
			t.Errorf("%s:%d: %v", p.path, b.line, err)
			continue
		}
		if diff := cmp.Diff(want, asJSON(t, got)); diff != "" {
			t.Errorf("%s:%d (-page +got):\n%s", p.path, b.line, diff)
		}
	}
}

func asJSON(t *testing.T, value any) (decoded any) {
	t.Helper()
	content, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(content, &decoded)
	}
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

// TestExpressionsInExamplesCompile: what can be copied from a page, or from the samples, is valid.
func TestExpressionsInExamplesCompile(t *testing.T) {
	all, found := pages(t), 0
	for _, p := range all {
		for _, b := range blocksOf(t, p, languageObjects) {
			for _, object := range decodeObjects(t, p, b) {
				for where, err := range compileAll(t, object) {
					found++
					if err != nil {
						t.Errorf("%s:%d: %s of %s %s: %v", p.path, b.line, where, object.GetKind(), object.GetName(), err)
					}
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d expressions only", found)
	}
}

func decodeObjects(t *testing.T, p page, b block) []*unstructured.Unstructured {
	t.Helper()
	found, err := objects(b)
	if err != nil {
		t.Fatalf("%s:%d: %v", p.path, b.line, err)
	}
	return found
}

// compileAll compiles the expressions of an object, and says what became of each.
func compileAll(t *testing.T, object *unstructured.Unstructured) map[string]error {
	t.Helper()
	result := map[string]error{}
	try := func(where, kind string, e v1alpha1.Expression) {
		if e != "" {
			result[where] = compileAs(kind, e)
		}
	}
	switch object.GetKind() {
	case "ScimGrant":
		var grant v1alpha1.ScimGrant
		convert(t, object, &grant)
		try("rolesFrom", "roles", grant.Spec.RolesFrom)
		for _, subject := range grant.Spec.Subjects {
			try("condition", "condition", subject.Condition)
		}
	case "ScimApplication":
		var app v1alpha1.ScimApplication
		convert(t, object, &app)
		try("userName", "text", app.Spec.Account.UserName)
		try("displayName", "text", app.Spec.Account.DisplayName)
		try("email", "text", app.Spec.Account.Email)
		for _, attribute := range app.Spec.Account.Attributes {
			try(filepath.Join("attributes", attribute.Name), "value", attribute.Value)
		}
		for _, invariant := range app.Spec.Invariants {
			try(filepath.Join("invariants", invariant.Name), "invariant", invariant.Expression)
		}
	}
	return result
}

func convert(t *testing.T, object *unstructured.Unstructured, typed any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
		t.Fatal(err)
	}
}

func compileAs(kind string, e v1alpha1.Expression) (err error) {
	switch kind {
	case "condition":
		_, err = new(expression.Cache).Condition(e)
	case "roles":
		_, err = new(expression.Cache).Roles(e)
	case "text":
		_, err = new(expression.Cache).Text(e)
	case "value":
		_, err = new(expression.Cache).Value(e)
	case "invariant":
		_, err = new(expression.Cache).Invariant(e)
	}
	return err
}
