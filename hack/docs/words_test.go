// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const operations = "docs/operations.md"

func parseGo(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("%T is no string literal", e)
	}
	s, err := strconv.Unquote(literal.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// firstCells are the words in backticks that begin the rows of the tables under a heading.
func (p page) firstCells(under string) (cells []string) {
	here := false
	for line := range strings.SplitSeq(p.prose, "\n") {
		if strings.HasPrefix(line, "#") {
			here = strings.TrimLeft(line, "# ") == under
		}
		if cell, found := strings.CutPrefix(line, "| `"); found && here {
			word, _, _ := strings.Cut(cell, "`")
			cells = append(cells, word)
		}
	}
	slices.Sort(cells)
	return cells
}

// flagsOf asks the program itself.
func flagsOf(t *testing.T, program string) (flags []string) {
	t.Helper()
	help := exec.CommandContext(t.Context(), "go", "run", "./cmd/"+program, "--help")
	help.Dir = root
	usage, _ := help.CombinedOutput() // the exit status of --help is the program's affair
	for line := range strings.SplitSeq(string(usage), "\n") {
		if flag, found := strings.CutPrefix(line, "  -"); found {
			name, _, _ := strings.Cut(flag, " ")
			flags = append(flags, "--"+name)
		}
	}
	if len(flags) < 5 {
		t.Fatalf("%s --help names the flags %q only:\n%s", program, flags, usage)
	}
	slices.Sort(flags)
	return flags
}

func TestEveryFlagIsExplained(t *testing.T) {
	page := pages(t)[operations]
	for _, program := range []string{"scim-server", "scim-controller"} {
		want := flagsOf(t, program)
		if diff := cmp.Diff(want, page.firstCells("Flags of "+program)); diff != "" {
			t.Errorf("flags of %s in %s (-program +page):\n%s", program, operations, diff)
		}
	}
}

// reasons are the Reason constants of the API.
func reasons(t *testing.T) (values []string) {
	t.Helper()
	for _, declaration := range parseGo(t, "api/v1alpha1/conditions.go").Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			if value, ok := spec.(*ast.ValueSpec); ok && strings.HasPrefix(value.Names[0].Name, "Reason") {
				values = append(values, text(t, value.Values[0]))
			}
		}
	}
	slices.Sort(values)
	return values
}

// kindPages are the pages of the kinds: those that a types file stands behind.
func kindPages(t *testing.T) (found []page) {
	t.Helper()
	types, err := filepath.Glob(filepath.Join(root, "api/v1alpha1/scim*_types.go"))
	if err != nil || len(types) == 0 {
		t.Fatal("found no kinds", err)
	}
	all := pages(t)
	for _, path := range types {
		name := "docs/" + strings.TrimSuffix(filepath.Base(path), "_types.go") + ".md"
		p, exists := all[name]
		if !exists {
			t.Errorf("%s does not exist", name)
			continue
		}
		found = append(found, p)
	}
	return found
}

func TestEveryReasonIsExplained(t *testing.T) {
	var explained []string
	for _, p := range kindPages(t) {
		explained = append(explained, p.firstCells("Status")...)
	}
	explained = slices.DeleteFunc(explained, func(cell string) bool { return strings.HasPrefix(cell, "status.") })
	slices.Sort(explained)
	if diff := cmp.Diff(reasons(t), slices.Compact(explained)); diff != "" {
		t.Errorf("reasons in the tables under Status of the pages of the kinds (-api +pages):\n%s", diff)
	}
}

func TestKindsHaveOneOutline(t *testing.T) {
	want := []string{"What it is", "Example", "Fields", "Status", "Useful lines"}
	for _, p := range kindPages(t) {
		if diff := cmp.Diff(want, p.headings("##")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p.path, diff)
		}
	}
}

// TestEveryPageIsInTheIndex: a page that nothing leads to is read by nobody.
func TestEveryPageIsInTheIndex(t *testing.T) {
	index, err := os.ReadFile(filepath.Join(root, "docs/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for path := range pages(t) {
		name, inDocs := strings.CutPrefix(path, "docs/")
		if inDocs && name != "README.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/README.md has no link to %s", name)
		}
	}
}
