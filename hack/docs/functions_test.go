// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

// TestFunctionsOfExpressions: the page about expressions names the functions and macros that there are, and no others. Operators are
// those of CEL.
func TestFunctionsOfExpressions(t *testing.T) {
	golden, err := os.ReadFile(filepath.Join(root, "controllers/expression/testdata/functions.golden"))
	if err != nil {
		t.Fatal(err)
	}
	var are []string
	for line := range strings.Lines(string(golden)) {
		_, declared, _ := strings.Cut(line, " ")
		if name, _, _ := strings.Cut(declared, ":"); unicode.IsLetter(rune(name[0])) {
			are = append(are, name)
		}
	}
	slices.Sort(are)
	said := functionsIn(t, "docs/expressions.md")
	slices.Sort(said)
	if diff := cmp.Diff(slices.Compact(are), said); diff != "" {
		t.Errorf("the table of functions (-golden +said):\n%s", diff)
	}
}

// functionsIn are the words in backticks in the second column of the table of functions.
func functionsIn(t *testing.T, path string) (names []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(content), "| about | functions | examples |\n")
	if !found {
		t.Fatalf("%s has no table of functions", path)
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			return names
		}
		for i, word := range strings.Split(cells[2], "`") {
			if i%2 == 1 {
				names = append(names, word)
			}
		}
	}
	return names
}
