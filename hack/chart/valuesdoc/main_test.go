// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const page = "../../../docs/values.md"

func TestPageIsUpToDate(t *testing.T) {
	values, err := os.ReadFile("../../../charts/scim-operator/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := document(values)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("run `make generate`; docs/values.md is stale (-values.yaml +docs/values.md):\n%s", diff)
	}
}

func TestDocument(t *testing.T) {
	for name, c := range map[string]struct{ reason, values, want, wantErr string }{
		"Value":     {"", "# How many.\n# At least one.\na: 1\n", "| `a` | `1` | How many. At least one. |\n", ""},
		"Intro":     {"it is about the file", "# About all.\n\n# One.\na: x\n", "| `a` | `\"x\"` | One. |\n", ""},
		"Pipe":      {"it would end a cell", "# a|b\na: 1\n", "| `a` | `1` | a\\|b |\n", ""},
		"Below":     {"", "# The top.\na:\n  # The inner.\n  b: [1]\n", "## a\n\nThe top.\n\n" + tableHead + "| `a.b` | `[1]` | The inner. |\n", ""},
		"Whole":     {"what is as in a pod is not explained again", "# As in a pod.\na:\n  b: {c: 1}\n", "| `a` | `{\"b\":{\"c\":1}}` | As in a pod. |\n", ""},
		"Forgotten": {"nobody would know", "a: 1\n", "", "line 1: a has no comment"},
		"One":       {"its neighbour has one", "# Top.\na:\n  # One.\n  b: 1\n  c: 1\n", "", "line 5: a.c has no comment"},
		"List":      {"values are a mapping", "[1]", "", "no mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := document([]byte(c.values))
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) {
					t.Errorf("%s: got error %v, want %q", c.reason, err, c.wantErr)
				}
				return
			}
			if err != nil || !strings.Contains(got, c.want) {
				t.Errorf("%s: got %v and\n%s\nwant in it\n%s", c.reason, err, got, c.want)
			}
		})
	}
}
