// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/scim-operator/scim-operator/api/v1alpha1"
)

// crds are the CustomResourceDefinitions by the page of their kind.
func crds(t *testing.T) map[string]*apiextensionsv1.JSONSchemaProps {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "config/crd/scim-operator.dev_*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatal("found no CRD", err)
	}
	found := map[string]*apiextensionsv1.JSONSchemaProps{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(content, &crd); err != nil {
			t.Fatal(err)
		}
		found["docs/"+strings.ToLower(crd.Spec.Names.Kind)+".md"] = crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	return found
}

// field is one of spec or status, however deep: a.b[].c.
type field struct {
	path   string
	schema apiextensionsv1.JSONSchemaProps
}

func fieldsOf(path string, schema apiextensionsv1.JSONSchemaProps) (all []field) {
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		below := path + "." + name
		property := schema.Properties[name]
		all = append(all, field{below, property})
		if property.Items != nil && property.Items.Schema != nil {
			below, property = below+"[]", *property.Items.Schema
		}
		all = append(all, fieldsOf(below, property)...)
	}
	return all
}

// isCommon reports whether a field means the same on every kind: what is special is in the table of reasons.
func (f field) isCommon() bool {
	return strings.HasPrefix(f.path, "status.conditions") || f.path == "status.observedGeneration"
}

// said is all code about the fields of a page's kind. A connector has a page of its own.
func said(t *testing.T, all map[string]page, path string) []string {
	t.Helper()
	words := all[path].code()
	if path != "docs/scimapplication.md" {
		return words
	}
	for connector, p := range all {
		if strings.HasPrefix(connector, "docs/connectors/") {
			words = append(words, p.code()...)
		}
	}
	return words
}

// TestEveryFieldIsExplained: the name of every field is in the code of the page of its kind, prose or example.
func TestEveryFieldIsExplained(t *testing.T) {
	all := pages(t)
	for path, schema := range crds(t) {
		words := said(t, all, path)
		for _, part := range []string{"spec", "status"} {
			for _, f := range fieldsOf(part, schema.Properties[part]) {
				name := f.path[strings.LastIndex(f.path, ".")+1:]
				if !f.isCommon() && !slices.ContainsFunc(words, func(code string) bool { return names(code, name) }) {
					t.Errorf("%s does not explain %s", path, f.path)
				}
			}
		}
	}
}

// code is everything on the page that is set as code.
func (p page) code() []string {
	said := code.FindAllString(p.prose, -1)
	for _, b := range p.blocks {
		said = append(said, b.text)
	}
	return said
}

// names reports whether the code has that name in it as a whole word.
func names(code, name string) bool {
	isLetter := func(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
	for at := 0; ; at++ {
		i := strings.Index(code[at:], name)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(name)
		if (at == 0 || !isLetter(code[at-1])) && (end == len(code) || !isLetter(code[end])) {
			return true
		}
	}
}

// TestDefaultsAreThoseOfTheAPI: where a table has a column of defaults, it is right about every field and has all that have one.
func TestDefaultsAreThoseOfTheAPI(t *testing.T) {
	schemas, all, checked := crds(t), pages(t), 0
	for path, schema := range schemas {
		p := all[path]
		for _, f := range fieldsOf("spec", schema.Properties["spec"]) {
			row, found := rowOf(p, f.path)
			if !found {
				continue
			}
			checked++
			if got := strings.Trim(strings.TrimSpace(row[1]), "`"); got != defaultOf(f, schema.Properties["spec"]) {
				t.Errorf("%s says that the default of %s is %q, it is %q", path, f.path, got, defaultOf(f, schema.Properties["spec"]))
			}
			for bound, value := range map[string]*float64{"minimum": f.schema.Minimum, "maximum": f.schema.Maximum} {
				if value != nil && !strings.Contains(row[2], fmt.Sprintf("%.0f", *value)) && row[2] != " the same " && !strings.Contains(row[2], "the same for") {
					t.Errorf("%s does not say that the %s of %s is %.0f", path, bound, f.path, *value)
				}
			}
		}
	}
	if checked < 30 {
		t.Errorf("checked %d fields only", checked)
	}
}

// rowOf is the row of a table with a column of defaults that is about a field.
func rowOf(p page, field string) (cells []string, found bool) {
	defaults := false
	for line := range strings.SplitSeq(p.prose, "\n") {
		switch {
		case !strings.HasPrefix(line, "|"):
			defaults = false
		case strings.HasPrefix(line, "| field | default |"):
			defaults = true
		case defaults && strings.HasPrefix(line, "| `"+field+"` |"):
			return strings.Split(strings.Trim(line, "|"), "|"), true
		}
	}
	return nil, false
}

// defaultOf is the default of a field, be it that of what it is in.
func defaultOf(f field, spec apiextensionsv1.JSONSchemaProps) string {
	switch {
	case f.schema.Type == "object":
		return "" // the members have theirs
	case f.schema.Default != nil:
		return strings.Trim(string(f.schema.Default.Raw), `"`)
	}
	parent := spec
	steps := strings.Split(strings.TrimPrefix(f.path, "spec."), ".")
	for _, step := range steps[:len(steps)-1] {
		parent = parent.Properties[step]
	}
	var members map[string]any
	if parent.Default == nil || yaml.Unmarshal(parent.Default.Raw, &members) != nil || members[steps[len(steps)-1]] == nil {
		return ""
	}
	return fmt.Sprint(members[steps[len(steps)-1]])
}

// TestEveryValueIsExplained: the values that a field of a kind can have are on the page of the kind.
func TestEveryValueIsExplained(t *testing.T) {
	all := pages(t)
	for path, schema := range crds(t) {
		words := said(t, all, path)
		for _, part := range []string{"spec", "status"} {
			for _, f := range fieldsOf(part, schema.Properties[part]) {
				for _, value := range f.schema.Enum {
					word := strings.Trim(string(value.Raw), `"`)
					if !f.isCommon() && !slices.ContainsFunc(words, func(code string) bool { return names(code, word) }) {
						t.Errorf("%s does not explain the value %s of %s", path, word, f.path)
					}
				}
			}
		}
	}
}

// TestEveryAnnotationIsExplained: what stands on an object can be looked up.
func TestEveryAnnotationIsExplained(t *testing.T) {
	var prose strings.Builder
	for _, p := range pages(t) {
		prose.WriteString(strings.Join(p.code(), "\n"))
	}
	for key, name := range annotations(t) {
		if !strings.Contains(prose.String(), key) {
			t.Errorf("no page explains %s: %s", name, key)
		}
	}
}

// annotations are the keys that labels.go makes of the group, and the names of their constants.
func annotations(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, declaration := range parseGo(t, "api/v1alpha1/labels.go").Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			if sum, ok := value.Values[0].(*ast.BinaryExpr); ok { // Group + "/name"
				found[v1alpha1.Group+text(t, sum.Y)] = value.Names[0].Name
			}
		}
	}
	return found
}
