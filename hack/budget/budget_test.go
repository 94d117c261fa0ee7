// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root = "../.."

	// The lines of a function, from its name to its closing brace.
	functionMedian, function90th, functionMax = 10, 35, 80
	// The lines of a file.
	fileMax = 500
	// nolintMax leaves room for a few more than there are. Raise it only when each new one has a reason that a reviewer accepts.
	nolintMax = 36
)

// measure is the length of something, in lines.
type measure struct {
	lines int
	where string
}

func TestBudgets(t *testing.T) {
	var functions, files []measure
	nolint := 0
	for _, path := range sources(t) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(file) {
			continue
		}
		files = append(files, measure{fset.File(file.Pos()).LineCount(), path})
		functions = append(functions, functionsOf(fset, file)...)
		nolint += nolintsOf(file)
	}
	if len(functions) < 100 {
		t.Fatalf("found %d functions only: is %s the root of the module?", len(functions), root)
	}
	report(t, "functions", functions)
	report(t, "files", files)
	t.Logf("functions: %d, median %d lines, 90th percentile %d lines; //nolint: %d", len(functions), at(functions, 50), at(functions, 90), nolint)
	for what, b := range map[string]struct{ is, limit int }{
		"median of functions": {at(functions, 50), functionMedian}, "90th percentile of functions": {at(functions, 90), function90th},
		"longest function": {at(functions, 100), functionMax}, "longest file": {at(files, 100), fileMax}, "number of //nolint": {nolint, nolintMax},
	} {
		if b.is > b.limit {
			t.Errorf("%s: %d, the budget is %d", what, b.is, b.limit)
		}
	}
}

// sources are the Go files of the module. hack/controlplane and hack/tools are modules of their own.
func sources(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		other := slices.Contains([]string{".git", ".run", "bin", "testdata"}, entry.Name()) ||
			path == filepath.Join(root, "hack/controlplane") || path == filepath.Join(root, "hack/tools")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && other:
			return filepath.SkipDir
		case filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go"):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func functionsOf(fset *token.FileSet, file *ast.File) (found []measure) {
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok {
			begin, end := fset.Position(f.Pos()), fset.Position(f.End())
			found = append(found, measure{end.Line - begin.Line + 1, fmt.Sprintf("%s:%d %s", begin.Filename, begin.Line, f.Name.Name)})
		}
	}
	return found
}

func nolintsOf(file *ast.File) (n int) {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//nolint") {
				n++
			}
		}
	}
	return n
}

// report sorts by length and logs the longest five.
func report(t *testing.T, what string, all []measure) {
	t.Helper()
	slices.SortFunc(all, func(a, b measure) int { return cmp.Compare(a.lines, b.lines) })
	for _, m := range slices.Backward(all[max(0, len(all)-5):]) {
		t.Logf("longest %s: %4d lines %s", what, m.lines, m.where)
	}
}

// at is a percentile of what report has sorted.
func at(sorted []measure, percent int) int { return sorted[(len(sorted)-1)*percent/100].lines }
